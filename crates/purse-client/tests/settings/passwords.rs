//! Passwords with any characters log in, and none of them becomes a command.

use purse_client::{Client, Command, Credentials, Error, ErrorKind};
use purse_testkit::{Proxy, Server};

use crate::support::servers;
use crate::{info, percent_encode};

const RIGHTS: &str = "~* &* +@all";

fn passwords() -> Vec<String> {
    let mut passwords: Vec<_> = [
        "pass word",
        " a",
        "a ",
        "tab\there",
        "\"q\"",
        "'",
        "it's",
        "\"",
        "back\\slash\\x41",
        "$5\r\nhello",
        "x\r\nSET pwned 1",
        "x\r\n*3\r\n$3\r\nSET\r\n$5\r\npwned\r\n$1\r\n1\r\n",
        "\r\n",
        "line\nbreak",
        "nul\0byte",
        "пароль é 密码 🔑",
        "@:/?#[]%&+=,;%41",
        "AUTH",
    ]
    .map(str::to_owned)
    .into();
    passwords.push("long ".repeat(14_000));
    passwords
}

async fn has_injected_key(client: &Client) -> bool {
    let exists = client.run(Command::read("EXISTS").key("pwned")).await;
    let exists = exists.and_then(purse_client::Reply::into_bool);
    exists.expect("EXISTS")
}

#[tokio::test]
async fn password_of_a_user_logs_in_and_runs_nothing() {
    for server in servers() {
        for password in passwords() {
            let shown: String = password.chars().take(20).collect();
            server.user("app", &password, RIGHTS).expect("a user");
            let url = server.url_of("app", &password);
            let by_url = Client::connect(&url).await;
            let by_url = by_url.unwrap_or_else(|error| panic!("{shown:?}: {error:?}"));
            assert_eq!(info(&by_url).await["user"], "app", "{shown:?}");
            let by_builder = Client::builder(&server.url())
                .credentials(Credentials::new("app", &*password))
                .connect()
                .await
                .unwrap_or_else(|error| panic!("{shown:?}: {error:?}"));
            assert_eq!(info(&by_builder).await["user"], "app", "{shown:?}");
            assert!(!has_injected_key(&by_url).await, "{shown:?}");
        }
    }
}

#[tokio::test]
async fn password_of_the_default_user_logs_in_and_runs_nothing() {
    for server in servers() {
        server.user("admin", "admin", RIGHTS).expect("a user");
        let admin = Client::connect(&server.url_of("admin", "admin")).await;
        let admin = admin.expect("the admin");
        let passwords = passwords().into_iter();
        // Servers take at most 16 KiB from those who did not log in yet.
        for password in passwords.filter(|password| password.len() <= 16_384) {
            let command = Command::write("ACL").arg("SETUSER").arg("default");
            let command = command.arg("resetpass").arg(format!(">{password}"));
            admin.run(command).await.expect("ACL SETUSER");
            let url = format!(
                "redis://:{}@127.0.0.1:{}",
                percent_encode(&password),
                server.port()
            );
            let client = Client::connect(&url).await;
            let client = client.unwrap_or_else(|error| panic!("{password:?}: {error:?}"));
            assert_eq!(info(&client).await["user"], "default", "{password:?}");
            let wrong = format!(
                "redis://:{}x@127.0.0.1:{}",
                percent_encode(&password),
                server.port()
            );
            let error = Client::connect(&wrong).await.expect_err("another one");
            assert_eq!(error.kind(), ErrorKind::Auth, "{password:?}: {error:?}");
            assert!(!has_injected_key(&admin).await, "{password:?}");
        }
    }
}

#[tokio::test]
async fn user_name_with_odd_characters_logs_in() {
    let server = Server::start().expect("a server");
    for name in ["o'hara\"", "ünï", "a\\b", "@:/?#"] {
        server.user(name, "pass word", RIGHTS).expect("a user");
        let client = Client::connect(&server.url_of(name, "pass word")).await;
        let client = client.unwrap_or_else(|error| panic!("{name:?}: {error:?}"));
        let who = client.run(Command::read("ACL").arg("WHOAMI")).await;
        let who = who.and_then(purse_client::Reply::into_bytes).expect("ACL");
        assert_eq!(&who[..], name.as_bytes());
    }
}

#[tokio::test]
async fn refused_password_is_in_no_error_and_runs_nothing() {
    let server = Server::start().expect("a server");
    server.user("app", "right", RIGHTS).expect("a user");
    let proxy = Proxy::to(&server).expect("a proxy");
    for password in ["hunter2\r\nSET pwned 1\r\n", "hunter2 x", "hunter2\""] {
        let url = format!(
            "redis://app:{}@127.0.0.1:{}",
            percent_encode(password),
            proxy.port()
        );
        let check = |error: &Error| {
            assert_eq!(error.kind(), ErrorKind::Auth, "{error:?}");
            assert!(!error.is_retryable());
            assert!(
                !format!("{error} {error:?}").contains("hunter2"),
                "{error:?}"
            );
        };
        check(&Client::connect(&url).await.expect_err("a wrong password"));
        let lazy = Client::builder(&url)
            .command_timeout(std::time::Duration::from_millis(300))
            .connect_lazy()
            .expect("a URL that is read");
        let ping = lazy.run(Command::read("PING")).await;
        check(&ping.expect_err("a wrong password"));
    }
    // Each login is an array, in which no argument can become a command.
    assert!(proxy.requests().starts_with(b"*"));
    let exists = server.command(&["EXISTS", "pwned"]).expect("EXISTS");
    assert_eq!(exists.int(), Some(0));
}

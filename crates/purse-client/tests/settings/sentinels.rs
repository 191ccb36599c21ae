//! Sentinels and servers have logins of their own.

use std::time::Duration;

use purse_client::{Client, Command, ErrorKind};
use purse_testkit::{Sentinels, Server};

use crate::{assert_permanent, info, text_of};

/// Lets the sentinels want this password. They go on watching, but tell the testkit nothing more.
fn protect(group: &Sentinels, password: &str) {
    let set = format!(">{password}");
    for sentinel in group.sentinels() {
        let set = ["ACL", "SETUSER", "default", "resetpass", &set];
        let set = sentinel.command(&set).expect("ACL SETUSER");
        assert_eq!(set.text(), Some("OK"));
    }
}

fn url_with_user(group: &Sentinels, user: &str) -> String {
    let url = group.url();
    url.replace("redis-sentinel://", &format!("redis-sentinel://{user}@"))
}

async fn check_primary(client: &Client, group: &Sentinels) {
    let set = Command::write("SET").key("k").arg("v");
    client.run(set).await.expect("SET");
    let value = group.servers()[0].command(&["GET", "k"]).expect("GET");
    assert_eq!(value.text(), Some("v"));
}

#[tokio::test]
async fn sentinels_without_login_lead_users_to_the_primary() {
    let group = Sentinels::start(0).expect("a group");
    let primary = &group.servers()[0];
    primary.user("app", "apppw", "~* &* +@all").expect("a user");
    let url = url_with_user(&group, "app:apppw");
    for url in [url.clone(), format!("{url}&db=4")] {
        let client = Client::connect(&url).await.expect("the primary");
        let info = info(&client).await;
        assert_eq!(info["user"], "app");
        assert_eq!(info["db"], client.database().to_string());
        client.close().await;
    }
    // A user with the right to read only, and not to ask for the role.
    primary
        .user("least", "pw", "~* +get +ping")
        .expect("a user");
    let client = Client::connect(&url_with_user(&group, "least:pw")).await;
    let client = client.expect("the primary");
    let get = client.run(Command::read("GET").key("k")).await;
    assert!(get.expect("GET").is_nil());

    let error = Client::connect(&url_with_user(&group, "app:wrong")).await;
    let error = error.expect_err("a wrong password");
    assert_permanent(&error, ErrorKind::Auth, "WRONGPASS");
    let port = group.servers()[0].port().to_string();
    assert!(text_of(&error).contains(&port), "{error} names no server");
}

#[tokio::test]
async fn sentinels_with_login_of_their_own_are_asked_with_it() {
    let settings = Server::builder().password("secret");
    let group = Sentinels::start_with(0, &settings).expect("a group");
    let url = group.url();
    let client = Client::connect(&url).await.expect("no sentinel login");
    check_primary(&client, &group).await;
    drop(client);

    protect(&group, "sentinel pw");
    for login in [
        "&sentinelPassword=sentinel%20pw",
        "&sentinelUsername=default&sentinelPassword=sentinel%20pw",
    ] {
        let client = Client::connect(&format!("{url}{login}")).await;
        let client = client.expect("both logins");
        check_primary(&client, &group).await;
    }
    for (login, words) in [
        ("", "NOAUTH"),
        ("&sentinelPassword=wrong", "WRONGPASS"),
        ("&sentinelUsername=nobody&sentinelPassword=x", "WRONGPASS"),
    ] {
        let url = format!("{url}{login}");
        let error = Client::connect(&url).await.expect_err("no login");
        assert_permanent(&error, ErrorKind::Auth, words);
        assert_permanent(&error, ErrorKind::Auth, "sentinel");
        let lazy = Client::builder(&url)
            .command_timeout(Duration::from_millis(500))
            .connect_lazy()
            .expect("a URL that is read");
        let error = lazy.run(Command::read("PING")).await.expect_err("no login");
        assert_permanent(&error, ErrorKind::Auth, words);
    }
}

#[tokio::test]
async fn sentinels_with_the_servers_login_are_asked_with_it() {
    let settings = Server::builder().password("same");
    let group = Sentinels::start_with(0, &settings).expect("a group");
    protect(&group, "same");
    let url = format!("{}&sentinelPassword=same", group.url());
    let client = Client::connect(&url).await.expect("the same login");
    check_primary(&client, &group).await;
}

#[tokio::test]
async fn sentinel_url_of_a_plain_server_is_config() {
    let port = Server::shared().port();
    let url = format!("redis-sentinel://127.0.0.1:{port}?sentinelServiceName=x");
    let error = Client::connect(&url).await.expect_err("no sentinel");
    assert_permanent(&error, ErrorKind::Config, "not a sentinel");
    assert_permanent(&error, ErrorKind::Config, "redis://");
}

#[tokio::test]
async fn sentinels_that_do_not_know_the_name_are_config() {
    let group = Sentinels::start(0).expect("a group");
    let url = group.url().replace(Sentinels::NAME, "other");
    let error = Client::connect(&url).await.expect_err("another name");
    assert_permanent(&error, ErrorKind::Config, "\"other\"");
}

//! Logins that are refused: at the start, later, and on one node only.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use purse_client::{Client, Command, Credentials, Error, ErrorKind};
use purse_testkit::{Cluster, Proxy, Server};

use crate::support::{get, incr, until};
use crate::{Events, lazy, text_of};

const RIGHTS: &str = "~* &* +@all";
const SHORT: Duration = Duration::from_millis(400);

#[track_caller]
fn assert_login_refused(error: &Error) {
    let text = text_of(error);
    assert_eq!(error.kind(), ErrorKind::Auth, "{text}");
    assert!(!error.is_retryable() && !error.is_ambiguous(), "{text}");
    assert!(text.contains("WRONGPASS"), "{text}");
}

fn kill(server: &Server, user: &str) {
    let killed = server.command(&["CLIENT", "KILL", "USER", user]);
    assert!(killed.expect("CLIENT KILL").int() > Some(0));
}

#[tokio::test]
async fn wrong_password_of_a_lazy_client_is_auth_and_reported_once() {
    let server = Server::start().expect("a server");
    server.user("app", "right", RIGHTS).expect("a user");
    let proxy = Proxy::to(&server).expect("a proxy");
    let events = Events::default();
    let url = format!("redis://app:wrong@127.0.0.1:{}", proxy.port());
    let started = std::time::Instant::now();
    let client = lazy(events.of(Client::builder(&url).command_timeout(SHORT)));
    let read = Command::read("GET").key("n");
    for command in [incr("n"), read.clone(), read.fail_fast()] {
        assert_login_refused(&client.run(command).await.expect_err("refused"));
        assert!(!client.is_connected());
    }
    // The pauses before the eighth attempt are 0, 20, 40, 80, 160, 320 and 640 ms.
    until("eight attempts", async || proxy.accepted_count() >= 8).await;
    let took = started.elapsed();
    assert!(took > Duration::from_secs(1), "eight attempts in {took:?}");
    assert_eq!(events.count("failed"), 1, "{:?}", events.all());

    server.user("app", "wrong", RIGHTS).expect("a user");
    until("the client works", async || {
        client.run(incr("m")).await.is_ok()
    })
    .await;
    assert_eq!(get(&server, "n"), None);
}

#[tokio::test]
async fn password_that_changes_later_is_auth_until_it_is_back() {
    let server = Server::start().expect("a server");
    server.user("app", "old", RIGHTS).expect("a user");
    let events = Events::default();
    let builder = Client::builder(&server.url_of("app", "old")).command_timeout(SHORT);
    let client = events.of(builder).connect().await.expect("the password");
    for _ in 0..2 {
        server.user("app", "new", RIGHTS).expect("a user");
        kill(&server, "app");
        until("the client is refused", async || {
            let error = client.run(incr("n")).await.err();
            error.is_some_and(|error| error.kind() == ErrorKind::Auth)
        })
        .await;
        let before = get(&server, "n");
        assert_login_refused(&client.run(incr("n")).await.expect_err("refused"));
        let read = client.run(Command::read("GET").key("n")).await;
        assert_login_refused(&read.expect_err("refused"));
        assert_eq!(get(&server, "n"), before);
        assert!(!client.is_connected());
        server.user("app", "old", RIGHTS).expect("a user");
        until("the client works", async || {
            client.run(incr("m")).await.is_ok()
        })
        .await;
    }
    assert_eq!(events.count("failed"), 2, "{:?}", events.all());
}

#[tokio::test]
async fn password_of_the_default_user_changes_later() {
    let server = Server::start().expect("a server");
    server.user("admin", "admin", RIGHTS).expect("a user");
    let admin = Client::connect(&server.url_of("admin", "admin")).await;
    let admin = admin.expect("the admin");
    let builder = Client::builder(&server.url()).command_timeout(SHORT);
    let client = builder.connect().await.expect("no password");
    let require = |password: &'static str| {
        let set = Command::write("CONFIG").arg("SET").arg("requirepass");
        admin.run(set.arg(password))
    };
    require("two").await.expect("CONFIG SET");
    let kill = Command::write("CLIENT").arg("KILL").arg("USER");
    admin.run(kill.arg("default")).await.expect("CLIENT KILL");
    until("the client is refused", async || {
        let error = client.run(incr("n")).await.err();
        error.is_some_and(|error| text_of(&error).contains("NOAUTH"))
    })
    .await;
    let error = client.run(incr("n")).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Auth, "{error:?}");
    assert!(!error.is_retryable());
    require("").await.expect("CONFIG SET");
    until("the client works", async || {
        client.run(incr("m")).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn password_that_one_node_refuses_fails_there_only() {
    let cluster = Cluster::start(2, 0).expect("a cluster");
    let [right, wrong] = cluster.nodes() else {
        panic!("two nodes");
    };
    right.user("app", "right", RIGHTS).expect("a user");
    wrong.user("app", "other", RIGHTS).expect("a user");
    let url = cluster.url().replace("://", "://app:right@");
    let builder = Client::builder(&url).command_timeout(SHORT);
    let client = builder.connect().await.expect("one node");
    let keys = ["a", "b", "c", "d", "e", "f"];
    let (mut served, mut refused) = (0, 0);
    for key in keys {
        let owner = cluster.primary_of(key).expect("an owner");
        let result = client.run(incr(key)).await;
        if owner.port() == right.port() {
            result.expect("the node knows the password");
            served += 1;
        } else {
            let error = result.expect_err("the node knows another one");
            assert_login_refused(&error);
            let port = wrong.port().to_string();
            assert!(text_of(&error).contains(&port), "{error:?}");
            refused += 1;
        }
    }
    assert!(served > 0 && refused > 0, "{served} and {refused}");
    wrong.user("app", "right", RIGHTS).expect("a user");
    until("both nodes work", async || {
        let results = keys.map(|key| client.run(incr(key)));
        futures::future::try_join_all(results).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn credentials_provider_renews_on_a_living_client() {
    let server = Server::start().expect("a server");
    server.user("app", "first", RIGHTS).expect("a user");
    let token: Arc<Mutex<Result<&str, &str>>> = Arc::new(Mutex::new(Ok("first")));
    let source = token.clone();
    let client = Client::builder(&server.url())
        .command_timeout(SHORT)
        .credentials_provider(move || {
            let token = *source.lock().expect("no panic");
            async move {
                let refuse = |words| Error::new(ErrorKind::Auth, words);
                Ok(Credentials::new("app", token.map_err(refuse)?))
            }
        })
        .connect()
        .await
        .expect("the first token");
    for next in ["second", "third"] {
        server.user("app", next, RIGHTS).expect("a user");
        *token.lock().expect("no panic") = Ok(next);
        kill(&server, "app");
        until("the client works", async || {
            client.run(incr("n")).await.is_ok()
        })
        .await;
    }
    *token.lock().expect("no panic") = Err("the token service is away");
    kill(&server, "app");
    until("the failure is told", async || {
        let error = client.run(incr("n")).await.err();
        error.is_some_and(|error| text_of(&error).contains("token service"))
    })
    .await;
    *token.lock().expect("no panic") = Ok("third");
    until("the client works", async || {
        client.run(incr("n")).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn credentials_provider_that_hangs_costs_the_connect_timeout() {
    let builder = Client::builder(&Server::shared().url()).connect_timeout(SHORT);
    let builder = builder.credentials_provider(std::future::pending);
    let started = std::time::Instant::now();
    let error = builder.connect().await.expect_err("no credentials");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert!(started.elapsed() < crate::support::SOON);
}

#[tokio::test]
async fn credentials_provider_that_panics_is_config() {
    for is_at_once in [true, false] {
        let provider = move || {
            assert!(!is_at_once, "a panic of the function");
            async { panic!("a panic of the future") }
        };
        let builder = Client::builder(&Server::shared().url()).credentials_provider(provider);
        let error = builder.connect().await.expect_err("a panic");
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        let text = text_of(&error);
        assert!(text.contains("credentials provider panicked"), "{text}");
    }
}

#[tokio::test]
async fn credentials_provider_that_panics_does_not_end_the_client() {
    let calls = Arc::new(Mutex::new(0));
    let provider = move || {
        let mut calls = calls.lock().expect("no panic under the lock");
        *calls += 1;
        let panics = *calls < 4;
        async move {
            assert!(!panics, "a panic");
            Ok(Credentials::new("default", ""))
        }
    };
    let builder = Client::builder(&Server::shared().url()).credentials_provider(provider);
    let client = lazy(builder);
    until("the provider works", async || client.ping().await.is_ok()).await;
    assert_eq!(client.stats().connect_failures, 3);
}

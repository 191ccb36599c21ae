//! What is refused, and what is accepted, before there is any lock.

use std::error::Error as _;
use std::time::{Duration, Instant};

use purse::Client;
use purse::redlock::{Error, Master, Redlock, Release};
use purse_testkit::{Masters, Server};
use purse_tests::fresh;

use super::{MASTERS, redlock};

async fn refused<M: Into<Master>>(masters: impl IntoIterator<Item = M>) -> Error {
    Redlock::builder(masters)
        .build()
        .await
        .expect_err("a configuration to refuse")
}

#[tokio::test]
async fn no_masters_and_times_that_cannot_work() {
    let error = refused(Vec::<String>::new()).await;
    assert!(matches!(error, Error::Config { .. }), "{error}");
    for ttl in [Duration::ZERO, Duration::from_millis(9)] {
        let error = Redlock::builder(MASTERS.urls())
            .ttl(ttl)
            .build()
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Config { .. }), "{error}");
        assert!(error.to_string().contains("ttl"), "{error}");
    }
    let error = refused(["http://localhost"]).await;
    assert!(matches!(error, Error::Config { .. }), "{error}");
    assert!(error.to_string().contains("master 1"), "{error}");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn the_same_master_under_two_names() {
    let port = MASTERS[1].port();
    let urls = [
        MASTERS[0].url(),
        format!("redis://127.0.0.1:{port}"),
        format!("redis://localhost:{port}/0"),
    ];
    let error = refused(urls).await;
    assert!(matches!(error, Error::Config { .. }), "{error}");
    let text = error.to_string();
    for part in [
        "2 and 3",
        &format!("127.0.0.1:{port}"),
        &format!("localhost:{port}"),
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn five_databases_of_one_server_do_for_trying_out() {
    let redlock = redlock((0..5).map(|database| MASTERS[0].url_db(database))).await;
    let mutex = redlock.mutex(fresh("databases"));
    let guard = mutex.lock().await.unwrap();
    assert!(matches!(mutex.try_lock().await, Err(Error::Held { .. })));
    assert_eq!(guard.release().await.unwrap(), Release::Released);
}

#[tokio::test]
async fn clients_are_masters_too() {
    let mut clients = Vec::new();
    for url in MASTERS.urls() {
        clients.push(Client::connect(&url).await.unwrap());
    }
    let redlock = redlock(&clients).await;
    for client in &clients {
        client.close().await;
    }
    let guard = redlock.mutex(fresh("clients")).lock().await.unwrap();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
}

#[tokio::test]
async fn a_wrong_password_is_told_at_once_and_not_shown() {
    let server = Server::builder().password("right").start().unwrap();
    for url in [
        format!("redis://:wrong-one@127.0.0.1:{}", server.port()),
        format!("redis://127.0.0.1:{}", server.port()),
    ] {
        let urls = [MASTERS[0].url(), MASTERS[1].url(), url];
        let error = refused(urls).await;
        assert!(matches!(error, Error::Config { .. }), "{error}");
        let text = format!("{error}: {} / {error:?}", error.source().unwrap());
        assert!(text.contains("master 3"), "{text}");
        assert!(text.contains(&server.port().to_string()), "{text}");
        assert!(!text.contains("wrong-one"), "{text}");
    }
    let redlock = redlock([server.url()]).await;
    assert!(redlock.mutex("key").try_lock().await.is_ok());
}

#[tokio::test]
async fn wrong_ports_name_themselves_within_bounded_time() {
    let masters = Masters::start(2).unwrap();
    let gone = masters.urls();
    masters.iter().for_each(|server| server.kill().unwrap());
    let start = Instant::now();
    let error = refused([&gone[0], &gone[1], &MASTERS[0].url()]).await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    let text = error.to_string();
    let Error::NoQuorum {
        votes: 1,
        needed: 2,
        errors,
    } = error
    else {
        panic!("{text}");
    };
    for (server, (name, _)) in masters.iter().zip(&errors) {
        let address = format!("127.0.0.1:{}", server.port());
        assert_eq!(*name, address);
        assert_eq!(text.matches(&address).count(), 1, "{text}");
    }
}

#[tokio::test]
async fn a_server_that_repeats_our_arguments_gives_no_token_away() {
    let server = Server::builder()
        .config("rename-command", "SET NOSET")
        .start()
        .unwrap();
    let redlock = redlock([server.url()]).await;
    let error = redlock.mutex("key").try_lock().await.unwrap_err();
    assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
    let text = format!("{error} {error:?}");
    assert!(!text.contains("with args"), "{text}");
}

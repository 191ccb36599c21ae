//! What is refused, and what is accepted, before there is any lock.

use std::error::Error as _;
use std::time::{Duration, Instant};

use purse::Client;
use purse::redlock::Release::Released;
use purse::redlock::{Error, Master, Redlock};
use purse_testkit::{Masters, Release, Server};
use purse_tests::{cluster_of_one, fresh};

use super::{MASTERS, redlock};

async fn build_error<M: Into<Master>>(masters: impl IntoIterator<Item = M>) -> Error {
    Redlock::builder(masters)
        .build()
        .await
        .expect_err("a configuration to refuse")
}

#[tokio::test]
async fn no_masters_and_times_that_cannot_work() {
    let error = build_error(Vec::<String>::new()).await;
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
    let error = build_error(["http://localhost"]).await;
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
    let error = build_error(urls).await;
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
    assert_eq!(guard.release().await.unwrap(), Released);
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
    assert_eq!(guard.release().await.unwrap(), Released);
}

#[tokio::test]
async fn wrong_password_fails_at_once_without_being_shown() {
    let server = Server::builder().password("right").start().unwrap();
    for url in [
        format!("redis://:wrong-one@127.0.0.1:{}", server.port()),
        format!("redis://127.0.0.1:{}", server.port()),
    ] {
        let urls = [MASTERS[0].url(), MASTERS[1].url(), url];
        let error = build_error(urls).await;
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
    let error = build_error([&gone[0], &gone[1], &MASTERS[0].url()]).await;
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
        ..
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
    // It cuts what it repeats after 128 bytes, here before, in and after the token.
    for length in 80..120 {
        let error = redlock.mutex("k".repeat(length)).try_lock().await;
        let error = error.unwrap_err();
        assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("with args"), "{text}");
    }
}

#[tokio::test]
async fn unidentified_duplicate_masters_are_refused() {
    let server = start_restricted(Release::Valkey9_1, "~* +@all -info");
    let url = restricted_url(&server);
    let error = build_error([&url, &MASTERS[0].url(), &url]).await;
    assert!(matches!(error, Error::Config { .. }), "{error}");
    assert!(error.to_string().contains("1 and 3"), "{error}");
    let urls = (0..3).map(|database| format!("{url}/{database}"));
    assert!(redlock(urls).await.mutex("key").try_lock().await.is_ok());

    let gone = Server::start().unwrap();
    gone.kill().unwrap();
    let [one, two, three] = [0, 1, 2].map(|n| MASTERS[n].url());
    let error = build_error([&one, &gone.url(), &two, &three, &gone.url()]).await;
    assert!(matches!(error, Error::Config { .. }), "{error}");
    assert!(error.to_string().contains("2 and 5"), "{error}");
}

#[tokio::test]
async fn cluster_is_refused_as_a_master() {
    let cluster = cluster_of_one();
    let url = cluster.url().replace("redis://", "redis-cluster://");
    for urls in [vec![url.clone()], vec![MASTERS[0].url(), url]] {
        let error = build_error(&urls).await;
        assert!(matches!(error, Error::Config { .. }), "{error}");
        let master = format!("master {}", urls.len());
        assert!(error.to_string().contains(&master), "{error}");
        let source = error.source().unwrap().to_string();
        assert!(source.contains("Cluster"), "{source}");
    }
}

#[tokio::test]
async fn missing_script_right_fails_before_any_lock() {
    for release in [Release::Valkey9_1, Release::Redis6_2_5] {
        for rights in [
            "~* +@all -@scripting",
            "~* +set +evalsha",
            "~* +set +eval +evalsha",
        ] {
            let server = start_restricted(release, rights);
            let urls = [MASTERS[0].url(), restricted_url(&server), MASTERS[1].url()];
            let error = build_error(urls).await;
            assert!(matches!(error, Error::Config { .. }), "{error}");
            assert!(error.to_string().contains("master 2"), "{error}");
            let source = error.source().unwrap();
            assert!(source.to_string().contains("scripts"), "{source}");
            let cause = source.source().unwrap().to_string();
            let words = ["permissions to run", "can't run"];
            assert!(words.iter().any(|words| cause.contains(words)), "{cause}");
        }
    }
}

#[tokio::test]
async fn a_user_of_some_keys_may_lock_them() {
    for release in [Release::Valkey9_1, Release::Redis6_2_5] {
        let rights = "~locks:* +set +get +del +pttl +pexpire +eval +evalsha";
        let server = start_restricted(release, rights);
        let redlock = redlock([restricted_url(&server)]).await;
        let mut guard = redlock.mutex("locks:a").try_lock().await.unwrap();
        guard.extend().await.unwrap();
        assert_eq!(guard.release().await.unwrap(), Released);
        let error = redlock.mutex("other").try_lock().await.unwrap_err();
        assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
    }
}

/// A server with a user of these rights only.
fn start_restricted(release: Release, rights: &str) -> Server {
    let user = format!("locker on >pw {rights}");
    let server = Server::builder().release(release).config("user", user);
    server.start().expect("a server")
}

fn restricted_url(server: &Server) -> String {
    format!("redis://locker:pw@127.0.0.1:{}", server.port())
}

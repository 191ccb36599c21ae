//! Masters that answer, and refuse: each error says which of them said what.

use std::time::{Duration, Instant};

use purse::redlock::{Error, MasterState, Redlock, Release};
use purse_testkit::{Masters, Server, ServerBuilder};

use super::{PATIENCE, eventually};

async fn three(settings: &ServerBuilder) -> (Masters, Redlock) {
    let masters = Masters::start_with(3, settings).expect("three servers");
    let redlock = locks(masters.urls()).await;
    (masters, redlock)
}

async fn locks(urls: Vec<String>) -> Redlock {
    Redlock::builder(urls)
        .ttl(Duration::from_secs(60))
        .master_timeout(Duration::from_millis(500))
        .build()
        .await
        .expect("masters that run")
}

fn run_command(server: &Server, command: &[&str]) {
    let reply = server.command(command).expect("an answer");
    assert!(reply.error().is_none(), "{command:?}: {reply:?}");
}

/// A minority that refuses is no hindrance; a majority is no quorum, and no other holder.
async fn refuse(masters: &Masters, redlock: &Redlock, word: &str, refuse: impl Fn(&Server)) {
    let mutex = redlock.mutex("key");
    refuse(&masters[0]);
    let guard = mutex.try_lock().await.expect("two that do not refuse");
    let holds = mutex.try_lock().await.expect_err("a refusal");
    assert!(matches!(holds, Error::Held { .. }), "{holds}");
    assert_eq!(guard.release().await.ok(), Some(Release::Released));

    refuse(&masters[2]);
    let address = |server: &Server| format!("127.0.0.1:{}", server.port());
    let start = Instant::now();
    loop {
        let error = mutex.try_lock().await.expect_err("a refusal");
        let text = error.to_string();
        assert!(matches!(error, Error::NoQuorum { needed: 2, .. }), "{text}");
        for server in [&masters[0], &masters[2]] {
            assert!(text.contains(&address(server)), "{text}");
        }
        assert!(!text.contains(&address(&masters[1])), "{text}");
        if text.matches(word).count() == 2 {
            return;
        }
        // The client reconnects to a server that has become a replica.
        assert!(start.elapsed() < PATIENCE, "{word} in {text}");
    }
}

#[tokio::test]
async fn out_of_memory_is_named() {
    let (masters, redlock) = three(&Server::builder()).await;
    refuse(&masters, &redlock, "OOM", |server| {
        run_command(server, &["CONFIG", "SET", "maxmemory", "1"]);
    })
    .await;
}

#[tokio::test]
async fn replicas_in_place_of_masters() {
    let (masters, redlock) = three(&Server::builder()).await;
    refuse(&masters, &redlock, "READONLY", |server| {
        run_command(server, &["REPLICAOF", "127.0.0.1", "1"]);
    })
    .await;
    // At the beginning, too.
    let error = Redlock::builder(masters.urls()).build().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::NoQuorum { .. }), "{text}");
    assert_eq!(text.matches("READONLY").count(), 2, "{text}");
}

#[tokio::test]
async fn too_few_replicas_to_write() {
    let (masters, redlock) = three(&Server::builder()).await;
    refuse(&masters, &redlock, "NOREPLICAS", |server| {
        run_command(server, &["CONFIG", "SET", "min-replicas-to-write", "1"]);
    })
    .await;
}

#[tokio::test]
async fn a_disk_that_cannot_be_written() {
    let settings = Server::builder().config("save", "3600 100000");
    let (masters, redlock) = three(&settings).await;
    refuse(&masters, &redlock, "MISCONF", |server| {
        let folder = server.command(&["CONFIG", "GET", "dir"]).unwrap();
        let folder = folder.items()[1].text().unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        run_command(server, &["BGSAVE"]);
        let start = Instant::now();
        while server
            .command(&["SET", "try", "1"])
            .unwrap()
            .error()
            .is_none()
        {
            assert!(start.elapsed() < PATIENCE, "it can write");
        }
    })
    .await;
}

/// Masters, and locks by a user of its own.
async fn by_a_user() -> (Masters, Redlock) {
    let settings = Server::builder().config("user", "locker on >pw ~* +@all");
    let masters = Masters::start_with(3, &settings).expect("three servers");
    let url = |server: &Server| format!("redis://locker:pw@127.0.0.1:{}", server.port());
    let redlock = locks(masters.iter().map(url).collect()).await;
    (masters, redlock)
}

#[tokio::test]
async fn user_without_set_right_is_named() {
    let (masters, redlock) = by_a_user().await;
    refuse(&masters, &redlock, "NOPERM", |server| {
        run_command(server, &["ACL", "SETUSER", "locker", "-set"]);
    })
    .await;
}

/// Servers of today say which user may not read.
#[tokio::test]
async fn user_named_like_an_error_is_named() {
    let settings = Server::builder().config("user", "WRONGTYPE on >pw ~* +@all -get");
    let masters = Masters::start_with(3, &settings).expect("three servers");
    let url = |server: &Server| format!("redis://WRONGTYPE:pw@127.0.0.1:{}", server.port());
    let built = Redlock::builder(masters.iter().map(url)).build().await;
    let error = built.expect_err("no lock can be given back");
    let cause = std::error::Error::source(&error).expect("what a master said");
    assert!(cause.to_string().contains("does not allow"), "{error:?}");
}

#[tokio::test]
async fn a_password_that_was_changed() {
    let (masters, redlock) = by_a_user().await;
    refuse(
        &masters,
        &redlock,
        "refuses the user or password",
        |server| {
            let user = ["ACL", "SETUSER", "locker", "resetpass", ">another"];
            run_command(server, &user);
            // Who is there may stay.
            run_command(server, &["CLIENT", "KILL", "TYPE", "normal"]);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn masters_that_are_still_loading() {
    let settings = Server::builder()
        .append_only()
        // It looks up from its work each time it has read two megabytes.
        .config("rdbcompression", "no")
        // Microseconds for each key.
        .config("key-load-delay", "6000");
    let (masters, redlock) = three(&settings).await;
    for server in [&masters[0], &masters[2]] {
        let pairs = (0..500).flat_map(|n| [format!("filler{n}"), "x".repeat(1 << 17)]);
        let mset: Vec<_> = ["MSET".to_owned()].into_iter().chain(pairs).collect();
        assert_eq!(server.command(&mset).unwrap().text(), Some("OK"));
        run_command(server, &["BGREWRITEAOF"]);
        eventually("the file is written", PATIENCE, || {
            let info = server.command(&["INFO", "persistence"]).unwrap();
            let info = info.text().unwrap();
            let is_done = |name| info.contains(&format!("{name}:0"));
            is_done("aof_rewrite_in_progress") && is_done("aof_rewrite_scheduled")
        })
        .await;
        server.kill().unwrap();
    }
    std::thread::scope(|scope| {
        // It waits until they have loaded.
        let restarts = [&masters[0], &masters[2]].map(|server| scope.spawn(|| server.restart()));
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let mut text = String::new();
                eventually("two load", PATIENCE, || {
                    let states = redlock.masters().into_iter();
                    text = states.map(|master| master.state.to_string()).collect();
                    text.matches("LOADING").count() == 2
                })
                .await;
                let error = redlock.mutex("key").try_lock().await.unwrap_err();
                let text = error.to_string();
                assert!(matches!(error, Error::NoQuorum { .. }), "{text}");
                assert_eq!(text.matches("LOADING").count(), 2, "{text}");
            });
        });
        for restart in restarts {
            restart.join().unwrap().unwrap();
        }
    });
    eventually("all vote again", PATIENCE, || {
        let mut masters = redlock.masters().into_iter();
        masters.all(|master| matches!(master.state, MasterState::Up))
    })
    .await;
}

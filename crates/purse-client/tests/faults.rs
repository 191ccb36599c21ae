//! What becomes of a command when the connection or the server fails.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use purse_client::{Client, Command, ErrorKind, Preset, Reply, Script};
use purse_testkit::Server;
use support::{Proxy, client, get, incr, until};

#[tokio::test]
async fn a_write_whose_reply_is_lost_is_ambiguous_and_ran_once() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = Client::connect(&proxy.url)
        .await
        .expect("through the proxy");
    for lost in 1..=5 {
        // A new connection starts with its own handshake, whose replies must not be lost here.
        until("connected", async || {
            client.run(Command::write("PING")).await.is_ok()
        })
        .await;
        proxy.lose_next_reply();
        let error = client.run(incr("n")).await.expect_err("a lost reply");
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
        assert!(error.is_ambiguous() && !error.is_retryable());
        assert_eq!(
            get(&server, "n"),
            Some(lost.to_string()),
            "sent again, or not at all"
        );
    }
}

static COUNT: Script = Script::write("COUNT", "return redis.call('INCR', KEYS[1])");

#[tokio::test]
async fn a_script_whose_reply_is_lost_is_ambiguous_and_ran_once() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = Client::connect(&proxy.url)
        .await
        .expect("through the proxy");
    client
        .run(Command::script(&COUNT).key("n"))
        .await
        .expect("loads the script");
    proxy.lose_next_reply();
    let error = client
        .run(Command::script(&COUNT).key("n"))
        .await
        .expect_err("a lost reply");
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    assert_eq!(get(&server, "n").as_deref(), Some("2"));
}

#[tokio::test]
async fn a_read_whose_reply_is_lost_is_sent_again() {
    let server = Server::start().expect("a server");
    server.command(&["SET", "k", "v"]).expect("SET");
    let proxy = Proxy::before(&server).await;
    let client = Client::connect(&proxy.url)
        .await
        .expect("through the proxy");
    proxy.lose_next_reply();
    let reply = client
        .run(Command::read("GET").key("k"))
        .await
        .expect("a second try");
    assert_eq!(&reply.into_bytes().expect("bytes")[..], b"v");
    assert!(proxy.has_lost_reply());
}

#[tokio::test]
async fn a_server_that_restarts_between_two_commands_is_found_again() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    client.run(incr("n")).await.expect("before");
    for _ in 0..3 {
        server.kill().expect("kill");
        server.restart().expect("restart");
        // The first command may still meet the dead connection; it says what became of it.
        until("a write works again", async || {
            match client.run(incr("n")).await {
                Ok(_) => true,
                Err(error) => {
                    let kind = error.kind();
                    assert!(
                        matches!(kind, ErrorKind::NotSent | ErrorKind::Ambiguous),
                        "{error:?}"
                    );
                    false
                }
            }
        })
        .await;
        client
            .run(Command::read("GET").key("n"))
            .await
            .expect("a read, too");
    }
}

#[tokio::test]
async fn without_a_server_a_write_is_not_sent_and_does_not_come_later() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url())
        .command_timeout(Duration::from_millis(200))
        .connect()
        .await
        .expect("a server that runs");
    server.kill().expect("kill");
    let started = Instant::now();
    until("the loss is noticed", async || {
        let error = client.run(incr("n")).await.expect_err("nobody is there");
        error.kind() == ErrorKind::NotSent
    })
    .await;
    assert!(started.elapsed() < Duration::from_secs(5));
    let error = client.run(incr("n")).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
    assert!(
        error
            .to_string()
            .contains(&format!("127.0.0.1:{}", server.port())),
        "{error}"
    );
    server.restart().expect("restart");
    until("connected again", async || {
        client.run(Command::read("PING")).await.is_ok()
    })
    .await;
    client.run(incr("other")).await.expect("connected");
    assert_eq!(
        get(&server, "n"),
        None,
        "a command that timed out was sent after all"
    );
}

#[tokio::test]
async fn fail_fast_does_not_wait_for_a_connection() {
    let client = Client::builder("redis://127.0.0.1:1")
        .connect_lazy()
        .expect("a URL that can work");
    let started = Instant::now();
    let error = client
        .run(Command::read("PING").fail_fast())
        .await
        .expect_err("no server");
    assert_eq!(error.kind(), ErrorKind::NotSent);
    assert!(
        started.elapsed() < Duration::from_millis(200),
        "took {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_lazy_client_connects_once_there_is_a_server() {
    let server = Server::start().expect("a server");
    server.kill().expect("kill");
    let client = Client::builder(&server.url())
        .connect_lazy()
        .expect("a URL that can work");
    // The first attempts fail, and are not the last ones.
    let bound = Duration::from_millis(300);
    let error = client
        .run(incr("n").timeout(bound))
        .await
        .expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
    server.restart().expect("restart");
    client
        .run(incr("n"))
        .await
        .expect("waits for the connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_timeouts_do_not_replace_new_connections() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url())
        .preset(Preset::Locks)
        .connect()
        .await
        .expect("a server that runs");
    let stop = Arc::new(AtomicBool::new(false));
    let failures = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (client, stop, failures) = (client.clone(), stop.clone(), failures.clone());
            tokio::spawn(async move {
                let incr = || incr("n").timeout(Duration::from_millis(75)).fail_fast();
                while !stop.load(Ordering::Relaxed) {
                    if client.run(incr()).await.is_err() {
                        failures.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..3 {
        server.pause().expect("pause");
        let enough = failures.load(Ordering::Relaxed) + 100;
        until("every task fails several times", async || {
            failures.load(Ordering::Relaxed) > enough
        })
        .await;
        server.resume().expect("resume");
        let answers = async || {
            client
                .run(incr("m").timeout(Duration::from_millis(75)))
                .await
        };
        let deadline = Instant::now() + Duration::from_secs(3);
        while answers().await.is_err() {
            assert!(
                Instant::now() < deadline,
                "no reply for three seconds after the pause"
            );
        }
    }
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("no panic");
    }
}

#[tokio::test]
async fn hung_server_costs_the_timeout_until_it_wakes() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url())
        .command_timeout(Duration::from_millis(150))
        .connect_timeout(Duration::from_millis(150))
        .connect()
        .await
        .expect("a server that runs");
    server.pause().expect("pause");
    let started = Instant::now();
    let read = client
        .run(Command::read("GET").key("k"))
        .await
        .expect_err("hung");
    assert_eq!(read.kind(), ErrorKind::Timeout, "{read:?}");
    let write = client.run(incr("n")).await.expect_err("hung");
    assert!(
        matches!(write.kind(), ErrorKind::Ambiguous | ErrorKind::NotSent),
        "{write:?}"
    );
    let script = client
        .run(Command::script(&COUNT).key("n"))
        .await
        .expect_err("hung");
    assert!(
        matches!(script.kind(), ErrorKind::Ambiguous | ErrorKind::NotSent),
        "{script:?}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "took {:?}",
        started.elapsed()
    );
    server.resume().expect("resume");
    until("both lanes work again", async || {
        client.run(incr("m")).await.is_ok()
            && client.run(Command::read("GET").key("m")).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn command_timeout_bounds_scripts_and_commands() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    server.pause().expect("pause");
    let bound = Duration::from_millis(50);
    for command in [
        incr("n"),
        Command::script(&COUNT).key("n"),
        Command::read("LLEN").key("l"),
    ] {
        let started = Instant::now();
        client.run(command.timeout(bound)).await.expect_err("hung");
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "took {:?}",
            started.elapsed()
        );
    }
    server.resume().expect("resume");
}

#[tokio::test]
async fn half_open_connection_is_replaced_after_one_timeout() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = Client::builder(&proxy.url)
        .command_timeout(Duration::from_millis(500))
        .connect()
        .await
        .expect("a server that runs");
    client.run(incr("n")).await.expect("INCR");
    let accepted = proxy.accepted_count();
    proxy.swallow();
    let error = client.run(incr("n")).await.expect_err("swallowed");
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    proxy.swallow_no_more();
    until("another connection answers", async || {
        client.run(incr("m")).await.is_ok()
    })
    .await;
    assert!(proxy.accepted_count() > accepted);
    assert_eq!(get(&server, "n").as_deref(), Some("1"));
}

#[tokio::test]
async fn silent_connection_under_writes_is_replaced() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url())
        .preset(Preset::Locks)
        .connect()
        .await
        .expect("a server that runs");
    let id = async || {
        let reply = client.run(Command::read("CLIENT").arg("ID")).await;
        reply.and_then(purse_client::Reply::into_int).ok()
    };
    let before = id().await.expect("a number");
    server.pause().expect("pause");
    for _ in 0..3 {
        client.run(incr("n")).await.expect_err("hung");
    }
    server.resume().expect("resume");
    until("another connection answers", async || {
        id().await.is_some_and(|now| now != before)
    })
    .await;
}

#[tokio::test]
async fn a_timeout_of_zero_is_a_short_one() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    server.pause().expect("pause");
    let started = Instant::now();
    let read = Command::read("GET").key("k").timeout(Duration::ZERO);
    client.run(read).await.expect_err("hung");
    assert!(started.elapsed() < Duration::from_secs(1));
    server.resume().expect("resume");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_write_to_a_dead_peer_does_not_hold_the_client_up() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = Client::builder(&proxy.url)
        .command_timeout(Duration::from_millis(300))
        .connect()
        .await
        .expect("through the proxy");
    proxy.swallow();
    let large = bytes::Bytes::from(vec![b'x'; 16 << 20]);
    for _ in 0..3 {
        let push = Command::write("RPUSH").key("l").arg(large.clone());
        let error = client.run(push).await.expect_err("nobody answers");
        assert!(
            matches!(error.kind(), ErrorKind::Ambiguous | ErrorKind::NotSent),
            "{error:?}"
        );
    }
    proxy.swallow_no_more();
    until("the client works again", async || {
        client.run(incr("n")).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn refusals_of_the_server_have_their_kinds() {
    let server = Server::start().expect("a server");
    server.command(&["SET", "text", "t"]).expect("SET");
    let client = client(&server).await;
    let kind = async |command| client.run(command).await.expect_err("refused");

    let error = kind(Command::write("LPUSH").key("text").arg("x")).await;
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    let message = error.to_string();
    assert!(
        message.contains("LPUSH") && message.contains("\"text\""),
        "{message}"
    );

    static PUSH: Script = Script::write("PUSH", "return redis.call('LPUSH', KEYS[1], 'x')");
    let error = kind(Command::script(&PUSH).key("text")).await;
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");

    let error = kind(Command::write("NOSUCHCOMMAND").key("k")).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");

    let error = kind(Command::write("LSET").key("none").arg(0_i64).arg("x")).await;
    assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
    let error = kind(Command::write("RENAME").key("none").key("other")).await;
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");

    server
        .command(&["CONFIG", "SET", "maxmemory", "1"])
        .expect("CONFIG SET");
    let error = kind(Command::write("SET").key("k").arg("x")).await;
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Server, Some("OOM")),
        "{error}"
    );
    assert!(!error.is_ambiguous());
}

#[tokio::test]
async fn key_or_argument_in_a_reply_is_not_a_code() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let hostile = "WRONGTYPE no such key: -OOM x";
    let command = || Command::write("XPENDING").key(hostile).arg("WRONGTYPE x");
    let mut batch = client.batch().atomic();
    let pending = batch.add(client.op(command(), Reply::into_list));
    batch.send().await.expect("a batch");
    for error in [
        client.run(command()).await.expect_err("no such group"),
        pending.take().expect_err("no such group"),
    ] {
        assert!(error.to_string().contains(hostile), "{error}");
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Server, Some("NOGROUP")),
            "{error}"
        );
    }

    static RAISE: Script = Script::write("RAISE", "error('ERR: ' .. KEYS[1])");
    let error = client.run(Command::script(&RAISE).key(hostile)).await;
    let error = error.expect_err("raised");
    assert!(error.to_string().contains(hostile), "{error}");
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
}

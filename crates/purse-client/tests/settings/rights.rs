//! Users with few rights, servers with few commands, and reads while writes are paused.

use std::time::{Duration, Instant};

use futures::TryStreamExt;
use purse_client::{Client, Command, ErrorKind, Op, Pop, Reply, Scan, Script};
use purse_testkit::{Release, Server};

use crate::support::{SOON, calls, connect_restricted, start_release};
use crate::text_of;

fn releases() -> [Release; 2] {
    [Release::Valkey9_1, Release::Redis6_2_5]
}

/// Puts a value of each type on the server.
fn fill(server: &Server) {
    for command in [
        &["SET", "s", "v"][..],
        &["HSET", "h", "f", "v"],
        &["RPUSH", "l", "a", "b"],
        &["SADD", "set", "m"],
        &["ZADD", "z", "1", "m"],
    ] {
        server.command(command).expect("a value");
    }
}

fn reads() -> Vec<Command> {
    let key = |name, key: &'static str| Command::read(name).key(key);
    vec![
        key("GET", "s"),
        Command::read("MGET").key("s").key("none"),
        key("HGET", "h").arg("f"),
        key("HMGET", "h").arg("f").arg("g").arg("i"),
        key("HGETALL", "h"),
        key("LRANGE", "l").arg(0_i64).arg(-1_i64),
        key("LLEN", "l"),
        key("SMEMBERS", "set"),
        key("ZRANGE", "z").arg(0_i64).arg(-1_i64).arg("WITHSCORES"),
        key("ZSCORE", "z").arg("m"),
        key("TTL", "s"),
        key("TYPE", "s"),
        key("EXISTS", "s"),
    ]
}

/// Reads in each way that sends no script.
async fn check_all_reads(client: &Client) {
    for command in reads() {
        let name = command.name();
        let reply = client.run(command.clone()).await;
        reply.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let reply: Op<_> = client.op(command, |reply| Ok(reply.is_nil()));
        assert!(!reply.await.expect(name), "{name} is nil");
    }
    let mut batch = client.batch();
    let pending: Vec<_> = reads()
        .into_iter()
        .map(|command| batch.add(client.op(command, Ok)))
        .collect();
    batch.send().await.expect("a batch");
    pending
        .into_iter()
        .for_each(|reply| drop(reply.take().expect("a reply")));
    for scan in [
        Scan::new("HSCAN", "h"),
        Scan::new("SSCAN", "set"),
        Scan::new("ZSCAN", "z"),
    ] {
        let pages = client.scan(scan).try_collect::<Vec<_>>().await;
        assert!(!pages.expect("pages").concat().is_empty());
    }
    let keys = client.scan_keys(None, 10).try_collect::<Vec<_>>().await;
    assert!(keys.expect("pages").concat().len() >= 5);
    client.ping().await.expect("PONG");
}

static COUNT: Script = Script::write("COUNT", "return redis.call('INCR', KEYS[1])");

#[tokio::test]
async fn reader_without_scripts_reads_everything() {
    for release in releases() {
        let server = start_release(release);
        fill(&server);
        let rights = "~* +@read +@connection -@scripting";
        let client = connect_restricted(&server, rights).await;
        check_all_reads(&client).await;
        assert_eq!(calls(&server, "eval") + calls(&server, "evalsha"), 0);
        // What does need a right says which.
        let script = client.run(Command::script(&COUNT).key("n")).await;
        let write = client.run(Command::write("INCR").key("n")).await;
        let pop = client.take(&Pop::front("l")).await;
        for error in [script.err(), write.err(), pop.err()] {
            let error = error.expect("no right");
            assert_eq!(error.kind(), ErrorKind::Auth, "{error:?}");
            assert!(text_of(&error).contains("NOPERM"), "{error:?}");
            assert!(!error.is_retryable() && !error.is_ambiguous());
        }
        let left = server.command(&["LLEN", "l"]).expect("LLEN");
        assert_eq!(left.int(), Some(2));
    }
}

#[tokio::test]
async fn reader_without_connection_rights_reads_everything() {
    for release in releases() {
        let server = start_release(release);
        fill(&server);
        // Neither CLIENT nor HELLO, SELECT or PING.
        let client = connect_restricted(&server, "~* +@read +ping -@connection +ping").await;
        check_all_reads(&client).await;
    }
}

#[tokio::test]
async fn user_without_admin_rights_runs_everything() {
    for release in releases() {
        let server = start_release(release);
        fill(&server);
        let client =
            connect_restricted(&server, "~* &* +@all -info -client -config -@dangerous").await;
        check_all_reads(&client).await;
        client
            .run(Command::script(&COUNT).key("n"))
            .await
            .expect("a script");
        let delivery = client.take(&Pop::front("l")).await.expect("a reply");
        delivery.expect("an element").ack();
        let wait = Some(Duration::from_millis(50));
        let delivery = client.take_wait(&Pop::front("none"), wait).await;
        assert!(delivery.expect("a reply").is_none());
        let mut batch = client.batch().atomic();
        let incr = batch.add(client.op(Command::write("INCR").key("n"), Reply::into_int));
        batch.send().await.expect("a batch");
        assert_eq!(incr.take().expect("a number"), 2);
        client.close().await;
    }
}

#[tokio::test]
async fn server_with_renamed_commands_serves_everything() {
    for release in releases() {
        let renamed = ["CLIENT", "CONFIG", "ROLE", "SCRIPT", "KEYS", "DEBUG"];
        let settings = renamed.iter().fold(Server::builder(), |settings, name| {
            settings.config("rename-command", format!("{name} \"\""))
        });
        let server = settings.release(release).start().expect("a server");
        fill(&server);
        let client = Client::connect(&server.url()).await.expect("a server");
        check_all_reads(&client).await;
        client
            .run(Command::script(&COUNT).key("n"))
            .await
            .expect("a script");
        let delivery = client.take(&Pop::front("l")).await.expect("a reply");
        delivery.expect("an element").ack();
        let watch = client.watch(Command::read("GET").key("n")).await;
        let error = watch.expect_err("CLIENT TRACKING is not known");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    }
}

#[tokio::test]
async fn reads_do_not_wait_while_writes_are_paused() {
    for release in releases() {
        let server = start_release(release);
        fill(&server);
        let client = Client::connect(&server.url()).await.expect("a server");
        let started = Instant::now();
        let pause = ["CLIENT", "PAUSE", "60000", "WRITE"];
        assert_eq!(
            server.command(&pause).expect("CLIENT PAUSE").text(),
            Some("OK")
        );
        check_all_reads(&client).await;
        let other = Client::connect(&server.url()).await.expect("a server");
        check_all_reads(&other).await;
        let limit = Duration::from_millis(200);
        let write = Command::write("INCR").key("n").timeout(limit);
        client.run(write).await.expect_err("writes are paused");
        assert!(started.elapsed() < SOON, "took {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn scan_after_restart_is_invalidated_without_info() {
    for rights in ["~* +@all", "~* +@read +@write +@connection"] {
        let settings = Server::builder().append_only();
        let user = format!("me on >secret {rights}");
        let server = settings.config("user", user).start().expect("a server");
        let url = server.url_of("me", "secret");
        let client = Client::connect(&url).await.expect("a user");
        let set = (0..20_000).fold(Command::write("HSET").key("h"), |set, n| set.arg(n).arg(n));
        client.run(set).await.expect("HSET");
        let mut pages = std::pin::pin!(client.scan(Scan::new("HSCAN", "h").count(10)));
        let first = pages.try_next().await.expect("a page");
        assert!(!first.expect("not the last one").is_empty());
        server.restart().expect("restart");
        let rest: Result<Vec<_>, _> = pages.try_collect().await;
        let error = rest.expect_err("another process");
        assert_eq!(error.kind(), ErrorKind::ScanInvalidated, "{error:?}");
    }
}

//! Reads that come at the same moment go as one command, and nobody can tell.

mod support;

use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{join, join_all};
use futures::{FutureExt, poll};
use purse_client::{Client, Command, ErrorKind, Op, Reply, Result};
use purse_testkit::{Release, Server};
use support::{Proxy, SOON, calls, client, rejected, released, restricted, servers, until};
use tokio::runtime::{self, Runtime};
use tokio::time::{Instant, timeout};

/// What holds the numbers below [`STORED`], as far as they divide by [`KEYS`].
const KEYS: usize = 2;
const STORED: usize = 150;

/// So many go alone.
const FEW: usize = 3;

/// More reads than go as one, of which some find nothing.
const MANY: usize = 200;

async fn stocked(server: &Server) -> Client {
    let client = client(server).await;
    for n in 0..STORED {
        let (key, name) = (n % KEYS, format!("{n}"));
        let arguments: [&[&str]; 5] = [
            &["SET", &format!("string:{n}"), &format!("value {n}")],
            &["HSET", &format!("hash:{key}"), &name, &format!("value {n}")],
            &["RPUSH", &format!("list:{key}"), &format!("value {n}")],
            &["SADD", &format!("set:{key}"), &name],
            &["ZADD", &format!("sorted:{key}"), &format!("{n}.5"), &name],
        ];
        for words in arguments {
            server.command(words).expect("a stored value");
        }
    }
    acquaint(&client).await;
    server.command(&["CONFIG", "RESETSTAT"]).expect("no calls");
    client
}

/// Has the client read one of each kind: what is not known to be small goes alone.
async fn acquaint(client: &Client) {
    for read in ops(client, reads(0, 1)) {
        read.await.expect("a reply");
    }
}

fn arg(name: &'static str, key: &str, n: usize) -> Command {
    Command::read(name)
        .key(key.to_owned())
        .arg(Bytes::from(n.to_string()))
}

/// A read of each kind of the number `n`, in one of so many keys.
fn reads(n: usize, keys: usize) -> [Command; 8] {
    let key = n % keys;
    [
        Command::read("GET").key(format!("string:{n}")),
        arg("HGET", &format!("hash:{key}"), n),
        arg("HEXISTS", &format!("hash:{key}"), n),
        Command::read("LINDEX")
            .key(format!("list:{key}"))
            .arg(n / KEYS),
        arg("SISMEMBER", &format!("set:{key}"), n),
        arg("ZSCORE", &format!("sorted:{key}"), n),
        arg("ZRANK", &format!("sorted:{key}"), n),
        arg("ZREVRANK", &format!("sorted:{key}"), n),
    ]
}

fn bytes(reply: Reply) -> Result<Option<Vec<u8>>> {
    reply
        .non_nil()
        .map(|reply| Ok(reply.into_bytes()?.to_vec()))
        .transpose()
}

fn ops(client: &Client, commands: impl IntoIterator<Item = Command>) -> Vec<Op<Option<Vec<u8>>>> {
    let op = |command| client.op(command, bytes);
    commands.into_iter().map(op).collect()
}

/// As many reads as go alone; what is not polled any more is under way.
fn under_way(client: &Client, read: impl Fn() -> Command) -> Vec<Op<Option<Vec<u8>>>> {
    let mut reads = ops(client, (0..FEW).map(|_| read()));
    for read in &mut reads {
        assert!(
            read.poll_unpin(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    }
    reads
}

fn hash(fields: usize) -> impl Iterator<Item = Command> {
    (0..fields).map(|n| arg("HGET", "hash:0", KEYS * n))
}

fn value(n: usize) -> Option<Vec<u8>> {
    Some(format!("value {n}").into_bytes())
}

/// Reads all at once, and looks that they are of every so manieth number.
async fn are_found(reads: Vec<Op<Option<Vec<u8>>>>, step: usize) {
    for (n, reply) in join_all(reads).await.into_iter().enumerate() {
        assert_eq!(reply.expect("a reply"), value(step * n));
    }
}

#[tokio::test]
async fn each_gets_the_reply_that_it_gets_alone() {
    for server in servers() {
        let client = stocked(&server).await;
        for keys in [1, KEYS] {
            for kind in 0..reads(0, 1).len() {
                let commands: Vec<_> = (0..MANY).map(|n| reads(n, keys)[kind].clone()).collect();
                let mut alone = Vec::new();
                for op in ops(&client, commands.clone()) {
                    alone.push(op.await.expect("a reply"));
                }
                let found = alone.iter().flatten().count();
                assert!((50..=MANY).contains(&found), "{:?}: {found}", commands[0]);
                for count in [2, 3, 4, 5, 6, 7, 8, 9, 10, 66, 67, 68, 69, MANY] {
                    let together = ops(&client, commands[..count].to_vec());
                    for (together, alone) in join_all(together).await.iter().zip(&alone) {
                        assert_eq!(together.as_ref().expect("a reply"), alone);
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_score_is_the_same_number_in_company_and_of_several_keys() {
    let read = |reply: Reply| Ok(format!("{reply:?}"));
    for server in servers() {
        let client = client(&server).await;
        let scores = [
            "0",
            "-0",
            "0.1",
            "9007199254740993",
            "1e300",
            "1e-320",
            "inf",
            "-inf",
        ];
        let mut alone = Vec::new();
        let score = |n| client.op(arg("ZSCORE", &format!("sorted:{}", n % KEYS), n), read);
        for (n, score_of) in scores.into_iter().enumerate() {
            let words = [
                "ZADD",
                &format!("sorted:{}", n % KEYS),
                score_of,
                &n.to_string(),
            ];
            server.command(&words).expect("a stored score");
            alone.push(score(n).await.expect("a reply"));
        }
        // The second time all are in company.
        let twice = (0..alone.len()).chain(0..alone.len()).map(score);
        let replies = join_all(twice).await;
        for (reply, alone) in replies.iter().zip(alone.iter().cycle()) {
            assert_eq!(reply.as_ref().expect("a reply"), alone);
        }
    }
}

#[tokio::test]
async fn a_few_go_at_once_and_the_others_as_one() {
    let server = Server::start().expect("a server");
    let client = stocked(&server).await;
    for value in join_all(ops(&client, hash(40))).await {
        assert!(value.expect("a reply").is_some());
    }
    let count = (calls(&server, "hget"), calls(&server, "hmget"));
    assert_eq!(count, (FEW as u64, 1));
}

#[tokio::test]
async fn nobody_waits_for_the_reply_of_another() {
    let server = Server::start().expect("a server");
    stocked(&server).await;
    let proxy = Proxy::before(&server).await;
    let client = Client::builder(&proxy.url).connections(FEW + 1);
    let client = client.connect().await.expect("through the proxy");
    acquaint(&client).await;
    server.command(&["CONFIG", "RESETSTAT"]).expect("no calls");
    proxy.hold_next_request();
    let first = under_way(&client, || arg("HGET", "hash:0", 0));
    until("one of the first is held", async || proxy.holds_one()).await;
    are_found(ops(&client, hash(40)), KEYS).await;
    assert!(calls(&server, "hget") < FEW as u64);
    proxy.release();
    for first in join_all(first).await {
        assert_eq!(first.expect("a reply"), value(0));
    }
    let count = (calls(&server, "hget"), calls(&server, "hmget"));
    assert_eq!(count, (FEW as u64, 1));
}

#[tokio::test]
async fn a_neighbour_of_the_wrong_type_fails_alone() {
    let server = Server::start().expect("a server");
    let client = stocked(&server).await;
    let key = |n| match n {
        5 => "list:0".to_owned(),
        n => format!("string:{n}"),
    };
    let commands = (0..10).map(|n| Command::read("GET").key(key(n)));
    for (n, reply) in join_all(ops(&client, commands))
        .await
        .into_iter()
        .enumerate()
    {
        if n == 5 {
            let error = reply.expect_err("a list is no string");
            assert_eq!(error.kind(), ErrorKind::WrongType);
            let text = error.to_string();
            assert!(text.contains("GET") && text.contains("list:0"), "{text}");
        } else {
            assert_eq!(reply.expect("a reply"), value(n));
        }
    }
}

/// Two reads whose first answer comes after two thirds of the time that they have, and no other.
async fn are_late(knows_script: bool) {
    let server = released(Release::Valkey9_1);
    stocked(&server).await;
    let proxy = Proxy::before(&server).await;
    let limit = Duration::from_secs(3);
    let client = Client::builder(&proxy.url).command_timeout(limit).connect();
    let client = client.await.expect("through the proxy");
    acquaint(&client).await;
    let get = |key| Command::read("GET").key(key);
    if knows_script {
        join_all(ops(&client, ["string:0"; FEW + 2].map(get))).await;
    }
    let gets = calls(&server, "get");
    let _first = under_way(&client, || get("string:0"));
    let answered = gets + FEW as u64;
    until("they are answered", async || {
        calls(&server, "get") == answered
    })
    .await;
    proxy.hold_next_request();
    let started = Instant::now();
    let reads = join_all(ops(&client, ["string:1", "list:0"].map(get)));
    let refuse = async {
        until("they are held", async || proxy.holds_one()).await;
        tokio::time::sleep(limit * 2 / 3).await;
        proxy.swallow();
        proxy.release();
    };
    let (replies, ()) = join(reads, refuse).await;
    let took = started.elapsed();
    assert!((limit * 2 / 3..limit * 4 / 3).contains(&took), "{took:?}");
    for reply in replies {
        assert_eq!(reply.expect_err("no reply").kind(), ErrorKind::Timeout);
    }
    let refused = server.command(&["INFO", "errorstats"]).expect("INFO");
    let word = if knows_script {
        "WRONGTYPE"
    } else {
        "NOSCRIPT"
    };
    assert!(refused.text().is_some_and(|text| text.contains(word)));
}

#[tokio::test]
async fn to_be_refused_and_go_alone_takes_no_longer_than_one_timeout() {
    are_late(true).await;
}

#[tokio::test]
async fn a_script_that_is_not_known_takes_no_longer_than_one_timeout() {
    are_late(false).await;
}

#[tokio::test]
async fn who_may_not_send_the_one_command_sends_each() {
    let server = released(Release::Valkey9_1);
    stocked(&server).await;
    let client = restricted(&server, "~* +@all -hmget -@scripting").await;
    for _ in 0..3 {
        are_found(ops(&client, hash(40)), KEYS).await;
        let strings = (0..40).map(|n| Command::read("GET").key(format!("string:{n}")));
        are_found(ops(&client, strings), 1).await;
    }
    // It was tried once.
    assert_eq!(
        (rejected(&server, "hmget"), rejected(&server, "evalsha_ro")),
        (1, 1)
    );
    assert_eq!((calls(&server, "hget"), calls(&server, "get")), (120, 120));
}

#[tokio::test]
async fn reads_go_on_while_writes_are_paused() {
    for release in [Release::Valkey9_1, Release::Redis8_2, Release::Redis6_2_5] {
        let server = released(release);
        let client = stocked(&server).await;
        // As in a failover.
        let paused = server.command(&["CLIENT", "PAUSE", "60000", "WRITE"]);
        assert_eq!(paused.expect("a pause").text(), Some("OK"));
        for kind in 0..reads(0, 1).len() {
            let commands = (0..10).map(|n| reads(n, KEYS)[kind].clone());
            for reply in join_all(ops(&client, commands)).await {
                assert!(reply.expect("a reply").is_some());
            }
        }
    }
}

#[tokio::test]
async fn where_no_script_runs_those_of_one_key_go_as_one() {
    let server = Server::builder().release(Release::Redis6_2_5).start();
    let server = server.expect("a server");
    let client = stocked(&server).await;
    for _ in 0..2 {
        for read in [
            |n| arg("HGET", &format!("hash:{}", n % KEYS), n),
            |n| arg("HGET", "hash:0", KEYS * n),
        ] {
            let replies = join_all(ops(&client, (0..20).map(read))).await;
            for reply in replies {
                assert!(reply.expect("a reply").is_some());
            }
        }
    }
    let alone = 2 * (20 + FEW as u64);
    let count = (calls(&server, "hget"), calls(&server, "hmget"));
    assert_eq!(count, (alone, 2));
}

#[tokio::test]
async fn what_is_large_or_may_be_goes_alone() {
    let server = released(Release::Valkey9_1);
    let store = |value: &str| {
        for n in 0..20 {
            let set = ["SET", &format!("string:{n}"), value];
            server.command(&set).expect("a stored value");
        }
    };
    let client = client(&server).await;
    let read_all = async || {
        let before = calls(&server, "evalsha_ro");
        let commands = (0..20).map(|n| reads(n, 1)[0].clone());
        for reply in join_all(ops(&client, commands)).await {
            assert!(reply.expect("a reply").is_some());
        }
        calls(&server, "evalsha_ro") - before
    };
    store("small");
    assert_eq!((read_all().await, read_all().await), (0, 1));
    // It is not known to be large before it is read.
    store(&"large".repeat(1000));
    assert_eq!((read_all().await, read_all().await), (1, 0));
    store("small");
    assert_eq!((read_all().await, read_all().await), (0, 1));
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_sent_and_the_others_are_answered() {
    let server = Server::start().expect("a server");
    let client = stocked(&server).await;
    let mut reads = ops(&client, hash(20));
    for read in &mut reads {
        assert!(poll!(read).is_pending());
    }
    // Those that are left are one that goes at once, and the last.
    reads.drain(1..19);
    for (reply, n) in join_all(reads).await.into_iter().zip([0, 19 * KEYS]) {
        assert_eq!(reply.expect("a reply"), value(n));
    }
    let count = (calls(&server, "hget"), calls(&server, "hmget"));
    assert_eq!(count, (FEW as u64 + 1, 0));
}

#[tokio::test]
async fn each_names_itself_when_no_reply_comes() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url())
        .command_timeout(Duration::from_millis(300))
        .connect()
        .await
        .expect("a server that runs");
    acquaint(&client).await;
    server.pause().expect("pause");
    for reply in join_all(ops(&client, hash(10))).await {
        let error = reply.expect_err("a server that hangs");
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        let text = error.to_string();
        assert!(text.contains("HGET") && text.contains("hash:0"), "{text}");
        assert!(text.contains(&server.port().to_string()), "{text}");
    }
    server.resume().expect("resume");
}

#[tokio::test]
async fn who_does_not_wait_for_a_connection_fails_at_once_in_company_too() {
    let server = Server::start().expect("a server");
    // All goes over the one connection of writes.
    let client = Client::builder(&server.url()).connections(0).connect();
    let client = client.await.expect("a server that runs");
    acquaint(&client).await;
    let mut first = client.op(arg("HGET", "hash:0", 0), bytes);
    assert!(poll!(&mut first).is_pending());
    server.kill().expect("kill");
    until("the loss is noticed", async || !client.is_connected()).await;
    let mut patient = client.op(arg("HGET", "hash:0", 2), bytes);
    assert!(poll!(&mut patient).is_pending());
    let hasty = client.op(arg("HGET", "hash:0", 4).fail_fast(), bytes);
    // The command's own bound is five seconds.
    let reply = timeout(Duration::from_secs(3), hasty)
        .await
        .expect("at once");
    assert_eq!(reply.expect_err("no connection").kind(), ErrorKind::NotSent);
}

#[tokio::test]
async fn a_client_that_closes_answers_those_who_wait() {
    let server = released(Release::Valkey9_1);
    for kind in 0..reads(0, 1).len() {
        let client = stocked(&server).await;
        let commands = (0..MANY).map(|n| reads(n, KEYS)[kind].clone());
        let mut reads = ops(&client, commands);
        for read in &mut reads {
            assert!(poll!(read).is_pending());
        }
        client.close().await;
        let replies = timeout(SOON, join_all(reads)).await.expect("in time");
        let found = replies.into_iter().map(|reply| reply.expect("a reply"));
        assert!(found.flatten().count() >= STORED / KEYS);
    }
}

#[tokio::test]
async fn a_client_that_closes_before_a_server_that_hangs_leaves_none_waiting() {
    let server = Server::start().expect("a server");
    let client = stocked(&server).await;
    server.pause().expect("pause");
    let mut reads = ops(&client, hash(10));
    for read in &mut reads {
        assert!(poll!(read).is_pending());
    }
    timeout(SOON, client.close()).await.expect("in time");
    for reply in timeout(SOON, join_all(reads)).await.expect("in time") {
        let kind = reply.expect_err("no server").kind();
        assert!(matches!(kind, ErrorKind::NotSent | ErrorKind::Timeout));
    }
    server.resume().expect("resume");
}

fn idle_runtime() -> Runtime {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

#[test]
fn a_runtime_that_ends_leaves_none_waiting() {
    let server = Server::start().expect("a server");
    let runtime = idle_runtime();
    let client = runtime.block_on(stocked(&server));
    let mut reads = ops(&client, hash(10));
    runtime.block_on(async {
        for read in &mut reads {
            assert!(poll!(read).is_pending());
        }
    });
    drop(runtime);
    let other = Runtime::new().expect("a runtime");
    let replies = other.block_on(async { timeout(SOON, join_all(reads.drain(FEW..))).await });
    for reply in replies.expect("in time") {
        assert_eq!(reply.expect_err("nobody sends").kind(), ErrorKind::Closed);
    }
}

#[test]
fn a_runtime_that_stands_still_leaves_none_waiting_on_another() {
    let server = Server::start().expect("a server");
    let still = idle_runtime();
    let client = Client::builder(&server.url()).command_timeout(Duration::from_millis(100));
    let client = still.block_on(client.connect()).expect("a client");
    still.block_on(acquaint(&client));
    let other = Runtime::new().expect("a runtime");
    let reads = ops(&client, hash(10));
    let replies = other.block_on(async { timeout(SOON, join_all(reads)).await });
    for reply in replies.expect("in time") {
        assert_eq!(reply.expect_err("no reply").kind(), ErrorKind::Timeout);
    }
}

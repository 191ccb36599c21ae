//! The order of scripts that the server does not know.

use bytes::Bytes;
use futures::{FutureExt, poll};
use purse_client::{Client, Command, ErrorKind, Pending, Reply, Script};
use purse_testkit::{Release, Server};

use crate::support::{client, get, start_release, until};
use crate::wire::Wire;

static PUSH: Script = Script::write("PUSH", "return redis.call('RPUSH', KEYS[1], ARGV[1])");
static OTHER: Script = Script::write("OTHER", "return redis.call('RPUSH', KEYS[1], ARGV[1]) ");

fn push(number: i64) -> Command {
    let command = match number % 3 {
        0 => Command::script(&PUSH),
        1 => Command::write("RPUSH"),
        _ => Command::script(&OTHER),
    };
    command.key("list").arg(number)
}

/// Takes the numbers that were pushed, in their order.
fn take_numbers(server: &Server) -> Vec<i64> {
    let list = server
        .command(&["LRANGE", "list", "0", "-1"])
        .expect("LRANGE");
    server.command(&["DEL", "list"]).expect("DEL");
    let number = |item: &purse_testkit::Reply| item.text().expect("text").parse();
    list.items()
        .iter()
        .map(number)
        .collect::<Result<_, _>>()
        .expect("numbers")
}

async fn push_all(wire: &Wire) {
    let pushes = (0..30).map(|number| wire.client.run(push(number)));
    for pushed in futures::future::join_all(pushes).await {
        pushed.expect("a push");
    }
}

#[tokio::test]
async fn unknown_scripts_run_in_the_order_of_their_polls() {
    let wire = Wire::start().await;
    let all: Vec<_> = (0..30).collect();
    push_all(&wire).await;
    assert_eq!(take_numbers(&wire.server), all, "the first use");
    for round in 0..5 {
        // The server forgets the scripts, and the client is connected again.
        wire.server
            .command(&["SCRIPT", "FLUSH"])
            .expect("SCRIPT FLUSH");
        wire.proxy.cut();
        wire.wait_working().await;
        push_all(&wire).await;
        assert_eq!(take_numbers(&wire.server), all, "round {round}");
    }
}

#[tokio::test]
async fn scripts_queued_while_disconnected_run_in_order() {
    let wire = Wire::start().await;
    for round in 0..3 {
        wire.proxy.refuse(true).expect("refuses");
        wire.proxy.cut();
        wire.server
            .command(&["SCRIPT", "FLUSH"])
            .expect("SCRIPT FLUSH");
        until("the loss is noticed", async || !wire.client.is_connected()).await;
        let mut pushes: Vec<_> = (0..12).map(|n| wire.client.run(push(n)).boxed()).collect();
        for push in &mut pushes {
            assert!(poll!(push).is_pending());
        }
        // The first ones, with which the server would have learned the scripts, are not wanted.
        let wanted = pushes.split_off(3);
        drop(pushes);
        wire.proxy.refuse(false).expect("accepts");
        for pushed in futures::future::join_all(wanted).await {
            pushed.expect("a push");
        }
        assert_eq!(
            take_numbers(&wire.server),
            (3..12).collect::<Vec<_>>(),
            "{round}"
        );
    }
}

#[tokio::test]
async fn scripts_kept_for_a_restarted_server_run_in_order() {
    let wire = Wire::start().await;
    push_all(&wire).await;
    take_numbers(&wire.server);
    // After a large write that is never read, no more bytes are written.
    wire.proxy.swallow_existing();
    let large = Command::write("SET")
        .key("large")
        .arg(Bytes::from(vec![b'x'; 32 << 20]));
    let mut large = wire.client.run(large).boxed();
    let sent = wire.client.stats().commands;
    assert!(poll!(&mut large).is_pending());
    // Half of the pushes is in the same write, and the other half is not taken from the queue.
    let mut pushes: Vec<_> = (0..12).map(|n| wire.client.run(push(n)).boxed()).collect();
    for push in &mut pushes[..6] {
        assert!(poll!(push).is_pending());
    }
    until("the large write is sent", async || {
        wire.client.stats().commands > sent
    })
    .await;
    for push in &mut pushes[6..] {
        assert!(poll!(push).is_pending());
    }
    wire.server.restart().expect("restart");
    wire.proxy.cut();
    large.await.expect("sent as a whole again");
    for pushed in futures::future::join_all(pushes).await {
        pushed.expect("a push");
    }
    assert_eq!(take_numbers(&wire.server), (0..12).collect::<Vec<_>>());
}

/// A living connection knows of SCRIPT FLUSH only by the reply: the commands that are in flight then
/// run before the script, and each runs once. Awaited ones keep their order.
#[tokio::test]
async fn scripts_flushed_on_a_living_connection_run_once() {
    let wire = Wire::start().await;
    for _ in 0..5 {
        push_all(&wire).await;
        take_numbers(&wire.server);
        wire.server
            .command(&["SCRIPT", "FLUSH"])
            .expect("SCRIPT FLUSH");
        push_all(&wire).await;
        let mut numbers = take_numbers(&wire.server);
        let of = |rest| {
            numbers
                .iter()
                .copied()
                .filter(move |n| n % 3 == rest)
                .collect::<Vec<_>>()
        };
        // The commands of one kind keep their order.
        assert!(
            (0..3).map(of).all(|numbers| numbers.is_sorted()),
            "{numbers:?}"
        );
        numbers.sort_unstable();
        assert_eq!(numbers, (0..30).collect::<Vec<_>>());
        wire.server
            .command(&["SCRIPT", "FLUSH"])
            .expect("SCRIPT FLUSH");
        for number in 0..9 {
            wire.client.run(push(number)).await.expect("a push");
        }
        assert_eq!(take_numbers(&wire.server), (0..9).collect::<Vec<_>>());
    }
}

/// Sends `commands` as a batch that is not atomic; returns their results.
async fn send(client: &Client, commands: impl IntoIterator<Item = Command>) -> Vec<Pending<i64>> {
    let mut batch = client.batch();
    let commands = commands.into_iter();
    let pending = commands.map(|command| batch.add(client.op(command, Reply::into_int)));
    let pending = pending.collect();
    batch.send().await.expect("each has its own result");
    pending
}

fn script_push(number: i64) -> Command {
    Command::script(&PUSH).key("list").arg(number)
}

fn flush_scripts(server: &Server) {
    let flushed = server.command(&["SCRIPT", "FLUSH"]).expect("SCRIPT FLUSH");
    assert_eq!(flushed.text(), Some("OK"));
}

#[tokio::test]
async fn script_flushed_before_a_batch_is_sent_whole() {
    for &release in Release::ALL {
        let server = start_release(release);
        let client = client(&server).await;
        for round in 0..3 {
            for pending in send(&client, (0..10).map(script_push)).await {
                let pushed = pending.take();
                pushed.unwrap_or_else(|error| panic!("{release:?}, {round}: {error}"));
            }
            assert_eq!(take_numbers(&server), (0..10).collect::<Vec<_>>());
            assert_eq!(client.stats().errors(ErrorKind::Server), 0);
            flush_scripts(&server);
        }
    }
}

#[tokio::test]
async fn script_flushed_before_a_mixed_batch_keeps_its_order() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let rpush = |number: i64| Command::write("RPUSH").key("list").arg(number);
    client.run(script_push(0)).await.expect("the first use");
    flush_scripts(&server);
    let mut mixed = send(&client, [script_push(1), rpush(2), script_push(3)])
        .await
        .into_iter();
    let mut next = || mixed.next().expect("three results").take();
    let overtaken = next().expect_err("a later write has run");
    assert_eq!(overtaken.kind(), ErrorKind::NotSent, "{overtaken}");
    next().expect("RPUSH");
    next().expect("sent whole");
    assert_eq!(take_numbers(&server), [0, 2, 3]);
    let mixed = send(&client, [script_push(1), rpush(2), script_push(3)]).await;
    assert!(mixed.into_iter().all(|pending| pending.take().is_ok()));
    assert_eq!(take_numbers(&server), [1, 2, 3]);
}

#[tokio::test]
async fn script_flushed_before_an_atomic_batch_runs() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for _ in 0..2 {
        client.run(script_push(0)).await.expect("a push");
        flush_scripts(&server);
        let mut batch = client.batch().atomic();
        let pending = batch.add(client.op(script_push(1), Reply::into_int));
        batch.send().await.expect("one script");
        assert_eq!(pending.take().expect("a push"), 2);
        assert_eq!(take_numbers(&server), [0, 1]);
    }
}

static REFUSES: Script = Script::write(
    "REFUSES",
    "redis.call('INCR', KEYS[1]) return redis.error_reply('NOSCRIPT mine')",
);
static FORGES: Script = Script::write(
    "FORGES",
    "redis.call('INCR', KEYS[1]) return redis.error_reply('NOSCRIPT No matching script.')",
);

#[tokio::test]
async fn script_with_an_error_like_noscript_runs_once() {
    for &release in Release::ALL {
        let server = start_release(release);
        let client = client(&server).await;
        for uses in 1..=3 {
            let error = client.run(Command::script(&REFUSES).key("own")).await;
            let error = error.expect_err("its own error");
            assert!(error.to_string().contains("NOSCRIPT mine"), "{release:?}");
            assert_eq!(get(&server, "own"), Some((2 * uses - 1).to_string()));
            for pending in send(&client, [Command::script(&REFUSES).key("own")]).await {
                pending.take().expect_err("its own error");
            }
            assert_eq!(get(&server, "own"), Some((2 * uses).to_string()));
        }
        // The first use sends the source, which cannot be unknown.
        let error = client.run(Command::script(&FORGES).key("forged")).await;
        error.expect_err("its own error");
        assert_eq!(get(&server, "forged").as_deref(), Some("1"), "{release:?}");
    }
}

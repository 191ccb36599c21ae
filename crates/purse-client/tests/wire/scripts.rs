//! The order of scripts that the server does not know.

use bytes::Bytes;
use futures::{FutureExt, poll};
use purse_client::{Command, Script};
use purse_testkit::Server;

use crate::support::until;
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
        wire.ready().await;
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
    // Nothing is written any more after a large write that nobody reads.
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

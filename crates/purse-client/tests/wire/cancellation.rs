//! Futures that are dropped or not polled: they change nothing for others.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::{FutureExt, poll};
use purse_client::{Command, Reply, Result};

use crate::support::{calls, incr, until};
use crate::wire::{Wire, count, counts, key, text};

fn echo(value: &str) -> Command {
    Command::read("ECHO").arg(Bytes::from(value.to_owned()))
}

fn echo_of(reply: Result<Reply>) -> String {
    text(reply.expect("a reply"))
}

#[tokio::test]
async fn futures_dropped_at_every_await_shift_no_reply() {
    let wire = Wire::start().await;
    let mut random = fastrand::Rng::with_seed(7);
    let mut polled = Vec::new();
    for round in 0..200 {
        // What was polled so often is dropped, with other tasks in between. The write comes after
        // the first poll, and the reply some polls later.
        let dropped = (0..8).map(|index| {
            let number = round * 8 + index;
            let polls = random.usize(0..5);
            let command = Command::write("INCR").key(key(number));
            let mut run = wire.client.run(command).boxed();
            polled.push(polls > 0);
            async move {
                for _ in 0..polls {
                    if poll!(&mut run).is_ready() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            }
        });
        let kept = (0..8).map(|index| {
            let value = format!("{round} {index}");
            let run = wire.client.run(echo(&value));
            async move { assert_eq!(echo_of(run.await), value) }
        });
        let mixed = dropped
            .map(FutureExt::boxed)
            .zip(kept.map(FutureExt::boxed));
        join_all(mixed.flat_map(<[_; 2]>::from)).await;
    }
    wire.wait_working().await;
    let keys: Vec<_> = (0..polled.len()).map(key).collect();
    for (number, (ran, was_polled)) in counts(&wire.server, &keys)
        .into_iter()
        .zip(polled)
        .enumerate()
    {
        assert!(ran <= i64::from(was_polled), "{number} ran {ran} times");
    }
}

#[tokio::test]
async fn futures_dropped_before_a_late_reply_shift_no_reply() {
    let wire = Wire::start().await;
    wire.proxy.delay_replies(Duration::from_millis(30));
    for round in 0..10 {
        let answered = calls(&wire.server, "echo");
        let mut dropped: Vec<_> = (0..8)
            .map(|_| wire.client.run(echo("dropped")).boxed())
            .collect();
        for run in &mut dropped {
            assert!(poll!(run).is_pending());
        }
        until("the server has answered", async || {
            calls(&wire.server, "echo") > answered
        })
        .await;
        drop(dropped);
        let value = format!("kept {round}");
        assert_eq!(echo_of(wire.client.run(echo(&value)).await), value);
    }
}

#[tokio::test]
async fn futures_polled_once_and_kept_do_not_block_others() {
    let wire = Wire::start_with(Duration::from_millis(300)).await;
    let alone = wire.lengths(wire.client.run(echo("value"))).await.0;
    let mut kept = Vec::new();
    for number in 0..100 {
        let mut run = wire.client.run(echo(&format!("kept {number}"))).boxed();
        assert!(poll!(&mut run).is_pending());
        kept.push(run);
    }
    wire.wait_working().await;
    for _ in 0..200 {
        let (beside, reply) = wire.lengths(wire.client.run(echo("value"))).await;
        assert_eq!(echo_of(reply), "value");
        assert_eq!(beside, alone, "a read costs what it costs alone");
    }
    // Their replies came in time, also where they are read after it.
    tokio::time::sleep(Duration::from_millis(400)).await;
    for (number, run) in kept.into_iter().enumerate() {
        assert_eq!(echo_of(run.await), format!("kept {number}"));
    }
}

#[tokio::test]
async fn futures_not_polled_send_nothing_and_cost_others_nothing() {
    let wire = Wire::start().await;
    let alone = wire.lengths(wire.client.run(echo("value"))).await.0;
    wire.proxy.forget_requests();
    let unpolled: Vec<_> = (0..100).map(|_| wire.client.run(incr("n"))).collect();
    for _ in 0..50 {
        let (beside, reply) = wire.lengths(wire.client.run(echo("value"))).await;
        assert_eq!(echo_of(reply), "value");
        assert_eq!(beside, alone);
    }
    drop(unpolled);
    wire.wait_working().await;
    assert_eq!(count(&wire.server, "n"), 0);
}

#[tokio::test]
async fn write_dropped_in_the_queue_does_not_run_after_a_reconnect() {
    let wire = Wire::start().await;
    wire.client.run(incr("n")).await.expect("INCR");
    // After a large write that is never read, no more bytes are written.
    wire.proxy.swallow_existing();
    let large = Command::write("RPUSH")
        .key("large")
        .arg(Bytes::from(vec![b'x'; 32 << 20]));
    let client = wire.client.clone();
    let large = tokio::spawn(async move { client.run(large).await });
    let sent = wire.client.stats().commands;
    until("the large write is sent", async || {
        wire.client.stats().commands > sent
    })
    .await;
    let mut dropped = wire.client.run(incr("dropped")).boxed();
    let mut kept = wire.client.run(incr("kept")).boxed();
    assert!(poll!(&mut dropped).is_pending() && poll!(&mut kept).is_pending());
    drop(dropped);
    wire.proxy.cut();
    kept.await.expect("sent over the new connection");
    large
        .await
        .expect("no panic")
        .expect("sent as a whole again");
    let length = wire.server.command(&["LLEN", "large"]).expect("LLEN");
    assert_eq!(length.int(), Some(1));
    assert_eq!(count(&wire.server, "kept"), 1);
    assert_eq!(count(&wire.server, "dropped"), 0);
}

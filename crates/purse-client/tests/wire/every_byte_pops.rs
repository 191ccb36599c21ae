//! A connection that is cut at every byte of a pop.

use purse_client::{Client, Command, Delivery, Pop};
use purse_testkit::Server;

use crate::support::{until, waits};
use crate::wire::{Wire, every_byte};

fn pop() -> Pop {
    Pop::front("queue")
}

fn push(server: &Server, number: usize) {
    let push = ["RPUSH", "queue", &format!("{number:06}")];
    server.command(&push).expect("RPUSH");
}

fn number(delivery: &Delivery) -> usize {
    let element = String::from_utf8(delivery.element().to_vec()).expect("text");
    element.parse().expect("a number")
}

fn length(server: &Server) -> i64 {
    let length = server.command(&["LLEN", "queue"]).expect("LLEN");
    length.int().expect("a number")
}

async fn take(client: &Client) -> Delivery {
    let delivery = client.take(&pop()).await.expect("no failure");
    delivery.expect("an element")
}

/// Takes an element per cut, in their order. All are kept until the end, since receipts are
/// otherwise removed in the background, and count as requests.
async fn check_takes(mut wire: Wire, is_known: bool, stride: usize) {
    push(&wire.server, 0);
    if is_known {
        push(&wire.server, 0);
        take(&wire.client).await.requeue().await.expect("back");
        take(&wire.client).await.ack();
        until("no receipt is left", async || {
            let keys = wire.server.command(&["DBSIZE"]).expect("DBSIZE");
            keys.int() == Some(1)
        })
        .await;
    }
    let (lengths, first) = wire.lengths(take(&wire.client)).await;
    let mut deliveries = vec![first];
    let cuts = every_byte(lengths).step_by(stride).count();
    (1..=cuts).for_each(|number| push(&wire.server, number));
    for (done, cut) in every_byte(lengths).step_by(stride).enumerate() {
        if !is_known {
            wire.reconnect().await;
        }
        deliveries.push(wire.cut(cut, take(&wire.client)).await);
        let left = cuts - done - 1;
        assert_eq!(length(&wire.server), left as i64, "{cut:?} of {lengths:?}");
    }
    for (expected, delivery) in deliveries.into_iter().enumerate() {
        assert_eq!(number(&delivery), expected);
        delivery.ack();
    }
    assert_eq!(length(&wire.server), 0);
}

#[tokio::test]
async fn new_take_cut_at_many_bytes_delivers_once_in_order() {
    // The whole script is sent: every 13th of its bytes.
    check_takes(Wire::start().await, false, 13).await;
}

#[tokio::test]
async fn known_take_cut_at_every_byte_delivers_once_in_order() {
    check_takes(Wire::start().await, true, 1).await;
}

#[tokio::test]
async fn waiting_take_cut_at_every_byte_delivers_once() {
    let wire = Wire::start().await;
    let wait = async |number: usize, arm: &dyn Fn()| {
        let before = waits(&wire.server);
        let client = wire.client.clone();
        let wait = tokio::spawn(async move { client.take_wait(&pop(), None).await });
        until("the pop waits", async || waits(&wire.server) >= before + 3).await;
        // The replies to it have arrived once a command after it has one.
        wire.wait_working().await;
        arm();
        push(&wire.server, number);
        let delivery = wait.await.expect("no panic").expect("no failure");
        delivery.expect("an element")
    };
    // The lengths of all that a pop that waits sends and receives, without the receipt's removal.
    let mut kept = vec![wait(0, &|| {}).await];
    let (lengths, delivery) = wire.lengths(wait(1, &|| {})).await;
    kept.push(delivery);
    for (number, cut) in (2..).zip(every_byte(lengths)) {
        let arm = || match cut {
            crate::wire::Cut::Request(count) => wire.proxy.cut_after_request_bytes(count),
            crate::wire::Cut::Reply(count) => wire.proxy.cut_after_reply_bytes(count),
        };
        kept.push(wait(number, &arm).await);
        // A cut that was not reached is not for the next pop.
        wire.proxy.cut();
        wire.wait_working().await;
        assert_eq!(length(&wire.server), 0, "{cut:?} of {lengths:?}");
    }
    for (expected, delivery) in kept.into_iter().enumerate() {
        assert_eq!(number(&delivery), expected);
        delivery.ack();
    }
    let ping = wire.client.run(Command::read("PING")).await;
    ping.expect("the client works");
}

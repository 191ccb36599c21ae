//! What the live tests of pops share: a queue, and looks at it from outside.

use std::time::{Duration, Instant};

use purse_client::{Client, Delivery, Pop, Result};
use purse_testkit::Server;
use tokio::task::JoinHandle;

pub(crate) use super::blocked;
use super::{SOON, until};

pub(crate) fn pop() -> Pop {
    Pop::back("queue")
}

/// Returns the element, and acknowledges its delivery.
pub(crate) fn element(delivery: Result<Option<Delivery>>) -> Option<String> {
    let delivery = delivery.expect("no failure")?;
    let element = text(&delivery.element());
    delivery.ack();
    Some(element)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

pub(crate) fn push(server: &Server, element: &str) {
    server.command(&["LPUSH", "queue", element]).expect("LPUSH");
}

/// The elements of a list, the next one to be popped first.
pub(crate) fn list(server: &Server, key: &str) -> Vec<String> {
    let list = server.command(&["LRANGE", key, "0", "-1"]);
    let list = list.expect("LRANGE");
    let items = list.items().iter().rev();
    items
        .map(|item| item.text().expect("text").to_owned())
        .collect()
}

pub(crate) fn elements(server: &Server) -> Vec<String> {
    list(server, "queue")
}

/// The elements that consumers hold, the oldest of each first.
pub(crate) fn pending(server: &Server) -> Vec<String> {
    let names = server
        .command(&["KEYS", "*:purse:pending:*"])
        .expect("KEYS");
    let names = names.items().iter();
    names
        .flat_map(|name| list(server, name.text().expect("text")))
        .collect()
}

pub(crate) fn keys(server: &Server) -> i64 {
    let size = server.command(&["DBSIZE"]).expect("DBSIZE");
    size.int().expect("a number")
}

pub(crate) async fn until_no_receipt_is_left(server: &Server) {
    let mut left = Vec::new();
    let deadline = Instant::now() + SOON;
    loop {
        let receipts = server.command(&["KEYS", "*:purse:*"]).expect("KEYS");
        left.clear();
        for receipt in receipts.items() {
            let name = receipt.text().expect("text");
            left.push(format!("{name}={:?}", super::get(server, name)));
        }
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "receipts are left: {left:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A task whose pop waits.
pub(crate) async fn spawn_waiting_pop(
    server: &Server,
    client: &Client,
) -> JoinHandle<Result<Option<Delivery>>> {
    let before = blocked(server);
    let client = client.clone();
    let wait = tokio::spawn(async move { client.take_wait(&pop(), None).await });
    until("the pop waits", async || blocked(server) > before).await;
    wait
}

//! Pops whose caller, client or runtime is gone before they are: no element is lost.

mod support;

use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use purse_client::{Command, ErrorKind, Pop};
use purse_testkit::Server;
use support::queue::{
    blocked, element, elements, list, pop, push, spawn_waiting_pop, until_no_receipt_is_left,
};
use support::{client, connections, denied, until};

async fn poll_and_drop<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    tokio::pin!(future);
    for _ in 0..polls {
        if let std::task::Poll::Ready(output) = futures::poll!(&mut future) {
            return Some(output);
        }
        // Not a synchronization: it spreads the drops over the pop's whole course.
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_after_any_number_of_polls_no_element_is_lost() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let other = support::client(&server).await;
    let mut popped = Vec::new();
    let rounds = 300_usize;
    let pop = pop();
    for round in 0..rounds {
        let wait = async {
            match round % 2 {
                0 => client.take(&pop).await,
                _ => client.take_wait(&pop, None).await,
            }
        };
        let push = Command::write("LPUSH").key("queue").arg(round);
        let (delivery, pushed) = tokio::join!(poll_and_drop(wait, round / 2 % 30), other.run(push));
        pushed.expect("LPUSH");
        popped.extend(delivery.and_then(element));
    }
    client.close().await;
    let mut all = elements(&server);
    assert!(!popped.is_empty(), "not all cases were met");
    all.extend(popped);
    all.sort_by_key(|n| n.parse::<u32>().expect("a number"));
    assert_eq!(all, (0..rounds).map(|n| n.to_string()).collect::<Vec<_>>());
    until_no_receipt_is_left(&server).await;
}

#[tokio::test]
async fn untaken_element_is_requeued_by_close() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    // The server knows the script from here on, so that one trip takes an element.
    assert!(client.take(&pop()).await.expect("a reply").is_none());
    push(&server, "a");
    {
        let pop = pop();
        let take = client.take(&pop);
        tokio::pin!(take);
        assert!(futures::poll!(&mut take).is_pending());
        until("it is popped", async || elements(&server).is_empty()).await;
        client.close().await;
    }
    until("it is put back", async || elements(&server) == ["a"]).await;
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn element_of_unpolled_waiter_is_requeued_by_close() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let pop = pop();
    let mut kept = client.take_wait(&pop, None).boxed();
    until("it waits", async || {
        assert!(futures::poll!(&mut kept).is_pending());
        blocked(&server) > 0
    })
    .await;
    push(&server, "a");
    until("it is taken", async || elements(&server).is_empty()).await;
    client.close().await;
    assert_eq!(elements(&server), ["a"]);
    until("no connection is left", async || connections(&server) == 0).await;
    assert_eq!(elements(&server), ["a"]);
    let error = kept.await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

#[tokio::test]
async fn many_dropped_deliveries_go_back_in_order() {
    const MANY: usize = 1000;
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let all: Vec<String> = (0..MANY).map(|n| n.to_string()).collect();
    let push = Command::write("LPUSH").key("queue");
    client.run(push.args(all.clone())).await.expect("LPUSH");
    let pop = pop();
    for _ in 0..10 {
        let deliveries = client.take_many(&pop, MANY).await.expect("a reply");
        assert_eq!(deliveries.len(), MANY);
        drop(deliveries);
        // The first of several steps that put them back begins.
        tokio::task::yield_now().await;
        let first = client.take(&pop).await.expect("a reply").expect("one");
        assert_eq!(first.element(), "0");
        drop(first);
        until("all are back", async || elements(&server) == all).await;
    }
}

#[tokio::test]
async fn close_gives_up_what_the_server_refuses() {
    let server = Server::start().expect("a server");
    let client = support::connect_restricted(&server, "~queue* +@all").await;
    push(&server, "a");
    let delivery = client.take(&pop()).await.expect("a reply").expect("one");
    let forbid = ["ACL", "SETUSER", "me", "-eval", "-evalsha"];
    server.command(&forbid).expect("ACL");
    delivery.ack();
    until("it is denied", async || denied(&server) > 0).await;
    client.close().await;
    until("no connection is left", async || connections(&server) == 0).await;
    assert!(denied(&server) < 10, "{} times", denied(&server));
    assert_eq!(support::queue::pending(&server), ["a"]);
}

#[tokio::test]
async fn wait_cancelled_while_connecting_leaves_no_connection() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for micros in 0..60 {
        let bound = Duration::from_micros(100 * micros);
        let pop = pop();
        let wait = client.take_wait(&pop, None);
        assert!(tokio::time::timeout(bound, wait).await.is_err());
    }
    client.close().await;
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn a_closed_client_pops_nothing() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    client.close().await;
    push(&server, "a");
    for outcome in [
        client.take(&pop()).await,
        client.take_wait(&pop(), None).await,
    ] {
        assert_eq!(outcome.expect_err("closed").kind(), ErrorKind::Closed);
    }
    assert_eq!(elements(&server), ["a"]);
    assert_eq!(connections(&server), 0);
}

#[tokio::test]
async fn closing_ends_the_waits_and_loses_nothing() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let wait = spawn_waiting_pop(&server, &client).await;
    client.close().await;
    let error = wait.await.expect("no panic").expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    until("no connection is left", async || connections(&server) == 0).await;
    push(&server, "a");
    assert_eq!(elements(&server), ["a"]);
}

#[test]
fn pop_on_another_runtime_is_requeued_when_it_ends() {
    let server = Server::start().expect("a server");
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let home = runtime();
    let client = home.block_on(client(&server));
    // The server knows the script from here on.
    let none = home.block_on(client.take(&pop()));
    assert!(none.expect("a reply").is_none());
    for n in 0..20 {
        let queue = format!("queue:{n}");
        server.command(&["LPUSH", &queue, "a"]).expect("LPUSH");
        let other = runtime();
        let pop = Pop::back(queue.clone());
        let mut take = Box::pin(client.take(&pop));
        // What is there already is dropped at once.
        let is_pending = other.block_on(async { futures::poll!(&mut take).is_pending() });
        if is_pending && n % 2 == 0 {
            let is_popped = async || list(&server, &queue).is_empty();
            home.block_on(until("it is popped", is_popped));
        }
        other.shutdown_background();
        drop(take);
        home.block_on(async {
            until("it is put back", async || list(&server, &queue) == ["a"]).await;
            until_no_receipt_is_left(&server).await;
        });
    }
}

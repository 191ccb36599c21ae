//! Pops that wait: who is served, when, and what runs meanwhile.

mod support;

use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::select_all;
use purse_client::{Client, Command, Delivery, Result};
use purse_testkit::Server;
use support::queue::{
    blocked, element, elements, pop, push, spawn_waiting_pop, until_no_receipt_is_left,
};
use support::{SOON, calls, client, connect_restricted, connections, servers, until};
use tokio::task::JoinHandle;

#[tokio::test]
async fn the_end_of_the_wait_is_none_and_no_error() {
    for server in servers() {
        let client = client(&server).await;
        for wait in [0, 1, 1_000_000, 30_000_000, 2_200_000_000].map(Duration::from_nanos) {
            let started = Instant::now();
            let none = client.take_wait(&pop(), Some(wait)).await;
            assert!(none.expect("no failure").is_none());
            assert!(started.elapsed() >= wait && started.elapsed() < wait + SOON);
            push(&server, "a");
            let popped = element(client.take_wait(&pop(), Some(wait)).await);
            assert_eq!(
                popped.as_deref(),
                Some("a"),
                "{wait:?}: it looks at least once"
            );
        }
        let wait = spawn_waiting_pop(&server, &client).await;
        let none = client.take_wait(&pop(), Some(Duration::ZERO)).await;
        assert!(none.expect("no failure").is_none(), "others wait, too");
        push(&server, "a");
        let popped = element(wait.await.expect("no panic"));
        assert_eq!(popped.as_deref(), Some("a"));
        push(&server, "b");
        let popped = client.take_wait(&pop(), Some(Duration::MAX)).await;
        assert_eq!(element(popped).as_deref(), Some("b"));
    }
}

#[tokio::test]
async fn longest_waiter_is_served_first() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let pop = pop();
    let mut waits: Vec<_> = (0..6)
        .map(|n| {
            client
                .take_wait(&pop, None)
                .map(move |delivery| (n, element(delivery)))
                .boxed()
        })
        .collect();
    until("the first one waits", async || {
        assert!(futures::poll!(&mut waits[0]).is_pending());
        blocked(&server) > 0
    })
    .await;
    for wait in &mut waits[1..] {
        assert!(futures::poll!(wait).is_pending());
    }
    // One that is gone is passed over.
    drop(waits.remove(2));
    for n in [0, 1, 3, 4, 5] {
        push(&server, &n.to_string());
        let (served, _, others) = select_all(waits).await;
        assert_eq!(served, (n, Some(n.to_string())));
        waits = others;
    }
}

#[tokio::test]
async fn dropped_notified_waiter_does_not_block_the_next() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let pop = pop();
    let started = Instant::now();
    for _ in 0..10 {
        let mut waits = [0, 1].map(|_| client.take_wait(&pop, None).boxed());
        for wait in &mut waits {
            until("it waits", async || {
                assert!(futures::poll!(&mut *wait).is_pending());
                blocked(&server) > 0
            })
            .await;
        }
        push(&server, "a");
        until("it is taken", async || elements(&server).is_empty()).await;
        let [first, second] = waits;
        drop(first);
        assert_eq!(element(second.await).as_deref(), Some("a"));
    }
    let took = started.elapsed();
    assert!(
        took < SOON,
        "{took:?}: each time a call every two seconds came first"
    );
}

#[tokio::test]
async fn unpolled_notified_waiter_blocks_the_next_briefly() {
    let server = Server::start().expect("a server");
    let watches = client(&server).await;
    let only_looks = connect_restricted(&server, "~queue* +@all -client -@blocking").await;
    for client in [watches, only_looks] {
        check_backstop(&server, &client).await;
    }
}

async fn check_backstop(server: &Server, client: &Client) {
    let pop = pop();
    let before = calls(server, "llen");
    let mut first = client.take_wait(&pop, None).boxed();
    until("it waits", async || {
        assert!(futures::poll!(&mut first).is_pending());
        blocked(server) > 0 || calls(server, "llen") > before + 2
    })
    .await;
    let second = spawn_second_pop(client);
    push(server, "a");
    let served = tokio::time::timeout(SOON, second).await;
    let served = served.expect("in a while").expect("no panic");
    assert_eq!(element(served).as_deref(), Some("a"));
    drop(first);
}

/// A task whose pop waits behind another one.
fn spawn_second_pop(client: &Client) -> JoinHandle<Result<Option<Delivery>>> {
    let client = client.clone();
    tokio::spawn(async move { client.take_wait(&pop(), None).await })
}

#[tokio::test]
async fn element_of_unpolled_waiter_goes_to_another_client() {
    let server = Server::start().expect("a server");
    let (client, other) = (client(&server).await, support::client(&server).await);
    let pop = pop();
    let mut kept = client.take_wait(&pop, None).boxed();
    until("it waits", async || {
        assert!(futures::poll!(&mut kept).is_pending());
        blocked(&server) > 0
    })
    .await;
    push(&server, "a");
    until("it is taken", async || elements(&server).is_empty()).await;
    let popped = other.take_wait(&pop, Some(SOON)).await;
    assert_eq!(element(popped).as_deref(), Some("a"));
    until_no_receipt_is_left(&server).await;
    // It waits again once it is polled.
    push(&server, "b");
    assert_eq!(element(kept.await).as_deref(), Some("b"));
}

#[tokio::test]
async fn waiting_pop_sends_nothing_while_it_is_blocked() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let wait = spawn_waiting_pop(&server, &client).await;
    let sent = || calls(&server, "evalsha") + calls(&server, "eval") + calls(&server, "brpoplpush");
    let before = sent();
    until(
        "the server ends the command, and is asked again",
        async || sent() > before,
    )
    .await;
    assert!(sent() <= before + 2, "{} since {before}", sent());
    push(&server, "a");
    assert_eq!(element(wait.await.expect("no panic")).as_deref(), Some("a"));
}

#[tokio::test]
async fn server_that_refuses_to_block_is_asked_rarely() {
    for server in servers() {
        let client = client(&server).await;
        let fill = ["CONFIG", "SET", "maxmemory", "1"];
        server.command(&fill).expect("CONFIG");
        let wait = Duration::from_millis(1500);
        let none = client.take_wait(&pop(), Some(wait)).await;
        assert!(none.expect("no failure").is_none());
        let asked = support::rejected_calls(&server, "brpoplpush");
        assert!((1..10).contains(&asked), "{asked} times");
        let clear = ["CONFIG", "SET", "maxmemory", "0"];
        server.command(&clear).expect("CONFIG");
        spawn_waiting_pop(&server, &client).await.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_waits_end_without_a_hang_up() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let pop = pop();
    let none = client.take_wait(&pop, Some(Duration::from_millis(1))).await;
    assert!(none.expect("no failure").is_none());
    let before = accepted(&server);
    for round in 0..1000 {
        let wait = Duration::from_micros(round % 50 * 40);
        let none = client.take_wait(&pop, Some(wait)).await;
        assert!(none.expect("no failure").is_none());
    }
    let opened = accepted(&server) - before;
    // Each look is a connection, too.
    assert!(opened < 5, "{opened} connections");
}

/// Returns the number of connections that the server has accepted.
fn accepted(server: &Server) -> u64 {
    let stats = server.command(&["INFO", "stats"]).expect("INFO");
    let mut lines = stats.text().expect("text").lines();
    let count = lines.find_map(|line| line.strip_prefix("total_connections_received:"));
    let count = count.and_then(|count| count.trim().parse().ok());
    count.expect("a number")
}

#[tokio::test]
async fn many_waiters_share_a_connection_with_commands() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let first = spawn_waiting_pop(&server, &client).await;
    let mut waits: Vec<_> = (0..49)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.take_wait(&pop(), None).await })
        })
        .collect();
    waits.push(first);
    client
        .run(Command::write("SET").key("k").arg("v"))
        .await
        .expect("SET");
    client
        .run(Command::read("GET").key("k"))
        .await
        .expect("GET");
    assert_eq!(connections(&server), 2, "one for commands, one that waits");
    let elements: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let all = [
        &["LPUSH", "queue"][..],
        &elements.iter().map(String::as_str).collect::<Vec<_>>(),
    ]
    .concat();
    server.command(&all).expect("LPUSH");
    let mut popped = Vec::new();
    for wait in waits {
        popped.push(element(wait.await.expect("no panic")).expect("an element"));
    }
    popped.sort_by_key(|n| n.parse::<u32>().expect("a number"));
    assert_eq!(popped, elements);
    until_no_receipt_is_left(&server).await;
}

#[tokio::test]
async fn pop_that_can_neither_block_nor_watch_polls() {
    let server = Server::start().expect("a server");
    let client = connect_restricted(&server, "~queue* +@all -client -@blocking").await;
    let polls = async || {
        let before = calls(&server, "llen");
        until("it looks again and again", async || {
            calls(&server, "llen") > before + 3
        })
        .await;
    };
    let wait = spawn_second_pop(&client);
    polls().await;
    push(&server, "a");
    assert_eq!(element(wait.await.expect("no panic")).as_deref(), Some("a"));
    let wait = spawn_second_pop(&client);
    polls().await;
    wait.abort();
    until("no task looks any more", async || {
        let before = calls(&server, "llen");
        tokio::time::sleep(Duration::from_millis(200)).await;
        calls(&server, "llen") == before
    })
    .await;
}

/// Returns a number that grows when a client ends a blocked command.
fn unblocks(server: &Server) -> u64 {
    // Before 7.0, servers do not count subcommands.
    calls(server, "client|unblock") + calls(server, "client")
}

#[tokio::test]
async fn no_task_runs_without_waiters() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for _ in 0..5 {
        let wait = spawn_waiting_pop(&server, &client).await;
        let before = unblocks(&server);
        wait.abort();
        assert!(wait.await.expect_err("aborted").is_cancelled());
        until("the wait is ended", async || unblocks(&server) > before).await;
        until("no command is blocked", async || blocked(&server) == 0).await;
    }
    until("no connection waits", async || connections(&server) == 1).await;
    until_no_receipt_is_left(&server).await;
    push(&server, "a");
    assert_eq!(elements(&server), ["a"]);
}

//! The commands that a delivery costs the server, with any number of consumers that wait.

use std::time::Duration;

use futures::future::join_all;
use purse::{Client, RedisQueue};
use purse_testkit::Server;
use purse_tests::{blocked, calls, until};
use tokio::task::JoinSet;

const ELEMENTS: u64 = 200;

/// Counts what clients send to deliver elements, other than `LPUSH`.
fn deliveries_cost(server: &Server) -> u64 {
    let commands = ["evalsha", "eval", "brpoplpush", "blmove", "client|unblock"];
    commands.iter().map(|command| calls(server, command)).sum()
}

/// Delivers elements to consumers that all wait, and returns the commands per element.
async fn measure(server: &Server, processes: usize, tasks: usize) -> f64 {
    let url = server.url();
    let clients = (0..processes).map(|_| Client::connect(&url));
    let clients = join_all(clients).await;
    let mut pops = JoinSet::new();
    let (sender, mut popped) = tokio::sync::mpsc::unbounded_channel();
    for client in clients {
        let queue: RedisQueue<u64> = RedisQueue::new(&client.expect("no failure"), "queue");
        for _ in 0..tasks {
            let (queue, sender) = (queue.clone(), sender.clone());
            pops.spawn(async move {
                loop {
                    sender
                        .send(queue.pop().await.expect("no failure"))
                        .expect("no failure");
                }
            });
        }
    }
    until("all processes wait", async || {
        blocked(server) == processes as u64
    })
    .await;
    let queue: RedisQueue<u64> = RedisQueue::new(
        &Client::connect(&server.url()).await.expect("no failure"),
        "queue",
    );
    let before = deliveries_cost(server);
    for element in 0..ELEMENTS {
        queue.push(element).await.expect("no failure");
        assert_eq!(
            popped.recv().await,
            Some(element),
            "no other one, and in order"
        );
    }
    let after = deliveries_cost(server);
    pops.shutdown().await;
    (after - before) as f64 / ELEMENTS as f64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_wakes_one_process_of_many() {
    for (processes, tasks) in [(1, 1), (10, 1), (100, 1), (1, 10), (1, 1000), (10, 10)] {
        let server = Server::start().unwrap();
        let cost = measure(&server, processes, tasks).await;
        println!("{processes} processes with {tasks} consumers each: {cost:.2} commands");
        // A consumer blocks again, and acknowledges: 2, and some that a timer adds.
        assert!(cost <= 3.0, "{processes} processes of {tasks}: {cost}");
    }
}

#[tokio::test]
async fn processes_are_served_in_the_order_in_which_they_wait() {
    let server = Server::start().unwrap();
    let mut clients = Vec::new();
    let mut pops = Vec::new();
    for number in 0..8 {
        let client = Client::connect(&server.url()).await.unwrap();
        let queue: RedisQueue<u64> = RedisQueue::new(&client, "queue");
        pops.push(tokio::spawn(async move { queue.pop().await }));
        until("it waits", async || blocked(&server) == number + 1).await;
        clients.push(client);
    }
    let queue: RedisQueue<u64> = RedisQueue::new(&clients[0], "queue");
    for element in 0..8 {
        queue.push(element).await.unwrap();
    }
    for (expected, pop) in pops.into_iter().enumerate() {
        assert_eq!(pop.await.unwrap().unwrap(), expected as u64);
    }
}

#[tokio::test]
async fn pop_that_has_returned_takes_nothing() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let queue: RedisQueue<u64> = RedisQueue::new(&client, "queue");
    for round in 0..200 {
        let wait = Duration::from_micros(round * 10);
        assert_eq!(queue.pop_timeout(wait).await.unwrap(), None);
        assert_eq!(queue.push(round).await.unwrap(), 1);
        assert_eq!(queue.len().await.unwrap(), 1, "round {round}");
        assert_eq!(queue.try_pop().await.unwrap(), Some(round));
        assert_eq!(queue.try_pop().await.unwrap(), None);
    }
}

//! The commands that a delivery costs the server, with any number of consumers that wait.

use std::time::Duration;

use futures::future::join_all;
use purse::{Client, RedisPriorityQueue, RedisQueue};
use purse_testkit::Server;
use purse_tests::{blocked, calls, until};
use tokio::task::JoinSet;

const ELEMENTS: u64 = 200;

/// Counts the commands that the consumers have sent.
fn sent(consumers: &[Client]) -> u64 {
    consumers.iter().map(|client| client.stats().commands).sum()
}

async fn connect(server: &Server, count: usize) -> Vec<Client> {
    let url = server.url();
    let clients = (0..count).map(|_| Client::connect(&url));
    let clients: purse::Result<Vec<_>> = join_all(clients).await.into_iter().collect();
    clients.expect("a server")
}

/// Delivers elements to consumers that all wait, and returns the commands per element.
async fn measure(server: &Server, processes: usize, tasks: usize) -> f64 {
    let clients = connect(server, processes).await;
    let mut pops = JoinSet::new();
    let (sender, mut popped) = tokio::sync::mpsc::unbounded_channel();
    for client in &clients {
        let queue: RedisQueue<u64> = RedisQueue::new(client, "queue");
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
    let before = sent(&clients);
    for element in 0..ELEMENTS {
        queue.push(element).await.expect("no failure");
        assert_eq!(
            popped.recv().await,
            Some(element),
            "no other one, and in order"
        );
    }
    let after = sent(&clients);
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

/// Delivers elements of a priority queue to processes that all wait, and returns the commands per
/// element.
async fn measure_ranked(server: &Server, processes: usize) -> f64 {
    let clients = connect(server, processes).await;
    let mut pops = JoinSet::new();
    let (sender, mut popped) = tokio::sync::mpsc::unbounded_channel();
    for client in &clients {
        let queue: RedisPriorityQueue<u64> = RedisPriorityQueue::new(client, "ranked");
        let sender = sender.clone();
        pops.spawn(async move {
            loop {
                let (element, _) = queue.pop().await.expect("no failure");
                sender.send(element).expect("no failure");
            }
        });
    }
    // All but the one that watches the queue.
    until("all processes wait", async || {
        blocked(server) == processes as u64 - 1 && calls(server, "zcard") > 0
    })
    .await;
    let client = Client::connect(&server.url()).await.expect("no failure");
    let queue: RedisPriorityQueue<u64> = RedisPriorityQueue::new(&client, "ranked");
    let before = sent(&clients);
    for element in 0..ELEMENTS {
        queue.push(element, 1.0).await.expect("no failure");
        assert_eq!(popped.recv().await, Some(element), "no other one");
    }
    let after = sent(&clients);
    pops.shutdown().await;
    (after - before) as f64 / ELEMENTS as f64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_to_a_priority_queue_wakes_few() {
    for processes in [1, 10, 100] {
        let server = Server::start().unwrap();
        let cost = measure_ranked(&server, processes).await;
        println!("{processes} processes: {cost:.2} commands");
        // The one that watches takes it, the next one begins to watch, and the first one blocks.
        assert!(cost <= 6.5, "{processes} processes: {cost}");
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

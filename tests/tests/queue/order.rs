//! The order of elements, although pops are dropped at any point.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use purse::{Client, RedisLifoQueue, RedisQueue};
use purse_testkit::Server;

/// Polls a future at most `times` times, and drops it. Returns its output if it was ready before.
async fn poll_times<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..times {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_is_kept_when_pops_are_dropped() {
    let rounds: usize = 10_000;
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let queue: RedisQueue<usize> = RedisQueue::new(&client, "queue");
    queue.push_many(0..rounds).await.unwrap();
    let mut popped = Vec::with_capacity(rounds);
    let mut drops = 0;
    for round in 0..rounds {
        match poll_times(queue.pop(), round % 17).await {
            Some(element) => popped.push(element.unwrap()),
            None => drops += 1,
        }
    }
    while popped.len() < rounds {
        popped.push(queue.pop().await.unwrap());
    }
    assert!(drops > rounds / 20, "{drops} pops were dropped");
    let moved = popped
        .iter()
        .zip(0..)
        .find(|(popped, expected)| *popped != expected);
    assert_eq!(moved, None, "in order");
    assert_eq!(queue.try_pop().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_is_kept_when_one_pop_waits_and_one_looks() {
    const LAST: u32 = 5_000;
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let queue: RedisQueue<u32> = RedisQueue::new(&client, "queue");
    let waits = tokio::spawn({
        let queue = queue.clone();
        async move {
            let mut popped = Vec::new();
            while popped.last() != Some(&LAST) {
                popped.push(queue.pop().await.unwrap());
            }
            popped
        }
    });
    let looks = tokio::spawn({
        let queue = queue.clone();
        async move {
            let mut popped = Vec::new();
            while !waits.is_finished() {
                popped.extend(queue.try_pop().await.unwrap());
                if popped.last() == Some(&LAST) {
                    // The other one waits for it.
                    queue.push(LAST).await.unwrap();
                    break;
                }
            }
            (popped, waits.await.unwrap())
        }
    });
    let producer = Client::connect(&server.url()).await.unwrap();
    let producer: RedisQueue<u32> = RedisQueue::new(&producer, "queue");
    for element in 0..=LAST {
        producer.push(element).await.unwrap();
    }
    let (looked, waited) = looks.await.unwrap();
    for popped in [looked, waited] {
        assert!(!popped.is_empty(), "not all cases were met");
        let moved = popped.windows(2).find(|pair| pair[0] > pair[1]);
        assert_eq!(moved, None, "in order");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newest_is_next_when_pops_of_a_stack_are_dropped() {
    let rounds = 2_000;
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let stack: RedisLifoQueue<usize> = RedisLifoQueue::new(&client, "stack");
    stack.push_many(0..rounds).await.unwrap();
    let mut popped = Vec::new();
    for round in 0..rounds {
        if let Some(element) = poll_times(stack.pop(), round % 17).await {
            popped.push(element.unwrap());
        }
    }
    while popped.len() < rounds {
        popped.push(stack.pop().await.unwrap());
    }
    assert!(popped.iter().copied().eq((0..rounds).rev()), "in order");
}

//! Pops of several elements and of several queues, bounded queues, and transfers.

use std::time::Duration;

use futures::FutureExt;
use purse::{
    BoundedQueue, Client, ErrorKind, OnPoison, Pop, RedisLifoQueue, RedisPriorityQueue, RedisQueue,
};
use purse_testkit::Server;
use purse_tests::{blocked, client, fresh, until};

#[tokio::test]
async fn pop_many_returns_what_there_is_in_order() {
    let client = client().await;
    let queue: RedisQueue<u32> = RedisQueue::new(&client, fresh("queue"));
    assert!(queue.try_pop_many(10).await.unwrap().is_empty());
    queue.push_many(0..1000).await.unwrap();
    assert_eq!(queue.pop_many(3).await.unwrap(), [0, 1, 2]);
    assert!(queue.pop_many(0).await.unwrap().is_empty());
    let rest = queue.pop_many(usize::MAX).await.unwrap();
    assert!(rest.into_iter().eq(3..1000));
    assert!(queue.is_empty().await.unwrap());

    let stack: RedisLifoQueue<u32> = RedisLifoQueue::new(&client, fresh("queue"));
    stack.push_many([1, 2, 3]).await.unwrap();
    assert_eq!(stack.try_pop_many(2).await.unwrap(), [3, 2]);

    let ranked: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client, fresh("queue"));
    ranked
        .push_many([(1, 9.0), (2, 1.0), (3, 1.0)])
        .await
        .unwrap();
    assert_eq!(ranked.try_pop_many(2).await.unwrap(), [(2, 1.0), (3, 1.0)]);
    assert_eq!(ranked.pop_many(2).await.unwrap(), [(1, 9.0)]);
}

#[tokio::test]
async fn pop_many_waits_for_the_first() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let queue: RedisQueue<u32> = RedisQueue::new(&client, "queue");
    let pop = tokio::spawn({
        let queue = queue.clone();
        async move { queue.pop_many(10).await }
    });
    until("it waits", async || blocked(&server) == 1).await;
    queue.push_many([1, 2, 3]).await.unwrap();
    assert_eq!(pop.await.unwrap().unwrap(), [1, 2, 3]);
}

#[tokio::test]
async fn pop_many_keeps_what_precedes_poison() {
    let client = client().await;
    let key = fresh("queue");
    let texts: RedisQueue<String> = RedisQueue::new(&client, &key);
    texts.push_many(["1", "2", "x", "4"]).await.unwrap();
    let numbers: RedisQueue<u32> = RedisQueue::new(&client, &key);
    assert_eq!(numbers.pop_many(10).await.unwrap(), [1, 2]);
    let error = numbers.pop_many(10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.removed(), ["x"]);
    assert_eq!(numbers.pop_many(10).await.unwrap(), [4]);

    texts.push_many(["1", "x", "3"]).await.unwrap();
    let dead = fresh("dead");
    let numbers = numbers.on_poison(OnPoison::DeadLetter(dead.clone().into()));
    assert_eq!(numbers.pop_many(10).await.unwrap(), [1]);
    assert_eq!(numbers.pop_many(10).await.unwrap(), [3]);
    let dead: purse::RedisList<String> = purse::RedisList::new(&client, dead);
    assert_eq!(dead.to_vec().await.unwrap(), ["x"]);
}

#[tokio::test]
async fn pop_any_prefers_the_first_queue() {
    let client = client().await;
    let queues = [(); 3].map(|()| RedisQueue::<u32>::new(&client, fresh("queue")));
    for (number, queue) in queues.iter().enumerate() {
        queue.push(number as u32).await.unwrap();
    }
    for number in 0..3 {
        let popped = RedisQueue::pop_any(&queues).await.unwrap();
        assert_eq!(popped, (number, number as u32));
    }
    let waits = RedisQueue::pop_any(&queues);
    let pushed = async {
        tokio::task::yield_now().await;
        queues[1].push(17).await
    };
    let (popped, pushed) = tokio::join!(waits, pushed);
    assert_eq!((popped.unwrap(), pushed.unwrap()), ((1, 17), 1));
    for queue in &queues {
        until("nothing is left", async || {
            queue.in_hand().await.unwrap().is_empty()
        })
        .await;
    }
}

#[tokio::test]
async fn bounded_push_waits_for_room() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let queue: RedisQueue<u32> = RedisQueue::new(&client, "queue");
    let bounded: BoundedQueue<u32> = queue.clone().bounded(2);
    assert_eq!(bounded.push(1).await.unwrap(), 1);
    assert_eq!(bounded.try_push(2).await.unwrap(), Some(2));
    assert_eq!(bounded.try_push(3).await.unwrap(), None);
    let pushes: Vec<_> = (3..20)
        .map(|value| {
            let bounded = bounded.clone();
            tokio::spawn(async move { bounded.push(value).await })
        })
        .collect();
    // A push that is dropped adds nothing.
    assert!(bounded.push(99).now_or_never().is_none());
    let mut popped = Vec::new();
    while popped.len() < 19 {
        assert!(queue.len().await.unwrap() <= 2);
        popped.push(queue.pop().await.unwrap());
    }
    for push in pushes {
        assert!(push.await.unwrap().unwrap() <= 2);
    }
    popped.sort_unstable();
    assert!(popped.into_iter().eq(1..20), "all, once");
    assert!(queue.is_empty().await.unwrap());
}

#[tokio::test]
async fn push_that_is_not_polled_does_not_hold_up_others() {
    let client = client().await;
    let queue: RedisQueue<u32> = RedisQueue::new(&client, fresh("queue"));
    let bounded = queue.clone().bounded(1);
    bounded.push(1).await.unwrap();
    let mut kept = Box::pin(bounded.push(2));
    assert!((&mut kept).now_or_never().is_none(), "it has the turn");
    assert_eq!(queue.pop().await.unwrap(), 1);
    let other = tokio::time::timeout(Duration::from_secs(10), bounded.push(3)).await;
    assert_eq!(other.expect("in time").unwrap(), 1);
    assert_eq!(queue.pop().await.unwrap(), 3);
    assert_eq!(kept.await.unwrap(), 1);
}

#[tokio::test]
async fn bound_of_zero_is_refused() {
    let client = client().await;
    let bounded = RedisQueue::<u32>::new(&client, fresh("queue")).bounded(0);
    for error in [bounded.push(1).await.err(), bounded.try_push(1).await.err()] {
        let error = error.expect("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("bound"), "{error}");
    }
}

#[tokio::test]
async fn transfer_ends_when_the_element_is_acknowledged() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let queue: RedisQueue<String> = RedisQueue::new(&client, "queue");
    let transfer = tokio::spawn({
        let queue = queue.clone();
        async move { queue.transfer("first").await }
    });
    let held = client
        .take_wait(&Pop::back("queue"), None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(held.element(), "first");
    assert_eq!(queue.in_hand().await.unwrap()[0].elements, ["first"]);
    // It goes back, and to a second consumer.
    held.requeue().await.unwrap();
    let other = Client::connect(&server.url()).await.unwrap();
    let held = other
        .take_wait(&Pop::back("queue"), None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(queue.len().await.unwrap(), 0);
    assert!(!transfer.is_finished(), "it was not acknowledged");
    held.ack();
    tokio::time::timeout(Duration::from_secs(10), transfer)
        .await
        .expect("in time")
        .unwrap()
        .unwrap();
}

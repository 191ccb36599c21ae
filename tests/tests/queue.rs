//! The three queues on a real server.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse::{
    Client, ErrorKind, OnPoison, RedisLifoQueue, RedisList, RedisPriorityQueue, RedisQueue,
};
use purse_testkit::{Release, Server};
use purse_tests::{blocked, client, fresh, until};

#[path = "queue/exact.rs"]
mod exact;
#[path = "queue/herd.rs"]
mod herd;
#[path = "queue/killed.rs"]
mod killed;
#[path = "queue/order.rs"]
mod order;
#[path = "queue/rounds.rs"]
mod rounds;
#[path = "queue/several.rs"]
mod several;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn each_queue_keeps_its_order() {
    let client = client().await;
    let fifo: RedisQueue<u32> = RedisQueue::new(&client, fresh("queue"));
    let lifo: RedisLifoQueue<u32> = RedisLifoQueue::new(&client, fresh("queue"));
    assert_eq!(fifo.push(1).await.unwrap(), 1);
    assert_eq!(fifo.push_many([2, 3]).await.unwrap(), 3);
    assert_eq!(lifo.push(1).await.unwrap(), 1);
    assert_eq!(lifo.push_many([2, 3]).await.unwrap(), 3);
    assert_eq!(fifo.peek().await.unwrap(), Some(1));
    assert_eq!(lifo.peek().await.unwrap(), Some(3));
    for (first_in, last_in) in [(1, 3), (2, 2), (3, 1)] {
        assert_eq!(fifo.pop().await.unwrap(), first_in);
        assert_eq!(lifo.pop().await.unwrap(), last_in);
    }
    assert!(fifo.is_empty().await.unwrap() && !lifo.exists().await.unwrap());

    let queue: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client, fresh("queue"));
    queue.push(5, 2.0).await.unwrap();
    let equal = (10..30).map(|n| (n, 1.5));
    assert_eq!(queue.push_many(equal.clone()).await.unwrap(), 20);
    queue.push(6, f64::NEG_INFINITY).await.unwrap();
    queue.push(7, f64::INFINITY).await.unwrap();
    assert_eq!(queue.len().await.unwrap(), 23);
    assert_eq!(queue.peek().await.unwrap(), Some((6, f64::NEG_INFINITY)));
    assert_eq!(queue.pop().await.unwrap(), (6, f64::NEG_INFINITY));
    for expected in equal {
        assert_eq!(
            queue.try_pop().await.unwrap(),
            Some(expected),
            "first in, first out"
        );
    }
    assert_eq!(queue.pop().await.unwrap(), (5, 2.0));
    assert_eq!(queue.pop().await.unwrap(), (7, f64::INFINITY));
    assert_eq!(queue.try_pop().await.unwrap(), None);
    assert_eq!(queue.peek().await.unwrap(), None);
}

#[tokio::test]
async fn empty_queue_waits_for_the_given_time() {
    let client = client().await;
    let queue: RedisQueue<u32> = RedisQueue::new(&client, fresh("queue"));
    let ranked: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client, fresh("queue"));
    assert_eq!(queue.try_pop().await.unwrap(), None);
    assert_eq!(queue.peek().await.unwrap(), None);
    assert_eq!(queue.push_many(Vec::<u32>::new()).await.unwrap(), 0);
    assert_eq!(ranked.push_many(Vec::<(u32, f64)>::new()).await.unwrap(), 0);
    for wait in [Duration::ZERO, Duration::from_millis(60)] {
        let started = Instant::now();
        assert_eq!(queue.pop_timeout(wait).await.unwrap(), None);
        assert_eq!(ranked.pop_timeout(wait).await.unwrap(), None);
        assert!(started.elapsed() >= 2 * wait && started.elapsed() < SOON);
    }
    let (popped, pushed) = tokio::join!(queue.pop(), queue.push(7));
    assert_eq!((popped.unwrap(), pushed.unwrap()), (7, 1));
    let (popped, pushed) = tokio::join!(ranked.pop_timeout(SOON), ranked.push(7, 1.0));
    pushed.unwrap();
    assert_eq!(popped.unwrap(), Some((7, 1.0)));
}

#[tokio::test]
async fn into_stream_ends_when_the_client_is_closed() {
    let client = client().await;
    let queue: RedisQueue<u32> = RedisQueue::new(&client, fresh("queue"));
    queue.push_many(0..5).await.unwrap();
    let three: Vec<u32> = queue
        .clone()
        .into_stream()
        .take(3)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(three, [0, 1, 2]);
    assert_eq!(
        queue.len().await.unwrap(),
        2,
        "what was not asked for stays"
    );
    let mut arrivals = queue.clone().into_stream().boxed();
    assert_eq!(arrivals.next().await.unwrap().unwrap(), 3);
    client.close().await;
    let error = arrivals.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(arrivals.next().await.is_none());

    let client = self::client().await;
    let queue: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client, fresh("queue"));
    queue.push_many([(1, 2.0), (2, 1.0)]).await.unwrap();
    let both: Vec<_> = queue
        .clone()
        .into_stream()
        .take(2)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(both, [(2, 1.0), (1, 2.0)]);
}

#[tokio::test]
async fn nan_priority_is_refused() {
    let queue: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client().await, fresh("queue"));
    for error in [
        queue.push(1, f64::NAN).await.unwrap_err(),
        queue
            .push_many([(1, 1.0), (2, f64::NAN)])
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert!(!queue.exists().await.unwrap());
}

/// A queue of numbers: 1, what is no number, 3.
async fn create_undecodable(on_poison: OnPoison) -> RedisQueue<u32> {
    let client = client().await;
    let texts: RedisQueue<String> = RedisQueue::new(&client, fresh("queue"));
    texts.push_many(["1", "two", "3"]).await.expect("a reply");
    RedisQueue::new(&client, texts.key().name()).on_poison(on_poison)
}

#[tokio::test]
async fn undecodable_element_is_in_the_error() {
    let queue = create_undecodable(OnPoison::Error).await;
    assert_eq!(queue.pop().await.unwrap(), 1);
    assert_eq!(queue.peek().await.unwrap_err().kind(), ErrorKind::Decode);
    let error = queue.pop().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.bytes()),
        (ErrorKind::Decode, Some(&Bytes::from("two")))
    );
    assert_eq!(error.removed(), [Bytes::from("two")]);
    assert_eq!(queue.try_pop().await.unwrap(), Some(3));
}

#[tokio::test]
async fn undecodable_element_is_dead_lettered() {
    let dead = fresh("dead");
    let queue = create_undecodable(OnPoison::DeadLetter(Bytes::from(dead.clone()))).await;
    let letters: RedisList<String> = RedisList::new(&client().await, &dead);
    assert_eq!(queue.pop().await.unwrap(), 1);
    assert_eq!(queue.pop_timeout(SOON).await.unwrap(), Some(3));
    assert_eq!(letters.to_vec().await.unwrap(), ["two"]);

    let queue = create_undecodable(OnPoison::DeadLetter(Bytes::from(dead.clone()))).await;
    assert_eq!(queue.try_pop().await.unwrap(), Some(1));
    assert_eq!(queue.try_pop().await.unwrap(), Some(3));
    assert_eq!(queue.try_pop().await.unwrap(), None);
    assert_eq!(letters.len().await.unwrap(), 2);

    // Dead letters that cannot be kept stay in the hands of the caller.
    let queue = create_undecodable(OnPoison::DeadLetter(Bytes::from(dead.clone()))).await;
    letters.clear().await.unwrap();
    purse_tests::shared()
        .command(&["SET", &dead, "another type"])
        .unwrap();
    assert_eq!(queue.pop().await.unwrap(), 1);
    let error = queue.pop().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.removed(), [Bytes::from("two")]);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("WRONGTYPE") && cause.contains(&dead),
        "{cause}"
    );
}

#[tokio::test]
async fn undecodable_element_is_requeued() {
    let queue = create_undecodable(OnPoison::Requeue).await;
    assert_eq!(queue.pop().await.unwrap(), 1);
    for _ in 0..3 {
        let error = queue.pop().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.bytes()),
            (ErrorKind::Decode, Some(&Bytes::from("two")))
        );
        assert!(error.removed().is_empty());
        assert_eq!(queue.try_pop().await.unwrap_err().kind(), ErrorKind::Decode);
        assert_eq!(queue.len().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn undecodable_element_of_a_priority_queue_keeps_its_place() {
    let client = client().await;
    let texts: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, fresh("queue"));
    texts.push_many([("two", 1.0), ("3", 1.0)]).await.unwrap();
    let queue: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client, texts.key().name());
    let left = queue.clone().on_poison(OnPoison::Requeue);
    for _ in 0..3 {
        let error = left.pop().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.bytes()),
            (ErrorKind::Decode, Some(&Bytes::from("two")))
        );
    }
    let error = queue.try_pop().await.unwrap_err();
    assert_eq!(error.removed(), [Bytes::from("two")]);
    assert_eq!(queue.pop().await.unwrap(), (3, 1.0));

    // A member that no queue has written.
    let key = std::str::from_utf8(queue.key().name()).unwrap().to_owned();
    purse_tests::shared()
        .command(&["ZADD", &key, "1", "short"])
        .unwrap();
    let error = queue.peek().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.bytes()),
        (ErrorKind::Decode, Some(&Bytes::from("short")))
    );
    assert!(error.removed().is_empty());
    assert_eq!(
        queue.pop().await.unwrap_err().removed(),
        [Bytes::from("short")]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_element_is_delivered_to_one_consumer() {
    let server = Server::builder().release(Release::Default).start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let queue: RedisQueue<u32> = RedisQueue::new(&client, "queue");
    let ranked: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client, "ranked");
    let takers: Vec<_> = (0..64)
        .map(|_| {
            let (queue, ranked) = (queue.clone(), ranked.clone());
            tokio::spawn(async move {
                let first = queue.pop_timeout(SOON).await.unwrap();
                let second = ranked.pop_timeout(SOON).await.unwrap();
                (first.unwrap(), second.unwrap().0)
            })
        })
        .collect();
    queue.push_many(0..64).await.unwrap();
    ranked
        .push_many((0..64).map(|n| (n, f64::from(n % 3))))
        .await
        .unwrap();
    let (mut firsts, mut seconds): (Vec<_>, Vec<_>) = futures::future::try_join_all(takers)
        .await
        .unwrap()
        .into_iter()
        .unzip();
    firsts.sort_unstable();
    seconds.sort_unstable();
    assert_eq!(firsts, (0..64).collect::<Vec<_>>());
    assert_eq!(seconds, firsts);
}

#[tokio::test]
async fn key_of_another_type_is_refused_unchanged() {
    let client = client().await;
    let list: RedisList<u32> = RedisList::new(&client, fresh("queue"));
    list.push_back(1).await.unwrap();
    let ranked: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client, list.key().name());
    for error in [
        ranked.push(1, 1.0).await.unwrap_err(),
        ranked.try_pop().await.unwrap_err(),
        ranked.pop().await.unwrap_err(),
        ranked.peek().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(list.to_vec().await.unwrap(), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn consumer_popping_as_python_gets_its_share() {
    let server = Server::builder().release(Release::Default).start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let queue: RedisQueue<u32> = RedisQueue::new(&client, "queue");
    for round in 0..20 {
        std::thread::scope(|threads| {
            let python = threads.spawn(|| server.command(&["BRPOP", "queue", "10"]).unwrap());
            let runtime = tokio::runtime::Handle::current();
            let mine = tokio::task::block_in_place(|| {
                runtime.block_on(async {
                    let (popped, ()) = tokio::join!(queue.pop(), async {
                        until("both wait", async || blocked(&server) == 2).await;
                        queue.push_many([2 * round, 2 * round + 1]).await.unwrap();
                    });
                    popped.unwrap()
                })
            });
            let theirs = python.join().unwrap();
            let theirs = theirs.items()[1].text().unwrap().parse().unwrap();
            let mut both = [mine, theirs];
            both.sort_unstable();
            assert_eq!(both, [2 * round, 2 * round + 1]);
        });
    }
}

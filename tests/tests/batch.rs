//! Batches of operations of several collections.

use purse::{Client, ErrorKind, RedisHash, RedisList, RedisQueue};
use purse_testkit::{Release, Server};
use purse_tests::{calls, client, cluster_of_one, fresh};

#[path = "batch/atomic.rs"]
mod atomic;
#[path = "batch/groups.rs"]
mod groups;
#[path = "batch/order.rs"]
mod order;

#[tokio::test]
async fn operations_have_results_of_different_types() {
    let client = client().await;
    let list: RedisList<String> = RedisList::new(&client, fresh("batch"));
    let hash: RedisHash<String, u32> = RedisHash::new(&client, fresh("batch"));
    for atomic in [false, true] {
        list.clear().await.unwrap();
        hash.clear().await.unwrap();
        let mut batch = if atomic {
            client.batch().atomic()
        } else {
            client.batch()
        };
        let length = batch.add(list.push_back("a"));
        let inserted = batch.add(list.insert(0, "z"));
        let is_new = batch.add(hash.set("n", 7));
        let old = batch.add(hash.insert("n", 8));
        let sum = batch.add(hash.increment("n", 1));
        let absent = batch.add(hash.get("none"));
        let all = batch.add(list.to_vec());
        let empty = batch.add(list.range(..0));
        let kept = batch.add(hash.get_or_insert("n", 1));
        assert_eq!(batch.len(), 8, "an empty range needs no command");
        batch.send().await.unwrap();
        assert_eq!(length.take().unwrap(), 1);
        assert_eq!(inserted.take().unwrap(), 2);
        assert!(is_new.take().unwrap());
        assert_eq!(old.take().unwrap(), Some(7));
        assert_eq!(sum.take().unwrap(), 9);
        assert_eq!(absent.take().unwrap(), None);
        assert_eq!(all.take().unwrap(), ["z", "a"], "atomic: {atomic}");
        assert!(empty.take().unwrap().is_empty());
        assert_eq!(kept.take().unwrap(), 9);
    }
}

#[tokio::test]
async fn operations_run_in_the_order_they_were_added() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    let mut batch = client.batch();
    // Scripts that the server does not know yet among commands that it does.
    let pushes: Vec<_> = (0..2_500)
        .map(|n| match n % 3 {
            0 => batch.add(list.insert(n, n as u32)),
            _ => batch.add(list.push_back(n as u32)),
        })
        .collect();
    let length = batch.add(list.len());
    batch.send().await.unwrap();
    for (n, push) in pushes.into_iter().enumerate() {
        assert_eq!(push.take().unwrap(), n as u64 + 1);
    }
    assert_eq!(
        length.take().unwrap(),
        2_500,
        "a read after the writes sees them"
    );
    assert_eq!(list.to_vec().await.unwrap(), (0..2_500).collect::<Vec<_>>());
}

#[tokio::test]
async fn failed_operation_does_not_affect_others() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = Client::connect(&server.url()).await.unwrap();
        let list: RedisList<u32> = RedisList::new(&client, "list");
        let wrong: RedisHash<String, u32> = RedisHash::new(&client, "list");
        let floats: RedisList<f64> = RedisList::new(&client, "list");
        for atomic in [false, true] {
            list.clear().await.unwrap();
            let mut batch = if atomic {
                client.batch().atomic()
            } else {
                client.batch()
            };
            let before = batch.add(list.push_back(1));
            let middle = batch.add(wrong.set("a", 1));
            let script = batch.add(wrong.insert("a", 1));
            let outside = batch.add(list.set(9, 1));
            let unsent = batch.add(floats.push_back(f64::NAN));
            let after = batch.add(list.push_back(2));
            batch.send().await.unwrap();
            assert_eq!(before.take().unwrap(), 1);
            let error = middle.take().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
            assert!(error.to_string().contains("HSET"), "{error}");
            assert_eq!(script.take().unwrap_err().kind(), ErrorKind::WrongType);
            assert_eq!(outside.take().unwrap_err().kind(), ErrorKind::OutOfRange);
            assert_eq!(unsent.take().unwrap_err().kind(), ErrorKind::Encode);
            assert_eq!(after.take().unwrap(), 2, "atomic: {atomic}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn atomic_batch_is_never_seen_in_part() {
    let client = client().await;
    let (from, to) = (fresh("batch"), fresh("batch"));
    let from: RedisList<u32> = RedisList::new(&client, from);
    let to: RedisList<u32> = RedisList::new(&client, to);
    from.extend(0..64).await.unwrap();
    let moves = (0..64).map(|n| {
        let (client, from, to) = (client.clone(), from.clone(), to.clone());
        tokio::spawn(async move {
            let mut batch = client.batch().atomic();
            let popped = batch.add(from.pop_front());
            let pushed = batch.add(to.push_back(n));
            let [left, there] = [batch.add(from.len()), batch.add(to.len())];
            batch.send().await.unwrap();
            popped.take().unwrap();
            pushed.take().unwrap();
            left.take().unwrap() + there.take().unwrap()
        })
    });
    let sums = futures::future::try_join_all(moves).await.unwrap();
    assert!(sums.iter().all(|sum| *sum == 64), "{sums:?}");
    assert_eq!(to.len().await.unwrap(), 64);
}

#[tokio::test]
async fn a_batch_that_is_empty_or_not_sent_does_nothing() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    for batch in [client.batch(), client.batch().atomic()] {
        assert!(batch.is_empty());
        batch.send().await.unwrap();
    }
    let mut batch = client.batch();
    let length = batch.add(list.push_back(1));
    assert_eq!(format!("{length:?}"), "Pending(RPUSH)");
    assert_eq!(length.take().unwrap_err().kind(), ErrorKind::NotSent);
    drop(batch);
    assert_eq!(calls(&server, "rpush") + calls(&server, "eval"), 0);
}

#[tokio::test]
async fn commands_unfit_for_a_batch_are_refused() {
    let (client, other) = (client().await, client().await);
    let mine: RedisQueue<u32> = RedisQueue::new(&client, fresh("batch"));
    let foreign: RedisQueue<u32> = RedisQueue::new(&other, fresh("batch"));
    let mut batch = client.batch();
    let mine_length = batch.add(mine.push(1));
    let foreign_length = batch.add(foreign.push(1));
    batch.send().await.unwrap();
    assert_eq!(mine_length.take().unwrap(), 1);
    assert_eq!(
        foreign_length.take().unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert!(!foreign.exists().await.unwrap());
}

#[tokio::test]
async fn in_a_cluster_an_atomic_batch_stays_in_one_slot() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    let [a, b]: [RedisList<u32>; 2] = ["a", "b"].map(|key| RedisList::new(&client, key));
    let mut batch = client.batch().atomic();
    let pushes = [batch.add(a.push_back(1)), batch.add(b.push_back(1))];
    assert_eq!(batch.send().await.unwrap_err().kind(), ErrorKind::CrossSlot);
    for push in pushes {
        assert_eq!(push.take().unwrap_err().kind(), ErrorKind::CrossSlot);
    }
    assert!(!a.exists().await.unwrap() && !b.exists().await.unwrap());

    let mut batch = client.batch();
    let pushes = [batch.add(a.push_back(1)), batch.add(b.push_back(1))];
    batch.send().await.unwrap();
    for push in pushes {
        assert_eq!(push.take().unwrap(), 1);
    }
    let [a, b]: [RedisList<u32>; 2] = ["{x}a", "{x}b"].map(|key| RedisList::new(&client, key));
    let mut batch = client.batch().atomic();
    let pushes = [batch.add(a.push_back(1)), batch.add(b.insert(0, 1))];
    batch.send().await.unwrap();
    for push in pushes {
        assert_eq!(push.take().unwrap(), 1);
    }
}

//! Keys that purse keeps for itself are not part of a space.

use futures::TryStreamExt;
use purse::{Client, RedisKeySpace, RedisList, RedisQueue};
use purse_testkit::Server;

/// Names that purse makes, each in a space whose prefix it starts with.
const OWN: [(&str, &str); 5] = [
    ("{jobs}:", "{jobs}:taken:0123456789abcdef0123456789abcdef"),
    ("jobs", "jobs{jobs}:taken:0123456789abcdef0123456789abcdef"),
    ("dead", "dead{dead}:taken:0123456789abcdef0123456789abcdef"),
    ("purse:", "purse:probe:0f7e2a52-7e44-4c3a-9c8e-0d4f5b7f1a11"),
    ("", "app{17}:taken:ffffffffffffffffffffffffffffffff"),
];

#[tokio::test]
async fn own_keys_are_not_returned_counted_or_cleared() {
    for (prefix, own) in OWN {
        let server = Server::start().expect("a server");
        let client = Client::connect(&server.url()).await.expect("a server");
        server.command(&["SET", own, " one"]).expect("SET");
        let space: RedisKeySpace<u64> = RedisKeySpace::new(&client, prefix);
        assert!(space.is_empty().await.unwrap(), "{own}");
        space.set("17", 1).await.unwrap();
        assert_eq!(space.len().await.unwrap(), 1, "{own}");
        let items: Vec<_> = space.items().try_collect().await.unwrap();
        assert_eq!(items, [("17".to_owned(), 1)], "{own}");
        let keys: Vec<String> = space.keys().try_collect().await.unwrap();
        assert_eq!(keys, ["17"], "{own}");
        let values: Vec<u64> = space.values().try_collect().await.unwrap();
        assert_eq!(values, [1], "{own}");
        assert_eq!(
            space.raw_keys().try_collect::<Vec<_>>().await.unwrap(),
            ["17"]
        );
        assert_eq!(space.clear().await.unwrap(), 1, "{own}");
        let left = server.command(&["EXISTS", own]).expect("EXISTS");
        assert_eq!(left.int(), Some(1), "{own}");
    }
}

#[tokio::test]
async fn clear_of_a_space_loses_no_element_of_a_queue() {
    let server = Server::start().expect("a server");
    let client = Client::connect(&server.url()).await.expect("a server");
    let queue: RedisQueue<u32> = RedisQueue::new(&client, "{jobs}");
    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "{jobs}:");
    let popped: RedisList<u32> = RedisList::new(&client, "popped");
    queue.push_many(0..200).await.unwrap();
    let consumer = {
        let (queue, popped) = (queue.clone(), popped.clone());
        tokio::spawn(async move {
            while let Some(number) = queue.try_pop().await.unwrap() {
                popped.push_back(number).await.unwrap();
            }
        })
    };
    while !consumer.is_finished() {
        assert_eq!(space.clear().await.unwrap(), 0);
        assert_eq!(space.len().await.unwrap(), 0);
    }
    consumer.await.expect("no panic");
    assert_eq!(popped.to_vec().await.unwrap(), (0..200).collect::<Vec<_>>());
}

//! Reads of one element that come at the same moment go as one command, in every collection.

use std::fmt::Debug;

use futures::future::try_join_all;
use purse::{Client, Op, RedisHash, RedisKeySpace, RedisList, RedisSet, RedisSortedSet};
use purse_testkit::{Release, Server};
use purse_tests::calls;

const MANY: u32 = 50;

/// Reads what `read` reads of each number, and looks that all but the first went as one `command`.
async fn read<R>(server: &Server, command: &str, read: impl Fn(u32) -> Op<R>) -> Vec<R>
where
    R: Debug + PartialEq + Send + 'static,
{
    let mut alone = Vec::new();
    for n in 0..MANY {
        alone.push(read(n).await.expect("a reply"));
    }
    let before = calls(server, command);
    let together = try_join_all((0..MANY).map(&read)).await;
    let count = calls(server, command) - before;
    assert!(count == 1, "{count} calls of {command}");
    let together = together.expect("replies");
    assert_eq!(together, alone);
    together
}

#[tokio::test]
async fn reads_of_one_element_go_together() {
    // Older ones do not run the script.
    let server = Server::builder().release(Release::Valkey9_1).start();
    let server = server.unwrap();
    let client = Client::connect(&server.url()).await.unwrap();

    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
    let list: RedisList<u32> = RedisList::new(&client, "list");
    let hash: RedisHash<u32, u32> = RedisHash::new(&client, "hash");
    let set: RedisSet<u32> = RedisSet::new(&client, "set");
    let sorted: RedisSortedSet<u32> = RedisSortedSet::new(&client, "sorted");
    for n in 0..MANY / 2 {
        space.set(n.to_string(), n).await.unwrap();
        list.push_back(n).await.unwrap();
        hash.set(n, n).await.unwrap();
        set.add(n).await.unwrap();
        sorted.insert(n, f64::from(n)).await.unwrap();
    }

    let half: Vec<_> = (0..MANY).map(|n| (n < MANY / 2).then_some(n)).collect();
    let is_there: Vec<_> = half.iter().map(Option::is_some).collect();
    let get = read(&server, "evalsha_ro", |n| space.get(n.to_string())).await;
    assert_eq!(get, half);
    let get = read(&server, "evalsha_ro", |n| list.get(n.into())).await;
    assert_eq!(get, half);
    assert_eq!(read(&server, "hmget", |n| hash.get(n)).await, half);
    let contains = read(&server, "evalsha_ro", |n| hash.contains_key(n)).await;
    assert_eq!(contains, is_there);
    let contains = read(&server, "smismember", |n| set.contains(n)).await;
    assert_eq!(contains, is_there);
    let contains = read(&server, "zmscore", |n| sorted.contains(n)).await;
    assert_eq!(contains, is_there);
    let scores = read(&server, "zmscore", |n| sorted.score(n)).await;
    let numbers = half.iter().map(|n| n.map(f64::from));
    assert_eq!(scores, numbers.collect::<Vec<_>>());
    let ranks = read(&server, "evalsha_ro", |n| sorted.rank(n)).await;
    let numbers = half.iter().map(|n| n.map(u64::from));
    assert_eq!(ranks, numbers.collect::<Vec<_>>());
    let ranks = read(&server, "evalsha_ro", |n| sorted.rank_rev(n)).await;
    assert_eq!(ranks.iter().flatten().count(), 25);
}

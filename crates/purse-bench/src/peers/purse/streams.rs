//! Element by element.

use std::pin::pin;
use std::time::Instant;

use futures::{Stream, TryStreamExt};
use purse::{Client, RedisHash, RedisKeySpace, RedisList, RedisSet, RedisSortedSet};

use crate::order::{Answer, Order, Result};

pub(super) async fn run(client: &Client, order: &Order) -> Result<Answer> {
    let key = &order.key;
    match order.op.as_str() {
        "list_iterate" => count(RedisList::<String>::new(client, key).stream(), order).await,
        "hash_iterate" => count(RedisHash::<String, String>::new(client, key).iter(), order).await,
        "set_iterate" => count(RedisSet::<String>::new(client, key).stream(), order).await,
        "sorted_iterate" => count(RedisSortedSet::<String>::new(client, key).stream(), order).await,
        "space_iterate" => count(RedisKeySpace::<String>::new(client, key).items(), order).await,
        other => Err(format!("purse has no {other}").into()),
    }
}

async fn count<T>(stream: impl Stream<Item = purse::Result<T>>, order: &Order) -> Result<Answer> {
    let started = Instant::now();
    let mut stream = pin!(stream);
    let mut done = 0;
    while done < order.count && stream.try_next().await?.is_some() {
        done += 1;
    }
    Ok(Answer::new(started.elapsed(), done))
}

//! One command each.

use std::time::Instant;

use purse::{Client, RedisHash, RedisKeySpace, RedisList, RedisSet, RedisSortedSet};

use crate::order::{Answer, ITEM, Order, Result, field};
use crate::spread::{sample, spread};

pub(super) async fn run(client: &Client, order: &Order) -> Result<Answer> {
    let list: RedisList<String> = RedisList::new(client, &order.key);
    let hash: RedisHash<String, String> = RedisHash::new(client, &order.key);
    let set: RedisSet<String> = RedisSet::new(client, &order.key);
    let sorted: RedisSortedSet<String> = RedisSortedSet::new(client, &order.key);
    let space: RedisKeySpace<String> = RedisKeySpace::new(client, &order.key);
    match order.op.as_str() {
        "list_append" => {
            spread(order, move |_| {
                let operation = list.push_back(ITEM);
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "list_get" => {
            spread(order, move |_| {
                let operation = list.get(0);
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "hash_set" => {
            spread(order, move |index| {
                let operation = hash.set(field(index % 1_000), ITEM);
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "hash_get" => {
            spread(order, move |index| {
                let operation = hash.get(field(index % 1_000));
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "set_contains" => {
            spread(order, move |index| {
                let operation = set.contains(field(index % 1_000));
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "sorted_insert" => {
            spread(order, move |index| {
                let operation = sorted.insert(field(index % 1_000), index as f64);
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "space_get" => {
            spread(order, move |index| {
                let operation = space.get(field(index % 1_000));
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        other => Err(format!("purse has no {other}").into()),
    }
}

/// From nothing to the first answer.
pub(super) async fn connect(urls: &[String], order: &Order) -> Result<Answer> {
    let url = urls.first().ok_or("no server")?.clone();
    let key = order.key.clone();
    sample(order, move |_| {
        let (url, key) = (url.clone(), key.clone());
        async move {
            let started = Instant::now();
            let client = Client::connect(&url).await?;
            let list: RedisList<String> = RedisList::new(&client, &key);
            list.get(0).await?;
            let took = started.elapsed().as_secs_f64();
            client.close().await;
            Ok(Some(took))
        }
    })
    .await
}

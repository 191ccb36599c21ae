//! Methods of one command each.

use std::time::Instant;

use purse::{Client, RedisHash, RedisKeySpace, RedisList, RedisSet, RedisSortedSet};

use crate::load::{run_tasks, sample_tasks};
use crate::protocol::{ITEM, Request, Response, Result, field};

pub(super) async fn run(client: &Client, request: &Request) -> Result<Response> {
    let list: RedisList<String> = RedisList::new(client, &request.key);
    let hash: RedisHash<String, String> = RedisHash::new(client, &request.key);
    let set: RedisSet<String> = RedisSet::new(client, &request.key);
    let sorted: RedisSortedSet<String> = RedisSortedSet::new(client, &request.key);
    let space: RedisKeySpace<String> = RedisKeySpace::new(client, &request.key);
    match request.op.as_str() {
        "list_append" => {
            run_tasks(request, move |_| {
                let operation = list.push_back(ITEM);
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "list_get" => {
            run_tasks(request, move |_| {
                let operation = list.get(0);
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "hash_set" => {
            run_tasks(request, move |index| {
                let operation = hash.set(field(index % 1_000), ITEM);
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "hash_get" => {
            run_tasks(request, move |index| {
                let operation = hash.get(field(index % 1_000));
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "set_contains" => {
            run_tasks(request, move |index| {
                let operation = set.contains(field(index % 1_000));
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "sorted_insert" => {
            run_tasks(request, move |index| {
                let operation = sorted.insert(field(index % 1_000), index as f64);
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        "space_get" => {
            run_tasks(request, move |index| {
                let operation = space.get(field(index % 1_000));
                async move { Ok(operation.await.map(drop)?) }
            })
            .await
        }
        other => Err(format!("purse has no {other}").into()),
    }
}

/// Measures the time from no connection to the first reply.
pub(super) async fn measure_connects(urls: &[String], request: &Request) -> Result<Response> {
    let url = urls.first().ok_or("no server")?.clone();
    let key = request.key.clone();
    sample_tasks(request, move |_| {
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

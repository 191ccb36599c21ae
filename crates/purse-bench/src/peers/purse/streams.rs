//! Iteration over all elements.

use std::pin::pin;
use std::time::Instant;

use futures::{Stream, TryStreamExt};
use purse::{Client, RedisHash, RedisKeySpace, RedisList, RedisSet, RedisSortedSet};

use crate::protocol::{Request, Response, Result};

pub(super) async fn run(client: &Client, request: &Request) -> Result<Response> {
    let key = &request.key;
    match request.op.as_str() {
        "list_iterate" => count(RedisList::<String>::new(client, key).stream(), request).await,
        "hash_iterate" => {
            count(
                RedisHash::<String, String>::new(client, key).iter(),
                request,
            )
            .await
        }
        "set_iterate" => count(RedisSet::<String>::new(client, key).stream(), request).await,
        "sorted_iterate" => {
            count(RedisSortedSet::<String>::new(client, key).stream(), request).await
        }
        "space_iterate" => count(RedisKeySpace::<String>::new(client, key).items(), request).await,
        other => Err(format!("purse has no {other}").into()),
    }
}

async fn count<T>(
    stream: impl Stream<Item = purse::Result<T>>,
    request: &Request,
) -> Result<Response> {
    let started = Instant::now();
    let mut stream = pin!(stream);
    let mut done = 0;
    while done < request.count && stream.try_next().await?.is_some() {
        done += 1;
    }
    Ok(Response::new(started.elapsed(), done))
}

//! Methods for many elements, and batches.

use std::iter::repeat_n;
use std::time::Instant;

use purse::{Client, RedisHash, RedisKeySpace, RedisList, RedisSet};

use crate::protocol::{ITEM, Request, Response, Result, field};

/// The number of commands in a batch.
const BATCH: usize = 1_000;

pub(super) async fn run(client: &Client, request: &Request) -> Result<Response> {
    let started = Instant::now();
    match request.op.as_str() {
        "list_extend" => {
            let list: RedisList<String> = RedisList::new(client, &request.key);
            list.extend(repeat_n(ITEM, request.count)).await?;
        }
        "hash_extend" => {
            let hash: RedisHash<String, String> = RedisHash::new(client, &request.key);
            hash.extend((0..request.count).map(|index| (field(index), ITEM)))
                .await?;
        }
        "hash_get_many" => {
            let hash: RedisHash<String, String> = RedisHash::new(client, &request.key);
            let found = hash.get_many((0..request.count).map(field)).await?;
            if found.iter().any(Option::is_none) {
                return Err("a field is missing".into());
            }
        }
        _ => {
            for _ in 0..request.count / BATCH {
                batch(client, &request.key).await?;
            }
        }
    }
    Ok(Response::new(started.elapsed(), request.count))
}

async fn batch(client: &Client, key: &str) -> Result<()> {
    let list: RedisList<String> = RedisList::new(client, format!("{key}:list"));
    let hash: RedisHash<String, String> = RedisHash::new(client, format!("{key}:hash"));
    let set: RedisSet<String> = RedisSet::new(client, format!("{key}:set"));
    let space: RedisKeySpace<String> = RedisKeySpace::new(client, format!("{key}:"));
    let mut batch = client.batch();
    let mut values = Vec::with_capacity(BATCH / 4);
    let mut counts = Vec::with_capacity(BATCH / 4);
    let mut flags = Vec::with_capacity(BATCH / 2);
    for index in 0..BATCH / 4 {
        counts.push(batch.add(list.push_back(ITEM)));
        flags.push(batch.add(hash.set(field(index), ITEM)));
        flags.push(batch.add(set.add(field(index))));
        values.push(batch.add(space.get(field(index))));
    }
    batch.send().await?;
    for pending in counts {
        pending.take()?;
    }
    for pending in flags {
        pending.take()?;
    }
    for pending in values {
        pending.take()?;
    }
    Ok(())
}

//! Commands with many values, and fred's pipeline.

use std::time::Instant;

use fred::clients::Client;
use fred::interfaces::{HashesInterface, KeysInterface, ListInterface, SetsInterface};
use fred::types::Value;

use crate::protocol::{ITEM, Request, Response, Result, field};

const CHUNK: usize = 1_000;

pub(super) async fn run(client: &Client, request: &Request) -> Result<Response> {
    let started = Instant::now();
    let mut from = 0;
    while from < request.count {
        let until = (from + CHUNK).min(request.count);
        let key = request.key.as_str();
        match request.op.as_str() {
            "list_extend" => {
                let _: i64 = client.rpush(key, vec![ITEM; until - from]).await?;
            }
            "hash_extend" => {
                let entries: Vec<_> = (from..until).map(|index| (field(index), ITEM)).collect();
                let _: i64 = client.hset(key, entries).await?;
            }
            "hash_get_many" => {
                let fields: Vec<_> = (from..until).map(field).collect();
                let _: Vec<String> = client.hmget(key, fields).await?;
            }
            _ => batch(client, key).await?,
        }
        from = until;
    }
    Ok(Response::new(started.elapsed(), request.count))
}

async fn batch(client: &Client, key: &str) -> Result<()> {
    let pipeline = client.pipeline();
    let (list, hash, set) = (
        format!("{key}:list"),
        format!("{key}:hash"),
        format!("{key}:set"),
    );
    for index in 0..CHUNK / 4 {
        let _: () = pipeline.rpush(&list, ITEM).await?;
        let _: () = pipeline.hset(&hash, (field(index), ITEM)).await?;
        let _: () = pipeline.sadd(&set, field(index)).await?;
        let _: () = pipeline.get(format!("{key}:{}", field(index))).await?;
    }
    let _: Vec<Value> = pipeline.all().await?;
    Ok(())
}

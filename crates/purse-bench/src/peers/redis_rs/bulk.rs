//! Commands with many values, and pipelines.

use std::time::Instant;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::protocol::{ITEM, Request, Response, Result, field};

const CHUNK: usize = 1_000;

pub(super) async fn run(
    mut connection: MultiplexedConnection,
    request: &Request,
) -> Result<Response> {
    let started = Instant::now();
    let mut from = 0;
    while from < request.count {
        let until = (from + CHUNK).min(request.count);
        let key = request.key.as_str();
        match request.op.as_str() {
            "list_extend" => {
                let _: i64 = connection.rpush(key, vec![ITEM; until - from]).await?;
            }
            "hash_extend" => {
                let entries: Vec<_> = (from..until).map(|index| (field(index), ITEM)).collect();
                let _: () = connection.hset_multiple(key, &entries).await?;
            }
            "hash_get_many" => {
                let fields: Vec<_> = (from..until).map(field).collect();
                let _: Vec<String> = connection.hmget(key, fields).await?;
            }
            _ => batch(&mut connection, key).await?,
        }
        from = until;
    }
    Ok(Response::new(started.elapsed(), request.count))
}

async fn batch(connection: &mut MultiplexedConnection, key: &str) -> Result<()> {
    let mut pipe = redis::pipe();
    let (list, hash, set) = (
        format!("{key}:list"),
        format!("{key}:hash"),
        format!("{key}:set"),
    );
    for index in 0..CHUNK / 4 {
        pipe.rpush(&list, ITEM)
            .hset(&hash, field(index), ITEM)
            .sadd(&set, field(index))
            .get(format!("{key}:{}", field(index)));
    }
    let _: Vec<redis::Value> = pipe.query_async(connection).await?;
    Ok(())
}

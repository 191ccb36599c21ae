//! Iteration over all elements: redis-rs' iterators of scans, LRANGE for lists, SCAN and MGET for key spaces.

use std::time::Instant;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::protocol::{Request, Response, Result};

const PAGE: isize = 256;

pub(super) async fn run(
    mut connection: MultiplexedConnection,
    request: &Request,
) -> Result<Response> {
    let started = Instant::now();
    let done = match request.op.as_str() {
        "list_iterate" => list(&mut connection, request).await?,
        "hash_iterate" => scan::<(String, String)>(&mut connection, "HSCAN", request).await?,
        "set_iterate" => scan::<String>(&mut connection, "SSCAN", request).await?,
        "sorted_iterate" => scan::<(String, f64)>(&mut connection, "ZSCAN", request).await?,
        "space_iterate" => space(&mut connection, request).await?,
        other => return Err(format!("redis-rs has no {other}").into()),
    };
    Ok(Response::new(started.elapsed(), done))
}

async fn list(connection: &mut MultiplexedConnection, request: &Request) -> Result<usize> {
    let mut done = 0;
    loop {
        let first = isize::try_from(done)?;
        let page: Vec<String> = connection
            .lrange(&request.key, first, first + PAGE - 1)
            .await?;
        if page.is_empty() || done >= request.count {
            return Ok(done);
        }
        done += page.len();
    }
}

async fn scan<T: redis::FromRedisValue + Unpin + Send + 'static>(
    connection: &mut MultiplexedConnection,
    name: &str,
    request: &Request,
) -> Result<usize> {
    let mut command = redis::cmd(name);
    command
        .arg(&request.key)
        .cursor_arg(0)
        .arg("COUNT")
        .arg(PAGE);
    let mut elements = command.iter_async::<T>(connection).await?;
    let mut done = 0;
    while let Some(element) = elements.next_item().await {
        element?;
        done += 1;
    }
    Ok(done)
}

async fn space(connection: &mut MultiplexedConnection, request: &Request) -> Result<usize> {
    let (mut done, mut cursor) = (0, 0_u64);
    loop {
        let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(format!("{}*", request.key))
            .arg("COUNT")
            .arg(PAGE)
            .query_async(connection)
            .await?;
        if !keys.is_empty() {
            let values: Vec<Option<String>> = connection.mget(keys).await?;
            done += values.len();
        }
        if next == 0 {
            return Ok(done);
        }
        cursor = next;
    }
}

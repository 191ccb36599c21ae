//! Iteration over all elements, page by page.

use std::pin::pin;
use std::time::Instant;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, KeysInterface, ListInterface};
use fred::types::scan::Scanner;
use fred::types::{ClusterHash, CustomCommand, Map, Value};
use futures::{Stream, TryStreamExt};

use crate::protocol::{Request, Response, Result};

const PAGE: u32 = 256;

pub(super) async fn run(client: &Client, request: &Request) -> Result<Response> {
    let started = Instant::now();
    let key = request.key.as_str();
    let done = match request.op.as_str() {
        "list_iterate" => list(client, request).await?,
        "hash_iterate" => {
            let pages = client.hscan(key, "*", Some(PAGE));
            scan(pages, |page: Map| {
                let entries = page.inner().into_iter();
                convert(
                    entries.map(|(name, value)| (Value::from(name), value)),
                    |it| {
                        let _: (String, String) = (it.0.convert()?, it.1.convert()?);
                        Ok(())
                    },
                )
            })
            .await?
        }
        "set_iterate" => {
            let pages = client.sscan(key, "*", Some(PAGE));
            scan(pages, |page: Vec<Value>| {
                convert(page.into_iter(), |value| {
                    let _: String = value.convert()?;
                    Ok(())
                })
            })
            .await?
        }
        "sorted_iterate" => {
            let pages = client.zscan(key, "*", Some(PAGE));
            scan(pages, |page: Vec<(Value, f64)>| {
                convert(page.into_iter(), |(value, _)| {
                    let _: String = value.convert()?;
                    Ok(())
                })
            })
            .await?
        }
        "space_iterate" => space(client, request).await?,
        other => return Err(format!("fred has no {other}").into()),
    };
    Ok(Response::new(started.elapsed(), done))
}

/// Reads all pages; requests the next page after one was read.
async fn scan<R: Scanner>(
    pages: impl Stream<Item = std::result::Result<R, Error>>,
    read: impl Fn(R::Page) -> Result<usize>,
) -> Result<usize> {
    let mut pages = pin!(pages);
    let mut done = 0;
    while let Some(mut page) = pages.try_next().await? {
        if let Some(elements) = page.take_results() {
            done += read(elements)?;
        }
        page.next();
    }
    Ok(done)
}

fn convert<T>(elements: impl Iterator<Item = T>, read: impl Fn(T) -> Result<()>) -> Result<usize> {
    let mut done = 0;
    for element in elements {
        read(element)?;
        done += 1;
    }
    Ok(done)
}

async fn list(client: &Client, request: &Request) -> Result<usize> {
    let mut done = 0;
    loop {
        let first = i64::try_from(done)?;
        let last = first + i64::from(PAGE) - 1;
        let page: Vec<String> = client.lrange(&request.key, first, last).await?;
        if page.is_empty() || done >= request.count {
            return Ok(done);
        }
        done += page.len();
    }
}

/// Reads keys by SCAN, and their values by MGET.
async fn space(client: &Client, request: &Request) -> Result<usize> {
    let (mut done, mut cursor) = (0, "0".to_owned());
    loop {
        let scan = CustomCommand::new_static("SCAN", ClusterHash::FirstKey, false);
        let args: Vec<Value> = vec![
            cursor.into(),
            "MATCH".into(),
            format!("{}*", request.key).into(),
            "COUNT".into(),
            i64::from(PAGE).into(),
        ];
        let (next, keys): (String, Vec<String>) = client.custom(scan, args).await?;
        if !keys.is_empty() {
            let values: Vec<Option<String>> = client.mget(keys).await?;
            done += values.len();
        }
        if next == "0" {
            return Ok(done);
        }
        cursor = next;
    }
}

//! Requests written by hand, without a library: the lower bound for a lock of many masters.
//!
//! One task of tokio writes the bytes of a request to each master, over one connection each, and
//! then reads the reply of each. No other task can use those connections, nothing has a timeout, and
//! any reply but the expected one is an error. In single rounds a library may still be ahead,
//! because on few cores it matters more which thread runs on which core.

use std::fmt::Write;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::load::run_tasks;
use crate::peers::Peer;
use crate::protocol::{Request, Response, Result};

/// The name of this peer, also in the table.
pub(crate) const NAME: &str = "plain sockets, the least there can be";

/// Deletes a lock if it still has the token of the holder.
const RELEASE: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
const TTL_MILLIS: &str = "10000";

pub(crate) struct PlainSockets(Arc<Mutex<Masters>>);

struct Masters {
    streams: Vec<TcpStream>,
    /// The digest of the script.
    release: String,
}

impl PlainSockets {
    pub(crate) async fn connect(urls: &[String]) -> Result<Self> {
        let mut streams = Vec::new();
        for url in urls {
            let address = url.strip_prefix("redis://").ok_or("no plain address")?;
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let release = redis::Script::new(RELEASE).get_hash().to_owned();
        let loaded = format!("${}\r\n{release}\r\n", release.len());
        request_all(&mut streams, &["SCRIPT", "LOAD", RELEASE], &loaded).await?;
        Ok(Self(Arc::new(Mutex::new(Masters { streams, release }))))
    }
}

impl Peer for PlainSockets {
    fn run<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response>> {
        let (masters, key) = (self.0.clone(), request.key.clone());
        Box::pin(async move {
            if request.op != "lock" || request.tasks != 1 {
                let Request { op, tasks, .. } = request;
                return Err(format!("plain sockets have no {op} by {tasks} tasks").into());
            }
            run_tasks(request, move |index| {
                let (masters, key) = (masters.clone(), format!("{key}:{index}"));
                async move {
                    masters
                        .lock()
                        .await
                        .lock_and_release(&key, &index.to_string())
                        .await
                }
            })
            .await
        })
    }
}

impl Masters {
    /// Acquires a lock, and releases it.
    async fn lock_and_release(&mut self, key: &str, token: &str) -> Result<()> {
        let set = ["SET", key, token, "NX", "PX", TTL_MILLIS];
        request_all(&mut self.streams, &set, "+OK\r\n").await?;
        let delete = ["EVALSHA", &self.release, "1", key, token];
        request_all(&mut self.streams, &delete, ":1\r\n").await
    }
}

/// Writes a request to all masters, then reads the reply of each, and fails if one is not `expected`.
async fn request_all(streams: &mut [TcpStream], words: &[&str], expected: &str) -> Result<()> {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        write!(request, "${}\r\n{word}\r\n", word.len())?;
    }
    for stream in &mut *streams {
        stream.write_all(request.as_bytes()).await?;
    }
    for stream in streams {
        let mut buffer = [0; 256];
        let mut length = 0;
        while length < expected.len() {
            let more = stream.read(&mut buffer[length..]).await?;
            length += more;
            if more == 0 || !expected.as_bytes().starts_with(&buffer[..length]) {
                let reply = String::from_utf8_lossy(&buffer[..length]);
                return Err(format!("{reply:?} is not {expected:?}").into());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use purse_testkit::{Masters, ServerBuilder};

    use super::*;

    async fn value(url: &str, command: &[&str]) -> Result<Option<String>> {
        let client = redis::Client::open(url)?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut words = redis::Cmd::new();
        words.arg(command);
        Ok(words.query_async(&mut connection).await?)
    }

    #[tokio::test]
    async fn lock_is_acquired_and_released_on_every_master() -> Result<()> {
        let masters = Masters::start_with(2, &ServerBuilder::default())?;
        let sockets = PlainSockets::connect(&masters.urls()).await?;
        let mut request = Request {
            op: "lock".to_owned(),
            key: "lock".to_owned(),
            tasks: 1,
            count: 3,
        };
        assert_eq!(sockets.run(&request).await?.done, 3);
        for url in masters.urls() {
            assert_eq!(value(&url, &["RANDOMKEY"]).await?, None);
            let calls = value(&url, &["INFO", "commandstats"]).await?;
            let calls = calls.unwrap_or_default();
            assert!(calls.contains("cmdstat_set:calls=3,"), "{calls}");
            assert!(calls.contains("cmdstat_del:calls=3,"), "{calls}");
        }
        // Another holder has the lock on the second master only.
        value(&masters.urls()[1], &["SET", "lock:1", "another"]).await?;
        let error = sockets.run(&request).await.map(drop).expect_err("held");
        assert_eq!(error.to_string(), r#""$-1\r\n" is not "+OK\r\n""#);
        request.tasks = 64;
        let error = sockets.run(&request).await.map(drop).expect_err("too many");
        assert!(
            error.to_string().ends_with("no lock by 64 tasks"),
            "{error}"
        );
        Ok(())
    }
}

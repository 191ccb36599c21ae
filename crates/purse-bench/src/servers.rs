//! The servers: their data before a run, and their faults during it.

use std::time::Duration;

use purse_testkit::{Masters, ServerBuilder};
use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::protocol::{ITEM, Request, Result, field};
use crate::works::{Collection, Preload, Topology};

/// The delay of each reply of the slow master.
const REPLY_DELAY: Duration = Duration::from_millis(20);
/// The number of elements in a command that fills a collection.
const CHUNK: usize = 10_000;

/// Five masters, and a proxy before the third one that delays its replies.
pub(crate) struct Servers {
    masters: Masters,
    slow_url: String,
    connection: MultiplexedConnection,
    /// The data that the first master has, if a later run can use them again.
    preloaded: Option<String>,
}

impl Servers {
    pub(crate) async fn start() -> Result<Self> {
        let masters = Masters::start_with(5, &ServerBuilder::default())?;
        let urls = masters.urls();
        let client = redis::Client::open(urls[0].as_str())?;
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        Ok(Self {
            connection: client
                .get_multiplexed_async_connection_with_config(&config)
                .await?,
            slow_url: start_slow_proxy(masters[2].port()).await?,
            masters,
            preloaded: None,
        })
    }

    /// Returns the addresses of the servers that the topology has.
    pub(crate) fn urls(&self, topology: Topology) -> Vec<String> {
        let mut urls = self.masters.urls();
        match topology {
            Topology::Masters(count) => urls.truncate(count),
            Topology::OneStopped => urls.truncate(3),
            Topology::OneSlow => {
                urls.truncate(2);
                urls.push(self.slow_url.clone());
            }
        }
        urls
    }

    /// Stops the master that is stopped in this topology.
    pub(crate) fn inject_fault(&self, topology: Topology) -> Result<()> {
        if topology == Topology::OneStopped {
            self.masters[2].pause()?;
        }
        Ok(())
    }

    /// Resumes the master that was stopped.
    pub(crate) fn heal(&self, topology: Topology) -> Result<()> {
        if topology == Topology::OneStopped {
            self.masters[2].resume()?;
        }
        Ok(())
    }

    /// Prepares the data that the request needs on the first master.
    pub(crate) async fn preload(&mut self, request: &Request, preload: Preload) -> Result<()> {
        let key = request.key.as_str();
        match preload {
            Preload::Keep => Ok(()),
            Preload::Clear => self.flush(None).await,
            Preload::Queue => {
                self.flush(None).await?;
                self.add_elements(key, Collection::List, request.count, ITEM)
                    .await
            }
            Preload::Elements(collection, size, value) => {
                let name = format!("{key} {collection:?} {size}");
                if self.preloaded.as_ref() == Some(&name) {
                    return Ok(());
                }
                self.flush(Some(name)).await?;
                self.add_elements(key, collection, size, value).await
            }
        }
    }

    async fn flush(&mut self, next: Option<String>) -> Result<()> {
        self.preloaded = next;
        redis::cmd("FLUSHALL")
            .exec_async(&mut self.connection)
            .await?;
        Ok(())
    }

    async fn add_elements(
        &mut self,
        key: &str,
        collection: Collection,
        size: usize,
        value: &str,
    ) -> Result<()> {
        for first in (0..size).step_by(CHUNK) {
            let range = first..(first + CHUNK).min(size);
            let mut command = redis::Cmd::new();
            match collection {
                Collection::List => command.arg("RPUSH").arg(key),
                Collection::Hash => command.arg("HSET").arg(key),
                Collection::Set => command.arg("SADD").arg(key),
                Collection::Sorted => command.arg("ZADD").arg(key),
                Collection::Space => command.arg("MSET"),
            };
            for index in range {
                match collection {
                    Collection::List => command.arg(value),
                    Collection::Hash => command.arg(field(index)).arg(value),
                    Collection::Set => command.arg(member(index, value)),
                    Collection::Sorted => command.arg(index).arg(member(index, value)),
                    Collection::Space => command.arg(format!("{key}{}", field(index))).arg(value),
                };
            }
            command.exec_async(&mut self.connection).await?;
        }
        Ok(())
    }
}

/// Returns an element of a set: unlike all others, and as long as the value, and JSON if the value is.
fn member(index: usize, value: &str) -> String {
    if value == ITEM {
        format!("\"{index:098}\"")
    } else {
        field(index)
    }
}

/// Starts a proxy that delays each reply, and with it all that the server sends in that time.
async fn start_slow_proxy(port: u16) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("redis://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(relay(client, port));
        }
    });
    Ok(url)
}

async fn relay(client: TcpStream, port: u16) -> Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut requests, mut replies) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let forward = tokio::spawn(async move {
        tokio::io::copy(&mut requests, &mut to_server).await?;
        to_server.shutdown().await
    });
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from_server.read(&mut buffer).await?;
        if length == 0 {
            break;
        }
        sleep(REPLY_DELAY).await;
        replies.write_all(&buffer[..length]).await?;
    }
    forward.abort();
    Ok(())
}

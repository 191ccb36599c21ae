//! The servers, what is in them, and what is wrong with them.

use std::time::Duration;

use purse_testkit::{Masters, ServerBuilder};
use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::order::{ITEM, Order, Result, field};
use crate::work::{Fill, Shape, Site};

/// How late the slow master answers.
const LATE: Duration = Duration::from_millis(20);
const CHUNK: usize = 10_000;

pub(crate) struct Stage {
    masters: Masters,
    slow: String,
    connection: MultiplexedConnection,
    filled: Option<String>,
}

impl Stage {
    pub(crate) async fn start() -> Result<Self> {
        let masters = Masters::start_with(5, &ServerBuilder::default())?;
        let urls = masters.urls();
        let client = redis::Client::open(urls[0].as_str())?;
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        Ok(Self {
            connection: client
                .get_multiplexed_async_connection_with_config(&config)
                .await?,
            slow: slow_way_to(masters[2].port()).await?,
            masters,
            filled: None,
        })
    }

    pub(crate) fn urls(&self, site: Site) -> Vec<String> {
        let mut urls = self.masters.urls();
        match site {
            Site::Masters(count) => urls.truncate(count),
            Site::Stopped => urls.truncate(3),
            Site::Slow => {
                urls.truncate(2);
                urls.push(self.slow.clone());
            }
        }
        urls
    }

    pub(crate) fn break_down(&self, site: Site) -> Result<()> {
        if site == Site::Stopped {
            self.masters[2].pause()?;
        }
        Ok(())
    }

    pub(crate) fn mend(&self, site: Site) -> Result<()> {
        if site == Site::Stopped {
            self.masters[2].resume()?;
        }
        Ok(())
    }

    /// Makes what the order needs.
    pub(crate) async fn fill(&mut self, order: &Order, fill: Fill) -> Result<()> {
        let key = order.key.as_str();
        match fill {
            Fill::Nothing => Ok(()),
            Fill::Fresh => self.drop_all(None).await,
            Fill::Queue => {
                self.drop_all(None).await?;
                self.elements(key, Shape::List, order.count, ITEM).await
            }
            Fill::Elements(shape, size, value) => {
                let name = format!("{key} {shape:?} {size}");
                if self.filled.as_ref() == Some(&name) {
                    return Ok(());
                }
                self.drop_all(Some(name)).await?;
                self.elements(key, shape, size, value).await
            }
        }
    }

    async fn drop_all(&mut self, next: Option<String>) -> Result<()> {
        self.filled = next;
        redis::cmd("FLUSHALL")
            .exec_async(&mut self.connection)
            .await?;
        Ok(())
    }

    async fn elements(&mut self, key: &str, shape: Shape, size: usize, value: &str) -> Result<()> {
        for first in (0..size).step_by(CHUNK) {
            let range = first..(first + CHUNK).min(size);
            let mut command = redis::Cmd::new();
            match shape {
                Shape::List => command.arg("RPUSH").arg(key),
                Shape::Hash => command.arg("HSET").arg(key),
                Shape::Set => command.arg("SADD").arg(key),
                Shape::Sorted => command.arg("ZADD").arg(key),
                Shape::Space => command.arg("MSET"),
            };
            for index in range {
                match shape {
                    Shape::List => command.arg(value),
                    Shape::Hash => command.arg(field(index)).arg(value),
                    Shape::Set => command.arg(member(index, value)),
                    Shape::Sorted => command.arg(index).arg(member(index, value)),
                    Shape::Space => command.arg(format!("{key}{}", field(index))).arg(value),
                };
            }
            command.exec_async(&mut self.connection).await?;
        }
        Ok(())
    }
}

/// Elements of sets differ; they are as long as the value, and JSON where that is.
fn member(index: usize, value: &str) -> String {
    if value == ITEM {
        format!("\"{index:098}\"")
    } else {
        field(index)
    }
}

/// A proxy that lets each reply wait; what comes meanwhile waits along with it.
async fn slow_way_to(port: u16) -> Result<String> {
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
    let there = tokio::spawn(async move {
        tokio::io::copy(&mut requests, &mut to_server).await?;
        to_server.shutdown().await
    });
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from_server.read(&mut buffer).await?;
        if length == 0 {
            break;
        }
        sleep(LATE).await;
        replies.write_all(&buffer[..length]).await?;
    }
    there.abort();
    Ok(())
}

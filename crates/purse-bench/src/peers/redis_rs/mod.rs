//! The commands of redis-rs, over one multiplexed connection.

mod bulk;
mod streams;

use std::time::Instant;

use futures::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, Client};

use crate::load::measure_queue_latency;
use crate::load::{run_tasks, sample_tasks};
use crate::peers::Peer;
use crate::protocol::{ITEM, Request, Response, Result, field};

pub(crate) struct RedisRs {
    client: Client,
    connection: MultiplexedConnection,
}

impl RedisRs {
    pub(crate) async fn connect(urls: &[String]) -> Result<Self> {
        let client = Client::open(urls.first().ok_or("no server")?.as_str())?;
        let connection = client.get_multiplexed_async_connection().await?;
        Ok(Self { client, connection })
    }

    async fn measure_single(&self, request: &Request) -> Result<Response> {
        let (connection, key) = (self.connection.clone(), request.key.clone());
        match request.op.as_str() {
            "list_append" => {
                run_tasks(request, move |_| {
                    let (mut connection, key) = (connection.clone(), key.clone());
                    async move { Ok(connection.rpush(key, ITEM).await?) }
                })
                .await
            }
            "list_get" => {
                run_tasks(request, move |_| {
                    let (mut connection, key) = (connection.clone(), key.clone());
                    async move {
                        let _: Option<String> = connection.lindex(key, 0).await?;
                        Ok(())
                    }
                })
                .await
            }
            "hash_set" => {
                run_tasks(request, move |index| {
                    let (mut connection, key) = (connection.clone(), key.clone());
                    async move { Ok(connection.hset(key, field(index % 1_000), ITEM).await?) }
                })
                .await
            }
            "hash_get" => {
                run_tasks(request, move |index| {
                    let (mut connection, key) = (connection.clone(), key.clone());
                    async move {
                        let _: Option<String> = connection.hget(key, field(index % 1_000)).await?;
                        Ok(())
                    }
                })
                .await
            }
            other => Err(format!("redis-rs has no {other}").into()),
        }
    }

    /// Pops with a connection for each consumer, without a response timeout.
    async fn measure_queue(&self, request: &Request) -> Result<Response> {
        let pusher = self.connection.clone();
        let mut consumers = Vec::new();
        let no_timeout = AsyncConnectionConfig::new().set_response_timeout(None);
        for _ in 0..request.tasks {
            let connection = self
                .client
                .get_multiplexed_async_connection_with_config(&no_timeout);
            consumers.push(connection.await?);
        }
        let (key, each) = (request.key.clone(), (request.count / request.tasks).max(1));
        let pop = move |index: usize| {
            let mut connection = consumers[index / each % consumers.len()].clone();
            let key = key.clone();
            async move {
                let _: (String, String) = connection.brpop(key, 0.0).await?;
                Ok(())
            }
        };
        if request.op != "queue_handover" {
            return run_tasks(request, pop).await;
        }
        let key = request.key.clone();
        let push = move || {
            let (mut connection, key) = (pusher.clone(), key.clone());
            async move { Ok(connection.lpush(key, ITEM).await?) }
        };
        measure_queue_latency(request, push, move || pop(0)).await
    }

    async fn measure_connects(&self, request: &Request) -> Result<Response> {
        let (client, key) = (self.client.clone(), request.key.clone());
        sample_tasks(request, move |_| {
            let (client, key) = (client.clone(), key.clone());
            async move {
                let started = Instant::now();
                let mut connection = client.get_multiplexed_async_connection().await?;
                let _: Option<String> = connection.lindex(key, 0).await?;
                Ok(Some(started.elapsed().as_secs_f64()))
            }
        })
        .await
    }
}

impl Peer for RedisRs {
    fn run<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            match request.op.as_str() {
                "list_extend" | "hash_extend" | "hash_get_many" | "batch" => {
                    bulk::run(self.connection.clone(), request).await
                }
                op if op.ends_with("_iterate") => {
                    streams::run(self.connection.clone(), request).await
                }
                op if op.starts_with("queue") => self.measure_queue(request).await,
                "connect" => self.measure_connects(request).await,
                _ => self.measure_single(request).await,
            }
        })
    }
}

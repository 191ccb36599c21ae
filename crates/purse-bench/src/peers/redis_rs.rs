//! redis-rs, by hand, over one multiplexed connection.

mod bulk;
mod streams;

use std::time::Instant;

use futures::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, Client};

use crate::order::{Answer, ITEM, Order, Result, field};
use crate::passing::pass;
use crate::peer::Peer;
use crate::spread::{sample, spread};

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

    async fn single(&self, order: &Order) -> Result<Answer> {
        let (connection, key) = (self.connection.clone(), order.key.clone());
        match order.op.as_str() {
            "list_append" => {
                spread(order, move |_| {
                    let (mut connection, key) = (connection.clone(), key.clone());
                    async move { Ok(connection.rpush(key, ITEM).await?) }
                })
                .await
            }
            "list_get" => {
                spread(order, move |_| {
                    let (mut connection, key) = (connection.clone(), key.clone());
                    async move {
                        let _: Option<String> = connection.lindex(key, 0).await?;
                        Ok(())
                    }
                })
                .await
            }
            "hash_set" => {
                spread(order, move |index| {
                    let (mut connection, key) = (connection.clone(), key.clone());
                    async move { Ok(connection.hset(key, field(index % 1_000), ITEM).await?) }
                })
                .await
            }
            "hash_get" => {
                spread(order, move |index| {
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

    /// Each consumer has a connection of its own, without a bound of its wait.
    async fn queue(&self, order: &Order) -> Result<Answer> {
        let pusher = self.connection.clone();
        let mut consumers = Vec::new();
        let patient = AsyncConnectionConfig::new().set_response_timeout(None);
        for _ in 0..order.tasks {
            let connection = self
                .client
                .get_multiplexed_async_connection_with_config(&patient);
            consumers.push(connection.await?);
        }
        let (key, each) = (order.key.clone(), (order.count / order.tasks).max(1));
        let pop = move |index: usize| {
            let mut connection = consumers[index / each % consumers.len()].clone();
            let key = key.clone();
            async move {
                let _: (String, String) = connection.brpop(key, 0.0).await?;
                Ok(())
            }
        };
        if order.op != "queue_handover" {
            return spread(order, pop).await;
        }
        let key = order.key.clone();
        let push = move || {
            let (mut connection, key) = (pusher.clone(), key.clone());
            async move { Ok(connection.lpush(key, ITEM).await?) }
        };
        pass(order, push, move || pop(0)).await
    }

    async fn measure_connects(&self, order: &Order) -> Result<Answer> {
        let (client, key) = (self.client.clone(), order.key.clone());
        sample(order, move |_| {
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
    fn run<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            match order.op.as_str() {
                "list_extend" | "hash_extend" | "hash_get_many" | "batch" => {
                    bulk::run(self.connection.clone(), order).await
                }
                op if op.ends_with("_iterate") => {
                    streams::run(self.connection.clone(), order).await
                }
                op if op.starts_with("queue") => self.queue(order).await,
                "connect" => self.measure_connects(order).await,
                _ => self.single(order).await,
            }
        })
    }
}

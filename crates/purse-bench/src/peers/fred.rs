//! The commands of fred, as one would write them by hand.

mod bulk;
mod streams;

use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::interfaces::{
    ClientLike, HashesInterface, KeysInterface, ListInterface, SetsInterface, SortedSetsInterface,
};
use fred::types::config::{Config, TcpConfig};
use fred::types::{Builder, RespVersion};
use futures::future::BoxFuture;

use crate::order::{Answer, ITEM, Order, Result, field};
use crate::passing::pass;
use crate::peer::Peer;
use crate::spread::{sample, spread};

pub(crate) struct Fred {
    client: Client,
    url: String,
}

/// A client with the settings of purse's own.
async fn client(url: &str) -> Result<Client> {
    let mut builder = Builder::from_config(Config::from_url(url)?);
    builder
        .with_config(|config| config.version = RespVersion::RESP3)
        .with_connection_config(|connection| {
            connection.connection_timeout = Duration::from_secs(5);
            connection.internal_command_timeout = Duration::from_secs(5);
            connection.tcp = TcpConfig {
                nodelay: Some(true),
                ..TcpConfig::default()
            };
        })
        .with_performance_config(|performance| {
            performance.default_command_timeout = Duration::from_secs(5);
        });
    let client = builder.build()?;
    client.init().await?;
    Ok(client)
}

impl Fred {
    pub(crate) async fn connect(urls: &[String]) -> Result<Self> {
        let url = urls.first().ok_or("no server")?.clone();
        Ok(Self {
            client: client(&url).await?,
            url,
        })
    }

    async fn single(&self, order: &Order) -> Result<Answer> {
        let (client, key) = (self.client.clone(), order.key.clone());
        match order.op.as_str() {
            "list_append" => {
                spread(order, move |_| {
                    let (client, key) = (client.clone(), key.clone());
                    async move { Ok(client.rpush(key, ITEM).await?) }
                })
                .await
            }
            "list_get" => {
                spread(order, move |_| {
                    let (client, key) = (client.clone(), key.clone());
                    async move {
                        let _: Option<String> = client.lindex(key, 0).await?;
                        Ok(())
                    }
                })
                .await
            }
            "hash_set" => {
                spread(order, move |index| {
                    let (client, key) = (client.clone(), key.clone());
                    async move { Ok(client.hset(key, (field(index % 1_000), ITEM)).await?) }
                })
                .await
            }
            "hash_get" => {
                spread(order, move |index| {
                    let (client, key) = (client.clone(), key.clone());
                    async move {
                        let _: Option<String> = client.hget(key, field(index % 1_000)).await?;
                        Ok(())
                    }
                })
                .await
            }
            "set_contains" => {
                spread(order, move |index| {
                    let (client, key) = (client.clone(), key.clone());
                    async move {
                        let _: bool = client.sismember(key, field(index % 1_000)).await?;
                        Ok(())
                    }
                })
                .await
            }
            "sorted_insert" => {
                spread(order, move |index| {
                    let (client, key) = (client.clone(), key.clone());
                    async move {
                        let member = (index as f64, field(index % 1_000));
                        let _: i64 = client.zadd(key, None, None, false, false, member).await?;
                        Ok(())
                    }
                })
                .await
            }
            "space_get" => {
                spread(order, move |index| {
                    let (client, key) = (client.clone(), key.clone());
                    async move {
                        let name = format!("{key}{}", field(index % 1_000));
                        let _: Option<String> = client.get(name).await?;
                        Ok(())
                    }
                })
                .await
            }
            other => Err(format!("fred has no {other}").into()),
        }
    }

    /// Each consumer has a connection of its own, since a pop that waits takes it for itself.
    async fn queue(&self, order: &Order) -> Result<Answer> {
        let pusher = self.client.clone();
        let mut consumers = Vec::new();
        for _ in 0..order.tasks {
            consumers.push(client(&self.url).await?);
        }
        let (key, each) = (order.key.clone(), (order.count / order.tasks).max(1));
        let kept = consumers.clone();
        let pop = move |index: usize| {
            let (client, key) = (
                consumers[index / each % consumers.len()].clone(),
                key.clone(),
            );
            async move {
                let _: (String, String) = client.brpop(key, 0.0).await?;
                Ok(())
            }
        };
        let answer = if order.op == "queue_handover" {
            let key = order.key.clone();
            let push = move || {
                let (client, key) = (pusher.clone(), key.clone());
                async move { Ok(client.lpush(key, ITEM).await?) }
            };
            pass(order, push, move || pop(0)).await
        } else {
            spread(order, pop).await
        };
        for client in kept {
            client.quit().await?;
        }
        answer
    }

    async fn measure_connects(&self, order: &Order) -> Result<Answer> {
        let (url, key) = (self.url.clone(), order.key.clone());
        sample(order, move |_| {
            let (url, key) = (url.clone(), key.clone());
            async move {
                let started = Instant::now();
                let client = client(&url).await?;
                let _: Option<String> = client.lindex(key, 0).await?;
                let took = started.elapsed().as_secs_f64();
                client.quit().await?;
                Ok(Some(took))
            }
        })
        .await
    }
}

impl Peer for Fred {
    fn run<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            match order.op.as_str() {
                "list_extend" | "hash_extend" | "hash_get_many" | "batch" => {
                    bulk::run(&self.client, order).await
                }
                op if op.ends_with("_iterate") => streams::run(&self.client, order).await,
                op if op.starts_with("queue") => self.queue(order).await,
                "connect" => self.measure_connects(order).await,
                _ => self.single(order).await,
            }
        })
    }
}

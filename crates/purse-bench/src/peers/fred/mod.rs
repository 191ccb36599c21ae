//! The commands of fred, called without purse.

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

use crate::load::measure_queue_latency;
use crate::load::{run_tasks, sample_tasks};
use crate::peers::Peer;
use crate::protocol::{ITEM, Request, Response, Result, field};

pub(crate) struct Fred {
    client: Client,
    url: String,
}

/// Connects a client with the settings that purse gives its clients.
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

    async fn measure_single(&self, request: &Request) -> Result<Response> {
        let (client, key) = (self.client.clone(), request.key.clone());
        match request.op.as_str() {
            "list_append" => {
                run_tasks(request, move |_| {
                    let (client, key) = (client.clone(), key.clone());
                    async move { Ok(client.rpush(key, ITEM).await?) }
                })
                .await
            }
            "list_get" => {
                run_tasks(request, move |_| {
                    let (client, key) = (client.clone(), key.clone());
                    async move {
                        let _: Option<String> = client.lindex(key, 0).await?;
                        Ok(())
                    }
                })
                .await
            }
            "hash_set" => {
                run_tasks(request, move |index| {
                    let (client, key) = (client.clone(), key.clone());
                    async move { Ok(client.hset(key, (field(index % 1_000), ITEM)).await?) }
                })
                .await
            }
            "hash_get" => {
                run_tasks(request, move |index| {
                    let (client, key) = (client.clone(), key.clone());
                    async move {
                        let _: Option<String> = client.hget(key, field(index % 1_000)).await?;
                        Ok(())
                    }
                })
                .await
            }
            "set_contains" => {
                run_tasks(request, move |index| {
                    let (client, key) = (client.clone(), key.clone());
                    async move {
                        let _: bool = client.sismember(key, field(index % 1_000)).await?;
                        Ok(())
                    }
                })
                .await
            }
            "sorted_insert" => {
                run_tasks(request, move |index| {
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
                run_tasks(request, move |index| {
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

    /// Pops with a connection for each consumer, because a pop that waits blocks its connection.
    async fn measure_queue(&self, request: &Request) -> Result<Response> {
        let pusher = self.client.clone();
        let mut consumers = Vec::new();
        for _ in 0..request.tasks {
            consumers.push(client(&self.url).await?);
        }
        let (key, each) = (request.key.clone(), (request.count / request.tasks).max(1));
        let to_close = consumers.clone();
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
        let response = if request.op == "queue_handover" {
            let key = request.key.clone();
            let push = move || {
                let (client, key) = (pusher.clone(), key.clone());
                async move { Ok(client.lpush(key, ITEM).await?) }
            };
            measure_queue_latency(request, push, move || pop(0)).await
        } else {
            run_tasks(request, pop).await
        };
        for client in to_close {
            client.quit().await?;
        }
        response
    }

    async fn measure_connects(&self, request: &Request) -> Result<Response> {
        let (url, key) = (self.url.clone(), request.key.clone());
        sample_tasks(request, move |_| {
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
    fn run<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            match request.op.as_str() {
                "list_extend" | "hash_extend" | "hash_get_many" | "batch" => {
                    bulk::run(&self.client, request).await
                }
                op if op.ends_with("_iterate") => streams::run(&self.client, request).await,
                op if op.starts_with("queue") => self.measure_queue(request).await,
                "connect" => self.measure_connects(request).await,
                _ => self.measure_single(request).await,
            }
        })
    }
}

//! purse itself.

mod bulk;
mod codecs;
mod locks;
mod queues;
mod singles;
mod streams;

use futures::future::BoxFuture;
use purse::{Client, Redlock};

use crate::order::{Answer, Order, Result};
use crate::peer::Peer;

pub(crate) struct Purse {
    client: Client,
    urls: Vec<String>,
    redlock: Redlock,
}

impl Purse {
    pub(crate) async fn connect(urls: &[String]) -> Result<Self> {
        let first = urls.first().ok_or("no server")?;
        Ok(Self {
            client: Client::connect(first).await?,
            redlock: locks::redlock(urls).await?,
            urls: urls.to_vec(),
        })
    }
}

impl Peer for Purse {
    fn run<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Answer>> {
        let client = &self.client;
        Box::pin(async move {
            match order.op.as_str() {
                "list_extend" | "hash_extend" | "hash_get_many" | "batch" => {
                    bulk::run(client, order).await
                }
                op if op.ends_with("_iterate") => streams::run(client, order).await,
                op if op.starts_with("lock") => locks::run(&self.redlock, order).await,
                op if op.starts_with("queue") => queues::run(client, order).await,
                op if op.starts_with("encode") || op.starts_with("decode") => codecs::run(order),
                "connect" => singles::connect(&self.urls, order).await,
                _ => singles::run(client, order).await,
            }
        })
    }
}

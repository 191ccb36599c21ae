//! purse.

mod bulk;
mod codecs;
mod locks;
mod queues;
mod singles;
mod streams;

use futures::future::BoxFuture;
use purse::{Client, Redlock};

use crate::peers::Peer;
use crate::protocol::{Request, Response, Result};

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
            redlock: locks::connect(urls).await?,
            urls: urls.to_vec(),
        })
    }
}

impl Peer for Purse {
    fn run<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response>> {
        let client = &self.client;
        Box::pin(async move {
            match request.op.as_str() {
                "list_extend" | "hash_extend" | "hash_get_many" | "batch" => {
                    bulk::run(client, request).await
                }
                op if op.ends_with("_iterate") => streams::run(client, request).await,
                op if op.starts_with("lock") => locks::run(&self.redlock, request).await,
                op if op.starts_with("queue") => queues::run(client, request).await,
                op if op.starts_with("encode") || op.starts_with("decode") => codecs::run(request),
                "connect" => singles::measure_connects(&self.urls, request).await,
                _ => singles::run(client, request).await,
            }
        })
    }
}

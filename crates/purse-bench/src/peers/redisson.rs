//! The `redisson` crate.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use redisson::{
    AsyncRList, AsyncRMap, AsyncRRedLock, AsyncRedisConnectionManager, AsyncRedissonClient,
    RedissonConfig,
};

use crate::load::measure_handovers;
use crate::load::run_tasks;
use crate::peers::Peer;
use crate::protocol::{ITEM, Request, Response, Result, field};

const TTL: Duration = Duration::from_secs(10);
/// Its default is to give up after three retries.
const RETRIES: u32 = 1_000_000;
/// Its default of 10 connections fails for 64 tasks.
const POOL: u32 = 64;
const RETRY_DELAY: Duration = Duration::from_millis(200);

pub(crate) struct Redisson {
    client: AsyncRedissonClient,
    masters: Vec<Arc<AsyncRedisConnectionManager>>,
}

impl Redisson {
    pub(crate) async fn connect(urls: &[String]) -> Result<Self> {
        let first = urls.first().ok_or("no server")?;
        let mut masters = Vec::new();
        for url in urls {
            let config = RedissonConfig::single_server(url).with_pool_size(POOL);
            masters.push(Arc::new(AsyncRedisConnectionManager::new(&config).await?));
        }
        Ok(Self {
            client: AsyncRedissonClient::new(
                RedissonConfig::single_server(first).with_pool_size(POOL),
            )
            .await?,
            masters,
        })
    }

    async fn lock(&self, request: &Request) -> Result<Response> {
        let (masters, key) = (self.masters.clone(), request.key.clone());
        let acquire = move |name: String| {
            let lock = AsyncRRedLock::new(masters.clone(), name, TTL);
            async move {
                lock.lock_with_retries(RETRIES, RETRY_DELAY).await?;
                Ok(lock)
            }
        };
        let release = |lock: AsyncRRedLock| async move { Ok(lock.unlock().await.map(drop)?) };
        if request.op == "lock_handover" {
            return measure_handovers(request, move || acquire(key.clone()), release).await;
        }
        run_tasks(request, move |index| {
            let acquired = acquire(format!("{key}:{index}"));
            async move { release(acquired.await?).await }
        })
        .await
    }
}

impl Peer for Redisson {
    fn run<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response>> {
        let list: Arc<AsyncRList<String>> = Arc::new(self.client.get_list(&request.key));
        let map: Arc<AsyncRMap<String, String>> = Arc::new(self.client.get_map(&request.key));
        let item = Arc::new(ITEM.to_owned());
        Box::pin(async move {
            match request.op.as_str() {
                "list_append" => {
                    run_tasks(request, move |_| {
                        let (list, item) = (list.clone(), item.clone());
                        async move { Ok(list.add(&item).await.map(drop)?) }
                    })
                    .await
                }
                "list_get" => {
                    run_tasks(request, move |_| {
                        let list = list.clone();
                        async move { Ok(list.get(0).await.map(drop)?) }
                    })
                    .await
                }
                "hash_set" => {
                    run_tasks(request, move |index| {
                        let (map, item) = (map.clone(), item.clone());
                        async move { Ok(map.put(&field(index % 1_000), &item).await.map(drop)?) }
                    })
                    .await
                }
                "hash_get" => {
                    run_tasks(request, move |index| {
                        let map = map.clone();
                        async move { Ok(map.get(&field(index % 1_000)).await.map(drop)?) }
                    })
                    .await
                }
                "lock" | "lock_handover" => self.lock(request).await,
                other => Err(format!("redisson has no {other}").into()),
            }
        })
    }
}

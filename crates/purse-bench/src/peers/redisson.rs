//! The `redisson` crate.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use redisson::{
    AsyncRList, AsyncRMap, AsyncRRedLock, AsyncRedisConnectionManager, AsyncRedissonClient,
    RedissonConfig,
};

use crate::handover::handover;
use crate::order::{Answer, ITEM, Order, Result, field};
use crate::peer::Peer;
use crate::spread::spread;

const TTL: Duration = Duration::from_secs(10);
/// Its own default is to give up after three of them.
const RETRIES: u32 = 1_000_000;
/// Its own default of 10 fails for 64 tasks.
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

    async fn lock(&self, order: &Order) -> Result<Answer> {
        let (masters, key) = (self.masters.clone(), order.key.clone());
        let take = move |name: String| {
            let lock = AsyncRRedLock::new(masters.clone(), name, TTL);
            async move {
                lock.lock_with_retries(RETRIES, RETRY_DELAY).await?;
                Ok(lock)
            }
        };
        let release = |lock: AsyncRRedLock| async move { Ok(lock.unlock().await.map(drop)?) };
        if order.op == "lock_handover" {
            return handover(order, move || take(key.clone()), release).await;
        }
        spread(order, move |index| {
            let taken = take(format!("{key}:{index}"));
            async move { release(taken.await?).await }
        })
        .await
    }
}

impl Peer for Redisson {
    fn run<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Answer>> {
        let list: Arc<AsyncRList<String>> = Arc::new(self.client.get_list(&order.key));
        let map: Arc<AsyncRMap<String, String>> = Arc::new(self.client.get_map(&order.key));
        let item = Arc::new(ITEM.to_owned());
        Box::pin(async move {
            match order.op.as_str() {
                "list_append" => {
                    spread(order, move |_| {
                        let (list, item) = (list.clone(), item.clone());
                        async move { Ok(list.add(&item).await.map(drop)?) }
                    })
                    .await
                }
                "list_get" => {
                    spread(order, move |_| {
                        let list = list.clone();
                        async move { Ok(list.get(0).await.map(drop)?) }
                    })
                    .await
                }
                "hash_set" => {
                    spread(order, move |index| {
                        let (map, item) = (map.clone(), item.clone());
                        async move { Ok(map.put(&field(index % 1_000), &item).await.map(drop)?) }
                    })
                    .await
                }
                "hash_get" => {
                    spread(order, move |index| {
                        let map = map.clone();
                        async move { Ok(map.get(&field(index % 1_000)).await.map(drop)?) }
                    })
                    .await
                }
                "lock" | "lock_handover" => self.lock(order).await,
                other => Err(format!("redisson has no {other}").into()),
            }
        })
    }
}

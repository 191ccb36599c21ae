//! rslock: the lock of redis-rs.

use std::time::Duration;

use futures::future::BoxFuture;
use rslock::LockManager;

use crate::handover::handover;
use crate::order::{Answer, Order, Result};
use crate::peer::Peer;
use crate::spread::spread;

const TTL: Duration = Duration::from_secs(10);

pub(crate) struct RsLock(LockManager);

impl RsLock {
    pub(crate) async fn connect(urls: &[String]) -> Result<Self> {
        Ok(Self(LockManager::new(
            urls.iter().map(String::as_str).collect(),
        )))
    }
}

impl Peer for RsLock {
    fn run<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Answer>> {
        let (manager, key) = (self.0.clone(), order.key.clone());
        Box::pin(async move {
            match order.op.as_str() {
                "lock" => {
                    spread(order, move |index| {
                        let (manager, key) = (manager.clone(), format!("{key}:{index}"));
                        async move {
                            let lock = manager.acquire_no_guard(key.as_bytes(), TTL).await?;
                            lock.release().await;
                            Ok(())
                        }
                    })
                    .await
                }
                "lock_handover" => {
                    let take = move || {
                        let (manager, key) = (manager.clone(), key.clone());
                        async move { Ok(manager.acquire_no_guard(key.as_bytes(), TTL).await?) }
                    };
                    handover(order, take, |lock: rslock::Lock| async move {
                        lock.release().await;
                        Ok(())
                    })
                    .await
                }
                other => Err(format!("rslock has no {other}").into()),
            }
        })
    }
}

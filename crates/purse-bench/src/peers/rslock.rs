//! The `rslock` crate: a lock over redis-rs.

use std::time::Duration;

use futures::future::BoxFuture;
use rslock::LockManager;

use crate::load::measure_handovers;
use crate::load::run_tasks;
use crate::peers::Peer;
use crate::protocol::{Request, Response, Result};

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
    fn run<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response>> {
        let (manager, key) = (self.0.clone(), request.key.clone());
        Box::pin(async move {
            match request.op.as_str() {
                "lock" => {
                    run_tasks(request, move |index| {
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
                    let acquire = move || {
                        let (manager, key) = (manager.clone(), key.clone());
                        async move { Ok(manager.acquire_no_guard(key.as_bytes(), TTL).await?) }
                    };
                    measure_handovers(request, acquire, |lock: rslock::Lock| async move {
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

//! Locks.

use std::time::Duration;

use purse::redlock::Release;
use purse::{Redlock, RedlockGuard};

use crate::load::measure_handovers;
use crate::load::run_tasks;
use crate::protocol::{Request, Response, Result};

const TTL: Duration = Duration::from_secs(10);

/// Connects to the masters; a lock of one master is a Redlock too.
pub(super) async fn connect(urls: &[String]) -> Result<Redlock> {
    let urls = urls.iter().map(String::as_str);
    Ok(Redlock::builder(urls).ttl(TTL).build().await?)
}

pub(super) async fn run(redlock: &Redlock, request: &Request) -> Result<Response> {
    let (redlock, key) = (redlock.clone(), request.key.clone());
    match request.op.as_str() {
        "lock" => {
            run_tasks(request, move |index| {
                let mutex = redlock.mutex(format!("{key}:{index}"));
                async move { release(mutex.lock().await?).await }
            })
            .await
        }
        "lock_handover" => {
            let acquire = move || {
                let mutex = redlock.mutex(&key);
                async move { Ok(mutex.lock().await?) }
            };
            measure_handovers(request, acquire, release).await
        }
        other => Err(format!("purse has no {other}").into()),
    }
}

async fn release(guard: RedlockGuard) -> Result<()> {
    match guard.release().await? {
        Release::Released => Ok(()),
        Release::AlreadyExpired => Err("the lock expired before it was released".into()),
    }
}

//! Redlock.

use std::time::Duration;

use purse::redlock::Release;
use purse::{Redlock, RedlockGuard};

use crate::handover::handover;
use crate::order::{Answer, Order, Result};
use crate::spread::spread;

const TTL: Duration = Duration::from_secs(10);

/// A client of these masters; a lock of one master is one too.
pub(super) async fn redlock(urls: &[String]) -> Result<Redlock> {
    let urls = urls.iter().map(String::as_str);
    Ok(Redlock::builder(urls).ttl(TTL).build().await?)
}

pub(super) async fn run(redlock: &Redlock, order: &Order) -> Result<Answer> {
    let (redlock, key) = (redlock.clone(), order.key.clone());
    match order.op.as_str() {
        "lock" => {
            spread(order, move |index| {
                let mutex = redlock.mutex(format!("{key}:{index}"));
                async move { release(mutex.lock().await?).await }
            })
            .await
        }
        "lock_handover" => {
            let take = move || {
                let mutex = redlock.mutex(&key);
                async move { Ok(mutex.lock().await?) }
            };
            handover(order, take, release).await
        }
        other => Err(format!("purse has no {other}").into()),
    }
}

async fn release(guard: RedlockGuard) -> Result<()> {
    match guard.release().await? {
        Release::Released => Ok(()),
        Release::AlreadyExpired => Err("the lock had ended before it was released".into()),
    }
}

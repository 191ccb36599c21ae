//! How long a lock is nobody's, between two holders.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::order::{Answer, Order, Result};
use crate::spread::sample;

/// How long each holder holds the lock.
pub(crate) const HELD: Duration = Duration::from_millis(1);

/// Lets many tasks take and release one lock, and measures from each release to the next holder.
pub(crate) async fn handover<L, LFut, G, R, RFut>(
    order: &Order,
    lock: L,
    release: R,
) -> Result<Answer>
where
    L: Fn() -> LFut + Clone + Send + Sync + 'static,
    LFut: Future<Output = Result<G>> + Send + 'static,
    G: Send + 'static,
    R: Fn(G) -> RFut + Clone + Send + Sync + 'static,
    RFut: Future<Output = Result<()>> + Send + 'static,
{
    let released: Arc<Mutex<Option<Instant>>> = Arc::default();
    sample(order, move |_| {
        let (lock, release, released) = (lock.clone(), release.clone(), released.clone());
        async move {
            let guard = lock().await?;
            let before = take(&released, None);
            let took = before.map(|before| before.elapsed().as_secs_f64());
            tokio::time::sleep(HELD).await;
            take(&released, Some(Instant::now()));
            release(guard).await?;
            Ok(took)
        }
    })
    .await
}

fn take(shared: &Mutex<Option<Instant>>, next: Option<Instant>) -> Option<Instant> {
    let mut value = shared.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut value, next)
}

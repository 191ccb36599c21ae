//! How long a lock is nobody's, between two holders.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::order::{Answer, Order, Result};

/// How long each holder holds the lock.
const HELD: Duration = Duration::from_millis(1);

/// Lets many tasks wait for one lock, and measures from each release to the next holder.
///
/// Who released it asks again only when another has it: else it would take it back before those
/// who sleep between two looks have seen it free, and that is no handover.
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
    let started = Instant::now();
    let (holders, mut held) = watch::channel(0_usize);
    let shared = Arc::new((Mutex::new(Times::default()), holders));
    let mut tasks = JoinSet::new();
    for _ in 0..order.tasks {
        let (lock, release, shared) = (lock.clone(), release.clone(), shared.clone());
        tasks.spawn(async move {
            let (times, holders) = &*shared;
            loop {
                let guard = lock().await?;
                within(times, Times::record_acquired);
                let mut turn = 0;
                holders.send_modify(|holder| {
                    *holder += 1;
                    turn = *holder;
                });
                tokio::time::sleep(HELD).await;
                within(times, Times::record_released);
                release(guard).await?;
                let mut next = holders.subscribe();
                next.wait_for(|holder| *holder > turn).await?;
            }
        });
    }
    tokio::select! {
        enough = held.wait_for(|holder| *holder > order.count) => drop(enough?),
        Some(ended) = tasks.join_next() => return ended?,
    }
    // Those who still wait are dropped here: it is the handovers that were asked for.
    drop(tasks);
    let samples = within(&shared.0, |times| std::mem::take(&mut times.samples));
    Ok(Answer {
        samples,
        ..Answer::new(started.elapsed(), order.count)
    })
}

#[derive(Default)]
struct Times {
    released: Option<Instant>,
    samples: Vec<f64>,
}

impl Times {
    fn record_acquired(&mut self) {
        let released = self.released.take();
        let took = released.map(|released| released.elapsed().as_secs_f64());
        self.samples.extend(took);
    }

    fn record_released(&mut self) {
        self.released = Some(Instant::now());
    }
}

fn within<T>(times: &Mutex<Times>, act: impl FnOnce(&mut Times) -> T) -> T {
    act(&mut times.lock().unwrap_or_else(PoisonError::into_inner))
}

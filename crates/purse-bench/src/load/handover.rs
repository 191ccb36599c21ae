//! The time between the release of a contended lock and its next acquisition.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::protocol::{Request, Response, Result};

/// The time for which each holder holds the lock.
const HOLD_TIME: Duration = Duration::from_millis(1);

/// Lets all tasks of the request wait for one lock, and measures each time from a release to the
/// next acquisition.
///
/// A task that released the lock waits until another task holds it. Without that, the task would
/// acquire the lock again before waiters that poll have seen that it is free, and a lock that
/// stays with one task is not handed over.
pub(crate) async fn measure_handovers<L, LFut, G, R, RFut>(
    request: &Request,
    lock: L,
    release: R,
) -> Result<Response>
where
    L: Fn() -> LFut + Clone + Send + Sync + 'static,
    LFut: Future<Output = Result<G>> + Send + 'static,
    G: Send + 'static,
    R: Fn(G) -> RFut + Clone + Send + Sync + 'static,
    RFut: Future<Output = Result<()>> + Send + 'static,
{
    let started = Instant::now();
    let (acquisitions, mut acquired) = watch::channel(0_usize);
    let shared = Arc::new((Mutex::new(Times::default()), acquisitions));
    let mut tasks = JoinSet::new();
    for _ in 0..request.tasks {
        let (lock, release, shared) = (lock.clone(), release.clone(), shared.clone());
        tasks.spawn(async move {
            let (times, acquisitions) = &*shared;
            loop {
                let guard = lock().await?;
                with_lock(times, Times::record_acquired);
                let mut turn = 0;
                acquisitions.send_modify(|count| {
                    *count += 1;
                    turn = *count;
                });
                tokio::time::sleep(HOLD_TIME).await;
                with_lock(times, Times::record_released);
                release(guard).await?;
                let mut next = acquisitions.subscribe();
                next.wait_for(|count| *count > turn).await?;
            }
        });
    }
    tokio::select! {
        enough = acquired.wait_for(|count| *count > request.count) => drop(enough?),
        Some(ended) = tasks.join_next() => return ended?,
    }
    // Tasks that still wait are dropped, because all handovers of the request are measured.
    drop(tasks);
    let samples = with_lock(&shared.0, |times| std::mem::take(&mut times.samples));
    Ok(Response {
        samples,
        ..Response::new(started.elapsed(), request.count)
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

fn with_lock<T>(times: &Mutex<Times>, act: impl FnOnce(&mut Times) -> T) -> T {
    act(&mut times.lock().unwrap_or_else(PoisonError::into_inner))
}

//! From a push to the end of the pop that waited for it.

use std::time::{Duration, Instant};

use crate::order::{Answer, Order, Result};

/// Long enough for a pop to be waiting on the server.
const SETTLED: Duration = Duration::from_millis(3);

/// Pushes to a consumer that waits, again and again, and measures how long each takes to arrive.
pub(crate) async fn pass<P, PFut, C, CFut>(order: &Order, push: P, pop: C) -> Result<Answer>
where
    P: Fn() -> PFut + Send,
    PFut: Future<Output = Result<()>> + Send,
    C: Fn() -> CFut + Clone + Send + 'static,
    CFut: Future<Output = Result<()>> + Send + 'static,
{
    let started = Instant::now();
    let mut samples = Vec::with_capacity(order.count);
    for _ in 0..order.count {
        let waiting = pop.clone();
        let consumer = tokio::spawn(async move {
            waiting().await?;
            Result::Ok(Instant::now())
        });
        tokio::time::sleep(SETTLED).await;
        let pushed = Instant::now();
        push().await?;
        let arrived = consumer.await??;
        samples.push(arrived.saturating_duration_since(pushed).as_secs_f64());
    }
    Ok(Answer {
        samples,
        ..Answer::new(started.elapsed(), order.count)
    })
}

//! The time from a push to the end of a pop that waited for it.

use std::time::{Duration, Instant};

use crate::protocol::{Request, Response, Result};

/// A pause that is long enough for the pop to reach the server and wait there.
const POP_STARTS: Duration = Duration::from_millis(3);

/// Starts a pop, then pushes an element, and measures the time until the pop returns; repeats it for
/// each operation of the request.
pub(crate) async fn measure_queue_latency<P, PFut, C, CFut>(
    request: &Request,
    push: P,
    pop: C,
) -> Result<Response>
where
    P: Fn() -> PFut + Send,
    PFut: Future<Output = Result<()>> + Send,
    C: Fn() -> CFut + Clone + Send + 'static,
    CFut: Future<Output = Result<()>> + Send + 'static,
{
    let started = Instant::now();
    let mut samples = Vec::with_capacity(request.count);
    for _ in 0..request.count {
        let pop = pop.clone();
        let consumer = tokio::spawn(async move {
            pop().await?;
            Result::Ok(Instant::now())
        });
        tokio::time::sleep(POP_STARTS).await;
        let pushed = Instant::now();
        push().await?;
        let arrived = consumer.await??;
        samples.push(arrived.saturating_duration_since(pushed).as_secs_f64());
    }
    Ok(Response {
        samples,
        ..Response::new(started.elapsed(), request.count)
    })
}

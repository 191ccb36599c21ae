//! One operation, run by many tasks.

use std::time::Instant;

use crate::protocol::{Request, Response, Result};

/// Calls `act` for each operation of the request, split evenly over the tasks of the request.
pub(crate) async fn run_tasks<F, Fut>(request: &Request, act: F) -> Result<Response>
where
    F: Fn(usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let each = (request.count / request.tasks).max(1);
    let started = Instant::now();
    let tasks: Vec<_> = (0..request.tasks)
        .map(|task| {
            let act = act.clone();
            tokio::spawn(async move {
                for index in 0..each {
                    act(task * each + index).await?;
                }
                Result::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(Response::new(started.elapsed(), each * request.tasks))
}

/// Does what [`run_tasks`] does, and collects the seconds that the calls of `act` return.
pub(crate) async fn sample_tasks<F, Fut>(request: &Request, act: F) -> Result<Response>
where
    F: Fn(usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Option<f64>>> + Send + 'static,
{
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut response = run_tasks(request, move |index| {
        let (act, sender) = (act.clone(), sender.clone());
        async move {
            if let Some(seconds) = act(index).await? {
                sender.send(seconds)?;
            }
            Ok(())
        }
    })
    .await?;
    while let Some(seconds) = receiver.recv().await {
        response.samples.push(seconds);
    }
    Ok(response)
}

//! Doing one thing with many tasks.

use std::time::Instant;

use crate::order::{Answer, Order, Result};

/// Calls `act` as often as the order says, by as many tasks.
pub(crate) async fn spread<F, Fut>(order: &Order, act: F) -> Result<Answer>
where
    F: Fn(usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let each = (order.count / order.tasks).max(1);
    let started = Instant::now();
    let tasks: Vec<_> = (0..order.tasks)
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
    Ok(Answer::new(started.elapsed(), each * order.tasks))
}

/// Like [`spread`], where each call says how long something took; it may say nothing.
pub(crate) async fn sample<F, Fut>(order: &Order, act: F) -> Result<Answer>
where
    F: Fn(usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Option<f64>>> + Send + 'static,
{
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut answer = spread(order, move |index| {
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
        answer.samples.push(seconds);
    }
    Ok(answer)
}

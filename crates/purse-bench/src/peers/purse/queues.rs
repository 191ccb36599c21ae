//! Queues with pops that wait.

use purse::{Client, RedisQueue};

use crate::load::measure_queue_latency;
use crate::load::run_tasks;
use crate::protocol::{ITEM, Request, Response, Result};

pub(super) async fn run(client: &Client, request: &Request) -> Result<Response> {
    let queue: RedisQueue<String> = RedisQueue::new(client, &request.key);
    let consumer = queue.clone();
    let pop = move || {
        let queue = consumer.clone();
        async move { Ok(queue.pop().await.map(drop)?) }
    };
    match request.op.as_str() {
        "queue_handover" => {
            let push = move || {
                let queue = queue.clone();
                async move { Ok(queue.push(ITEM).await.map(drop)?) }
            };
            measure_queue_latency(request, push, pop).await
        }
        _ => run_tasks(request, move |_| pop()).await,
    }
}

//! Queues whose pops wait.

use purse::{Client, RedisQueue};

use crate::order::{Answer, ITEM, Order, Result};
use crate::passing::pass;
use crate::spread::spread;

pub(super) async fn run(client: &Client, order: &Order) -> Result<Answer> {
    let queue: RedisQueue<String> = RedisQueue::new(client, &order.key);
    let popped = queue.clone();
    let pop = move || {
        let queue = popped.clone();
        async move { Ok(queue.pop().await.map(drop)?) }
    };
    match order.op.as_str() {
        "queue_handover" => {
            let push = move || {
                let queue = queue.clone();
                async move { Ok(queue.push(ITEM).await.map(drop)?) }
            };
            pass(order, push, pop).await
        }
        _ => spread(order, move |_| pop()).await,
    }
}

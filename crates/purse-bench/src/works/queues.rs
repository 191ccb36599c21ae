//! Queues with pops that wait.

use crate::works::{Metric, Preload, Work};

const THROUGHPUT: &[&str] = &["fred", "redis-rs", "redis-purse", "pottery"];
const HANDOVER: &[&str] = &["fred", "redis-rs", "redis-purse"];

pub(crate) fn works(quick: bool) -> Vec<Work> {
    let mut works = vec![
        Work::new("queue_handover", "queue_handover", 1, HANDOVER)
            .count(if quick { 30 } else { 200 })
            .preload(Preload::Clear)
            .metrics(&[Metric::Median, Metric::Slowest]),
    ];
    for consumers in [1, 64] {
        works.push(
            Work::new(
                format!("queue_throughput/{consumers} consumers"),
                "queue_throughput",
                consumers,
                THROUGHPUT,
            )
            .count(if quick { 1_280 } else { 12_800 })
            .preload(Preload::Queue),
        );
    }
    works
}

//! The time from no connection to the first reply. `measure/dependency_cost.rs` has the time to build.

use crate::protocol::ITEM;
use crate::works::{Collection, Metric, Preload, Work};

pub(crate) fn works(quick: bool) -> Vec<Work> {
    vec![
        Work::new("connect", "connect", 1, &["fred", "redis-rs"])
            .count(if quick { 5 } else { 20 })
            .preload(Preload::Elements(Collection::List, 1, ITEM))
            .metrics(&[Metric::Median]),
    ]
}

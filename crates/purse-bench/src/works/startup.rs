//! 8: from nothing to the first answer. What a dependency costs to build is in `cost`.

use crate::order::ITEM;
use crate::work::{Fill, Metric, Shape, Work};

pub(crate) fn works(quick: bool) -> Vec<Work> {
    vec![
        Work::new("connect", "connect", 1, &["fred", "redis-rs"])
            .count(if quick { 5 } else { 20 })
            .fill(Fill::Elements(Shape::List, 1, ITEM))
            .metrics(&[Metric::Median]),
    ]
}

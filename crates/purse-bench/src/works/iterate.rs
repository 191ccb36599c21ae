//! 3: element by element, and how much memory that takes.

use crate::order::ITEM;
use crate::work::{Fill, Metric, Shape, Work};

const ALL: &[&str] = &["fred", "redis-rs", "redis-purse", "pottery"];
const NO_POTTERY: &[&str] = &["fred", "redis-rs", "redis-purse"];

pub(crate) fn works(quick: bool) -> Vec<Work> {
    let count = if quick { 100_000 } else { 1_000_000 };
    [
        ("list_iterate", Shape::List, ALL),
        ("hash_iterate", Shape::Hash, ALL),
        ("set_iterate", Shape::Set, ALL),
        ("sorted_iterate", Shape::Sorted, NO_POTTERY),
        ("space_iterate", Shape::Space, NO_POTTERY),
    ]
    .into_iter()
    .map(|(op, shape, peers)| {
        let work = Work::new(op, op, 1, peers)
            .count(count)
            .metrics(&[Metric::Rate, Metric::Memory])
            .fill(Fill::Elements(shape, count, ITEM));
        if quick { work.rounds(2) } else { work }
    })
    .collect()
}

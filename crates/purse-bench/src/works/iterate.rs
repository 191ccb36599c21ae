//! Iteration over all elements, and the memory that it takes.

use crate::protocol::ITEM;
use crate::works::{Collection, Metric, Preload, Work};

const ALL: &[&str] = &["fred", "redis-rs", "redis-purse", "pottery"];
const NO_POTTERY: &[&str] = &["fred", "redis-rs", "redis-purse"];

pub(crate) fn works(quick: bool) -> Vec<Work> {
    let count = if quick { 100_000 } else { 1_000_000 };
    [
        ("list_iterate", Collection::List, ALL),
        ("hash_iterate", Collection::Hash, ALL),
        ("set_iterate", Collection::Set, ALL),
        ("sorted_iterate", Collection::Sorted, NO_POTTERY),
        ("space_iterate", Collection::Space, NO_POTTERY),
    ]
    .into_iter()
    .map(|(op, collection, peers)| {
        let work = Work::new(op, op, 1, peers)
            .count(count)
            .metrics(&[Metric::Rate, Metric::Memory])
            .preload(Preload::Elements(collection, count, ITEM));
        if quick { work.rounds(2) } else { work }
    })
    .collect()
}

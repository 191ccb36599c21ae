//! Commands and batches of many elements.

use crate::protocol::ITEM;
use crate::works::{Collection, Preload, Work};

const ALL: &[&str] = &["fred", "redis-rs", "redis-purse", "pottery"];
const RUST: &[&str] = &["fred", "redis-rs"];

pub(crate) fn works(quick: bool) -> Vec<Work> {
    let count = if quick { 100_000 } else { 1_000_000 };
    let filled = Preload::Elements(Collection::Hash, count, ITEM);
    vec![
        Work::new("list_extend", "list_extend", 1, ALL)
            .count(count)
            .preload(Preload::Clear),
        Work::new("hash_extend", "hash_extend", 1, ALL)
            .count(count)
            .preload(Preload::Clear),
        Work::new("hash_get_many", "hash_get_many", 1, RUST)
            .count(count)
            .preload(filled),
        Work::new("batch of 1000", "batch", 1, RUST).count(count / 10),
    ]
}

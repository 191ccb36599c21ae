//! 1: one operation after the other, by 1, 64 and 1,000 tasks.

use crate::order::ITEM;
use crate::work::{Fill, Shape, Work};

const FEW: &[&str] = &["fred", "redis-rs", "redisson", "redis-purse", "pottery"];
// A thousand threads are nothing that a program would have.
const MANY: &[&str] = &["fred", "redis-rs", "redisson", "redis-purse"];

pub(crate) fn works(_quick: bool) -> Vec<Work> {
    let operations = [
        ("list_append", Fill::Fresh),
        ("list_get", Fill::Elements(Shape::List, 1_000, ITEM)),
        ("hash_set", Fill::Fresh),
        ("hash_get", Fill::Elements(Shape::Hash, 1_000, ITEM)),
    ];
    let mut works = Vec::new();
    for (op, fill) in operations {
        for tasks in [1, 64, 1_000] {
            let peers = if tasks == 1_000 { MANY } else { FEW };
            works.push(Work::new(format!("{op}/{tasks} tasks"), op, tasks, peers).fill(fill));
        }
    }
    works
}

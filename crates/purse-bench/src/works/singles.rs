//! Single operations by 1, 64 and 1,000 tasks.

use crate::protocol::ITEM;
use crate::works::{Collection, Preload, Work};

const FEW: &[&str] = &["fred", "redis-rs", "redisson", "redis-purse", "pottery"];
// Without pottery, which would need a thread for each task.
const MANY: &[&str] = &["fred", "redis-rs", "redisson", "redis-purse"];

pub(crate) fn works(_quick: bool) -> Vec<Work> {
    let operations = [
        ("list_append", Preload::Clear),
        ("list_get", Preload::Elements(Collection::List, 1_000, ITEM)),
        ("hash_set", Preload::Clear),
        ("hash_get", Preload::Elements(Collection::Hash, 1_000, ITEM)),
    ];
    let mut works = Vec::new();
    for (op, preload) in operations {
        for tasks in [1, 64, 1_000] {
            let peers = if tasks == 1_000 { MANY } else { FEW };
            works.push(Work::new(format!("{op}/{tasks} tasks"), op, tasks, peers).preload(preload));
        }
    }
    works
}

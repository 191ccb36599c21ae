//! Single operations on collections of growing size.

use crate::works::{Collection, Preload, Work};

const PEERS: &[&str] = &["fred", "redis-purse"];

pub(crate) fn works(quick: bool) -> Vec<Work> {
    let largest = if quick { 5 } else { 7 };
    let operations: [(Collection, &[&str]); 5] = [
        (Collection::List, &["list_get", "list_append"]),
        (Collection::Hash, &["hash_get", "hash_set"]),
        (Collection::Set, &["set_contains"]),
        (Collection::Sorted, &["sorted_insert"]),
        (Collection::Space, &["space_get"]),
    ];
    let mut works = Vec::new();
    for (collection, ops) in operations {
        for size in (3..=largest).map(|power| 10_usize.pow(power)) {
            // Works of one collection are neighbours, because filling a large one takes longer than
            // measuring it.
            for op in ops {
                let preload = Preload::Elements(collection, size, "v");
                let work = Work::new(format!("{op}/{size} elements"), op, 64, PEERS);
                works.push(
                    work.key(format!("bench:{collection:?}:{size}:"))
                        .preload(preload),
                );
            }
        }
    }
    works
}

//! 4: what an operation costs as what it is done to grows.

use crate::work::{Fill, Shape, Work};

const PEERS: &[&str] = &["fred", "redis-purse"];

pub(crate) fn works(quick: bool) -> Vec<Work> {
    let largest = if quick { 5 } else { 7 };
    let operations: [(Shape, &[&str]); 5] = [
        (Shape::List, &["list_get", "list_append"]),
        (Shape::Hash, &["hash_get", "hash_set"]),
        (Shape::Set, &["set_contains"]),
        (Shape::Sorted, &["sorted_insert"]),
        (Shape::Space, &["space_get"]),
    ];
    let mut works = Vec::new();
    for (shape, ops) in operations {
        for size in (3..=largest).map(|power| 10_usize.pow(power)) {
            // One after the other, as the largest take longer to fill than to measure.
            for op in ops {
                let fill = Fill::Elements(shape, size, "v");
                let work = Work::new(format!("{op}/{size} elements"), op, 64, PEERS);
                works.push(work.key(format!("bench:{shape:?}:{size}:")).fill(fill));
            }
        }
    }
    works
}

//! 4: what an operation costs as what it is done to grows.

use crate::work::{Fill, Shape, Work};

const PEERS: &[&str] = &["fred", "redis-purse"];

pub(crate) fn works(quick: bool) -> Vec<Work> {
    let largest = if quick { 5 } else { 7 };
    let operations = [
        ("list_append", Shape::List),
        ("list_get", Shape::List),
        ("hash_set", Shape::Hash),
        ("hash_get", Shape::Hash),
        ("set_contains", Shape::Set),
        ("sorted_insert", Shape::Sorted),
        ("space_get", Shape::Space),
    ];
    let mut works = Vec::new();
    for (op, shape) in operations {
        for size in (3..=largest).map(|power| 10_usize.pow(power)) {
            let fill = Fill::Elements(shape, size, "v");
            let work = Work::new(format!("{op}/{size} elements"), op, 64, PEERS);
            works.push(work.key(format!("bench:{shape:?}:{size}:")).fill(fill));
        }
    }
    works
}

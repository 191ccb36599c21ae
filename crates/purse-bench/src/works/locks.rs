//! 6: locks, of one to five masters, alone and contended, healthy and not.

use crate::peers::sockets;
use crate::work::{Metric, Site, Work};

const ALL: &[&str] = &[
    "rslock",
    "redisson",
    "redis-purse",
    "pottery",
    "redlock",
    "redlock-universal",
];
/// Those, and below them all what no library can be faster than.
const ALONE: &[&str] = &[
    "rslock",
    "redisson",
    "redis-purse",
    "pottery",
    "redlock",
    "redlock-universal",
    sockets::NAME,
];
const MANY: &[&str] = &[
    "rslock",
    "redisson",
    "redis-purse",
    "redlock",
    "redlock-universal",
];

pub(crate) fn works(quick: bool) -> Vec<Work> {
    let mut works = Vec::new();
    for masters in [1, 3, 5] {
        for tasks in [1, 64] {
            let name = format!("lock/{masters} masters/{tasks} tasks");
            let peers = if tasks == 1 { ALONE } else { ALL };
            works.push(Work::new(name, "lock", tasks, peers).site(Site::Masters(masters)));
        }
    }
    for (waiters, count) in [(2, if quick { 10 } else { 20 }), (10, 30), (100, 100)] {
        let peers = if waiters == 100 { MANY } else { ALL };
        let work = Work::new(
            format!("lock_handover/{waiters} waiters"),
            "lock_handover",
            waiters,
            peers,
        )
        .site(Site::Masters(3))
        .count(count)
        .metrics(&[Metric::Median, Metric::Slowest]);
        works.push(if quick { work.rounds(1) } else { work });
    }
    let burst = if quick { 1_000 } else { 10_000 };
    works.push(
        Work::new(format!("lock_burst/{burst} at once"), "lock", burst, MANY)
            .site(Site::Masters(5))
            .count(burst)
            .metrics(&[Metric::Seconds, Metric::Memory])
            .rounds(if quick { 1 } else { 7 }),
    );
    for (name, site) in [
        ("lock/one of 3 masters stopped", Site::Stopped),
        ("lock/one of 3 masters 20 ms slow", Site::Slow),
    ] {
        works.push(Work::new(name, "lock", 1, ALL).site(site));
    }
    works
}

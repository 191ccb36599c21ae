//! Locks of one to five masters: uncontended, contended, and with a master that fails.

use crate::peers::plain_sockets;
use crate::works::{Metric, Topology, Work};

const ALL: &[&str] = &[
    "rslock",
    "redisson",
    "redis-purse",
    "pottery",
    "redlock",
    "redlock-universal",
];
/// All peers, and the requests written by hand as a lower bound.
const ONE_TASK: &[&str] = &[
    "rslock",
    "redisson",
    "redis-purse",
    "pottery",
    "redlock",
    "redlock-universal",
    plain_sockets::NAME,
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
            let peers = if tasks == 1 { ONE_TASK } else { ALL };
            works.push(Work::new(name, "lock", tasks, peers).topology(Topology::Masters(masters)));
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
        .topology(Topology::Masters(3))
        .count(count)
        .metrics(&[Metric::Median, Metric::Slowest]);
        works.push(if quick { work.rounds(1) } else { work });
    }
    let burst = if quick { 1_000 } else { 10_000 };
    works.push(
        Work::new(format!("lock_burst/{burst} at once"), "lock", burst, MANY)
            .topology(Topology::Masters(5))
            .count(burst)
            .metrics(&[Metric::Seconds, Metric::Memory])
            .rounds(if quick { 1 } else { 7 }),
    );
    for (name, topology) in [
        ("lock/one of 3 masters stopped", Topology::OneStopped),
        ("lock/one of 3 masters 20 ms slow", Topology::OneSlow),
    ] {
        works.push(Work::new(name, "lock", 1, ALL).topology(topology));
    }
    works
}

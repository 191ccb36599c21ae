//! Fair turns: each peer starts warm, and no peer is always first.
//!
//! Problem: a peer that runs right after another process finds its own threads asleep and the caches
//! of the processor full of other data. Short runs show that: purse was first in each round, and so
//! ran after Python's threads. Its ratio to fred was 0.7 that way, and 0.95 when only the two took
//! turns. Decision: before a short run, the same peer does a quarter of it unmeasured, and every
//! other round goes through the peers from the last to the first.

use crate::works::{Preload, Work};

/// The warm-up before a run is the run's count divided by this.
const WARM_UP_DIVISOR: usize = 4;

/// Returns the counts of the runs of one peer in a round, of which only the last one is measured.
pub(super) fn run_counts(work: &Work, count: usize) -> Vec<usize> {
    // A fixed count is used for long runs, for new processes, or for single operations with a pause
    // between them, which need no warm-up. Pops of a queue have a fixed count too, but are short.
    let is_short = !work.has_fixed_count || matches!(work.preload, Preload::Queue);
    if is_short {
        vec![(count / WARM_UP_DIVISOR).max(work.request.tasks), count]
    } else {
        vec![count]
    }
}

/// Returns the indices of the peers in the order of their turns: reversed in every other round.
pub(super) fn peer_order(peers: usize, round: usize) -> impl Iterator<Item = usize> {
    let is_forward = round.is_multiple_of(2);
    (0..peers).map(move |turn| if is_forward { turn } else { peers - 1 - turn })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_is_a_quarter_and_at_least_one_per_task() {
        let work = Work::new("list_get", "list_get", 64, &[]);
        assert_eq!(run_counts(&work, 4_000), [1_000, 4_000]);
        assert_eq!(run_counts(&work, 100), [64, 100]);
    }

    #[test]
    fn fixed_count_has_warm_up_only_for_queues() {
        let work = Work::new("any", "any", 1, &[]).count(1_000);
        assert_eq!(
            run_counts(&work.clone().preload(Preload::Clear), 1_000),
            [1_000]
        );
        assert_eq!(
            run_counts(&work.preload(Preload::Queue), 1_000),
            [250, 1_000]
        );
    }

    #[test]
    fn every_other_round_reverses_the_order() {
        let rounds: Vec<Vec<_>> = (0..3).map(|round| peer_order(3, round).collect()).collect();
        assert_eq!(rounds, [[0, 1, 2], [2, 1, 0], [0, 1, 2]]);
    }
}

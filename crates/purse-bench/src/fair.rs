//! What keeps a comparison fair: each peer starts warm, and none is always first.
//!
//! Who runs right after a peer in another process finds its own threads asleep and the caches of
//! the processor full of what is not its own, and short runs show that: purse, which was first of
//! each round and so ran after Python's threads, was measured at 0.7 of fred that way where the
//! two in turn, with nothing between, are at 0.95. So before a short run the same peer does a part
//! of it unmeasured, and every other round goes through the peers from the last to the first.

use crate::work::{Fill, Work};

/// One part in so many of a run is done before it, unmeasured.
const SHARE: usize = 4;

/// How often a peer does it in each round, run by run: of these only the last is measured.
pub(crate) fn counts(work: &Work, count: usize) -> Vec<usize> {
    // Other fixed numbers are for long runs, for processes made anew, or for times of single things
    // with a pause between them; what is in a queue has to be popped, however fast that is.
    let is_short = !work.fixed || matches!(work.fill, Fill::Queue);
    if is_short {
        vec![(count / SHARE).max(work.order.tasks), count]
    } else {
        vec![count]
    }
}

/// Whose turn it is, one after the other: forth in one round, back in the next.
pub(crate) fn turns(peers: usize, round: usize) -> impl Iterator<Item = usize> {
    let is_forth = round.is_multiple_of(2);
    (0..peers).map(move |turn| if is_forth { turn } else { peers - 1 - turn })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warmup_is_a_quarter_and_at_least_one_per_task() {
        let work = Work::new("list_get", "list_get", 64, &[]);
        assert_eq!(counts(&work, 4_000), [1_000, 4_000]);
        assert_eq!(counts(&work, 100), [64, 100]);
    }

    #[test]
    fn a_fixed_number_has_no_run_before_it_unless_it_is_of_a_queue() {
        let work = Work::new("any", "any", 1, &[]).count(1_000);
        assert_eq!(counts(&work.clone().fill(Fill::Fresh), 1_000), [1_000]);
        assert_eq!(counts(&work.fill(Fill::Queue), 1_000), [250, 1_000]);
    }

    #[test]
    fn every_other_round_goes_from_the_last_to_the_first() {
        let rounds: Vec<Vec<_>> = (0..3).map(|round| turns(3, round).collect()).collect();
        assert_eq!(rounds, [[0, 1, 2], [2, 1, 0], [0, 1, 2]]);
    }
}

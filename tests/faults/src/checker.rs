//! The judgement of a history: whether a lock with a guarantee may have it.

use std::collections::BTreeMap;
use std::fmt;

use crate::clock::Nanos;
use crate::history::{FencedWrite, Hold};

/// The guarantee of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// One holder at a time, because no master loses a lock that it granted.
    Exclusion,
    /// Growing fences, even if masters lose locks that they granted and two holders overlap.
    Fences,
}

/// The values of counters and registers at the end, by key.
#[derive(Clone, Debug, Default)]
pub struct FinalValues {
    /// The values of the counters.
    pub counters: BTreeMap<String, u64>,
    /// The values of the registers.
    pub registers: BTreeMap<String, u64>,
}

/// The findings of a history.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The number of holds.
    pub acquisitions: usize,
    /// Pairs of holds that overlap.
    pub overlaps: Vec<(Hold, Hold)>,
    /// Writes of a counter that the next write, or the final value, does not include.
    pub lost_updates: usize,
    /// Fences that do not grow from holder to holder, or that a register refused while the lease was
    /// valid.
    pub fence_inversions: usize,
    /// Writes that a register accepted, and that the next write, or the final value, does not include.
    pub lost_fenced_updates: usize,
    /// Guards that reported that they were valid after their lease had ended.
    pub stale_guards: usize,
    /// Writes that took so long after the check of the guard that the lease had ended. Only a fence
    /// prevents them, so the counter is not judged around them.
    pub late_writes: usize,
}

impl Verdict {
    /// Judges a history. If two may hold a lock, the smaller fence may come later, and be refused.
    #[must_use]
    pub fn of(holds: &[Hold], last: &FinalValues, guarantee: Guarantee) -> Self {
        let mut verdict = Self {
            acquisitions: holds.len(),
            stale_guards: holds.iter().filter(|hold| hold.has_stale_guard).count(),
            ..Self::default()
        };
        let mut keys: BTreeMap<&str, Vec<&Hold>> = BTreeMap::new();
        for hold in holds {
            keys.entry(&hold.key).or_default().push(hold);
        }
        for (key, holds) in keys {
            verdict.overlaps.extend(find_overlaps(&holds));
            verdict.check_counter(&holds, last.counters.get(key).copied());
            verdict.lost_fenced_updates +=
                count_lost_fenced_updates(&holds, last.registers.get(key).copied());
            verdict.fence_inversions += count_inversions(&holds, guarantee);
            if guarantee == Guarantee::Exclusion {
                verdict.fence_inversions += count_valid_refusals(&holds);
            }
        }
        verdict
    }

    /// Follows the counter from write to write, and counts lost updates and late writes.
    fn check_counter(&mut self, holds: &[&Hold], last: Option<u64>) {
        let mut writes: Vec<_> = holds
            .iter()
            .filter_map(|hold| {
                let write = hold.write?;
                let is_late = write.at.is_some_and(|at| at >= hold.until);
                // A write whose outcome is unknown is not judged, as a late one is not.
                let is_sure = write.at.is_some() && !is_late;
                self.late_writes += usize::from(is_late);
                Some((write.at.unwrap_or_else(|| hold.end()), write.read, is_sure))
            })
            .collect();
        writes.sort_unstable();
        let mut before = Some(0);
        for (_, read, is_sure) in writes {
            let is_known = is_sure && before.is_some_and(|value| value != read);
            self.lost_updates += usize::from(is_known);
            before = is_sure.then_some(read + 1);
        }
        if let (Some(before), Some(last)) = (before, last) {
            self.lost_updates += usize::from(before != last);
        }
    }

    /// Returns true if a lock may have this history whose masters keep all locks that they granted.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.overlaps.is_empty() && self.lost_updates == 0 && self.is_fenced()
    }

    /// Returns true if a lock may have this history whose masters lose locks that they granted.
    #[must_use]
    pub const fn is_fenced(&self) -> bool {
        self.fence_inversions == 0 && self.lost_fenced_updates == 0 && self.stale_guards == 0
    }

    /// Adds the findings of another history.
    pub fn add(&mut self, other: Self) {
        self.acquisitions += other.acquisitions;
        self.overlaps.extend(other.overlaps);
        self.lost_updates += other.lost_updates;
        self.fence_inversions += other.fence_inversions;
        self.lost_fenced_updates += other.lost_fenced_updates;
        self.stale_guards += other.stale_guards;
        self.late_writes += other.late_writes;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} acquisitions, {} overlaps, {} lost updates, {} fence inversions, {} lost fenced updates, {} stale guards, {} late writes",
            self.acquisitions,
            self.overlaps.len(),
            self.lost_updates,
            self.fence_inversions,
            self.lost_fenced_updates,
            self.stale_guards,
            self.late_writes
        )
    }
}

/// Returns each hold that began before the end of an earlier one, with the earlier one that ends last.
fn find_overlaps(holds: &[&Hold]) -> Vec<(Hold, Hold)> {
    let mut holds: Vec<_> = holds.iter().filter(|hold| !hold.is_empty()).collect();
    holds.sort_by_key(|hold| (hold.acquired, hold.end()));
    let mut longest: Option<&Hold> = None;
    let mut found = Vec::new();
    for hold in holds {
        if let Some(earlier) = longest.filter(|earlier| hold.acquired < earlier.end()) {
            found.push((earlier.clone(), (*hold).clone()));
        }
        if longest.is_none_or(|earlier| hold.end() >= earlier.end()) {
            longest = Some(hold);
        }
    }
    found
}

/// Counts the fences that are not greater than the fence of an earlier hold.
///
/// A hold is earlier if it was acquired before the request of the other. If only one holds at a time,
/// it is also earlier if it ended before the other was acquired. Of two concurrent acquisitions,
/// either may have the smaller fence, but they never have the same.
fn count_inversions(holds: &[&Hold], guarantee: Guarantee) -> usize {
    let acquired = FenceHistory::new(holds, |hold| hold.acquired);
    let ended = FenceHistory::new(holds, |hold| match guarantee {
        Guarantee::Exclusion => hold.end().max(hold.acquired),
        Guarantee::Fences => Nanos::MAX,
    });
    let mut fences: Vec<_> = holds.iter().filter_map(|hold| hold.fence).collect();
    fences.sort_unstable();
    let duplicates = fences.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let smaller = holds.iter().filter(|hold| {
        let before = acquired
            .greatest_before(hold.requested)
            .max(ended.greatest_before(hold.acquired));
        hold.fence
            .is_some_and(|fence| before.is_some_and(|before| before > fence))
    });
    duplicates + smaller.count()
}

/// The greatest fence that was known at each moment.
struct FenceHistory(Vec<(Nanos, u64)>);

impl FenceHistory {
    fn new(holds: &[&Hold], moment: impl Fn(&Hold) -> Nanos) -> Self {
        let known = holds
            .iter()
            .filter_map(|hold| Some((moment(hold), hold.fence?)));
        let mut known: Vec<_> = known.collect();
        known.sort_unstable();
        let mut greatest = 0;
        for (_, fence) in &mut known {
            greatest = greatest.max(*fence);
            *fence = greatest;
        }
        Self(known)
    }

    fn greatest_before(&self, moment: Nanos) -> Option<u64> {
        let count = self.0.partition_point(|&(known, _)| known < moment);
        Some(self.0.get(count.checked_sub(1)?)?.1)
    }
}

/// Counts the writes that a register refused while the lease was valid.
fn count_valid_refusals(holds: &[&Hold]) -> usize {
    let refused = holds.iter().filter(
        |hold| matches!(hold.fenced_write, Some(FencedWrite::Refused(at)) if at < hold.until),
    );
    refused.count()
}

/// Follows the register from one accepted write to the next, in the order of fences.
fn count_lost_fenced_updates(holds: &[&Hold], last: Option<u64>) -> usize {
    let mut writes: Vec<_> = holds
        .iter()
        .filter_map(|hold| match hold.fenced_write? {
            FencedWrite::Accepted(read) => Some((hold.fence?, Some(read))),
            FencedWrite::Begun => Some((hold.fence?, None)),
            FencedWrite::Refused(_) => None,
        })
        .collect();
    writes.sort_unstable();
    let mut before = Some(0);
    let mut lost = 0;
    for (_, read) in writes {
        let is_known = before.zip(read).is_some_and(|(value, read)| value != read);
        lost += usize::from(is_known);
        before = read.map(|value| value + 1);
    }
    lost + usize::from(
        before
            .zip(last)
            .is_some_and(|(before, last)| before != last),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Write;
    use crate::history::tests::hold;

    fn with_write(mut hold: Hold, read: u64, at: Nanos) -> Hold {
        hold.write = Some(Write { read, at: Some(at) });
        hold
    }

    fn with_fence(mut hold: Hold, fence: u64) -> Hold {
        hold.fence = Some(fence);
        hold
    }

    fn judge(holds: &[Hold]) -> Verdict {
        Verdict::of(holds, &FinalValues::default(), Guarantee::Exclusion)
    }

    fn judge_fences(holds: &[Hold]) -> Verdict {
        Verdict::of(holds, &FinalValues::default(), Guarantee::Fences)
    }

    #[test]
    fn overlap_is_found_in_any_order_and_process() {
        let (first, mut second) = (hold(1, 10, 20), hold(2, 19, 30));
        assert_eq!(judge(&[first.clone(), second.clone()]).overlaps.len(), 1);
        assert_eq!(judge(&[second.clone(), first.clone()]).overlaps.len(), 1);
        second.process = 2;
        let verdict = judge(&[second.clone(), first.clone()]);
        assert_eq!(verdict.overlaps, [(first, second)]);
        assert!(!verdict.is_clean());
    }

    #[test]
    fn overlap_within_a_long_hold_is_found() {
        let holds = [hold(1, 10, 100), hold(2, 20, 30), hold(3, 40, 50)];
        assert_eq!(judge(&holds).overlaps.len(), 2);
    }

    #[test]
    fn touching_holds_do_not_overlap() {
        let mut released = hold(3, 30, 50);
        released.released = Some(35);
        let holds = [hold(1, 10, 20), hold(2, 20, 30), released, hold(4, 35, 40)];
        let verdict = judge(&holds);
        assert!(verdict.is_clean(), "{verdict}");
        assert_eq!(verdict.acquisitions, 4);
    }

    #[test]
    fn late_release_does_not_prolong_hold() {
        let mut late = hold(1, 10, 20);
        late.released = Some(40);
        assert!(judge(&[late, hold(2, 25, 30)]).is_clean());
    }

    #[test]
    fn hold_over_when_acquired_overlaps_none() {
        assert!(judge(&[hold(1, 25, 20), hold(2, 15, 30)]).is_clean());
    }

    #[test]
    fn other_key_is_another_lock() {
        let mut other = with_fence(with_write(hold(2, 10, 20), 0, 15), 3);
        other.key = "other".to_owned();
        let holds = [with_fence(with_write(hold(1, 10, 20), 0, 15), 7), other];
        assert!(judge(&holds).is_clean());
    }

    #[test]
    fn write_unseen_by_next_one_is_lost() {
        let holds = [
            with_write(hold(1, 10, 20), 0, 12),
            with_write(hold(2, 30, 40), 1, 32),
            with_write(hold(3, 50, 60), 1, 52),
        ];
        assert_eq!(judge(&holds[..2]).lost_updates, 0);
        assert_eq!(judge(&holds).lost_updates, 1);
    }

    #[test]
    fn write_missing_in_final_value_is_lost() {
        let holds = [with_write(hold(1, 10, 20), 0, 12)];
        let lost = |value| {
            let values = FinalValues {
                counters: BTreeMap::from([("k".to_owned(), value)]),
                ..FinalValues::default()
            };
            Verdict::of(&holds, &values, Guarantee::Exclusion).lost_updates
        };
        assert_eq!((lost(1), lost(0)), (0, 1));
    }

    #[test]
    fn counter_is_not_judged_around_late_or_unknown_write() {
        let late = with_write(hold(1, 10, 20), 0, 33);
        let next = with_write(hold(2, 30, 40), 0, 32);
        let after = with_write(hold(3, 50, 60), 7, 52);
        let verdict = judge(&[late, next.clone(), after.clone()]);
        assert_eq!((verdict.lost_updates, verdict.late_writes), (0, 1));

        let mut unknown = with_write(hold(4, 41, 45), 1, 0);
        unknown.write = Some(Write { read: 1, at: None });
        let verdict = judge(&[next, unknown, after]);
        assert_eq!((verdict.lost_updates, verdict.late_writes), (0, 0));
    }

    #[test]
    fn fences_grow_from_holder_to_holder() {
        let grown = [
            with_fence(hold(1, 10, 20), 5),
            with_fence(hold(2, 30, 40), 6),
        ];
        assert!(judge(&grown).is_clean());
        for late in [5, 4] {
            let holds = [
                with_fence(hold(1, 10, 20), 5),
                with_fence(hold(2, 30, 40), late),
            ];
            let verdict = judge(&holds);
            assert_eq!(verdict.fence_inversions, 1, "{late}");
            assert!(!verdict.is_clean());
        }
    }

    #[test]
    fn concurrent_acquisitions_may_have_fences_in_any_order() {
        let mut second = with_fence(hold(2, 15, 40), 4);
        second.requested = 5;
        let first = with_fence(hold(1, 10, 20), 5);
        assert_eq!(judge(&[first.clone(), second.clone()]).fence_inversions, 0);
        second.requested = 11;
        assert_eq!(judge(&[first.clone(), second.clone()]).fence_inversions, 1);
        second.requested = 5;
        second.fence = Some(5);
        assert_eq!(judge(&[first, second]).fence_inversions, 1);
    }

    #[test]
    fn refusal_counts_only_while_lease_is_valid() {
        let mut refused = with_fence(hold(1, 10, 20), 5);
        refused.fenced_write = Some(FencedWrite::Refused(25));
        assert!(judge(std::slice::from_ref(&refused)).is_clean());
        refused.fenced_write = Some(FencedWrite::Refused(15));
        assert_eq!(judge(&[refused]).fence_inversions, 1);
    }

    #[test]
    fn fences_grow_only_between_certainly_ordered_holds() {
        let mut refused = with_fence(hold(1, 10, 20), 5);
        refused.fenced_write = Some(FencedWrite::Refused(15));
        let mut next = with_fence(hold(2, 30, 40), 4);
        next.requested = 9;
        let verdict = judge_fences(&[refused.clone(), next.clone()]);
        assert!(verdict.is_fenced(), "{verdict}");
        next.requested = 11;
        assert_eq!(
            judge_fences(&[refused.clone(), next.clone()]).fence_inversions,
            1
        );
        next.fence = Some(5);
        assert_eq!(judge_fences(&[refused, next]).fence_inversions, 1);
    }

    #[test]
    fn accepted_write_missing_in_register_is_lost() {
        let hold_that_wrote = |number, fence, write| {
            let mut hold = with_fence(hold(number, 10 * number, 10 * number + 5), fence);
            hold.fenced_write = Some(write);
            hold
        };
        let first = hold_that_wrote(1, 5, FencedWrite::Accepted(0));
        let second = hold_that_wrote(2, 6, FencedWrite::Accepted(1));
        let blind = hold_that_wrote(3, 7, FencedWrite::Accepted(1));
        let unknown = hold_that_wrote(3, 7, FencedWrite::Begun);
        let after = hold_that_wrote(4, 8, FencedWrite::Accepted(2));
        assert!(judge_fences(&[first.clone(), second.clone()]).is_fenced());
        let verdict = judge_fences(&[first.clone(), second.clone(), blind]);
        assert_eq!(verdict.lost_fenced_updates, 1);
        assert!(!verdict.is_fenced());
        let holds = [first, second, unknown, after];
        assert!(judge_fences(&holds).is_fenced());
        for (value, lost) in [(3, 0), (2, 1)] {
            let values = FinalValues {
                registers: BTreeMap::from([("k".to_owned(), value)]),
                ..FinalValues::default()
            };
            let verdict = Verdict::of(&holds, &values, Guarantee::Fences);
            assert_eq!(verdict.lost_fenced_updates, lost);
        }
    }

    #[test]
    fn guard_valid_after_lease_is_reported() {
        let mut stale = hold(1, 10, 20);
        stale.has_stale_guard = true;
        let verdict = judge(&[stale]);
        assert!(!verdict.is_clean());
        assert!(verdict.to_string().contains("1 stale guards"), "{verdict}");
    }

    #[test]
    fn verdicts_add_up() {
        let mut sum = judge(&[hold(1, 10, 20), hold(2, 15, 30)]);
        sum.add(judge(&[
            with_fence(hold(1, 10, 20), 5),
            with_fence(hold(2, 20, 30), 5),
        ]));
        assert_eq!(
            (sum.acquisitions, sum.overlaps.len(), sum.fence_inversions),
            (4, 1, 1)
        );
    }
}

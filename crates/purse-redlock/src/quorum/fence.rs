//! The fence that the counts of the masters come to.

/// What the counts of the masters that granted come to: the fence, and whether a quorum stands at
/// it already.
///
/// Each master that grants counts its counter up in the same step. The fence is the greatest of the
/// counts of a quorum, and no lock is given out before the counters of a quorum stand at its fence,
/// each at a moment when the master had our token. Any later quorum shares a master with that one,
/// which counts on from there: a later fence is greater. One that stands above the fence already
/// does not agree to it: where a master lost our lock early, and counted for another since, that
/// other one may have been given the same fence. Counting alone does not do
/// that: of three masters that stand at 5, 5 and 9, one holder may get 10 from the first and third,
/// and the next one 7 from the first two.
pub(crate) fn settle_fence(counts: &[u64], needed: usize) -> (u64, bool) {
    let fence = counts.iter().copied().max().unwrap_or(0);
    let agreed = counts.iter().filter(|count| **count == fence).count();
    (fence, agreed >= needed)
}

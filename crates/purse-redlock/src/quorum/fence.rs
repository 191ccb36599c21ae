//! Computes the fence from the counts of the masters.

/// Computes the fence from the counts of the masters that granted, and whether a quorum is already
/// at it.
///
/// Each master that grants increments its counter in the same step. The fence is the greatest count
/// of a quorum. No lock is returned before the counters of a quorum are at its fence, each at a
/// moment when the master had our token. Any later quorum shares a master with that quorum, and
/// that master counts on from there, so a later fence is greater.
///
/// A master that is already above the fence does not agree to it. If a master lost our lock early,
/// and has counted for another client since, that client may have received the same fence.
///
/// Incrementing alone is not enough: of three masters at 5, 5 and 9, one holder may get 10 from the
/// first and third, and the next holder 7 from the first two.
pub(crate) fn settle_fence(counts: &[u64], needed: usize) -> (u64, bool) {
    let fence = counts.iter().copied().max().unwrap_or(0);
    let agreed = counts.iter().filter(|count| **count == fence).count();
    (fence, agreed >= needed)
}

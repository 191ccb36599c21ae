//! The order in which masters are asked if they are not asked all at once.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::master::MasterHandle;

/// Returns the indices of the masters in the order in which they are asked.
///
/// The order is the same for all clients that want this lock, also if they were given the masters in
/// another order. Masters on which another client is known to hold the lock come last, and after them
/// those that did not answer lately.
///
/// The order differs from lock to lock, so that no master decides all ties.
pub(crate) fn rank_masters(
    masters: &[MasterHandle],
    keys: &[Bytes],
    held_masters: &[usize],
) -> Vec<usize> {
    let key = keys.first().map_or(&[][..], AsRef::as_ref);
    let mut order: Vec<_> = (0..masters.len()).collect();
    order.sort_by_cached_key(|index| {
        let handle = &masters[*index];
        let rank = rank(key, handle.master.server().as_bytes());
        let is_silent = handle.is_silent.load(Ordering::Relaxed);
        (is_silent, held_masters.contains(index), rank, *index)
    });
    order
}

/// Hashes with FNV-1a and the finalizer of MurmurHash3, because otherwise names that differ only in
/// their last byte would have neighbouring ranks. The hash functions of std are not used, because
/// they may change between its versions.
fn rank(key: &[u8], server: &[u8]) -> u64 {
    let bytes = key.iter().chain(&[0]).chain(server);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::testing::handles;

    #[test]
    fn rank_is_equal_for_all_clients_and_differs_by_lock() {
        let names = ["10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379"];
        let (here, there) = (handles(&names), handles(&[names[2], names[0], names[1]]));
        let mut firsts: HashMap<_, u32> = HashMap::new();
        for lock in 0..3_000 {
            let keys = [Bytes::from(format!("lock{lock}"))];
            let named = |handles: &[MasterHandle]| -> Vec<_> {
                let order = rank_masters(handles, &keys, &[]);
                let names = order.iter().map(|index| handles[*index].master.server());
                names.map(str::to_owned).collect()
            };
            assert_eq!(named(&here), named(&there));
            *firsts.entry(named(&here).remove(0)).or_default() += 1;
        }
        assert!(firsts.values().all(|count| *count > 900), "{firsts:?}");
    }

    #[test]
    fn rank_puts_held_and_silent_masters_last() {
        let handles = handles(&["a:1", "b:1", "c:1"]);
        let keys = [Bytes::from_static(b"key")];
        let before = rank_masters(&handles, &keys, &[]);
        handles[before[0]].is_silent.store(true, Ordering::Relaxed);
        assert_eq!(
            rank_masters(&handles, &keys, &[]),
            [before[1], before[2], before[0]]
        );
        assert_eq!(
            rank_masters(&handles, &keys, &[before[1]]),
            [before[2], before[1], before[0]]
        );
    }
}

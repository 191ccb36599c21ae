//! Slots of a cluster: operations on several keys need them all in one.

use std::collections::HashMap;

use bytes::Bytes;

use crate::{Error, ErrorKind, Result};

/// The number of slots of a cluster.
pub(crate) const SLOTS: u16 = 16_384;

/// Returns the slot of `key`.
pub(crate) fn slot_of(key: &[u8]) -> u16 {
    fred::util::redis_keyslot(key)
}

/// Groups the indexes of `keys` by slot in a cluster; elsewhere all are one group.
pub(crate) fn group<'a>(
    keys: impl IntoIterator<Item = &'a Bytes>,
    is_cluster: bool,
) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut group_of = HashMap::new();
    for (index, key) in keys.into_iter().enumerate() {
        let slot = if is_cluster { slot_of(key) } else { 0 };
        let group = *group_of.entry(slot).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(index);
    }
    groups
}

/// Checks that all of `keys` share a slot.
pub(crate) fn one_slot(keys: &[Bytes]) -> Result<()> {
    let Some((first, others)) = keys.split_first() else {
        return Ok(());
    };
    let slot = slot_of(first);
    match others.iter().find(|key| slot_of(key) != slot) {
        None => Ok(()),
        Some(other) => Err(Error::new(
            ErrorKind::CrossSlot,
            format!(
                "the keys \"{}\" and \"{}\" lie in different slots of the cluster, and no command \
                 works on both; a common hash tag, as in \"{{tag}}a\" and \"{{tag}}b\", joins them",
                first.escape_ascii(),
                other.escape_ascii()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &[&'static str]) -> Result<()> {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| Bytes::from_static(key.as_bytes()))
            .collect();
        one_slot(&keys)
    }

    #[test]
    fn keys_share_a_slot_by_their_hash_tag() {
        for keys in [
            &[][..],
            &["a"],
            &["a", "a"],
            &["{user}a", "{user}b", "user"],
            &["x{t}", "y{t}{u}"],
        ] {
            assert!(check(keys).is_ok(), "{keys:?}");
        }
        let error = check(&["{user}a", "{user}b", "{guest}c"]).expect_err("another slot");
        assert_eq!(error.kind(), ErrorKind::CrossSlot);
        let message = error.to_string();
        assert!(
            message.contains("\"{user}a\" and \"{guest}c\""),
            "{message}"
        );
        assert!(check(&["a", "b"]).is_err());
    }

    #[test]
    fn keys_are_grouped_by_slot_only_in_a_cluster() {
        let keys = ["{a}1", "{b}1", "{a}2", "c", "{b}2"].map(Bytes::from);
        assert_eq!(group(&keys, false), [vec![0, 1, 2, 3, 4]]);
        assert_eq!(group(&keys, true), [vec![0, 2], vec![1, 4], vec![3]]);
        for cluster in [false, true] {
            assert!(group(&[], cluster).is_empty());
        }
    }
}

//! Slots of a cluster: operations on several keys need them all in one.

use bytes::Bytes;
use fred::util::redis_keyslot;

use crate::{Client, Error, ErrorKind, Result};

impl Client {
    /// Checks that one command can work on all of `keys`: in a cluster they must share a slot.
    /// Sends nothing, and outside a cluster agrees to everything.
    ///
    /// # Errors
    /// [`CrossSlot`](ErrorKind::CrossSlot), naming two keys that do not.
    pub fn same_slot(&self, keys: &[Bytes]) -> Result<()> {
        if self.is_cluster() {
            one_slot(keys)
        } else {
            Ok(())
        }
    }
}

fn one_slot(keys: &[Bytes]) -> Result<()> {
    let Some((first, others)) = keys.split_first() else {
        return Ok(());
    };
    let slot = redis_keyslot(first);
    match others.iter().find(|key| redis_keyslot(key) != slot) {
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
}

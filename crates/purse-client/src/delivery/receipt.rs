//! Receipts: keys of the server that hold what a pop took, one for each pop.

use std::time::Duration;

use crate::command::is_sibling_key;
use crate::command::key_slots::slot_of;
use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::Deliveries;
use super::Pop;
use super::confirm::retry_until_decided;
use crate::core::CloseGuard;
use crate::telemetry::log;
use crate::{Command, Error, Result, Script};

/// The time after which a receipt expires. A server may be away for this time without a loss.
pub(crate) const RECEIPT_TIME: Duration = Duration::from_secs(600);

/// The text between the name of the collection and the id of the pop.
const MARK: &[u8] = b":taken:";

/// The length of the id of a pop.
const ID: usize = uuid::fmt::Simple::LENGTH;

/// The start of the names of the keys by which a lock finds out whether two masters are one server.
const PROBE: &[u8] = b"purse:probe:";

static TAKE: Script = Script::write("TAKE", include_str!("../lua/take.lua"));
static REQUEUE: Script = Script::write("REQUEUE", include_str!("../lua/requeue.lua"));

/// The receipt of one pop.
#[derive(Debug, Clone)]
pub(crate) struct Receipt {
    pub(crate) client: Deliveries,
    pub(crate) pop: Pop,
    name: Bytes,
    /// True if an earlier request may still run, because its reply was lost.
    pub(crate) may_still_execute: bool,
}

impl Receipt {
    /// Creates a receipt with a new name.
    pub(crate) fn new(client: &Deliveries, pop: &Pop) -> Self {
        Self {
            client: client.clone(),
            pop: pop.clone(),
            name: new_name(&pop.key, client.caller.is_cluster()),
            may_still_execute: false,
        }
    }

    /// Returns the command that takes an element out, or reports what was taken before.
    pub(crate) fn take(&self) -> Command {
        let take = self.pop.add_key(Command::script(&TAKE));
        take.key(self.name.clone())
            .arg(self.pop.end.pop_command())
            .arg(self.pop.end.requeue_command())
            .arg(lifetime())
            .arg(i64::from(self.may_still_execute))
            .fail_on_tryagain()
    }

    /// Puts back the element that the receipt holds, if there is one. Returns whether it did, or
    /// may have.
    ///
    /// # Errors
    /// A permanent error of the server; otherwise the error of the last attempt.
    pub(crate) async fn requeue(&self) -> Result<bool> {
        let requeue = self.pop.add_key(Command::script(&REQUEUE));
        let requeue = requeue
            .key(self.name.clone())
            .arg(self.pop.end.requeue_command())
            .arg(lifetime())
            .arg(i64::from(self.may_still_execute));
        let result = retry_until_decided(&self.client, requeue).await;
        result
            .and_then(|(reply, may_still_execute)| Ok(may_still_execute || reply.into_int()? == 1))
            .inspect_err(|error| self.warn_not_requeued(error))
    }

    pub(crate) fn warn_not_requeued(&self, error: &Error) {
        log::warn_not_requeued(self.client.caller.server(), error, &self.name);
    }

    /// Removes the receipt in the background, once its element was delivered.
    pub(crate) fn remove(self, in_flight: CloseGuard) {
        let client = &self.client;
        if !self.may_still_execute {
            client
                .shared
                .cleanup
                .add(client, &self.pop.key, self.name, in_flight);
            return;
        }
        let runtime = client.caller.runtime().clone();
        runtime.spawn(async move {
            remove(&self.client, self.name, true).await;
            drop(in_flight);
        });
    }
}

/// Returns the command that takes an element out without a receipt.
pub(crate) fn take_without_receipt(pop: &Pop) -> Command {
    let take = pop.add_key(Command::script(&TAKE));
    take.arg(pop.end.pop_command())
        .arg(pop.end.requeue_command())
        .arg(lifetime())
        .arg(0_i64)
}

/// Removes a receipt or mark. If the request that made it may run again, leaves an empty one
/// instead.
pub(crate) async fn remove(client: &Deliveries, name: Bytes, may_still_execute: bool) {
    let remove = match may_still_execute {
        false => Command::write("UNLINK").key(name.clone()),
        true => Command::write("SET")
            .key(name.clone())
            .arg("")
            .arg("PX")
            .arg(lifetime()),
    };
    if let Err(error) = retry_until_decided(client, remove).await {
        log::warn_receipt_left(client.caller.server(), &error, &name);
    }
}

/// Returns the time after which receipts expire, in milliseconds.
pub(crate) fn lifetime() -> i64 {
    i64::try_from(RECEIPT_TIME.as_millis()).unwrap_or(i64::MAX)
}

/// Returns whether purse keeps a key of this name for itself: beside another key
/// ([`sibling_key`](crate::sibling_key)), as the receipt of a pop or the mark of a dead letter, or
/// as the probe of a lock. Such a key is no entry of a key space.
///
/// # Examples
/// ```
/// use purse_client::is_internal_key;
///
/// let receipt = "jobs{jobs}:taken:0123456789abcdef0123456789abcdef";
/// assert!(is_internal_key(receipt.as_bytes()));
/// assert!(!is_internal_key(b"jobs"));
/// ```
#[must_use]
pub fn is_internal_key(name: &[u8]) -> bool {
    let is_receipt = name.len() > ID && {
        let (start, id) = name.split_at(name.len() - ID);
        start.ends_with(MARK) && id.iter().all(u8::is_ascii_hexdigit)
    };
    is_receipt || is_sibling_key(name) || name.starts_with(PROBE)
}

/// Returns a new name for the receipt of one pop from `key`, or for the mark of one push to it.
///
/// The name starts with `key`, so that access rules by prefix include it. In a cluster, a key that
/// no hash tag can quote costs a search: on average 16384 names are tried.
pub(crate) fn new_name(key: &Bytes, is_cluster: bool) -> Bytes {
    let open = key.iter().position(|&byte| byte == b'{');
    let close = open.and_then(|open| key[open..].iter().position(|&byte| byte == b'}'));
    match (open, close) {
        // The key has a hash tag.
        (Some(_), Some(2..)) => with_id(key, b""),
        // The key can be a hash tag.
        (None, _) if !key.is_empty() && !key.contains(&b'}') => {
            let tag = [b"{", key.as_ref(), b"}"].concat();
            with_id(key, &tag)
        }
        _ if !is_cluster => with_id(key, b""),
        // Empty braces are not a hash tag: the whole name counts.
        (Some(_), Some(_)) => with_fitting_id(key),
        (Some(open), None) => {
            let number = find_fitting(key, &key[open + 1..]);
            with_id(key, format!("{number}}}").as_bytes())
        }
        (None, _) => {
            let number = find_fitting(key, b"");
            with_id(key, format!("{{{number}}}").as_bytes())
        }
    }
}

fn with_id(key: &[u8], tag: &[u8]) -> Bytes {
    let mut id = [0; uuid::fmt::Simple::LENGTH];
    let id = Uuid::new_v4().simple().encode_lower(&mut id).as_bytes();
    let mut name = BytesMut::with_capacity(key.len() + tag.len() + MARK.len() + id.len());
    for part in [key, tag, MARK, id] {
        name.put_slice(part);
    }
    name.freeze()
}

/// Returns the first number that, after `start`, makes a hash tag of the slot of `key`. One in
/// 16384 does.
fn find_fitting(key: &[u8], start: &[u8]) -> u32 {
    let slot = slot_of(key);
    let fits = |number: &u32| slot_of(&[start, number.to_string().as_bytes()].concat()) == slot;
    // That all of the 2^32 numbers miss is practically impossible.
    (0..=u32::MAX).find(fits).unwrap_or_default()
}

/// Returns a name as [`with_id`] does, with a number in place of the end of the id, so that the
/// name is in the slot of `key`.
fn with_fitting_id(key: &[u8]) -> Bytes {
    let slot = slot_of(key);
    let mut name = with_id(key, b"").to_vec();
    let number = name.len() - 8;
    for n in 0..=u32::MAX {
        name[number..].copy_from_slice(format!("{n:08x}").as_bytes());
        if slot_of(&name) == slot {
            break;
        }
    }
    Bytes::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_in_the_slot_of_its_key_and_starts_with_it() {
        for key in [
            "jobs",
            "{tag}jobs",
            "a{b}c{d}",
            "a{b",
            "a{",
            "{",
            "}",
            "a}b",
            "}{",
            "{}",
            "{}{a}",
            "a{}b",
            "",
            "{{a}}",
            "{{",
            "jobs{}",
            "\u{e9}{\u{e8}}",
            "}a{b}",
        ] {
            let key = Bytes::from(key);
            let name = new_name(&key, true);
            assert_eq!(slot_of(&name), slot_of(&key), "{key:?}: {name:?}");
            assert!(name.starts_with(&key), "{key:?}: {name:?}");
            assert!(super::new_name(&key, false).starts_with(&key));
            assert_ne!(super::new_name(&key, true), name, "each its own");
            assert!(is_internal_key(&name), "{name:?}");
            assert!(!is_internal_key(&key), "{key:?}");
        }
    }

    #[test]
    fn usual_names_are_as_documented() {
        let starts = |key: &'static str, start: &str| {
            for is_cluster in [false, true] {
                let name = new_name(&Bytes::from(key), is_cluster);
                assert!(name.starts_with(start.as_bytes()), "{name:?}");
                assert_eq!(name.len(), start.len() + 32);
            }
        };
        starts("jobs", "jobs{jobs}:taken:");
        starts("{user}jobs", "{user}jobs:taken:");
    }
}

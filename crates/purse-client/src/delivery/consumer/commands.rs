//! The commands of a consumer, and the names of its keys.

use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::step::{Failure, PutBack, Step, StepReply};
use crate::connection::error_map;
use crate::delivery::{Pop, PopEnd};
use crate::util::timer::millis;
use crate::{Command, Error, ErrorKind, Reply, Result, Script, sibling_key};

static EXCHANGE: Script = Script::write("EXCHANGE", include_str!("../../lua/exchange.lua"));
static RECLAIM: Script = Script::write("RECLAIM", include_str!("../../lua/reclaim.lua"));
static WAKE: Script = Script::write("WAKE", include_str!("../../lua/wake.lua"));
static LEAVE: Script = Script::write("LEAVE", include_str!("../../lua/leave.lua"));

/// The time after which others put back what a consumer holds that does not renew its lease.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// A lease is renewed when this much of it has passed.
pub(super) const RENEWAL: Duration = Duration::from_secs(10);
/// The time for which one consumer watches a sorted set for all others, unless it looks again.
const WATCH: Duration = Duration::from_secs(10);
/// The time that the server may block one command. It ends long before the lease does.
pub(super) const BLOCK: Duration = Duration::from_secs(4);

/// The reply to a step that needs a lease first.
#[derive(Debug)]
pub(super) struct NoLease;

/// The keys of a consumer of one end of a collection.
#[derive(Debug)]
pub(super) struct Keys {
    pop: Pop,
    id: String,
    pending: Bytes,
    consumers: Bytes,
    /// The tokens that wake consumers of a sorted set, and the id of the one that watches it.
    wake: Bytes,
    watcher: Bytes,
}

impl Keys {
    pub(super) fn new(pop: &Pop) -> Self {
        let id = format!("{}{}", Uuid::new_v4().simple(), pop.end.letter());
        Self {
            pending: pending_key(&pop.key, &id),
            consumers: consumers_key(&pop.key),
            wake: sibling_key(&pop.key, &format!("wake:{}", pop.end.letter())),
            watcher: sibling_key(&pop.key, &format!("watcher:{}", pop.end.letter())),
            pop: pop.clone(),
            id,
        }
    }

    pub(super) const fn pop(&self) -> &Pop {
        &self.pop
    }

    pub(super) fn exchange(&self, step: &Step) -> Command {
        let lease = if step.renews { millis(LEASE) } else { 0 };
        let expires_at = step.returned().map(|entry| entry.expires_at).max();
        let end = self.pop.end;
        let exchange = self
            .pop
            .add_key(Command::script(&EXCHANGE))
            .key(self.pending.clone())
            .key(self.consumers.clone());
        let (exchange, watches) = match end.is_of_set() {
            true => {
                let exchange = exchange.key(self.wake.clone()).key(self.watcher.clone());
                (exchange, if step.waits { millis(WATCH) } else { 0 })
            }
            false => (exchange, 0),
        };
        let exchange = exchange
            .arg(self.id.clone())
            .arg(step.number)
            .arg(lease)
            .arg(end.side())
            .arg(step.take)
            .arg(i64::from(step.lists))
            .arg(expires_at.unwrap_or_default())
            .arg(i64::from(step.registers))
            .arg(step.known)
            .arg(watches)
            .arg(step.delivered.len())
            .args(step.delivered.iter().cloned())
            .args(step.returned().map(|entry| entry.text.clone()));
        exchange.fail_on_tryagain()
    }

    /// Reads the reply to a step that was sent at `sent`, in milliseconds since 1970.
    pub(super) fn read(
        &self,
        step: &Step,
        reply: Reply,
        now: i64,
    ) -> Result<Result<StepReply, NoLease>> {
        let [
            status,
            ttl,
            taken,
            lapsed,
            pending,
            put,
            last,
            noted,
            failure,
            differs,
            watches,
        ] = reply.into_array()?;
        let status = status.into_int()?;
        let ttl = ttl.into_int()?;
        let failure = failure.into_bytes()?;
        Ok(match status {
            0 => Err(NoLease),
            1..=3 => Ok(StepReply {
                was_done_before: status == 2,
                is_new: status == 3,
                expires_at: if ttl > 0 { now + ttl } else { 0 },
                taken: texts(taken)?,
                lapsed: texts(lapsed)?,
                put: put
                    .into_list()?
                    .into_iter()
                    .map(read_put_back)
                    .collect::<Result<_>>()?,
                pending: match step.lists && status != 2 {
                    true => pending.non_nil().map(texts).transpose()?,
                    false => None,
                },
                last: last.into_count()?,
                noted: noted.into_count()?,
                differs: differs.into_int()? == 1,
                watches: watches.into_int()? == 1,
                failure: Some(failure)
                    .filter(|text| !text.is_empty())
                    .map(|text| self.read_failure(&text)),
            }),
            _ => {
                let message = "an exchange with an unknown status";
                return Err(Error::new(ErrorKind::Protocol, message));
            }
        })
    }

    fn read_failure(&self, text: &[u8]) -> Failure {
        let text = String::from_utf8_lossy(text);
        // A key moves to another node of a cluster while the script runs.
        let is_permanent = !text.contains("non local key");
        let error = error_map::reply_error(text.trim_start_matches('-'), self.pop.name());
        Failure {
            error,
            is_permanent,
        }
    }

    /// Returns the command that puts back entries of the consumer `id`, whose lease is over;
    /// `None` if it is no consumer of this version.
    pub(super) fn reclaim(&self, id: &Bytes) -> Option<Command> {
        let text = std::str::from_utf8(id).ok()?;
        let end = PopEnd::of_letter(text.chars().last()?)?;
        let reclaim = self.pop.add_key(Command::script(&RECLAIM));
        let reclaim = reclaim
            .key(pending_key(&self.pop.key, text))
            .key(self.consumers.clone())
            .arg(id.clone())
            .arg(end.side());
        Some(reclaim)
    }

    /// Returns the command that ends the consumer, whose last step is `last`.
    pub(super) fn leave(&self, last: u64) -> Command {
        let leave = Command::script(&LEAVE)
            .key(self.pending.clone())
            .key(self.consumers.clone());
        let leave = match self.pop.end.is_of_set() {
            true => leave.key(self.wake.clone()).key(self.watcher.clone()),
            false => leave,
        };
        leave.arg(self.id.clone()).arg(last)
    }

    /// Returns the command that waits: for an element, which it takes from a list, or for a token
    /// that wakes a consumer of a sorted set.
    pub(super) fn block(&self) -> Command {
        let seconds = BLOCK.as_secs().to_string();
        let key = self.pop.key.clone();
        let block = match self.pop.end {
            PopEnd::Back => Command::write("BRPOPLPUSH")
                .key(key)
                .key(self.pending.clone()),
            PopEnd::Front => Command::write("BLMOVE")
                .key(key)
                .key(self.pending.clone())
                .arg("LEFT")
                .arg("LEFT"),
            PopEnd::Lowest | PopEnd::Highest => Command::write("BLPOP").key(self.wake.clone()),
        };
        block.arg(seconds)
    }

    /// Returns the command that wakes another consumer of a sorted set.
    pub(super) fn wake(&self) -> Command {
        Command::script(&WAKE).key(self.wake.clone())
    }

    /// Returns the command that takes one element without a pending list.
    pub(super) fn take_bare(&self) -> Command {
        Command::write(self.pop.end.pop_command()).key(self.pop.key.clone())
    }
}

/// Reads the reply to [`Keys::take_bare`].
pub(super) fn read_bare(end: PopEnd, reply: Reply) -> Result<Option<Bytes>> {
    let Some(reply) = reply.non_nil() else {
        return Ok(None);
    };
    if matches!(end, PopEnd::Front | PopEnd::Back) {
        return reply.into_bytes().map(Some);
    }
    let pairs = reply.into_pairs()?;
    let Some((element, score)) = pairs.into_iter().next() else {
        return Ok(None);
    };
    let entry = [&score.into_bytes()?[..], b" ", &element.into_bytes()?[..]].concat();
    Ok(Some(Bytes::from(entry)))
}

fn read_put_back(reply: Reply) -> Result<PutBack> {
    Ok(match reply.into_int()? {
        1 => PutBack::Done,
        0 => PutBack::NotPending,
        _ => PutBack::Refused,
    })
}

fn texts(reply: Reply) -> Result<Vec<Bytes>> {
    reply
        .into_list()?
        .into_iter()
        .map(Reply::into_bytes)
        .collect()
}

/// Returns the name of the list of what the consumer `id` of `key` holds.
pub(crate) fn pending_key(key: &[u8], id: &str) -> Bytes {
    sibling_key(key, &format!("pending:{id}"))
}

/// Returns the name of the hash of the consumers of `key`.
pub(crate) fn consumers_key(key: &[u8]) -> Bytes {
    sibling_key(key, "consumers")
}

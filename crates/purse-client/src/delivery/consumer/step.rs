//! The steps of a consumer, and the replies to them. No I/O.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{Error, Result};

/// An element that was taken, as the pending list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) text: Bytes,
    /// When the collection expires if the entry is put back and creates it, in milliseconds since
    /// 1970; 0 for never.
    pub(crate) expires_at: i64,
    /// True if it is not in the pending list, because it was taken while its slot moved.
    pub(crate) is_bare: bool,
}

/// An entry to put back, and the caller that waits for that.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) entry: Entry,
    pub(super) done: Option<oneshot::Sender<Result<()>>>,
}

/// One step, as it is sent.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) number: u64,
    pub(super) take: usize,
    pub(super) delivered: Vec<Bytes>,
    /// Entries to put back, by their order.
    pub(super) returned: BTreeMap<u64, Returned>,
    /// Entries are listed to find those whose replies were lost.
    pub(super) lists: bool,
    pub(super) renews: bool,
    /// A caller waits until there is an element.
    pub(super) waits: bool,
    pub(super) registers: bool,
    /// The number of entries that stay pending, without what the step takes.
    pub(super) known: usize,
    /// True if the server blocked a command when it began.
    pub(super) was_blocked: bool,
    /// The last caller that joined before the step.
    pub(super) last_ticket: u64,
    pub(super) begun: Instant,
}

/// The reply to a step.
#[derive(Debug, Default)]
pub(super) struct StepReply {
    pub(super) was_done_before: bool,
    pub(super) is_new: bool,
    pub(super) expires_at: i64,
    pub(super) taken: Vec<Bytes>,
    pub(super) lapsed: Vec<Bytes>,
    /// The outcome of each entry to put back, the newest first; empty if the step was done before.
    pub(super) put: Vec<PutBack>,
    /// The pending list, the newest entry first; `None` if it was not listed.
    pub(super) pending: Option<Vec<Bytes>>,
    /// The number of the last step that the server knew before this one.
    pub(super) last: u64,
    /// The number of the last step that the server knows now.
    pub(super) noted: u64,
    /// Nothing was taken, because the pending list has entries that are not known here.
    pub(super) differs: bool,
    /// This consumer watches the sorted set for all others.
    pub(super) watches: bool,
    /// The error that ended the step midway.
    pub(super) failure: Option<Failure>,
}

/// The error that ended a step midway. What was done before it is in the reply.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// False if the same step may work when it is sent again.
    pub(super) is_permanent: bool,
}

/// The outcome of an entry to put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PutBack {
    Done,
    /// Others have reclaimed it.
    NotPending,
    /// It is still pending.
    Refused,
}

/// The outcome of a step.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    #[default]
    Done,
    /// It may work when it is sent again.
    Failed,
    /// It will not work soon.
    Refused,
}

impl Step {
    /// Returns the entries to put back, the newest first.
    pub(super) fn returned(&self) -> impl Iterator<Item = &Entry> {
        self.returned.values().rev().map(|returned| &returned.entry)
    }

    pub(super) fn has_entries(&self) -> bool {
        !(self.delivered.is_empty() && self.returned.is_empty())
    }
}

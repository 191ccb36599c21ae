//! One entry of the queue: a command, and the caller that waits for its reply.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::Error;
use crate::resp::Value;

/// The result of a command: its reply, or why there is none.
pub(crate) type Outcome = Result<Value, Failure>;

/// A reply value, and the connection that it came over.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) value: Value,
    /// A number that no other connection of this process has, nor the same one made again.
    pub(crate) generation: u64,
}

/// The reason why a command has no reply value.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The server replied with an error.
    ErrorReply(Bytes),
    /// The command was not sent in time, or there was no connection for it. It did not run.
    NotSent(Option<Arc<Error>>),
    /// The command was sent, and the connection broke before the reply.
    Lost(Option<Arc<Error>>),
    /// The command was sent, and no reply came in time.
    Late,
    /// The command was not sent, because its slot has another owner now.
    Rerouted,
    /// The connection has ended. `sent` says whether the command may have run.
    Ended { ending: Ending, sent: bool },
}

/// The reason why a connection has ended permanently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client was closed or dropped.
    Closed,
    /// The runtime that drove the connection has ended.
    RuntimeEnded,
}

/// A command that was put into the queue of a connection.
#[derive(Debug)]
pub(super) struct QueueEntry {
    /// The number of bytes of the command.
    pub(super) length: usize,
    /// A number that no other entry of the connection has.
    pub(super) number: u64,
    pub(super) since: Instant,
    pub(super) deadline: Instant,
    /// The number of replies that precede the one that the caller waits for.
    pub(super) skip: usize,
    /// The number of those that have arrived over this connection.
    pub(super) skipped: usize,
    /// True if the command fails if there is no connection, instead of waiting for the next one.
    pub(super) fail_fast: bool,
    pub(super) to: Recipient,
}

/// The receiver of one or several replies.
#[derive(Debug)]
pub(super) enum Recipient {
    One(oneshot::Sender<Result<Delivered, Failure>>),
    Run(Box<RunReplies>),
    /// No caller waits for these replies.
    Nobody(usize),
    /// No caller waits any more for these replies, because they were not in time.
    Late(usize),
}

/// The replies to a run of commands, as far as they have arrived.
#[derive(Debug)]
pub(super) struct RunReplies {
    pub(super) outcomes: Vec<Outcome>,
    /// The number of bytes of each command.
    pub(super) lengths: Vec<usize>,
    pub(super) to: oneshot::Sender<Vec<Outcome>>,
}

impl RunReplies {
    /// Delivers all outcomes, unless the caller has stopped waiting.
    fn deliver(self) {
        let _ = self.to.send(self.outcomes);
    }
}

impl QueueEntry {
    /// Delivers a reply of the connection `generation`; returns whether it was the last one of the
    /// entry.
    pub(super) fn deliver(&mut self, outcome: Outcome, generation: u64) -> bool {
        if self.skipped < self.skip {
            self.skipped += 1;
            return false;
        }
        match &mut self.to {
            Recipient::One(_) => {
                if let Recipient::One(to) = std::mem::replace(&mut self.to, Recipient::Nobody(0)) {
                    // A caller that does not wait any more does not want the reply.
                    let _ = to.send(outcome.map(|value| Delivered { value, generation }));
                }
                true
            }
            Recipient::Run(run) => {
                run.outcomes.push(outcome);
                let is_whole = run.outcomes.len() == run.lengths.len();
                if is_whole
                    && let Recipient::Run(run) =
                        std::mem::replace(&mut self.to, Recipient::Nobody(0))
                {
                    run.deliver();
                }
                is_whole
            }
            Recipient::Nobody(left) | Recipient::Late(left) => {
                *left = left.saturating_sub(1);
                *left == 0
            }
        }
    }

    /// Returns how many replies are missing, without those to skip.
    fn missing_replies(&self) -> usize {
        match &self.to {
            Recipient::One(_) => 1,
            Recipient::Run(run) => run.lengths.len() - run.outcomes.len(),
            Recipient::Nobody(left) | Recipient::Late(left) => *left,
        }
    }

    /// Returns whether a caller waits for the reply.
    pub(super) fn is_awaited(&self) -> bool {
        match &self.to {
            Recipient::One(to) => !to.is_closed(),
            Recipient::Run(run) => !run.to.is_closed(),
            Recipient::Nobody(_) => true,
            Recipient::Late(_) => false,
        }
    }

    pub(super) const fn is_late(&self) -> bool {
        matches!(self.to, Recipient::Late(_))
    }

    /// Fails the commands that have no reply yet with `failure`, as [`fail`](Self::fail) does.
    pub(super) fn give_up(&mut self, failure: &Failure) {
        self.fail(0, failure, failure);
    }

    /// Fails the commands that have no reply yet. The last `unwritten` bytes of the entry were not
    /// written: the commands with some of these bytes fail with `not_sent`, the others with
    /// `written`. Replies may still arrive, and are then discarded.
    pub(super) fn fail(&mut self, unwritten: usize, written: &Failure, not_sent: &Failure) {
        let late = Recipient::Late(self.missing_replies());
        match std::mem::replace(&mut self.to, late) {
            Recipient::One(to) => {
                let failure = if unwritten > 0 { not_sent } else { written };
                let _ = to.send(Err(failure.clone()));
            }
            Recipient::Run(mut run) => {
                let mut after: usize = run.lengths.iter().sum();
                let ends: Vec<_> = run
                    .lengths
                    .iter()
                    .map(|length| {
                        after -= length;
                        after
                    })
                    .collect();
                run.fill(|index| match ends[index] {
                    after if after < unwritten => not_sent.clone(),
                    _ => written.clone(),
                });
                run.deliver();
            }
            Recipient::Nobody(_) | Recipient::Late(_) => {}
        }
    }
}

impl RunReplies {
    fn fill(&mut self, failure: impl Fn(usize) -> Failure) {
        for index in self.outcomes.len()..self.lengths.len() {
            self.outcomes.push(Err(failure(index)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_run_reports_unsent_commands() {
        let (to, mut outcomes) = oneshot::channel();
        let now = Instant::now();
        let mut entry = QueueEntry {
            length: 30,
            number: 0,
            since: now,
            deadline: now,
            skip: 0,
            skipped: 0,
            fail_fast: false,
            to: Recipient::Run(Box::new(RunReplies {
                outcomes: Vec::new(),
                lengths: vec![10, 10, 10],
                to,
            })),
        };
        assert!(!entry.deliver(Ok(Value::Int(1)), 1));
        entry.fail(11, &Failure::Lost(None), &Failure::NotSent(None));
        let outcomes = outcomes.try_recv().expect("three outcomes");
        assert!(matches!(
            outcomes[..],
            [Ok(_), Err(Failure::NotSent(_)), Err(Failure::NotSent(_))]
        ));
    }
}

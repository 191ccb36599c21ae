//! One wait for a lock: the line, the attempts, and the pauses in between.
//!
//! May import: `error`, `runtime`, `telemetry`, `master`, `quorum`, `state`, `lease`.

pub(crate) mod backoff;
pub(crate) mod key_watch;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::acquire::backoff::{Backoff, Wakes};
use crate::acquire::key_watch::{Outlook, Sights};
use crate::error::{Error, Result};
use crate::lease::Lease;
use crate::lease::owner::{self, Course, Failure, Manner};
use crate::quorum::decision::quorum;
use crate::runtime::jitter;
use crate::state::context::Context;
use crate::state::local_queue::{Holder, Place, Turn};
use crate::telemetry::span::LockSpan;

/// How long a pause is at most where the masters tell when to try, unless
/// [`retry_delay`](crate::RedlockBuilder::retry_delay) is longer. Not all that happens to a lock is
/// told: a `FLUSHALL` is not.
const POLL: Duration = Duration::from_secs(1);

/// Those who wait for the same end should not all come at once.
const SPREAD: Duration = Duration::from_millis(10);

/// Makes one attempt.
pub(crate) async fn attempt(
    context: &Arc<Context>,
    keys: &Arc<[Bytes]>,
    is_fenced: bool,
    manner: Manner,
    span: &mut LockSpan,
) -> Result<Lease, Failure> {
    let outcome = one_attempt(context, keys, is_fenced, manner).await;
    match &outcome {
        Ok(lease) => {
            // Who has it has it as soon as a quorum agrees.
            span.record_attempt(quorum(context.masters.handles.len()));
            span.record_acquired(lease.term().remaining());
        }
        Err(failure) => {
            span.record_attempt(failure.votes);
            if failure.course == Course::Split {
                span.record_split_vote();
            }
        }
    }
    outcome
}

async fn one_attempt(
    context: &Arc<Context>,
    keys: &Arc<[Bytes]>,
    is_fenced: bool,
    manner: Manner,
) -> Result<Lease, Failure> {
    let Some((task, outcome)) = owner::attempt(context, keys, is_fenced, manner) else {
        return Err(Error::Closed.into());
    };
    let outcome = tokio::select! {
        biased;
        () = context.shutdown.closed() => return Err(Error::Closed.into()),
        outcome = outcome => outcome,
    };
    // The owner task goes without a word only if its runtime does.
    let offer = outcome.unwrap_or_else(|_| Err(Error::Closed.into()))?;
    let lease = offer.accept(task)?;
    // Much time may have passed since it was offered, if this future was not polled.
    context.worth_having(lease.term().valid_until())?;
    Ok(lease)
}

pub(crate) struct Wait<'a> {
    context: &'a Arc<Context>,
    keys: &'a Arc<[Bytes]>,
    is_fenced: bool,
    turn: Option<Turn>,
    place: Place,
    sights: Sights,
    backoff: Backoff,
    wakes: Wakes,
    manner: Manner,
    pause: Pause,
    span: LockSpan,
}

/// What an attempt that failed says of the pause after it.
#[derive(Default)]
struct Pause {
    /// How long it is if the masters do not tell when to try.
    blind: Duration,
    /// Whether one master is asked first then.
    is_split: bool,
    /// How long it is at least if they do; `None` if they are not to be asked.
    shortest: Option<Duration>,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(context: &'a Arc<Context>, keys: &'a Arc<[Bytes]>, is_fenced: bool) -> Self {
        let most = context.settings.retry_delay;
        Self {
            context,
            keys,
            is_fenced,
            turn: None,
            place: context.waiting.gates.enter(keys),
            sights: Sights::new(context.masters.handles.len()),
            backoff: Backoff::new(most),
            wakes: Wakes::new(most),
            manner: Manner::default(),
            pause: Pause::default(),
            span: LockSpan::open(keys),
        }
    }

    /// Waits in line, and for a holder in this process, for `limit` at most; says whether it is our
    /// turn.
    pub(crate) async fn queue(&mut self, limit: Duration) -> Result<bool> {
        let start = Instant::now();
        let turn = tokio::select! {
            biased;
            () = self.context.shutdown.closed() => return Err(Error::Closed),
            turn = self.place.turn() => turn?,
            ended = self.context.sleep(limit) => return ended.map(|()| false),
        };
        self.turn = Some(turn);
        let Some(mut holder) = self.place.holder() else {
            return Ok(true);
        };
        let left = limit.saturating_sub(start.elapsed());
        // One that is being given back has nothing left, and soon ends.
        let most = match holder.term().check() {
            Ok(()) => holder.term().remaining().min(POLL),
            Err(_) => POLL,
        };
        let most = most.min(left);
        tokio::select! {
            biased;
            () = self.context.shutdown.closed() => return Err(Error::Closed),
            () = holder.ended() => self.manner = self.manner(self.place.is_contested()),
            ended = self.context.sleep(most) => ended?,
        }
        Ok(true)
    }

    /// How to try: fast, or on even terms with others if there are any.
    fn manner(&self, is_contested: bool) -> Manner {
        if !is_contested {
            return Manner::AllAtOnce;
        }
        let taken = self.sights.taken();
        Manner::OneFirst { taken }
    }

    /// Makes an attempt; if it fails, [`pause`](Self::pause) before the next one.
    pub(crate) async fn attempt(&mut self) -> Result<Lease> {
        let start = Instant::now();
        let manner = std::mem::take(&mut self.manner);
        let outcome = attempt(
            self.context,
            self.keys,
            self.is_fenced,
            manner,
            &mut self.span,
        )
        .await;
        self.place.tried();
        let Failure { error, course, .. } = match outcome {
            Ok(lease) => return Ok(lease),
            Err(failure) => failure,
        };
        self.pause = self.pause_after(&error, course, start.elapsed());
        Err(error)
    }

    fn pause_after(&mut self, error: &Error, course: Course, took: Duration) -> Pause {
        let Error::Held { retry_after } = *error else {
            return Pause {
                blind: self.backoff.wait(None),
                ..Pause::default()
            };
        };
        if self.place.holder().is_none() {
            self.place.contest();
        }
        match course {
            Course::Held => Pause {
                blind: self.backoff.wait(retry_after),
                shortest: Some(Duration::ZERO),
                ..Pause::default()
            },
            Course::Split => {
                let blind = self.backoff.split(took);
                Pause {
                    blind,
                    is_split: true,
                    shortest: Some(blind),
                }
            }
            // Whoever was first needs two round trips to have it.
            Course::Beaten => Pause {
                shortest: Some(took + self.backoff.split(took * 2)),
                blind: self.backoff.wait(None),
                ..Pause::default()
            },
        }
    }

    /// How long there has been no quorum, after an attempt that failed with `error`; zero if there is.
    pub(crate) fn outage(&self, error: &Error) -> Duration {
        if let Error::NoQuorum { .. } | Error::ValidityExhausted { .. } = error {
            let (now, gap) = (
                self.context.clock.now(),
                self.context.settings.outage_tolerance(),
            );
            return self
                .place
                .down(now, gap.max(self.context.settings.retry_delay * 2));
        }
        self.place.up();
        Duration::ZERO
    }

    /// Waits until another attempt makes sense, for `limit` at most.
    pub(crate) async fn pause(&mut self, limit: Duration) -> Result<()> {
        let start = Instant::now();
        let needed = quorum(self.context.masters.handles.len());
        let poll = POLL.max(self.context.settings.retry_delay);
        let poll = poll - jitter(poll / 4);
        let spread = jitter(SPREAD.min(self.context.settings.retry_delay));
        let pause = std::mem::take(&mut self.pause);
        let mut holder = self.place.holder().filter(|_| pause.shortest.is_some());
        let mut handover = None;
        if pause.shortest.is_some() {
            self.sights.look(self.context, self.keys);
        }
        loop {
            let outlook = match pause.shortest {
                Some(_) if handover.is_some() => Outlook::MayBeFree,
                Some(_) => self.sights.outlook(needed),
                None => Outlook::Blind,
            };
            let (until, is_contested, is_wake) = match outlook {
                Outlook::MayBeFree => {
                    let shortest = pause.shortest.unwrap_or_default();
                    let until = start + shortest.max(self.wakes.delay(start));
                    (until, handover.unwrap_or(true), true)
                }
                Outlook::Watched => match self.sights.end(needed) {
                    Some(end) if end + spread < start + poll => {
                        let end = end.max(start + self.wakes.delay(start));
                        (end + spread, true, true)
                    }
                    _ => (start + poll, false, false),
                },
                Outlook::Blind => (start + pause.blind, pause.is_split, false),
            };
            let waited = start.elapsed();
            let left = until
                .saturating_duration_since(start)
                .saturating_sub(waited);
            let left = left.min(limit.saturating_sub(waited));
            if left.is_zero() {
                if is_wake {
                    self.wakes.take();
                }
                self.manner = self.manner(is_contested);
                return Ok(());
            }
            tokio::select! {
                biased;
                () = self.context.shutdown.closed() => return Err(Error::Closed),
                () = self.sights.changed(), if pause.shortest.is_some() => {}
                () = ended(&mut holder) => {
                    holder = None;
                    handover = Some(self.place.is_contested());
                }
                slept = self.context.sleep(left) => slept?,
            }
        }
    }
}

/// Resolves once the holder's time is over; never where there is none.
async fn ended(holder: &mut Option<Holder>) {
    match holder {
        Some(holder) => holder.ended().await,
        None => std::future::pending().await,
    }
}

//! One lease's line to one master: one request at a time, in order.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use bytes::Bytes;
use purse_client::{Error, ErrorKind, Result};
use tokio::sync::{AcquireError, OwnedSemaphorePermit};
use tokio::time::Instant;

use crate::master::token::Token;
use crate::master::transport::{Action, Answer, Asking, Request, redact};
use crate::master::{Masters, Post};
use crate::runtime::clock::LockInstant;
use crate::telemetry::events;

/// The longest pause before a release is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long a shutdown waits for a SET that may still be on its way to a master that answers: once
/// a network is whole again, what was lost on it is sent anew within about as long.
const AFTERMATH: Duration = Duration::from_secs(3);

/// What one master said in one round of questions.
pub(crate) struct Event {
    pub(crate) master: usize,
    pub(crate) round: u64,
    pub(crate) answer: Result<Answer>,
}

/// An action, and the round of questions it belongs to.
pub(crate) struct Ask {
    pub(crate) action: Action,
    pub(crate) round: u64,
    /// What stands beside the lock, or may.
    pub(crate) record: Option<Bytes>,
}

/// Who asks, and what for: the same on all lines of a lease.
pub(crate) struct Asker {
    pub(crate) masters: Arc<Masters>,
    pub(crate) keys: Arc<[Bytes]>,
    pub(crate) token: Token,
}

/// What is known of our token on the master.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// It was never set there.
    Absent,
    /// It was set.
    Present,
    /// It may have been set, or may be yet.
    Doubtful,
}

/// A question under way.
struct Question {
    ask: Ask,
    step: Step,
    /// When the step has taken too long, or the pause is over.
    until: Instant,
    /// Of a release, once it has been answered for the first time.
    insistence: Option<Insistence>,
}

enum Step {
    /// Waits for a turn among all that ask the master.
    Queueing(Queueing),
    /// Waits for the answer.
    Asking {
        asking: Asking,
        _permit: OwnedSemaphorePermit,
    },
    /// Waits until it makes sense to ask again.
    Pausing,
}

type Queueing =
    Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send + Sync>>;

/// A release that goes on, as the master may have our token, now or later.
struct Insistence {
    pause: Duration,
    /// Since when the master says that our token is not there.
    denied_since: Option<LockInstant>,
}

/// It is no task: whoever has it polls it.
pub(crate) struct Line {
    master: usize,
    asks: VecDeque<Ask>,
    question: Option<Question>,
    presence: Presence,
    record: Option<Bytes>,
    /// When our token is gone by itself, as far as can be known.
    expiry: LockInstant,
    is_awaited: bool,
}

impl Line {
    /// A line to the master of that number.
    pub(crate) const fn new(master: usize, now: LockInstant) -> Self {
        Self {
            master,
            asks: VecDeque::new(),
            question: None,
            presence: Presence::Absent,
            record: None,
            expiry: now,
            is_awaited: true,
        }
    }

    /// Queues what is to be asked next.
    pub(crate) fn ask(&mut self, ask: Ask) {
        self.asks.push_back(ask);
    }

    /// Whether all that was asked is done.
    pub(crate) fn is_done(&self) -> bool {
        self.question.is_none() && self.asks.is_empty()
    }

    /// Whether nobody need wait for it: it is done, or all that is left is to make sure.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_done() || !self.is_awaited
    }

    /// When it is to be polled at the latest.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.question.as_ref().map(|question| question.until)
    }

    /// Goes on with what was asked, up to the next answer. Looks at the clock if something
    /// `may_be_late`.
    pub(crate) fn poll(
        &mut self,
        asker: &Asker,
        may_be_late: bool,
        task: &mut Task<'_>,
    ) -> Poll<Event> {
        loop {
            let Some(question) = &mut self.question else {
                let Some(ask) = self.next_ask() else {
                    return Poll::Pending;
                };
                self.begin(asker, ask, None);
                continue;
            };
            let is_late = may_be_late && Instant::now() >= question.until;
            let answer = match &mut question.step {
                Step::Queueing(queueing) => match queueing.as_mut().poll(task) {
                    Poll::Ready(Ok(permit)) => {
                        let request = asker.request(question.ask.action, self.record.clone());
                        question.step = Step::asking(asker.post(self.master), request, permit);
                        question.until = Instant::now() + asker.bound();
                        continue;
                    }
                    _ if is_late => Some(Err(no_turn(asker))),
                    // It is never closed.
                    _ => None,
                },
                Step::Asking { asking, .. } => match asking.as_mut().poll(task) {
                    Poll::Ready(answer) => {
                        self.heard(asker, answered(&answer));
                        Some(answer.map_err(|error| redact(error, &asker.token)))
                    }
                    Poll::Pending if is_late => {
                        self.heard(asker, false);
                        Some(Err(no_reply(asker)))
                    }
                    Poll::Pending => None,
                },
                Step::Pausing if is_late => {
                    if let Some(Question {
                        ask, insistence, ..
                    }) = self.question.take()
                    {
                        self.begin(asker, ask, insistence);
                    }
                    continue;
                }
                Step::Pausing => None,
            };
            let Some(answer) = answer else {
                return Poll::Pending;
            };
            if let Some(event) = self.settle(asker, answer) {
                return Poll::Ready(event);
            }
        }
    }

    /// What is to be asked now. Nobody waits any more for the answer to an extension that something
    /// follows, nor to the like.
    fn next_ask(&mut self) -> Option<Ask> {
        let mut ask = self.asks.pop_front()?;
        while matches!(ask.action, Action::Extend | Action::Raise(_))
            && let Some(newer) = self.asks.pop_front()
        {
            ask = newer;
        }
        self.record = ask.record.take();
        Some(ask)
    }

    fn begin(&mut self, asker: &Asker, ask: Ask, insistence: Option<Insistence>) {
        let post = asker.post(self.master);
        let request = asker.request(ask.action, self.record.clone());
        let gate = post.gate.clone();
        let (step, time) = match gate.clone().try_acquire_owned() {
            Ok(permit) => (Step::asking(post, request, permit), asker.bound()),
            Err(_) => (
                Step::Queueing(Box::pin(gate.acquire_owned())),
                asker.masters.settings.patience(),
            ),
        };
        self.question = Some(Question {
            ask,
            step,
            until: Instant::now() + time,
            insistence,
        });
    }

    fn heard(&self, asker: &Asker, answered: bool) {
        let is_silent = &asker.post(self.master).is_silent;
        is_silent.store(!answered, Ordering::Relaxed);
    }

    /// Ends the question with its answer, if that is the end; what is to be told of it.
    fn settle(&mut self, asker: &Asker, answer: Result<Answer>) -> Option<Event> {
        let question = self.question.take()?;
        let (settings, now) = (&asker.masters.settings, asker.masters.clock.now());
        let round = question.ask.round;
        let is_told = question.insistence.is_some();
        match question.ask.action {
            Action::Acquire | Action::AcquireFenced => {
                self.presence = presence(&answer);
                self.expiry = now + settings.ttl;
            }
            Action::Extend => self.expiry = now + settings.ttl,
            Action::Raise(_) => {}
            Action::Release => self.insist(asker, question, &answer, now),
        }
        (!is_told).then_some(Event {
            master: self.master,
            round,
            answer,
        })
    }

    /// Has a release go on until the master surely does not have our token.
    fn insist(
        &mut self,
        asker: &Asker,
        question: Question,
        answer: &Result<Answer>,
        now: LockInstant,
    ) {
        let (is_gone, is_denied) = (self.is_gone(answer), answer.is_ok());
        let left = self.expiry.saturating_duration_since(now);
        if !is_gone && !is_denied && left.is_zero() {
            events::left_to_expire(asker.post(self.master).master.server());
        }
        if is_gone || left.is_zero() {
            return;
        }
        let Insistence {
            pause,
            denied_since,
        } = question.insistence.unwrap_or(Insistence {
            pause: asker.masters.settings.node_timeout,
            denied_since: None,
        });
        let denied_since = is_denied.then(|| denied_since.unwrap_or(now));
        if denied_since.is_some_and(|since| now >= since + AFTERMATH) {
            self.is_awaited = false;
        }
        self.question = Some(Question {
            ask: question.ask,
            step: Step::Pausing,
            until: Instant::now() + pause.min(left),
            insistence: Some(Insistence {
                pause: (pause * 2).min(LONGEST_PAUSE),
                denied_since,
            }),
        });
    }

    /// Whether our token is off the master, and will not come back.
    ///
    /// If a SET got no reply, it is not enough that the token is not there: the SET may still be on
    /// its way, on a connection that was given up, for seconds if the network was cut.
    fn is_gone(&self, answer: &Result<Answer>) -> bool {
        match (answer, self.presence) {
            (Ok(Answer { ours: true, .. }), _) | (_, Presence::Absent) => true,
            (Ok(_), Presence::Present) => true,
            (Err(error), Presence::Present) => error.kind() == ErrorKind::WrongType,
            (_, Presence::Doubtful) => false,
        }
    }
}

impl Step {
    fn asking(post: &Post, request: Request, permit: OwnedSemaphorePermit) -> Self {
        Self::Asking {
            asking: post.master.ask(request),
            _permit: permit,
        }
    }
}

impl Asker {
    fn request(&self, action: Action, record: Option<Bytes>) -> Request {
        Request {
            action,
            keys: self.keys.clone(),
            token: self.token.clone(),
            ttl: self.masters.settings.ttl,
            record,
        }
    }

    fn post(&self, master: usize) -> &Post {
        &self.masters.posts[master]
    }

    /// The transport keeps the node timeout; this bound holds whatever the transport does.
    fn bound(&self) -> Duration {
        self.masters.settings.node_timeout.saturating_mul(2)
    }
}

fn no_turn(asker: &Asker) -> Error {
    let patience = asker.masters.settings.patience();
    Error::new(
        ErrorKind::NotSent,
        format!("so many other requests are under way that there was no turn within {patience:?}"),
    )
}

fn no_reply(asker: &Asker) -> Error {
    let bound = asker.bound();
    Error::new(ErrorKind::Ambiguous, format!("no reply within {bound:?}"))
}

/// Whether the master said how the lock is there.
fn answered(answer: &Result<Answer>) -> bool {
    match answer {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::WrongType,
    }
}

fn presence(answer: &Result<Answer>) -> Presence {
    match answer {
        Ok(Answer { ours: true, .. }) => Presence::Present,
        Ok(_) => Presence::Absent,
        Err(error) => match error.kind() {
            ErrorKind::NotSent | ErrorKind::Closed | ErrorKind::Config | ErrorKind::Auth => {
                Presence::Absent
            }
            // Our own script said so, and did nothing.
            ErrorKind::WrongType => Presence::Absent,
            // An error reply as well: what stands between us and the server may have made it.
            _ => Presence::Doubtful,
        },
    }
}

//! One lease's queue of requests to one master: one request at a time, in order.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use bytes::Bytes;
use purse_client::{Error, ErrorKind, Result};
use purse_lease::LeaseInstant;
use tokio::sync::{AcquireError, OwnedSemaphorePermit};
use tokio::time::Instant;

use crate::master::commands::redact;
use crate::master::token::Token;
use crate::master::{Action, Answer, MasterHandle, Masters, Request, RequestFuture};
use crate::telemetry::events;

/// The longest pause before a release is sent again.
const MAX_RELEASE_PAUSE: Duration = Duration::from_secs(1);

/// The time that a shutdown waits for a SET that may still be in flight to a master that answers.
/// Once a network is connected again, lost packets are retransmitted within about this time.
const LATE_SET_WINDOW: Duration = Duration::from_secs(3);

/// One master's reply in one round of requests.
pub(crate) struct MasterReply {
    pub(crate) master: usize,
    pub(crate) round: u64,
    pub(crate) answer: Result<Answer>,
}

/// An action, and the round of requests to which it belongs.
pub(crate) struct QueuedRequest {
    pub(crate) action: Action,
    pub(crate) round: u64,
    /// The election record that is, or may be, stored next to the lock.
    pub(crate) record: Option<Bytes>,
}

/// The part of a request that is the same for all requests of a lease.
pub(crate) struct RequestContext {
    pub(crate) masters: Arc<Masters>,
    pub(crate) keys: Arc<[Bytes]>,
    pub(crate) token: Token,
}

/// The state of our token on the master.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TokenState {
    /// The token was never set there.
    Absent,
    /// The token was set.
    Present,
    /// The token may have been set, or may still be set.
    Unknown,
}

/// A request that has been taken from the queue and is not finished.
struct InFlightRequest {
    queued: QueuedRequest,
    step: Step,
    /// The moment when the step has taken too long, or when the pause is over.
    deadline: Instant,
    /// Set for a release once it has been answered for the first time.
    release_retry: Option<ReleaseRetry>,
}

/// The step of a request.
enum Step {
    /// Waits for a permit among all requests to the master.
    AwaitPermit(PermitFuture),
    /// Waits for the reply.
    AwaitReply {
        reply_future: RequestFuture,
        _permit: OwnedSemaphorePermit,
    },
    /// Waits before the request is sent again.
    Backoff,
}

type PermitFuture =
    Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send + Sync>>;

/// A release that is repeated, because the master may hold our token now or later.
struct ReleaseRetry {
    pause: Duration,
    /// The moment since which the master has reported that our token is not there.
    denied_since: Option<LeaseInstant>,
}

/// A queue of requests to one master. It is not a task: its owner polls it.
pub(crate) struct RequestQueue {
    master: usize,
    queue: VecDeque<QueuedRequest>,
    in_flight: Option<InFlightRequest>,
    token_state: TokenState,
    record: Option<Bytes>,
    /// The moment when our token will have expired on the master, as far as is known.
    expiry: LeaseInstant,
    /// True if a shutdown has to wait for this queue.
    is_awaited: bool,
}

impl RequestQueue {
    /// Creates a queue to the master with this index.
    pub(crate) const fn new(master: usize, now: LeaseInstant) -> Self {
        Self {
            master,
            queue: VecDeque::new(),
            in_flight: None,
            token_state: TokenState::Absent,
            record: None,
            expiry: now,
            is_awaited: true,
        }
    }

    /// Adds a request to the queue.
    pub(crate) fn push(&mut self, request: QueuedRequest) {
        self.queue.push_back(request);
    }

    /// Returns whether all requests are done.
    pub(crate) fn is_done(&self) -> bool {
        self.in_flight.is_none() && self.queue.is_empty()
    }

    /// Returns whether a shutdown need not wait for the queue: it is done, or all that is left is a
    /// repeated release.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_done() || !self.is_awaited
    }

    /// Returns the latest moment at which the queue must be polled.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.in_flight.as_ref().map(|in_flight| in_flight.deadline)
    }

    /// Makes progress up to the next reply. Checks the deadline only if a request `may_be_late`,
    /// because reading the clock costs time.
    pub(crate) fn poll(
        &mut self,
        context: &RequestContext,
        may_be_late: bool,
        task: &mut Task<'_>,
    ) -> Poll<MasterReply> {
        loop {
            let Some(in_flight) = &mut self.in_flight else {
                let Some(request) = self.next_request() else {
                    return Poll::Pending;
                };
                self.start(context, request, None);
                continue;
            };
            let is_late = may_be_late && Instant::now() >= in_flight.deadline;
            let answer = match &mut in_flight.step {
                Step::AwaitPermit(permit_future) => match permit_future.as_mut().poll(task) {
                    Poll::Ready(Ok(permit)) => {
                        let request = context.request(in_flight.queued.action, self.record.clone());
                        in_flight.step = Step::send(context.handle(self.master), request, permit);
                        in_flight.deadline = Instant::now() + context.reply_timeout();
                        continue;
                    }
                    _ if is_late => Some(Err(queue_timeout_error(context))),
                    // The semaphore is never closed.
                    _ => None,
                },
                Step::AwaitReply { reply_future, .. } => match reply_future.as_mut().poll(task) {
                    Poll::Ready(answer) => {
                        self.record_silence(context, !has_lock_state(&answer));
                        Some(answer.map_err(|error| redact(error, &context.token)))
                    }
                    Poll::Pending if is_late => {
                        self.record_silence(context, true);
                        Some(Err(no_reply_error(context)))
                    }
                    Poll::Pending => None,
                },
                Step::Backoff if is_late => {
                    if let Some(InFlightRequest {
                        queued,
                        release_retry,
                        ..
                    }) = self.in_flight.take()
                    {
                        self.start(context, queued, release_retry);
                    }
                    continue;
                }
                Step::Backoff => None,
            };
            let Some(answer) = answer else {
                return Poll::Pending;
            };
            if let Some(reply) = self.finish(context, answer) {
                return Poll::Ready(reply);
            }
        }
    }

    /// Returns the next request to send. Skips extensions and raises that a later request follows,
    /// because no caller waits for their answers any more.
    fn next_request(&mut self) -> Option<QueuedRequest> {
        let mut request = self.queue.pop_front()?;
        while matches!(request.action, Action::Extend | Action::Raise(_))
            && let Some(newer) = self.queue.pop_front()
        {
            request = newer;
        }
        self.record = request.record.take();
        Some(request)
    }

    fn start(
        &mut self,
        context: &RequestContext,
        queued: QueuedRequest,
        release_retry: Option<ReleaseRetry>,
    ) {
        let handle = context.handle(self.master);
        let request = context.request(queued.action, self.record.clone());
        let permits = handle.permits.clone();
        let (step, time) = match permits.clone().try_acquire_owned() {
            Ok(permit) => (Step::send(handle, request, permit), context.reply_timeout()),
            Err(_) => (
                Step::AwaitPermit(Box::pin(permits.acquire_owned())),
                context.masters.settings.queue_timeout(),
            ),
        };
        self.in_flight = Some(InFlightRequest {
            queued,
            step,
            deadline: Instant::now() + time,
            release_retry,
        });
    }

    /// Records whether the master was silent, for the order in which masters are asked.
    fn record_silence(&self, context: &RequestContext, is_silent: bool) {
        let handle = context.handle(self.master);
        handle.is_silent.store(is_silent, Ordering::Relaxed);
    }

    /// Finishes the request with its answer, unless it is repeated. Returns the reply to report, if
    /// it has not been reported.
    fn finish(&mut self, context: &RequestContext, answer: Result<Answer>) -> Option<MasterReply> {
        let in_flight = self.in_flight.take()?;
        let (settings, now) = (&context.masters.settings, context.masters.clock.now());
        let round = in_flight.queued.round;
        let is_reported = in_flight.release_retry.is_some();
        match in_flight.queued.action {
            Action::Acquire | Action::AcquireFenced => {
                self.token_state = token_state(&answer);
                self.expiry = now + settings.ttl;
            }
            Action::Extend => self.expiry = now + settings.ttl,
            Action::Raise(_) => {}
            Action::Release => self.retry_release(context, in_flight, &answer, now),
        }
        (!is_reported).then_some(MasterReply {
            master: self.master,
            round,
            answer,
        })
    }

    /// Repeats a release until the master is certain not to hold our token.
    fn retry_release(
        &mut self,
        context: &RequestContext,
        in_flight: InFlightRequest,
        answer: &Result<Answer>,
        now: LeaseInstant,
    ) {
        let (is_gone, is_denied) = (self.is_gone(answer), answer.is_ok());
        let left = self.expiry.saturating_duration_since(now);
        if !is_gone && !is_denied && left.is_zero() {
            events::warn_left_to_expire(context.handle(self.master).master.server());
        }
        if is_gone || left.is_zero() {
            return;
        }
        let ReleaseRetry {
            pause,
            denied_since,
        } = in_flight.release_retry.unwrap_or(ReleaseRetry {
            pause: context.masters.settings.master_timeout,
            denied_since: None,
        });
        let denied_since = is_denied.then(|| denied_since.unwrap_or(now));
        if denied_since.is_some_and(|since| now >= since + LATE_SET_WINDOW) {
            self.is_awaited = false;
        }
        self.in_flight = Some(InFlightRequest {
            queued: in_flight.queued,
            step: Step::Backoff,
            deadline: Instant::now() + pause.min(left),
            release_retry: Some(ReleaseRetry {
                pause: (pause * 2).min(MAX_RELEASE_PAUSE),
                denied_since,
            }),
        });
    }

    /// Returns whether our token is off the master and cannot come back.
    ///
    /// If a SET got no reply, it is not enough that the token is not there. The SET may still be in
    /// flight, on a connection that was given up, for seconds if the network was cut.
    fn is_gone(&self, answer: &Result<Answer>) -> bool {
        match (answer, self.token_state) {
            (Ok(Answer { ours: true, .. }), _) | (_, TokenState::Absent) => true,
            (Ok(_), TokenState::Present) => true,
            (Err(error), TokenState::Present) => error.kind() == ErrorKind::WrongType,
            (_, TokenState::Unknown) => false,
        }
    }
}

impl Step {
    fn send(handle: &MasterHandle, request: Request, permit: OwnedSemaphorePermit) -> Self {
        Self::AwaitReply {
            reply_future: handle.master.send(request),
            _permit: permit,
        }
    }
}

impl RequestContext {
    fn request(&self, action: Action, record: Option<Bytes>) -> Request {
        Request {
            action,
            keys: self.keys.clone(),
            token: self.token.clone(),
            ttl: self.masters.settings.ttl,
            record,
        }
    }

    fn handle(&self, master: usize) -> &MasterHandle {
        &self.masters.handles[master]
    }

    /// Returns the longest time that a reply may take. The transport enforces the master timeout;
    /// this bound also holds if the transport does not.
    fn reply_timeout(&self) -> Duration {
        self.masters.settings.master_timeout.saturating_mul(2)
    }
}

fn queue_timeout_error(context: &RequestContext) -> Error {
    let queue_timeout = context.masters.settings.queue_timeout();
    Error::new(
        ErrorKind::NotSent,
        format!(
            "too many requests to this master are in flight: no permit within {queue_timeout:?}"
        ),
    )
}

fn no_reply_error(context: &RequestContext) -> Error {
    let reply_timeout = context.reply_timeout();
    Error::new(
        ErrorKind::Ambiguous,
        format!("no reply within {reply_timeout:?}"),
    )
}

/// Returns whether the master reported the state of the lock.
fn has_lock_state(answer: &Result<Answer>) -> bool {
    match answer {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::WrongType,
    }
}

/// Returns what the answer to an acquisition reveals about our token.
fn token_state(answer: &Result<Answer>) -> TokenState {
    match answer {
        Ok(Answer { ours: true, .. }) => TokenState::Present,
        Ok(_) => TokenState::Absent,
        Err(error) => match error.kind() {
            ErrorKind::NotSent | ErrorKind::Closed | ErrorKind::Config | ErrorKind::Auth => {
                TokenState::Absent
            }
            // This error comes from our own script, which did nothing.
            ErrorKind::WrongType => TokenState::Absent,
            // This includes error replies, because a proxy between us and the server may have sent one.
            _ => TokenState::Unknown,
        },
    }
}

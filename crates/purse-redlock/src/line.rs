//! One lease's line to one master: one request at a time, in order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use purse_client::{Error, ErrorKind, Result};
use tokio::sync::mpsc;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use crate::clock::LockInstant;
use crate::context::{Context, Post};
use crate::token::Token;
use crate::trace;
use crate::transport::{Action, Answer, Request, redact};

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

pub(crate) struct Line {
    context: Arc<Context>,
    master: usize,
    keys: Arc<[Bytes]>,
    token: Token,
    asks: mpsc::UnboundedReceiver<Ask>,
    /// The owner waits for the line as long as this is there.
    events: Option<mpsc::UnboundedSender<Event>>,
    presence: Presence,
    record: Option<Bytes>,
    /// When our token is gone by itself, as far as can be known.
    expiry: LockInstant,
}

impl Line {
    /// Starts a line to the master of that number; it ends once its sender is dropped and what was
    /// asked is done.
    pub(crate) fn start(
        context: &Arc<Context>,
        master: usize,
        keys: Arc<[Bytes]>,
        token: Token,
        events: mpsc::UnboundedSender<Event>,
    ) -> mpsc::UnboundedSender<Ask> {
        let (sender, asks) = mpsc::unbounded_channel();
        let line = Self {
            context: context.clone(),
            master,
            keys,
            token,
            asks,
            events: Some(events),
            presence: Presence::Absent,
            record: None,
            expiry: context.clock.now(),
        };
        tokio::spawn(line.run());
        sender
    }

    async fn run(mut self) {
        while let Some(mut ask) = self.asks.recv().await {
            // Nobody waits any more for the answer to an extension that something follows, nor to
            // the like.
            while matches!(ask.action, Action::Extend | Action::Raise(_))
                && let Ok(newer) = self.asks.try_recv()
            {
                ask = newer;
            }
            self.record = ask.record.take();
            match ask.action {
                Action::Acquire | Action::AcquireFenced => self.acquire(ask).await,
                Action::Raise(_) => self.raise(ask).await,
                Action::Extend => self.extend(ask).await,
                Action::Release => self.release(ask).await,
            }
        }
    }

    async fn acquire(&mut self, ask: Ask) {
        let answer = self.ask(ask.action).await;
        self.presence = presence(&answer);
        self.expiry = self.context.clock.now() + self.context.settings.ttl;
        self.report(ask, answer);
    }

    async fn raise(&mut self, ask: Ask) {
        let answer = self.ask(ask.action).await;
        self.report(ask, answer);
    }

    async fn extend(&mut self, ask: Ask) {
        let answer = self.ask(ask.action).await;
        self.expiry = self.context.clock.now() + self.context.settings.ttl;
        self.report(ask, answer);
    }

    /// Reports the first answer, and goes on until the master surely does not have our token.
    async fn release(&mut self, ask: Ask) {
        let mut pause = self.context.settings.node_timeout;
        let mut denied_since = None;
        let mut ask = Some(ask);
        loop {
            let answer = self.ask(Action::Release).await;
            let (is_gone, is_denied) = (self.is_gone(&answer), answer.is_ok());
            if let Some(ask) = ask.take() {
                self.report(ask, answer);
            }
            let now = self.context.clock.now();
            let left = self.expiry.saturating_duration_since(now);
            if !is_gone && !is_denied && left.is_zero() {
                trace::left_to_expire(self.server());
            }
            if is_gone || left.is_zero() {
                return;
            }
            denied_since = is_denied.then(|| denied_since.unwrap_or(now));
            if denied_since.is_some_and(|since| now >= since + AFTERMATH) {
                self.events = None;
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
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

    async fn ask(&self, action: Action) -> Result<Answer> {
        let settings = &self.context.settings;
        let Post {
            master,
            gate,
            is_silent,
            ..
        } = &self.context.masters[self.master];
        let patience = settings.patience();
        let Ok(_permit) = timeout(patience, gate.acquire()).await else {
            return Err(Error::new(
                ErrorKind::NotSent,
                format!(
                    "so many other requests are under way that there was no turn within {patience:?}"
                ),
            ));
        };
        let asking = master.ask(Request {
            action,
            keys: self.keys.clone(),
            token: self.token.clone(),
            ttl: settings.ttl,
            record: self.record.clone(),
        });
        // The transport keeps the node timeout; this bound holds whatever the transport does.
        let bound = settings.node_timeout.saturating_mul(2);
        let answer = timeout(bound, asking).await;
        is_silent.store(!answered(&answer), Ordering::Relaxed);
        match answer {
            Ok(answer) => answer.map_err(|error| redact(error, &self.token)),
            Err(_) => Err(Error::new(
                ErrorKind::Ambiguous,
                format!("no reply within {bound:?}"),
            )),
        }
    }

    fn report(&self, ask: Ask, answer: Result<Answer>) {
        let event = Event {
            master: self.master,
            round: ask.round,
            answer,
        };
        if let Some(events) = &self.events {
            // Nobody listens any more once the lease's owner is gone, with the runtime.
            let _ = events.send(event);
        }
    }

    fn server(&self) -> &str {
        self.context.masters[self.master].master.server()
    }
}

/// Whether the master said how the lock is there.
fn answered(answer: &Result<Result<Answer>, Elapsed>) -> bool {
    match answer {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => error.kind() == ErrorKind::WrongType,
        Err(_) => false,
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

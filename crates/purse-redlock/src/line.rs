//! One lease's line to one master: one request at a time, in order.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use purse_client::{Error, ErrorKind, Result};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::clock::LockInstant;
use crate::context::Context;
use crate::token::Token;
use crate::trace;
use crate::transport::{Action, Answer, Request, redact};

/// The longest pause before a release is tried again.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// So many times must a master say that our token is not there, if a SET on it got no reply: the
/// SET may still be on its way, on a connection that was given up.
const CONFIRMATIONS: u32 = 3;

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
    key: Bytes,
    token: Token,
    asks: mpsc::UnboundedReceiver<Ask>,
    events: mpsc::UnboundedSender<Event>,
    presence: Presence,
    /// When our token is gone by itself, as far as can be known.
    expiry: LockInstant,
}

impl Line {
    /// Starts a line to the master of that number; it ends once its sender is dropped and what was
    /// asked is done.
    pub(crate) fn start(
        context: &Arc<Context>,
        master: usize,
        key: Bytes,
        token: Token,
        events: mpsc::UnboundedSender<Event>,
    ) -> mpsc::UnboundedSender<Ask> {
        let (sender, asks) = mpsc::unbounded_channel();
        let line = Self {
            context: context.clone(),
            master,
            key,
            token,
            asks,
            events,
            presence: Presence::Absent,
            expiry: context.clock.now(),
        };
        tokio::spawn(line.run());
        sender
    }

    async fn run(mut self) {
        while let Some(ask) = self.asks.recv().await {
            match ask.action {
                Action::Acquire => self.acquire(ask).await,
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

    async fn extend(&mut self, ask: Ask) {
        let answer = self.ask(ask.action).await;
        self.expiry = self.context.clock.now() + self.context.settings.ttl;
        self.report(ask, answer);
    }

    /// Reports the first answer, and goes on until the master surely does not have our token.
    async fn release(&mut self, ask: Ask) {
        let mut pause = self.context.settings.node_timeout;
        let mut denials = 0;
        let answer = self.ask(Action::Release).await;
        let mut settled = self.is_gone(&answer, &mut denials);
        self.report(ask, answer);
        while !settled {
            if self.context.clock.now() + pause >= self.expiry {
                trace::left_to_expire(self.server());
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let answer = self.ask(Action::Release).await;
            settled = self.is_gone(&answer, &mut denials);
        }
    }

    fn is_gone(&self, answer: &Result<Answer>, denials: &mut u32) -> bool {
        match (answer, self.presence) {
            (Ok(Answer { ours: true, .. }), _) | (_, Presence::Absent) => true,
            (Ok(_), Presence::Present) => true,
            (Ok(_), Presence::Doubtful) => {
                *denials += 1;
                *denials >= CONFIRMATIONS
            }
            (Err(_), _) => false,
        }
    }

    async fn ask(&self, action: Action) -> Result<Answer> {
        let request = Request {
            action,
            key: self.key.clone(),
            token: self.token.clone(),
            ttl: self.context.settings.ttl,
        };
        let asking = self.context.masters[self.master].ask(request);
        // The transport keeps the node timeout for each trip, and a script may take two; this
        // bound holds whatever the transport does.
        let bound = self.context.settings.node_timeout.saturating_mul(2);
        match timeout(bound, asking).await {
            Ok(answer) => answer.map_err(|error| redact(error, &self.token)),
            Err(_) => Err(Error::new(
                ErrorKind::Ambiguous,
                format!("no reply within {bound:?}"),
            )),
        }
    }

    fn report(&self, ask: Ask, answer: Result<Answer>) {
        // Nobody listens any more once the lease's owner is gone, with the runtime.
        let _ = self.events.send(Event {
            master: self.master,
            round: ask.round,
            answer,
        });
    }

    fn server(&self) -> &str {
        self.context.masters[self.master].server()
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
            // An error reply as well: what stands between us and the server may have made it.
            _ => Presence::Doubtful,
        },
    }
}

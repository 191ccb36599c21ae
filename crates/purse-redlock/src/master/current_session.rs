//! A connection to a master, together with the identity of the server that it leads to.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use purse_client::{Error, ErrorKind, Result, Session};
use purse_lease::LeaseInstant;

use crate::master::Action;
use crate::master::status::{MasterState, MasterStatus};

/// The connection to a master, together with the identity and state of the server at its other end.
pub(crate) struct CurrentSession {
    server: Arc<str>,
    current: RwLock<Arc<SessionState>>,
    last_reply: Mutex<LastReply>,
}

/// The moment of the master's last reply, and its round trip time.
#[derive(Clone, Copy)]
pub(crate) struct LastReply {
    pub(crate) at: LeaseInstant,
    round_trip: Option<Duration>,
}

/// A connection to one run of one server, and what is known of that server.
pub(crate) struct SessionState {
    /// Leads to the server that `state` describes, and cannot lead to another.
    session: Option<Session>,
    run_id: Option<String>,
    state: MasterState,
}

impl CurrentSession {
    pub(crate) fn new(server: Arc<str>) -> Self {
        let error = Error::new(ErrorKind::NotSent, "not connected yet");
        Self {
            server,
            current: RwLock::new(Arc::new(SessionState {
                session: None,
                run_id: None,
                state: MasterState::Down {
                    since: LeaseInstant::now(),
                    error: Arc::new(error),
                },
            })),
            last_reply: Mutex::new(LastReply {
                at: LeaseInstant::now(),
                round_trip: None,
            }),
        }
    }

    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Returns the session for an action, and whether the answer counts as a vote.
    pub(crate) fn session_for(&self, action: Action) -> Result<(Session, Result<()>)> {
        self.current().session_for(action)
    }

    pub(crate) fn status(&self) -> MasterStatus {
        let (current, round_trip) = (self.current(), self.last_reply().round_trip);
        let is_over = current.session.as_ref().is_none_or(Session::is_over);
        MasterStatus {
            address: self.server.to_string(),
            state: current.state.clone().at(LeaseInstant::now()),
            run_id: current.run_id.clone().filter(|_| !is_over),
            round_trip,
        }
    }

    /// Returns the session, if it is connected.
    pub(crate) fn session(&self) -> Option<Session> {
        let session = self.current().session.clone();
        session.filter(|session| !session.is_over())
    }

    pub(crate) fn state(&self) -> MasterState {
        self.current().state.clone().at(LeaseInstant::now())
    }

    /// Sets the session and the state, which decides whether the master may vote.
    pub(crate) fn set_state(&self, session: &Session, run_id: Option<&str>, state: MasterState) {
        self.replace(SessionState {
            session: Some(session.clone()),
            run_id: run_id.map(str::to_owned),
            state,
        });
    }

    /// Makes a new connection usable for releases before the server has been identified. It cannot
    /// vote yet.
    pub(crate) fn attach_unidentified(&self, session: &Session) {
        let state = self.current().state.clone();
        self.set_state(session, None, state);
    }

    /// Marks the master as down, so that it may not vote. Returns the previous session.
    pub(crate) fn mark_down(&self, error: Error) -> Option<Session> {
        let old = self.current();
        let since = match old.state {
            MasterState::Down { since, .. } => since,
            _ => LeaseInstant::now(),
        };
        let session = old.session.clone();
        self.replace(SessionState {
            session: session.clone().filter(|session| !session.is_over()),
            run_id: old.run_id.clone(),
            state: MasterState::Down {
                since,
                error: Arc::new(error),
            },
        });
        session
    }

    pub(crate) fn last_reply(&self) -> LastReply {
        *self
            .last_reply
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the master replied after `round_trip`.
    pub(crate) fn record_reply(&self, round_trip: Duration) {
        let last_reply = LastReply {
            at: LeaseInstant::now(),
            round_trip: Some(round_trip),
        };
        *self
            .last_reply
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = last_reply;
    }

    fn current(&self) -> Arc<SessionState> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    fn replace(&self, current: SessionState) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
    }
}

impl SessionState {
    /// Returns the session for an action, and whether the answer counts as a vote.
    fn session_for(&self, action: Action) -> Result<(Session, Result<()>)> {
        let session = self.session.as_ref();
        let Some(session) = session.filter(|session| !session.is_over()) else {
            return Err(self.not_connected_error());
        };
        let vote = match self.state.clone().at(LeaseInstant::now()) {
            _ if action == Action::Release => Ok(()),
            MasterState::Up => Ok(()),
            state @ MasterState::Quarantined { .. } => {
                let message = format!("{state}: the server may have lost locks that it granted");
                if action != Action::Extend {
                    return Err(Error::new(ErrorKind::NotSent, message));
                }
                // The extension is sent, because a lock that the master still has should outlast
                // the quarantine.
                Err(Error::new(ErrorKind::Ambiguous, message))
            }
            MasterState::Down { error, .. } => {
                let message = "connected, but not yet allowed to vote";
                return Err(Error::new(ErrorKind::NotSent, message).with_source(error));
            }
            state @ MasterState::Duplicate { .. } => {
                return Err(Error::new(ErrorKind::Config, state.to_string()));
            }
        };
        Ok((session.clone(), vote))
    }

    fn not_connected_error(&self) -> Error {
        let error = Error::new(ErrorKind::NotSent, "not connected");
        match &self.state {
            MasterState::Down { error: cause, .. } => error.with_source(cause.clone()),
            _ => error,
        }
    }
}

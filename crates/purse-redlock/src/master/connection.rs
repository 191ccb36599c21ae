//! A connection to a master, together with what is known of the server it leads to.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use purse_client::{Error, ErrorKind, Result, Session};

use crate::master::Action;
use crate::master::status::{MasterState, MasterStatus};
use crate::runtime::clock::LockInstant;

/// What stands between a lock and a master at this moment.
pub(crate) struct MasterConnection {
    server: Arc<str>,
    current: RwLock<Arc<ConnectionState>>,
    last_reply: Mutex<LastReply>,
}

/// When the master last answered, and how fast.
#[derive(Clone, Copy)]
pub(crate) struct LastReply {
    pub(crate) at: LockInstant,
    round_trip: Option<Duration>,
}

/// A connection to one run of one server, and what is known of that.
pub(crate) struct ConnectionState {
    /// Leads to the server that `state` tells of, and can lead to no other.
    session: Option<Session>,
    run_id: Option<String>,
    state: MasterState,
}

impl MasterConnection {
    pub(crate) fn new(server: Arc<str>) -> Self {
        let error = Error::new(ErrorKind::NotSent, "not connected yet");
        Self {
            server,
            current: RwLock::new(Arc::new(ConnectionState {
                session: None,
                run_id: None,
                state: MasterState::Down {
                    since: LockInstant::now(),
                    error: Arc::new(error),
                },
            })),
            last_reply: Mutex::new(LastReply {
                at: LockInstant::now(),
                round_trip: None,
            }),
        }
    }

    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// The connection for an action, and whether what is answered counts as a vote.
    pub(crate) fn session_for(&self, action: Action) -> Result<(Session, Result<()>)> {
        self.current().session_for(action)
    }

    pub(crate) fn status(&self) -> MasterStatus {
        let (current, round_trip) = (self.current(), self.last_reply().round_trip);
        let is_over = current.session.as_ref().is_none_or(Session::is_over);
        MasterStatus {
            address: self.server.to_string(),
            state: current.state.clone().at(LockInstant::now()),
            run_id: current.run_id.clone().filter(|_| !is_over),
            round_trip,
        }
    }

    /// The connection, if it stands.
    pub(crate) fn session(&self) -> Option<Session> {
        let session = self.current().session.clone();
        session.filter(|session| !session.is_over())
    }

    pub(crate) fn state(&self) -> MasterState {
        self.current().state.clone().at(LockInstant::now())
    }

    /// Lets the master vote, or not, as `state` says.
    pub(crate) fn set_state(&self, session: &Session, run_id: Option<&str>, state: MasterState) {
        self.replace(ConnectionState {
            session: Some(session.clone()),
            run_id: run_id.map(str::to_owned),
            state,
        });
    }

    /// Lets locks be released over a new connection, before it is known who is there.
    pub(crate) fn attach_unidentified(&self, session: &Session) {
        let state = self.current().state.clone();
        self.set_state(session, None, state);
    }

    /// The master cannot be asked for locks; gives the connection there was.
    pub(crate) fn mark_down(&self, error: Error) -> Option<Session> {
        let old = self.current();
        let since = match old.state {
            MasterState::Down { since, .. } => since,
            _ => LockInstant::now(),
        };
        let session = old.session.clone();
        self.replace(ConnectionState {
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

    pub(crate) fn record_reply(&self, round_trip: Duration) {
        let last_reply = LastReply {
            at: LockInstant::now(),
            round_trip: Some(round_trip),
        };
        *self
            .last_reply
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = last_reply;
    }

    fn current(&self) -> Arc<ConnectionState> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    fn replace(&self, current: ConnectionState) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
    }
}

impl ConnectionState {
    /// The connection for an action, and whether what is answered counts as a vote.
    fn session_for(&self, action: Action) -> Result<(Session, Result<()>)> {
        let session = self.session.as_ref();
        let Some(session) = session.filter(|session| !session.is_over()) else {
            return Err(self.not_connected());
        };
        let vote = match self.state.clone().at(LockInstant::now()) {
            _ if action == Action::Release => Ok(()),
            MasterState::Up => Ok(()),
            state @ MasterState::Quarantined { .. } => {
                let message = format!("{state}: it may have lost the locks of others");
                if action != Action::Extend {
                    return Err(Error::new(ErrorKind::NotSent, message));
                }
                // What it still has shall last beyond the quarantine.
                Err(Error::new(ErrorKind::Ambiguous, message))
            }
            MasterState::Down { error, .. } => {
                let message = "connected, and not to be asked for locks yet";
                return Err(Error::new(ErrorKind::NotSent, message).with_source(error));
            }
            state @ MasterState::Duplicate { .. } => {
                return Err(Error::new(ErrorKind::Config, state.to_string()));
            }
        };
        Ok((session.clone(), vote))
    }

    fn not_connected(&self) -> Error {
        let error = Error::new(ErrorKind::NotSent, "not connected");
        match &self.state {
            MasterState::Down { error: cause, .. } => error.with_source(cause.clone()),
            _ => error,
        }
    }
}

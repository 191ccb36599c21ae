//! A master behind a connection that is known to lead to it.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use purse_client::{Client, Error, ErrorKind, Result, Session};
use tokio::task::JoinHandle;

use crate::clock::LockInstant;
use crate::health::{MasterState, MasterStatus};
use crate::keeper::Keeper;
use crate::look;
use crate::transport::{Action, Asking, Recording, Request, Transport, Watching, command, read};

/// A master behind purse's client.
pub(crate) struct Remote {
    seat: Arc<Seat>,
    timeout: Duration,
    keeper: JoinHandle<()>,
    /// For looks at locks alone; gone once it is closed.
    watcher: Mutex<Option<Client>>,
}

impl Remote {
    /// Starts to look after the master's connection.
    pub(crate) fn start(keeper: Keeper, timeout: Duration) -> Self {
        Self {
            seat: keeper.seat().clone(),
            timeout,
            watcher: Mutex::new(Some(keeper.watcher().clone())),
            keeper: tokio::spawn(keeper.keep()),
        }
    }

    fn watcher(&self) -> Option<Client> {
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        watcher.clone()
    }
}

impl Transport for Remote {
    fn server(&self) -> &str {
        &self.seat.server
    }

    fn ask(&self, request: Request) -> Asking {
        let seat = self.seat.clone();
        let command = command(&request).timeout(self.timeout);
        Box::pin(async move {
            let (session, vote) = seat.link().session_for(request.action)?;
            let sent = Instant::now();
            let reply = session.run(command).await?;
            seat.heard(sent.elapsed());
            let answer = read(&request, reply)?;
            vote.map(|()| answer)
        })
    }

    fn watch(&self, keys: Arc<[Bytes]>) -> Watching {
        match self.watcher() {
            Some(watcher) => Box::pin(look::look(watcher, keys, self.timeout)),
            None => Box::pin(async { Err(closed()) }),
        }
    }

    fn record(&self, key: Bytes) -> Recording {
        match self.watcher() {
            Some(watcher) => {
                let session = self.seat.session();
                Box::pin(look::record(watcher, session, key, self.timeout))
            }
            None => Box::pin(async { Err(closed()) }),
        }
    }

    fn status(&self) -> MasterStatus {
        let (link, round_trip) = (self.seat.link(), self.seat.contact().round_trip);
        let is_over = link.session.as_ref().is_none_or(Session::is_over);
        MasterStatus {
            address: self.seat.server.to_string(),
            state: link.state.clone().at(LockInstant::now()),
            run_id: link.run_id.clone().filter(|_| !is_over),
            round_trip,
        }
    }

    fn close(&self) {
        self.keeper.abort();
        self.watcher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(session) = self.seat.down(closed()) {
            session.end();
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.close();
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the redlock is shut down")
}

/// What stands between a lock and a master at this moment.
pub(crate) struct Seat {
    server: Arc<str>,
    link: RwLock<Arc<Link>>,
    contact: Mutex<Contact>,
}

/// When the master last answered, and how fast.
#[derive(Clone, Copy)]
pub(crate) struct Contact {
    pub(crate) at: LockInstant,
    round_trip: Option<Duration>,
}

/// A connection to one run of one server, and what is known of that.
pub(crate) struct Link {
    /// Leads to the server that `state` tells of, and can lead to no other.
    session: Option<Session>,
    run_id: Option<String>,
    state: MasterState,
}

impl Seat {
    pub(crate) fn new(server: Arc<str>) -> Self {
        let error = Error::new(ErrorKind::NotSent, "not connected yet");
        Self {
            server,
            link: RwLock::new(Arc::new(Link {
                session: None,
                run_id: None,
                state: MasterState::Down {
                    since: LockInstant::now(),
                    error: Arc::new(error),
                },
            })),
            contact: Mutex::new(Contact {
                at: LockInstant::now(),
                round_trip: None,
            }),
        }
    }

    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// The connection, if it stands.
    pub(crate) fn session(&self) -> Option<Session> {
        let session = self.link().session.clone();
        session.filter(|session| !session.is_over())
    }

    pub(crate) fn state(&self) -> MasterState {
        self.link().state.clone().at(LockInstant::now())
    }

    /// Lets the master vote, or not, as `state` says.
    pub(crate) fn set(&self, session: &Session, run_id: Option<&str>, state: MasterState) {
        self.replace(Link {
            session: Some(session.clone()),
            run_id: run_id.map(str::to_owned),
            state,
        });
    }

    /// Lets locks be released over a new connection, before it is known who is there.
    pub(crate) fn greet(&self, session: &Session) {
        let state = self.link().state.clone();
        self.set(session, None, state);
    }

    /// The master cannot be asked for locks; gives the connection there was.
    pub(crate) fn down(&self, error: Error) -> Option<Session> {
        let old = self.link();
        let since = match old.state {
            MasterState::Down { since, .. } => since,
            _ => LockInstant::now(),
        };
        let session = old.session.clone();
        self.replace(Link {
            session: session.clone().filter(|session| !session.is_over()),
            run_id: old.run_id.clone(),
            state: MasterState::Down {
                since,
                error: Arc::new(error),
            },
        });
        session
    }

    pub(crate) fn contact(&self) -> Contact {
        *self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn heard(&self, round_trip: Duration) {
        let contact = Contact {
            at: LockInstant::now(),
            round_trip: Some(round_trip),
        };
        *self.contact.lock().unwrap_or_else(PoisonError::into_inner) = contact;
    }

    fn link(&self) -> Arc<Link> {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.clone()
    }

    fn replace(&self, link: Link) {
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(link);
    }
}

impl Link {
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
            state @ MasterState::Twin { .. } => {
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

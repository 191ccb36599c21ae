//! The task that keeps one master's connection.
//!
//! A connection is never made anew behind the lock's back: when it ends, the keeper makes the next
//! one, asks who is there, and only then lets it vote.

use std::sync::Arc;
use std::time::Duration;

use purse_client::{Client, ClientBuilder, Error, ErrorKind, Result, Session};
use tokio::time::{sleep, timeout};

use crate::master::connection::MasterConnection;
use crate::master::status::MasterState;
use crate::membership::capability_probe;
use crate::membership::quarantine::{Past, Quarantine, Voter, votes_from};
use crate::membership::reconnect_backoff::Pace;
use crate::membership::registry::{Roll, Twin};
use crate::membership::server_identity::{self, Identity};
use crate::runtime::clock::LockInstant;
use crate::telemetry::events;

/// The longest sleep on tokio's clock, which stands still while the machine does.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Who may vote, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) quarantine: Quarantine,
    pub(crate) longest_ttl: Duration,
}

/// A server that could be asked for locks, as far as it says itself.
pub(crate) struct Met {
    session: Session,
    pub(crate) identity: Identity,
}

pub(crate) struct Keeper {
    master: usize,
    builder: ClientBuilder,
    watcher: Client,
    database: u32,
    rules: Rules,
    roll: Arc<Roll>,
    connection: Arc<MasterConnection>,
    past: Past,
    is_probed: bool,
}

impl Keeper {
    pub(crate) fn new(
        master: usize,
        builder: ClientBuilder,
        rules: Rules,
        roll: &Arc<Roll>,
    ) -> Result<Self> {
        let (server, database) = builder.target()?;
        let connection = MasterConnection::new(server);
        Ok(Self {
            master,
            watcher: builder.clone().unconnected()?,
            builder,
            database,
            rules,
            roll: roll.clone(),
            connection: Arc::new(connection),
            past: Past::default(),
            is_probed: false,
        })
    }

    pub(crate) const fn connection(&self) -> &Arc<MasterConnection> {
        &self.connection
    }

    /// A client of the same server, for watching alone.
    pub(crate) const fn watcher(&self) -> &Client {
        &self.watcher
    }

    pub(crate) const fn database(&self) -> u32 {
        self.database
    }

    /// Connects, unless it is connected, and asks who is there.
    pub(crate) async fn meet(&mut self) -> Result<Met> {
        // Boxed, as fred's futures are deep: the compiler has a limit for it.
        let met = Box::pin(self.try_to_meet()).await;
        met.map_err(|error| error.with_server(self.connection.server().into()))
    }

    async fn try_to_meet(&mut self) -> Result<Met> {
        let session = match self.connection.session() {
            Some(session) => session,
            None => self.builder.clone().connect_session().await?,
        };
        if session.is_cluster() {
            let message = "a cluster is no master: name its servers, or others, one by one";
            return Err(Error::new(ErrorKind::Config, message));
        }
        self.connection.attach_unidentified(&session);
        let identity = server_identity::ask(&session).await?;
        if identity.is_replica {
            self.past = Past::Replica;
            let message = "READONLY this server is a replica, and no master";
            return Err(Error::new(ErrorKind::Server, message));
        }
        if identity.is_loading {
            let message = "LOADING the server is still reading its data";
            return Err(Error::new(ErrorKind::Server, message));
        }
        if !self.is_probed {
            capability_probe::scripts(&session).await?;
            self.is_probed = true;
        }
        if identity.evicts {
            events::evicting(session.server());
        }
        Ok(Met { session, identity })
    }

    /// From when on the votes of a server count that is met now.
    pub(crate) fn votes_from(&self, identity: &Identity) -> LockInstant {
        let now = LockInstant::now();
        match self.rules.quarantine {
            Quarantine::Off => now,
            _ => votes_from(&self.past, identity, now, self.rules.longest_ttl),
        }
    }

    /// Lets a server vote from then on.
    pub(crate) async fn admit(&mut self, met: &Met, from: LockInstant) -> Result<(), Twin> {
        let Met { session, identity } = met;
        let run_id = identity.run_id.as_deref();
        let entry = Box::pin(self.roll.enter(self.master, run_id, session));
        if let Err(twin) = entry.await {
            let of = twin.server.to_string();
            self.connection
                .set_state(session, run_id, MasterState::Twin { of: of.clone() });
            events::duplicate_master(session.server(), &of);
            return Err(twin);
        }
        let now = LockInstant::now();
        self.past = Past::Voter(Voter {
            run_id: identity.run_id.clone(),
            is_durable: identity.is_durable,
            from,
            heard: now,
        });
        let state = MasterState::Quarantined { until: from }.at(now);
        if let MasterState::Quarantined { .. } = state {
            events::quarantined(session.server(), from.saturating_duration_since(now));
        }
        self.connection.set_state(session, run_id, state);
        Ok(())
    }

    /// Keeps the master connected for ever.
    pub(crate) async fn keep(mut self) {
        let mut pace = Pace::new();
        loop {
            // The connection that `build` made is the first one.
            if !matches!(self.connection.state(), MasterState::Down { .. }) {
                self.attend().await;
            }
            pace.turn().await;
            let Err(error) = self.try_to_seat().await else {
                continue;
            };
            if !matches!(self.connection.state(), MasterState::Down { .. }) {
                events::unreachable(self.connection.server(), &error);
            }
            self.connection.mark_down(error);
        }
    }

    async fn try_to_seat(&mut self) -> Result<()> {
        let met = self.meet().await?;
        let from = self.votes_from(&met.identity);
        while self.admit(&met, from).await.is_err() {
            // The roll may change between the two.
            let _ = timeout(LONGEST_SLEEP, self.roll.changed()).await;
            if met.session.is_over() {
                return Err(over());
            }
        }
        Ok(())
    }

    /// Resolves once the connection is over.
    async fn attend(&mut self) {
        if let Some(session) = self.connection.session() {
            tokio::select! {
                () = session.over() => {}
                () = self.serve(&session) => session.over().await,
            }
        }
        if let Past::Voter(voter) = &mut self.past {
            voter.heard = voter.heard.max(self.connection.last_reply().at);
        }
        events::unreachable(self.connection.server(), &over());
        self.connection.mark_down(over());
    }

    /// Waits for the end of a quarantine, if there is one, and says that it is over.
    async fn serve(&self, session: &Session) {
        let Past::Voter(Voter { run_id, from, .. }) = &self.past else {
            return;
        };
        let left = || from.saturating_duration_since(LockInstant::now());
        if left().is_zero() {
            return;
        }
        while !left().is_zero() {
            sleep(left().min(LONGEST_SLEEP)).await;
        }
        events::quarantine_over(session.server());
        self.connection
            .set_state(session, run_id.as_deref(), MasterState::Up);
    }
}

fn over() -> Error {
    Error::new(ErrorKind::NotSent, "the connection broke")
}

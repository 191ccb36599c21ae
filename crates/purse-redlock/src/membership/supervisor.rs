//! The task that maintains one master's connection.
//!
//! For each new connection it identifies the server, and only then lets it vote. A lock never uses
//! a connection to a server that has not been identified, except for releases.

use std::sync::Arc;
use std::time::Duration;

use purse_client::{Client, ClientBuilder, Error, ErrorKind, Result, Session};
use purse_lease::LeaseInstant;
use tokio::time::{sleep, timeout};

use crate::master::current_session::CurrentSession;
use crate::master::status::MasterState;
use crate::membership::quarantine::{PreviousServer, QuarantinePolicy, Voter, vote_start};
use crate::membership::reconnect_backoff::ReconnectBackoff;
use crate::membership::registry::{DuplicateMaster, MasterRegistry};
use crate::membership::script_probe;
use crate::membership::server_identity::{self, Identity};
use crate::telemetry::events;

/// The longest sleep on tokio's clock, which stands still while the machine is suspended.
const MAX_SLEEP: Duration = Duration::from_secs(1);

/// The rules for when a master may vote.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VotingPolicy {
    pub(crate) quarantine: QuarantinePolicy,
    pub(crate) longest_ttl: Duration,
}

/// A session to a server that may be asked for locks, according to its own report.
pub(crate) struct IdentifiedSession {
    session: Session,
    pub(crate) identity: Identity,
}

/// The supervisor of one master's connection.
pub(crate) struct MasterSupervisor {
    master: usize,
    builder: ClientBuilder,
    watcher: Client,
    database: u32,
    policy: VotingPolicy,
    registry: Arc<MasterRegistry>,
    connection: Arc<CurrentSession>,
    previous: PreviousServer,
    is_probed: bool,
}

impl MasterSupervisor {
    pub(crate) fn new(
        master: usize,
        builder: ClientBuilder,
        policy: VotingPolicy,
        registry: &Arc<MasterRegistry>,
    ) -> Result<Self> {
        let (server, database) = builder.target()?;
        let connection = CurrentSession::new(server);
        Ok(Self {
            master,
            watcher: builder.clone().unconnected()?,
            builder,
            database,
            policy,
            registry: registry.clone(),
            connection: Arc::new(connection),
            previous: PreviousServer::default(),
            is_probed: false,
        })
    }

    pub(crate) const fn connection(&self) -> &Arc<CurrentSession> {
        &self.connection
    }

    /// Returns a client of the same server that is used only for watching.
    pub(crate) const fn watcher(&self) -> &Client {
        &self.watcher
    }

    pub(crate) const fn database(&self) -> u32 {
        self.database
    }

    /// Connects, unless a connection exists, and identifies the server.
    pub(crate) async fn connect_and_identify(&mut self) -> Result<IdentifiedSession> {
        // The future is boxed because nested connect futures exceed a limit of the compiler.
        let identified = Box::pin(self.try_to_identify()).await;
        identified.map_err(|error| error.with_server(self.connection.server().into()))
    }

    async fn try_to_identify(&mut self) -> Result<IdentifiedSession> {
        let session = match self.connection.session() {
            Some(session) => session,
            None => self.builder.clone().connect_session().await?,
        };
        if session.is_cluster() {
            let message =
                "a Redis Cluster cannot be used as a master; list independent servers instead";
            return Err(Error::new(ErrorKind::Config, message));
        }
        self.connection.attach_unidentified(&session);
        let identity = server_identity::read_identity(&session).await?;
        if identity.is_replica {
            self.previous = PreviousServer::Replica;
            let message = "READONLY this server is a replica and cannot be used as a master";
            return Err(Error::new(ErrorKind::Server, message));
        }
        if identity.is_loading {
            let message = "LOADING the server is still loading its data";
            return Err(Error::new(ErrorKind::Server, message));
        }
        if !self.is_probed {
            script_probe::probe_scripts(&session).await?;
            self.is_probed = true;
        }
        if identity.evicts {
            events::warn_evicting(session.server());
        }
        Ok(IdentifiedSession { session, identity })
    }

    /// Returns the moment from which the votes count of a server that is identified now.
    pub(crate) fn vote_start(&self, identity: &Identity) -> LeaseInstant {
        let now = LeaseInstant::now();
        match self.policy.quarantine {
            QuarantinePolicy::Off => now,
            _ => vote_start(&self.previous, identity, now, self.policy.longest_ttl),
        }
    }

    /// Lets a server vote from `vote_start` on.
    pub(crate) async fn grant_vote(
        &mut self,
        identified: &IdentifiedSession,
        vote_start: LeaseInstant,
    ) -> Result<(), DuplicateMaster> {
        let IdentifiedSession { session, identity } = identified;
        let run_id = identity.run_id.as_deref();
        let entry = Box::pin(self.registry.register(self.master, run_id, session));
        if let Err(duplicate) = entry.await {
            let of = duplicate.server.to_string();
            self.connection
                .set_state(session, run_id, MasterState::Duplicate { of: of.clone() });
            events::warn_duplicate_master(session.server(), &of);
            return Err(duplicate);
        }
        let now = LeaseInstant::now();
        self.previous = PreviousServer::Voter(Voter {
            run_id: identity.run_id.clone(),
            is_durable: identity.is_durable,
            vote_start,
            last_reply: now,
        });
        let state = MasterState::Quarantined { until: vote_start }.at(now);
        if let MasterState::Quarantined { .. } = state {
            events::warn_quarantined(session.server(), vote_start.saturating_duration_since(now));
        }
        self.connection.set_state(session, run_id, state);
        Ok(())
    }

    /// Maintains the connection, without end.
    pub(crate) async fn run(mut self) {
        let mut backoff = ReconnectBackoff::new();
        loop {
            // The first connection was made by `build`.
            if !matches!(self.connection.state(), MasterState::Down { .. }) {
                self.wait_disconnected().await;
            }
            backoff.wait().await;
            let Err(error) = self.establish().await else {
                continue;
            };
            if !matches!(self.connection.state(), MasterState::Down { .. }) {
                events::warn_unreachable(self.connection.server(), &error);
            }
            self.connection.mark_down(error);
        }
    }

    /// Connects, and waits until the server may be registered as this master.
    async fn establish(&mut self) -> Result<()> {
        let identified = self.connect_and_identify().await?;
        let vote_start = self.vote_start(&identified.identity);
        while self.grant_vote(&identified, vote_start).await.is_err() {
            // The registry may change between the registration and this call, so the wait is
            // bounded.
            let _ = timeout(MAX_SLEEP, self.registry.wait_changed()).await;
            if identified.session.is_over() {
                return Err(connection_lost_error());
            }
        }
        Ok(())
    }

    /// Waits until the connection is over.
    async fn wait_disconnected(&mut self) {
        if let Some(session) = self.connection.session() {
            tokio::select! {
                () = session.over() => {}
                () = self.wait_out_quarantine(&session) => session.over().await,
            }
        }
        if let PreviousServer::Voter(voter) = &mut self.previous {
            voter.last_reply = voter.last_reply.max(self.connection.last_reply().at);
        }
        events::warn_unreachable(self.connection.server(), &connection_lost_error());
        self.connection.mark_down(connection_lost_error());
    }

    /// Waits for the end of a quarantine, if there is one, and logs it.
    async fn wait_out_quarantine(&self, session: &Session) {
        let PreviousServer::Voter(Voter {
            run_id, vote_start, ..
        }) = &self.previous
        else {
            return;
        };
        let left = || vote_start.saturating_duration_since(LeaseInstant::now());
        if left().is_zero() {
            return;
        }
        while !left().is_zero() {
            sleep(left().min(MAX_SLEEP)).await;
        }
        events::log_quarantine_over(session.server());
        self.connection
            .set_state(session, run_id.as_deref(), MasterState::Up);
    }
}

fn connection_lost_error() -> Error {
    Error::new(ErrorKind::NotSent, "the connection was lost")
}

//! Which server each master is, so that no server votes twice.

use std::sync::Arc;

use purse_client::Session;
use tokio::sync::{Mutex, Notify};

use crate::membership::same_store;
use crate::telemetry::events;

/// The masters that vote, by their index.
pub(crate) struct MasterRegistry {
    /// Locked during the queries as well: of two duplicates that are registered at the same time,
    /// one is first.
    registrations: Mutex<Vec<Option<Registration>>>,
    changed: Notify,
}

/// The server of a registered master.
struct Registration {
    run_id: Option<String>,
    session: Session,
}

/// The error for a master that is the same database of the same server as another one.
#[derive(Debug, Clone)]
pub(crate) struct DuplicateMaster {
    pub(crate) master: usize,
    pub(crate) server: Arc<str>,
}

impl MasterRegistry {
    pub(crate) fn new(masters: usize) -> Self {
        Self {
            registrations: Mutex::new((0..masters).map(|_| None).collect()),
            changed: Notify::new(),
        }
    }

    /// Registers a master, unless its database is already registered for another master.
    ///
    /// A registration stays while its master is down, so that no other master becomes its server
    /// meanwhile.
    pub(crate) async fn register(
        &self,
        master: usize,
        run_id: Option<&str>,
        session: &Session,
    ) -> Result<(), DuplicateMaster> {
        let mut registrations = self.registrations.lock().await;
        registrations[master] = None;
        for (other, registration) in registrations.iter().enumerate() {
            let Some(registration) = registration else {
                continue;
            };
            if !share_a_server(run_id, session, registration).await {
                continue;
            }
            if session.database() == registration.session.database() {
                return Err(DuplicateMaster {
                    master: other,
                    server: registration.session.server().into(),
                });
            }
            if !is_same_address(session.server(), registration.session.server()) {
                events::warn_one_server(session.server(), other + 1, master + 1);
            }
        }
        registrations[master] = Some(Registration {
            run_id: run_id.map(str::to_owned),
            session: session.clone(),
        });
        self.changed.notify_waiters();
        Ok(())
    }

    /// Waits until a registered master leads to another server.
    pub(crate) async fn wait_changed(&self) {
        self.changed.notified().await;
    }
}

/// Returns whether two names denote the same server. Unix sockets have no address, and their name
/// contains no colon.
pub(crate) fn is_same_address(one: &str, other: &str) -> bool {
    one.contains(':') && one.eq_ignore_ascii_case(other)
}

async fn share_a_server(run_id: Option<&str>, session: &Session, other: &Registration) -> bool {
    match (run_id, &other.run_id) {
        (Some(run_id), Some(other)) => run_id == other,
        // A server that does not report its identity is compared by taking a lock on it.
        _ => same_store::share_a_store(session, &other.session).await,
    }
}

//! Which server each master is, so that none of them votes twice.

use std::sync::Arc;

use purse_client::Session;
use tokio::sync::{Mutex, Notify};

use crate::membership::capability_probe;
use crate::telemetry::events;

/// The masters that vote, by their number.
pub(crate) struct MasterRegistry {
    /// Locked over the questions as well: of two twins that come at the same time, one is first.
    registrations: Mutex<Vec<Option<Registration>>>,
    changed: Notify,
}

struct Registration {
    run_id: Option<String>,
    session: Session,
}

/// Another master is the same database of the same server.
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

    /// Enters a master, unless it is there already by another name.
    ///
    /// An entry stays while its master is down: nobody else becomes its server meanwhile.
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
                events::one_server(session.server(), other + 1, master + 1);
            }
        }
        registrations[master] = Some(Registration {
            run_id: run_id.map(str::to_owned),
            session: session.clone(),
        });
        self.changed.notify_waiters();
        Ok(())
    }

    /// Resolves when a master that was entered is another server now.
    pub(crate) async fn wait_changed(&self) {
        self.changed.notified().await;
    }
}

/// Whether two names of servers are the same one; unix sockets have no name, and no colon.
pub(crate) fn is_same_address(one: &str, other: &str) -> bool {
    one.contains(':') && one.eq_ignore_ascii_case(other)
}

async fn share_a_server(run_id: Option<&str>, session: &Session, other: &Registration) -> bool {
    match (run_id, &other.run_id) {
        (Some(run_id), Some(other)) => run_id == other,
        // They share a database, or this cannot be known: a lock of one is one of the other.
        _ => capability_probe::share_a_store(session, &other.session).await,
    }
}

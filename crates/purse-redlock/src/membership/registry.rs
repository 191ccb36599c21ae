//! Which server each master is, so that none of them votes twice.

use std::sync::Arc;

use purse_client::Session;
use tokio::sync::{Mutex, Notify};

use crate::membership::capability_probe;
use crate::telemetry::events;

/// The masters that vote, by their number.
pub(crate) struct Roll {
    /// Locked over the questions as well: of two twins that come at the same time, one is first.
    claims: Mutex<Vec<Option<Claim>>>,
    changed: Notify,
}

struct Claim {
    run_id: Option<String>,
    session: Session,
}

/// Another master is the same database of the same server.
#[derive(Debug, Clone)]
pub(crate) struct Twin {
    pub(crate) master: usize,
    pub(crate) server: Arc<str>,
}

impl Roll {
    pub(crate) fn new(masters: usize) -> Self {
        Self {
            claims: Mutex::new((0..masters).map(|_| None).collect()),
            changed: Notify::new(),
        }
    }

    /// Enters a master, unless it is there already by another name.
    ///
    /// An entry stays while its master is down: nobody else becomes its server meanwhile.
    pub(crate) async fn enter(
        &self,
        master: usize,
        run_id: Option<&str>,
        session: &Session,
    ) -> Result<(), Twin> {
        let mut claims = self.claims.lock().await;
        claims[master] = None;
        for (other, claim) in claims.iter().enumerate() {
            let Some(claim) = claim else { continue };
            if !is_one_server(run_id, session, claim).await {
                continue;
            }
            if session.database() == claim.session.database() {
                return Err(Twin {
                    master: other,
                    server: claim.session.server().into(),
                });
            }
            if !is_one_address(session.server(), claim.session.server()) {
                events::one_server(session.server(), other + 1, master + 1);
            }
        }
        claims[master] = Some(Claim {
            run_id: run_id.map(str::to_owned),
            session: session.clone(),
        });
        self.changed.notify_waiters();
        Ok(())
    }

    /// Resolves when a master that was entered is another server now.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// Whether two names of servers are the same one; unix sockets have no name, and no colon.
pub(crate) fn is_one_address(one: &str, other: &str) -> bool {
    one.contains(':') && one.eq_ignore_ascii_case(other)
}

async fn is_one_server(run_id: Option<&str>, session: &Session, other: &Claim) -> bool {
    match (run_id, &other.run_id) {
        (Some(run_id), Some(other)) => run_id == other,
        // They share a database, or this cannot be known: a lock of one is one of the other.
        _ => capability_probe::is_one_store(session, &other.session).await,
    }
}

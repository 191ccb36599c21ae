//! The state that all locks of one [`Redlock`](crate::Redlock) share.
//!
//! May import: `error`, `config`, `tasks`, `master`, `quorum`.

pub(crate) mod local_queue;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use purse_lease::{LeaseInstant, ShutdownTracker, Timer};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::config::settings::Settings;
use crate::error::{Error, LockName, LockOperation, Result};
use crate::master::Masters;
use crate::master::status::MasterState;
use crate::quorum::decision::{is_worth_having, quorum};
use crate::tasks::live_scopes::LiveScopes;
use crate::tasks::task_pool::TaskPool;

use crate::state::local_queue::LocalQueues;

/// The state that all locks of one [`Redlock`](crate::Redlock) share.
pub(crate) struct LockState {
    pub(crate) masters: Arc<Masters>,
    pub(crate) settings: Settings,
    pub(crate) shutdown: ShutdownTracker,
    pub(crate) scopes: LiveScopes,
    pub(crate) timer: Timer,
    pub(crate) runtime: Handle,
    pub(crate) tasks: TaskPool,
    pub(crate) waiting: WaitState,
}

/// The maximum number of waiting locks that make an attempt at a time. The limit keeps each attempt
/// within the master timeout when thousands of waiters wake at once.
const MAX_ATTEMPTS: usize = 64;

/// The state that is needed for waiting.
pub(crate) struct WaitState {
    pub(crate) queues: LocalQueues,
    pub(crate) attempts: Semaphore,
}

impl Default for WaitState {
    fn default() -> Self {
        Self {
            queues: LocalQueues::default(),
            attempts: Semaphore::const_new(MAX_ATTEMPTS),
        }
    }
}

impl LockState {
    /// Writes the fields that a user may see, under the name of the public type.
    pub(crate) fn debug(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let handles = self.masters.handles.iter();
        let servers: Vec<_> = handles.map(|handle| handle.master.server()).collect();
        f.debug_struct(name)
            .field("masters", &servers)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }

    /// Fails if a lease on `keys` that ends at `until`, due to `operation`, has less than the minimum
    /// validity left.
    pub(crate) fn ensure_worth_having(
        &self,
        until: LeaseInstant,
        keys: &Arc<[Bytes]>,
        operation: LockOperation,
    ) -> Result<()> {
        let now = self.timer.now();
        if is_worth_having(until, now, self.settings.min_validity) {
            return Ok(());
        }
        let left = until.saturating_duration_since(now);
        Err(Error::ValidityExhausted {
            lock: LockName::of(keys),
            operation,
            left,
        })
    }

    /// Returns whether quarantines are the reason that there is no quorum, and end within `time`.
    pub(crate) fn is_quarantined_within(&self, time: Duration) -> bool {
        let now = LeaseInstant::now();
        let states = self
            .masters
            .handles
            .iter()
            .map(|handle| handle.master.status().state);
        let (mut up, mut soon) = (0, 0);
        for state in states {
            match state.at(now) {
                MasterState::Up => up += 1,
                MasterState::Quarantined { until } if until <= now + time => soon += 1,
                _ => {}
            }
        }
        let needed = quorum(self.masters.handles.len());
        up < needed && up + soon >= needed
    }

    /// Closes the connections after a shutdown: immediately, or when the last guard is gone.
    pub(crate) fn close_when_idle(self: &Arc<Self>) {
        if self.shutdown.is_idle() {
            return self.close();
        }
        let state = self.clone();
        self.runtime.spawn(async move {
            state.shutdown.wait_idle().await;
            state.close();
        });
    }

    fn close(&self) {
        self.tasks.shutdown();
        for handle in &self.masters.handles {
            handle.master.close();
        }
    }
}

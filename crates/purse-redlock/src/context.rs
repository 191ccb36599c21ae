//! What all locks of one [`Redlock`](crate::Redlock) share.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::alarms::Alarms;
use crate::clock::{Clock, LockInstant};
use crate::decision::is_worth_having;
use crate::error::{Error, Result};
use crate::reaper::Reaper;
use crate::settings::Settings;
use crate::stack::Stack;
use crate::transport::Transport;

/// So many requests may be under way at one master. What a burst sends beyond that only waits in
/// the queues of the client and the server, where it looks like silence and ends as a timeout.
const UNDER_WAY: usize = 32;

pub(crate) struct Context {
    pub(crate) masters: Vec<Post>,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) reaper: Reaper,
    pub(crate) scopes: Stack,
    pub(crate) alarms: Alarms,
    pub(crate) runtime: Handle,
}

/// One master, and who may ask it.
pub(crate) struct Post {
    pub(crate) master: Arc<dyn Transport>,
    pub(crate) gate: Semaphore,
}

impl Post {
    pub(crate) const fn new(master: Arc<dyn Transport>) -> Self {
        Self {
            master,
            gate: Semaphore::const_new(UNDER_WAY),
        }
    }
}

impl Context {
    /// Fails if a lease that ends at `until` has too little left.
    pub(crate) fn worth_having(&self, until: LockInstant) -> Result<()> {
        let now = self.clock.now();
        if is_worth_having(until, now, self.settings.min_validity) {
            return Ok(());
        }
        let left = until.saturating_duration_since(now);
        Err(Error::ValidityExhausted { left })
    }

    /// Resolves after `time`, on whatever executor it is polled; fails if our runtime ends before.
    pub(crate) async fn sleep(&self, time: Duration) -> Result<()> {
        // Dropped, it takes its task along.
        let mut timer = JoinSet::new();
        timer.spawn_on(async move { sleep(time).await }, &self.runtime);
        match timer.join_next().await {
            Some(Ok(())) => Ok(()),
            _ => Err(Error::Closed),
        }
    }
}

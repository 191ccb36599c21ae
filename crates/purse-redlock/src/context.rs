//! What all locks of one [`Redlock`](crate::Redlock) share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::alarms::Alarms;
use crate::clock::{Clock, LockInstant};
use crate::crew::Crew;
use crate::decision::{is_worth_having, quorum};
use crate::error::{Error, Result};
use crate::gate::Gates;
use crate::health::MasterState;
use crate::reaper::Reaper;
use crate::settings::Settings;
use crate::stack::Stack;
use crate::timer::{Sleep, Timer};
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
    pub(crate) crew: Crew,
    pub(crate) waiting: Waiting,
}

/// So many of those who wait for locks make an attempt at a time. It keeps each within the time
/// that masters have, when thousands wake at once.
const ATTEMPTS: usize = 64;

/// What waiting takes.
pub(crate) struct Waiting {
    pub(crate) timer: Timer,
    pub(crate) gates: Gates,
    pub(crate) attempts: Semaphore,
}

impl Waiting {
    pub(crate) fn new(runtime: &Handle) -> Self {
        Self {
            timer: Timer::start(runtime),
            gates: Gates::default(),
            attempts: Semaphore::const_new(ATTEMPTS),
        }
    }
}

/// One master, and who may ask it.
pub(crate) struct Post {
    pub(crate) master: Arc<dyn Transport>,
    /// Holds a permit for each request that may be in flight.
    pub(crate) gate: Arc<Semaphore>,
    /// Apart from the gate: a watch may take as long as connecting does, and votes cannot wait.
    pub(crate) watch_gate: Semaphore,
    /// Whether it did not answer when it was last asked.
    pub(crate) is_silent: AtomicBool,
}

impl Post {
    pub(crate) fn new(master: Arc<dyn Transport>) -> Self {
        Self {
            master,
            gate: Arc::new(Semaphore::new(UNDER_WAY)),
            watch_gate: Semaphore::const_new(UNDER_WAY),
            is_silent: AtomicBool::new(false),
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

    /// Whether it is for a quarantine that there is no quorum, and one that ends within `time`.
    pub(crate) fn is_quarantined_within(&self, time: Duration) -> bool {
        let now = LockInstant::now();
        let states = self.masters.iter().map(|post| post.master.status().state);
        let (mut up, mut soon) = (0, 0);
        for state in states {
            match state.at(now) {
                MasterState::Up => up += 1,
                MasterState::Quarantined { until } if until <= now + time => soon += 1,
                _ => {}
            }
        }
        let needed = quorum(self.masters.len());
        up < needed && up + soon >= needed
    }

    /// Closes the connections, after a shutdown: now, or when nobody needs them any more.
    pub(crate) fn close_when_idle(self: &Arc<Self>) {
        if self.reaper.is_idle() {
            return self.close();
        }
        let context = self.clone();
        self.runtime.spawn(async move {
            context.reaper.idle().await;
            context.close();
        });
    }

    fn close(&self) {
        self.crew.dismiss();
        for post in &self.masters {
            post.master.close();
        }
    }

    /// Resolves after `time`, on whatever executor it is polled; fails if our runtime ends before.
    pub(crate) fn sleep(&self, time: Duration) -> Sleep {
        self.waiting.timer.sleep(time)
    }
}

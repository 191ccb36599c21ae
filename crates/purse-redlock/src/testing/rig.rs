//! A lock over masters in memory, and its clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use purse_lease::{Clock, LeaseInstant, ShutdownTracker, SystemClock, Timer, Validity};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::{Behaviour, Mock, SETTINGS, ms};
use crate::config::settings::Settings;
use crate::master::status::MasterStatus;
use crate::master::{
    MasterHandle, Masters, RecordFuture, Request, RequestFuture, Transport, WatchFuture,
};
use crate::redlock::Redlock;
use crate::state::{LockState, WaitState};
use crate::tasks::live_scopes::LiveScopes;
use crate::tasks::task_pool::TaskPool;

/// A clock that follows tokio's clock, and can be put forward, as by a suspend.
pub(crate) struct TestClock {
    origin: (LeaseInstant, Instant),
    ahead: AtomicU64,
}

impl TestClock {
    pub(crate) fn put_forward(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.ahead.fetch_add(by, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> LeaseInstant {
        self.origin.0 + self.origin.1.elapsed() + ms(self.ahead.load(Ordering::Relaxed))
    }
}

/// A master with an additional latency.
struct Far {
    master: Arc<Mock>,
    distance: Duration,
}

impl Transport for Far {
    fn server(&self) -> &str {
        self.master.server()
    }

    fn watch_record(&self, key: Bytes) -> RecordFuture {
        let (master, distance) = (self.master.clone(), self.distance);
        Box::pin(async move {
            sleep(distance).await;
            master.watch_record(key).await
        })
    }

    fn status(&self) -> MasterStatus {
        self.master.status()
    }

    fn close(&self) {
        self.master.close();
    }

    fn send(&self, request: Request) -> RequestFuture {
        let (master, distance) = (self.master.clone(), self.distance);
        Box::pin(async move {
            sleep(distance).await;
            master.send(request).await
        })
    }

    fn watch(&self, keys: Arc<[Bytes]>) -> WatchFuture {
        let (master, distance) = (self.master.clone(), self.distance);
        Box::pin(async move {
            sleep(distance).await;
            master.watch(keys).await
        })
    }
}

fn redlock(
    masters: Vec<Arc<dyn Transport>>,
    settings: Settings,
    clock: &Arc<TestClock>,
    shutdown: &ShutdownTracker,
) -> Redlock {
    Redlock::new(LockState {
        masters: Arc::new(Masters {
            handles: masters.into_iter().map(MasterHandle::new).collect(),
            settings,
            clock: clock.clone(),
        }),
        settings,
        shutdown: shutdown.clone(),
        scopes: LiveScopes::default(),
        timer: Timer::new(clock.clone(), Handle::current()),
        runtime: Handle::current(),
        tasks: TaskPool::new(Handle::current()),
        waiting: WaitState::default(),
    })
}

/// Returns a validity by the machine's clock.
pub(crate) fn validity(until: LeaseInstant) -> Validity {
    let timer = Timer::new(Arc::new(SystemClock), Handle::current());
    Validity::new(timer, until)
}

/// Returns masters with these names.
pub(crate) fn handles(names: &[&str]) -> Vec<MasterHandle> {
    let mock = |name: &&str| Mock {
        name: (*name).to_owned(),
        ..Mock::new(0)
    };
    names
        .iter()
        .map(|name| MasterHandle::new(Arc::new(mock(name))))
        .collect()
}

/// A lock over masters in memory.
pub(crate) struct Rig {
    pub(crate) masters: Vec<Arc<Mock>>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) shutdown: ShutdownTracker,
    pub(crate) redlock: Redlock,
}

impl Rig {
    pub(crate) fn new(masters: usize) -> Self {
        Self::with_ttl(masters, SETTINGS.ttl)
    }

    pub(crate) fn with_ttl(masters: usize, ttl: Duration) -> Self {
        Self::with_settings(masters, |settings| settings.ttl = ttl)
    }

    pub(crate) fn with_settings(masters: usize, change: impl FnOnce(&mut Settings)) -> Self {
        let masters: Vec<_> = (0..masters).map(|i| Arc::new(Mock::new(i))).collect();
        let clock = Arc::new(TestClock {
            origin: (LeaseInstant::now(), Instant::now()),
            ahead: AtomicU64::new(0),
        });
        let shutdown = ShutdownTracker::default();
        let transports = masters.iter().map(|master| master.clone() as _).collect();
        let mut settings = SETTINGS;
        change(&mut settings);
        let redlock = redlock(transports, settings, &clock, &shutdown);
        Self {
            masters,
            clock,
            shutdown,
            redlock,
        }
    }

    /// Returns another lock service on the same masters, which it reaches with this latency.
    pub(crate) fn contender(&self, distance: impl Fn(usize) -> Duration) -> Redlock {
        let far = |(index, master): (usize, &Arc<Mock>)| {
            Arc::new(Far {
                master: master.clone(),
                distance: distance(index),
            }) as _
        };
        let transports = self.masters.iter().enumerate().map(far).collect();
        redlock(transports, SETTINGS, &self.clock, &self.shutdown)
    }

    /// Returns another lock service on the same masters, with this retry delay.
    pub(crate) fn with_retry_delay(&self, retry_delay: Duration) -> Redlock {
        let masters = self.masters.iter();
        let transports = masters.map(|master| master.clone() as _).collect();
        let settings = Settings {
            retry_delay,
            ..SETTINGS
        };
        redlock(transports, settings, &self.clock, &self.shutdown)
    }

    pub(crate) fn behave(&self, behaviours: &[Behaviour]) {
        for (master, behaviour) in self.masters.iter().zip(behaviours) {
            master.behave(*behaviour);
        }
    }

    /// Returns the moment since which, or from which, no client holds the key on any master.
    pub(crate) fn free_since(&self) -> Option<Instant> {
        let masters = self.masters.iter();
        masters.map(|master| master.state().free_since).max()
    }

    /// Waits until everything that was given up is off the masters, and asserts it.
    pub(crate) async fn assert_clean(&self, case: &str) {
        self.shutdown.wait_drained().await;
        for master in &self.masters {
            let keys = master.keys();
            assert!(keys.is_empty(), "{keys:?} on {} in {case}", master.name);
        }
    }
}

//! How a lock is configured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::config::auto_extend::AutoExtend;
use crate::config::endpoint::Master;
use crate::config::settings::{PartialSettings, Settings};
use crate::error::{Error, Result};
use crate::master::remote::Remote;
use crate::master::{MasterHandle, Masters};
use crate::membership::bootstrap;
use crate::membership::quarantine::Quarantine;
use crate::membership::supervisor::VotingPolicy;
use crate::redlock::Redlock;
use crate::runtime::alarms::Alarms;
use crate::runtime::clock::SystemClock;
use crate::runtime::inline_task::TaskPool;
use crate::runtime::scope_stack::ScopeStack;
use crate::runtime::shutdown::ShutdownTracker;
use crate::state::{LockState, WaitState};

/// Configures a [`Redlock`]; get one from [`Redlock::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct RedlockBuilder {
    masters: Vec<Master>,
    settings: PartialSettings,
    longest_ttl: Option<Duration>,
    quarantine: Quarantine,
}

impl Redlock {
    /// Configures locks on these masters: URLs or clients of independent servers, an odd number.
    ///
    /// Replicas add nothing to a master: a write is acknowledged before it reaches them.
    pub fn builder<M: Into<Master>>(masters: impl IntoIterator<Item = M>) -> RedlockBuilder {
        RedlockBuilder::new(masters.into_iter().map(Into::into).collect())
    }
}

impl RedlockBuilder {
    pub(crate) fn new(masters: Vec<Master>) -> Self {
        Self {
            masters,
            settings: PartialSettings::default(),
            longest_ttl: None,
            quarantine: Quarantine::default(),
        }
    }

    /// How long a lock lasts that is neither released nor extended. Default: 10 s.
    ///
    /// At least 10 ms; fractions of a millisecond are cut off. Choose it longer than the work under
    /// the lock takes, and short enough to wait it out when a holder dies.
    #[doc(alias = "auto_release_time")]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttl = Some(ttl);
        self
    }

    /// How long one master may take to answer before it counts as down. Default: a twentieth of the
    /// ttl, 1 ms at least and 50 ms at most.
    ///
    /// It bounds each command, from the moment it is sent: in a burst, commands wait for their turn
    /// before that, up to a tenth of the ttl and a second at most. One slow master does not slow the
    /// lock down: the quorum decides.
    pub const fn master_timeout(mut self, timeout: Duration) -> Self {
        self.settings.master_timeout = Some(timeout);
        self
    }

    /// How much of its time a lock must have left when it is acquired or extended. Default: 1 % of
    /// the ttl, 1 ms at least.
    pub const fn min_validity(mut self, validity: Duration) -> Self {
        self.settings.min_validity = Some(validity);
        self
    }

    /// Has every lock extended by itself for as long as its guard is alive. Default: none is, but in
    /// a [`scope`](crate::RedlockMutex::scope).
    ///
    /// [`RedlockMutex::auto_extend`](crate::RedlockMutex::auto_extend) says otherwise for one lock.
    pub const fn auto_extend(mut self, auto: AutoExtend) -> Self {
        self.settings.auto_extend = Some(auto);
        self
    }

    /// The longest pause between two attempts of one wait, where the masters do not tell when to
    /// try. Default: 200 ms.
    ///
    /// Each pause is random, from zero up to a bound that begins at 10 ms and doubles up to this.
    /// Where the masters tell ([waiting](crate::RedlockMutex#waiting)), pauses are up to a second, or
    /// up to this if it is longer.
    pub const fn retry_delay(mut self, delay: Duration) -> Self {
        self.settings.retry_delay = Some(delay);
        self
    }

    /// The longest ttl of all who take locks on these masters, which is how old a server must be
    /// that may have lost its data before it votes again: see [`Quarantine`]. Default: the
    /// [`ttl`](Self::ttl).
    ///
    /// Set it where others, in this program or another, take locks for longer than this one.
    pub const fn longest_ttl(mut self, ttl: Duration) -> Self {
        self.longest_ttl = Some(ttl);
        self
    }

    /// When a master that may have lost its data is kept from voting. Default:
    /// [`Quarantine::Restarts`].
    pub const fn quarantine(mut self, quarantine: Quarantine) -> Self {
        self.quarantine = quarantine;
        self
    }

    /// Connects to the masters.
    ///
    /// A minority may be down: it is connected to in the background, as are masters that go down
    /// later. Several databases of one server are accepted, with a warning to `tracing`: fine for
    /// trying out, but they all fail at once.
    ///
    /// Redis command: `INFO`, `CONFIG GET appendfsync` where there is an append-only file, and each
    /// script once, on a key that does not exist; where a server does not tell who it is, a lock on
    /// such a key as well, which must not be there by way of another master. Round trips: those of
    /// connecting, and up to six. It takes about two seconds at most.
    ///
    /// A replica, or a server that is still loading its data, counts as down until that is over.
    ///
    /// # Errors
    /// [`Config`](Error::Config) for no masters, a time that cannot work, a URL that cannot be
    /// used, refused credentials, a user who may not run scripts, a cluster, or the same database
    /// of the same server twice, under whatever names. [`NoQuorum`](Error::NoQuorum) if fewer than a
    /// quorum can be reached; it says what is wrong with each of the others.
    ///
    /// # Cancel safety
    /// Dropped midway, the connections are closed.
    pub async fn build(self) -> Result<Redlock> {
        let settings = Settings::new(self.settings)?;
        if self.masters.is_empty() {
            return Err(Error::config("no masters: a lock needs one at least"));
        }
        let policy = VotingPolicy {
            quarantine: self.quarantine,
            longest_ttl: longest_ttl(self.longest_ttl, settings.ttl)?,
        };
        let supervisors = bootstrap::connect_masters(self.masters, policy).await?;
        let handles = supervisors
            .into_iter()
            .map(|supervisor| {
                let (connection, watcher) = (
                    supervisor.connection().clone(),
                    supervisor.watcher().clone(),
                );
                let task = tokio::spawn(supervisor.run());
                let remote = Remote::new(connection, watcher, settings.master_timeout, task);
                MasterHandle::new(Arc::new(remote))
            })
            .collect();
        let (clock, runtime) = (Arc::new(SystemClock), Handle::current());
        Ok(Redlock::new(LockState {
            masters: Arc::new(Masters {
                handles,
                settings,
                clock: clock.clone(),
            }),
            settings,
            clock: clock.clone(),
            shutdown: ShutdownTracker::default(),
            scopes: ScopeStack::default(),
            alarms: Alarms::new(clock, runtime.clone()),
            waiting: WaitState::new(&runtime),
            tasks: TaskPool::new(runtime.clone()),
            runtime,
        }))
    }
}

fn longest_ttl(wish: Option<Duration>, ttl: Duration) -> Result<Duration> {
    match wish {
        Some(wish) if wish < ttl => Err(Error::config(format!(
            "a longest_ttl of {wish:?}: it should be at least the ttl of {ttl:?}"
        ))),
        wish => Ok(wish.unwrap_or(ttl)),
    }
}

impl fmt::Debug for RedlockBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedlockBuilder")
            .field("masters", &self.masters.len())
            .field("settings", &self.settings)
            .field("longest_ttl", &self.longest_ttl)
            .field("quarantine", &self.quarantine)
            .finish_non_exhaustive()
    }
}

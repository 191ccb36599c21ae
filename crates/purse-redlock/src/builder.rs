//! The builder of a lock service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use purse_lease::{AutoExtend, ShutdownTracker, SystemClock, Timer};
use tokio::runtime::Handle;

use crate::config::master_endpoint::Master;
use crate::config::settings::{PartialSettings, Settings};
use crate::error::{Error, Result};
use crate::master::session_transport::SessionTransport;
use crate::master::{MasterHandle, Masters};
use crate::membership::bootstrap;
use crate::membership::quarantine::QuarantinePolicy;
use crate::membership::supervisor::VotingPolicy;
use crate::redlock::Redlock;
use crate::state::{LockState, WaitState};
use crate::tasks::live_scopes::LiveScopes;
use crate::tasks::task_pool::TaskPool;

/// A builder for a [`Redlock`]; returned by [`Redlock::builder`].
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use std::time::Duration;
///
/// use purse::redlock::{QuarantinePolicy, Redlock};
///
/// let redlock = Redlock::builder(urls)
///     .ttl(Duration::from_secs(30))
///     .retry_delay(Duration::from_millis(500))
///     .quarantine(QuarantinePolicy::Strict)
///     .build()
///     .await?;
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct RedlockBuilder {
    masters: Vec<Master>,
    settings: PartialSettings,
    longest_ttl: Option<Duration>,
    quarantine: QuarantinePolicy,
}

impl Redlock {
    /// Creates a builder for locks on these masters: URLs or clients of independent servers, an odd
    /// number of them.
    ///
    /// Replicas add no safety to a master, because a write is acknowledged before it reaches them.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::Client;
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(&urls).build().await?;
    /// // A client stands for the server and the credentials that it has.
    /// let client = Client::connect(&urls[0]).await?;
    /// let redlock = Redlock::builder([client]).build().await?;
    /// # Ok(()) }
    /// ```
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
            quarantine: QuarantinePolicy::default(),
        }
    }

    /// Sets the time to live (ttl) of a lock: a lock that is neither released nor extended ends
    /// after it. Default: 10 s.
    ///
    /// The minimum is 10 ms. Fractions of a millisecond are dropped. Choose a ttl that is longer
    /// than the work under the lock. If a holder dies, other clients wait until the ttl is over, so
    /// do not choose it too long.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use std::time::Duration;
    ///
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).ttl(Duration::from_secs(2)).build().await?;
    /// let guard = redlock.mutex("invoices").lock().await?;
    /// assert!(guard.remaining() < Duration::from_secs(2));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "auto_release_time")]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttl = Some(ttl);
        self
    }

    /// Sets the time after which a master that has not answered counts as down. Default: a
    /// twentieth of the ttl, at least 1 ms and at most 50 ms.
    ///
    /// The timeout of a command starts when the command is sent. In a burst, a command may first
    /// wait until fewer commands are in flight, for up to a tenth of the ttl, at most 1 s. One slow
    /// master does not slow the lock down, because a quorum decides.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use std::time::Duration;
    ///
    /// use purse::redlock::Redlock;
    ///
    /// // Masters on other continents.
    /// let redlock = Redlock::builder(urls).master_timeout(Duration::from_millis(500)).build().await?;
    /// # Ok(()) }
    /// ```
    pub const fn master_timeout(mut self, timeout: Duration) -> Self {
        self.settings.master_timeout = Some(timeout);
        self
    }

    /// Sets the minimum time that a lock must have left when it is acquired or extended. Default: 1
    /// % of the ttl, at least 1 ms.
    pub const fn min_validity(mut self, validity: Duration) -> Self {
        self.settings.min_validity = Some(validity);
        self
    }

    /// Extends every lock automatically while its guard is alive. Default: no lock is extended
    /// automatically, except in a [`scope`](crate::RedlockMutex::scope).
    ///
    /// [`RedlockMutex::auto_extend`](crate::RedlockMutex::auto_extend) overrides this for one lock.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use std::time::Duration;
    ///
    /// use purse::redlock::{AutoExtend, Redlock};
    ///
    /// let redlock = Redlock::builder(urls)
    ///     .ttl(Duration::from_secs(5))
    ///     .auto_extend(AutoExtend::new().max_hold(Duration::from_secs(600)))
    ///     .build()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub const fn auto_extend(mut self, auto: AutoExtend) -> Self {
        self.settings.auto_extend = Some(auto);
        self
    }

    /// Sets the longest pause between two attempts of a call that waits for a lock, if the masters
    /// do not report changes. Default: 200 ms.
    ///
    /// Each pause is random, from zero up to a bound that begins at 10 ms and doubles up to this
    /// value. If the masters report changes ([waiting](crate::RedlockMutex#waiting)), a pause lasts
    /// up to 1 s, or up to this value if it is longer.
    pub const fn retry_delay(mut self, delay: Duration) -> Self {
        self.settings.retry_delay = Some(delay);
        self
    }

    /// Sets the longest ttl of all clients that take locks on these masters. Default: the
    /// [`ttl`](Self::ttl).
    ///
    /// A server that may have lost its data votes again once it has been up for longer than this:
    /// see [`QuarantinePolicy`]. Set the longest ttl if other clients, in this program or another,
    /// use a longer ttl than this one.
    pub const fn longest_ttl(mut self, ttl: Duration) -> Self {
        self.longest_ttl = Some(ttl);
        self
    }

    /// Sets when a master that may have lost its data is kept from voting. Default:
    /// [`QuarantinePolicy::Restarts`].
    pub const fn quarantine(mut self, quarantine: QuarantinePolicy) -> Self {
        self.quarantine = quarantine;
        self
    }

    /// Connects to the masters.
    ///
    /// A minority of the masters may be down. The service connects to them in the background, and
    /// reconnects to masters that go down later. Several databases of one server are accepted as
    /// masters, with a warning through `tracing`. Use them only for experiments, because they all
    /// fail together.
    ///
    /// A replica, or a server that is still loading its data, counts as down until it is a primary
    /// that has loaded its data.
    ///
    /// Redis: `INFO`; `CONFIG GET appendfsync` if there is an append-only file; each script once,
    /// on a key that does not exist. If a server does not report its identity, `build` also takes a
    /// lock on such a key, and checks that the lock is not visible through another master. Round
    /// trips: those of connecting, and up to six. The call takes at most about two seconds.
    ///
    /// # Errors
    /// Returns [`Config`](Error::Config) for no masters, durations that cannot work, a URL that
    /// cannot be used, refused credentials, a user who may not run scripts, a cluster, or the same
    /// database of the same server twice, under any names. Returns [`NoQuorum`](Error::NoQuorum) if
    /// fewer than a quorum of masters can be reached; the error contains the failure of each of the
    /// others.
    ///
    /// # Cancel safety
    /// If the future is dropped, the connections are closed.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{Error, Redlock};
    ///
    /// let redlock = match Redlock::builder(urls).build().await {
    ///     Ok(redlock) => redlock,
    ///     Err(Error::NoQuorum { votes, needed, errors, .. }) => {
    ///         panic!("{votes} of {needed} masters are up: {errors:?}")
    ///     }
    ///     Err(error) => panic!("fix the configuration: {error}"),
    /// };
    /// # Ok(()) }
    /// ```
    #[doc(alias = "INFO")]
    #[doc(alias = "CONFIG GET")]
    pub async fn build(self) -> Result<Redlock> {
        let settings = Settings::new(self.settings)?;
        if self.masters.is_empty() {
            return Err(Error::config("at least one master is required"));
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
                let remote =
                    SessionTransport::new(connection, watcher, settings.master_timeout, task);
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
            shutdown: ShutdownTracker::default(),
            scopes: LiveScopes::default(),
            timer: Timer::new(clock, runtime.clone()),
            waiting: WaitState::default(),
            tasks: TaskPool::new(runtime.clone()),
            runtime,
        }))
    }
}

fn longest_ttl(longest_ttl: Option<Duration>, ttl: Duration) -> Result<Duration> {
    match longest_ttl {
        Some(longest_ttl) if longest_ttl < ttl => Err(Error::config(format!(
            "longest_ttl must be at least the ttl of {ttl:?}, but is {longest_ttl:?}"
        ))),
        longest_ttl => Ok(longest_ttl.unwrap_or(ttl)),
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

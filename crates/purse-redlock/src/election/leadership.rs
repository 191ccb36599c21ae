//! The proof of an election won.

use std::time::Duration;

use purse_lease::{LeaseInstant, Lost};

use crate::election::leader::Leader;
use crate::error::Result;
use crate::lease::release_outcome::Release;
use crate::lock::fenced::FencedGuard;

/// A leadership, which ends when [`lost`](Self::lost) resolves; returned by
/// [`Election::campaign`](crate::Election::campaign).
///
/// The leadership is extended automatically while this value is alive and a quorum of the masters
/// answers. To hand over, call [`resign`](Self::resign), or drop the value on any thread, inside or
/// outside a runtime. The next candidate is notified immediately.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{Leadership, Redlock};
///
/// /// Does one thing that only the leader may do.
/// fn plan(leadership: &Leadership) -> purse::redlock::Result<u64> {
///     leadership.check()?;
///     Ok(leadership.fence())
/// }
/// let redlock = Redlock::builder(urls).build().await?;
/// let leadership = redlock.election("scheduler").campaign("host-7").await?;
/// plan(&leadership)?;
/// let _ = leadership.resign().await?;
/// # Ok(()) }
/// ```
#[must_use = "the leader resigns when this is dropped"]
#[derive(Debug)]
pub struct Leadership {
    guard: FencedGuard,
    leader: Leader,
}

impl Leadership {
    pub(crate) const fn new(guard: FencedGuard, leader: Leader) -> Self {
        Self { guard, leader }
    }

    /// Returns the leader as observers see it.
    #[must_use]
    pub const fn leader(&self) -> &Leader {
        &self.leader
    }

    /// Returns this leader's fence, which is greater than the fence of every earlier leader.
    ///
    /// The resource that the leader writes to must store the greatest fence that it has seen, and
    /// reject smaller ones.
    #[must_use]
    pub const fn fence(&self) -> u64 {
        self.leader.fence()
    }

    /// Returns the moment until which no other candidate leads. Each extension moves it forward.
    /// See [`RedlockGuard::valid_until`](crate::RedlockGuard::valid_until).
    #[must_use]
    pub fn valid_until(&self) -> LeaseInstant {
        self.guard.valid_until()
    }

    /// Returns how long the leadership holds from now on; zero once it is lost.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.guard.remaining()
    }

    /// Fails once another candidate may lead. Sends nothing.
    ///
    /// # Errors
    /// Returns [`Lost`](crate::Error::Lost) at every call after another candidate may lead.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let leadership = redlock.election("scheduler").campaign("host-7").await?;
    /// for job in ["rotate", "report"] {
    ///     // Immediately before each thing that only the leader may do.
    ///     leadership.check()?;
    ///     println!("started {job}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn check(&self) -> Result<()> {
        self.guard.check()
    }

    /// Returns a future that resolves once another candidate may lead, with the reason. The future
    /// resolves at [`valid_until`](Self::valid_until) at the latest, even if no server answers. It
    /// does not borrow the leadership, so it can be spawned.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// async fn lead() {
    ///     // The work of the leader.
    /// }
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let leadership = redlock.election("scheduler").campaign("host-7").await?;
    /// tokio::select! {
    ///     reason = leadership.lost() => eprintln!("stop leading: {reason}"),
    ///     () = lead() => {}
    /// }
    /// # Ok(()) }
    /// ```
    pub fn lost(&self) -> Lost {
        self.guard.lost()
    }

    /// Hands over to the next candidate, and reports whether this candidate led until now.
    ///
    /// Redis: the script of [`RedlockGuard::release`](crate::RedlockGuard::release), which also
    /// deletes the election record if it is this leader's.
    ///
    /// # Errors
    /// Returns the errors of [`RedlockGuard::release`](crate::RedlockGuard::release).
    ///
    /// # Cancel safety
    /// If the future is dropped, the leader resigns in the background.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{Redlock, Release};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let election = redlock.election("scheduler");
    /// let leadership = election.campaign("host-7").await?;
    /// assert_eq!(leadership.resign().await?, Release::Released);
    /// let next = election.campaign("host-8").await?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "DEL")]
    #[doc(alias = "release")]
    pub async fn resign(self) -> Result<Release> {
        self.guard.release().await
    }
}

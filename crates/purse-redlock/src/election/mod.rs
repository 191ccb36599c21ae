//! Leader elections.
//!
//! May import: `error`, `keys`, `tasks`, `quorum`, `state`, `lease`, `acquire`, `lock`.

pub(crate) mod leader;
pub(crate) mod leadership;
pub(crate) mod observer;

use std::fmt;

use bytes::Bytes;
use purse_lease::AutoExtend;
use tokio::sync::watch;

use crate::election::leader::Leader;
use crate::election::leadership::Leadership;
use crate::error::{Error, LockOperation, Result};
use crate::keys;
use crate::lock::fenced::FencedMutex;
use crate::tasks::jitter::jitter;

/// An election by name, with at most one leader at a time; created by
/// [`Redlock::election`](crate::Redlock::election).
///
/// An election consists of a [fenced lock](crate::FencedRedlock), which its holder extends as long
/// as possible, and a record on each master that names the holder. Clone and share it freely.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(3)?;
/// # let urls = servers.urls();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # async fn work(fence: u64) {}
/// use purse::redlock::Redlock;
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let election = redlock.election("scheduler");
/// let mut leader = election.observe();
///
/// let leadership = election.campaign("host-7").await?;
/// let seen = leader.wait_for(Option::is_some).await?.clone();
/// assert_eq!(seen.as_ref(), Some(leadership.leader()));
///
/// tokio::select! {
///     reason = leadership.lost() => eprintln!("no leader any more: {reason}"),
///     () = work(leadership.fence()) => {}
/// }
/// let _ = leadership.resign().await?;
/// # Ok(())
/// # })
/// # }
/// ```
///
/// # When there are two leaders
/// A leader that is cut off from a quorum of the masters cannot extend its lock. It stops counting
/// as the leader at [`valid_until`](Leadership::valid_until), by its own clock and without an
/// answer from any server: [`lost`](Leadership::lost) resolves. Until then no other candidate is
/// elected, as long as the conditions that the [crate] names hold. If two processes believe
/// that they lead, one of them does not check: it was stopped (by a debugger, a full disk, a
/// suspend), or a request that it sent is still in flight. It does not notice, and no election can
/// make it notice. Therefore the resource that the leader writes to must reject the earlier of the
/// two: send [`fence`](Leadership::fence) with each write, and have the resource store the greatest
/// fence that it has seen.
///
/// # Common mistakes
/// - Checking the leadership now and then is not enough. `select!` between the work and
///   [`lost`](Leadership::lost), and call [`check`](Leadership::check) immediately before anything
///   that only the leader may do.
/// - The observed leader may not lead any more, because an observer is late by at least one
///   message. Observing is for finding the leader. Only a [`Leadership`] is a right to act as the
///   leader.
/// - Several candidates may have the same name. A process that was restarted is another leader,
///   with another fence. Compare fences, not names.
/// - The leader's process may be alive while its work hangs; the lock is extended nevertheless.
///   Call [`resign`](Leadership::resign) if the work makes no progress.
///
/// # Access rights
/// If an ACL restricts a user's keys, a candidate needs the rights of a
/// [fenced lock](crate::FencedRedlock), because the record's key starts with the election's:
/// `~jobs:* +set +get +del +pttl +pexpire +time +eval +evalsha`. A user that only observes needs
/// `~jobs:* +get +eval +evalsha`, and `+client +ping` to receive changes instead of asking every
/// second.
#[derive(Clone)]
#[doc(alias = "leader")]
pub struct Election(FencedMutex);

impl Election {
    pub(crate) fn new(lock: FencedMutex) -> Self {
        // The configured limits on how long a lock is held do not apply to a leader.
        Self(lock.auto_extend(AutoExtend::new()))
    }

    /// Returns the key of the election's lock on the masters.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.0.key()
    }

    /// Waits without limit until `candidate` leads.
    ///
    /// The candidate is any sequence of bytes, for example a name, or an address under which others
    /// reach the leader. Observers see it. A candidate waits as a caller of
    /// [`lock`](crate::RedlockMutex::lock) does: the masters report changes, and candidates within
    /// a process form a queue.
    ///
    /// Redis: the commands of [`lock`](crate::RedlockMutex::lock) with a fence, then a script with
    /// `GET`, `PTTL`, `PEXPIRE` and `SET record PX` on all masters at once. The script writes the
    /// record if the lock is held by this candidate, and the record expires with the lock. Each
    /// extension writes the record again, so a master that missed the record receives it within a
    /// third of the ttl.
    ///
    /// # Errors
    /// Returns the errors of [`lock`](crate::RedlockMutex::lock), including
    /// [`NoQuorum`](Error::NoQuorum). To continue the campaign after an error, call the method
    /// again. Also returns [`WrongType`](Error::WrongType) if the key of the record holds something
    /// else on so many masters that no quorum can store it.
    ///
    /// # Cancel safety
    /// If the future is dropped, the candidate does not lead, and everything that was or may have
    /// been taken or written is removed in the background immediately.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{Error, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let election = redlock.election("scheduler");
    /// let leadership = loop {
    ///     match election.campaign("host-7").await {
    ///         Ok(leadership) => break leadership,
    ///         Err(Error::NoQuorum { .. }) => eprintln!("the masters are down; trying again"),
    ///         Err(error) => return Err(error.into()),
    ///     }
    /// };
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "PTTL")]
    #[doc(alias = "PEXPIRE")]
    #[doc(alias = "SET")]
    #[doc(alias = "elect")]
    pub async fn campaign(&self, candidate: impl AsRef<[u8]>) -> Result<Leadership> {
        let candidate = Bytes::copy_from_slice(candidate.as_ref());
        loop {
            let guard = self.0.lock().await.map_err(during_campaign)?;
            let leader = Leader {
                candidate: candidate.clone(),
                fence: guard.fence(),
            };
            let announced = guard.lease().announce(leader.to_record()).await;
            let Err(error) = announced else {
                return Ok(Leadership::new(guard, leader));
            };
            if let Error::WrongType { .. } = error {
                return Err(during_campaign(error));
            }
            // The candidate is elected but not announced yet. The next extension announces it.
            if guard.check().is_ok() {
                return Ok(Leadership::new(guard, leader));
            }
            drop(guard);
            let state = self.0.state();
            state
                .timer
                .sleep(jitter(state.settings.retry_delay))
                .await
                .map_err(|_| Error::closed(self.0.keys(), LockOperation::Campaign))?;
        }
    }

    /// Returns a channel that follows the leader.
    ///
    /// A task updates the channel. The task ends when the last receiver is dropped. A
    /// [`shutdown`](crate::Redlock::shutdown) ends the task and closes the channel.
    ///
    /// The channel contains the leader that a quorum of the masters agree on, and `None` if they do
    /// not agree. `None` means that there is no leader, or that the leader is unknown because too
    /// few masters have answered. A minority's record is never shown, and after a leader, no leader
    /// with a smaller fence is shown. As with every watch channel, a receiver that looks late sees
    /// only the latest value; there need not be a `None` between two leaders.
    ///
    /// Redis: `GET` on each master over a connection that tracks the key (`CLIENT TRACKING`): once
    /// at first, after each change, and about once a second, because some changes are not reported.
    /// A change is visible one round trip after the master has it. The end of a leader that died,
    /// or of masters that do not answer, is visible within about two seconds.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let election = redlock.election("scheduler");
    /// let mut leader = election.observe();
    /// let leadership = election.campaign("10.0.0.7:8080").await?;
    /// let seen = leader.wait_for(Option::is_some).await?.clone();
    /// println!("send requests to {}", seen.expect("a leader").name());
    /// # Ok(()) }
    /// ```
    #[must_use = "the election is not observed once the receiver is dropped"]
    #[doc(alias = "GET")]
    #[doc(alias = "CLIENT TRACKING")]
    pub fn observe(&self) -> watch::Receiver<Option<Leader>> {
        observer::start(self.0.state(), keys::leader(self.key()))
    }
}

fn during_campaign(error: Error) -> Error {
    error.during(LockOperation::Campaign)
}

impl fmt::Debug for Election {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Election")
            .field("key", &keys::DisplayKey(self.key()))
            .finish_non_exhaustive()
    }
}

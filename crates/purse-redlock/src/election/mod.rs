//! Leader elections.
//!
//! May import: `error`, `keys`, `config`, `runtime`, `quorum`, `state`, `lease`, `acquire`, `lock`.

pub(crate) mod leader;
pub(crate) mod leadership;
pub(crate) mod observer;

use std::fmt;

use bytes::Bytes;
use tokio::sync::watch;

use crate::config::auto_extend::AutoExtend;
use crate::election::leader::Leader;
use crate::election::leadership::Leadership;
use crate::error::{Error, Result};
use crate::keys;
use crate::lock::fenced::FencedMutex;
use crate::runtime::jitter;

/// An election by name, of one leader at a time; made by
/// [`Redlock::election`](crate::Redlock::election).
///
/// It is a [fenced lock](crate::FencedRedlock) that its holder keeps for as long as it can, and a
/// record beside it on each master that tells who that is. Clone and share it at will.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(3)?;
/// # let urls = servers.urls();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # async fn work(fence: u64) {}
/// # let redlock = purse_redlock::Redlock::builder(urls).build().await?;
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
/// # When there are two
/// A leader that is cut off from a quorum of the masters cannot extend its lock, and stops counting
/// as the leader at [`valid_until`](Leadership::valid_until), by its own clock and with no answer
/// from anyone: [`lost`](Leadership::lost) resolves. Until then no other is elected, under the
/// conditions that the [crate](crate) names, and as long as they hold. So of two who believe that
/// they lead, one does not look: it was stopped (by a debugger, a full disk, a suspend), or what it
/// sent is still under way. It does not notice, and no election can make it notice. Therefore what
/// the leader writes to must refuse the earlier of the two: hand [`fence`](Leadership::fence) over
/// with each write, and have the resource keep the greatest it has seen.
///
/// # What goes wrong most often
/// - To lead is no state that one looks at now and then. `select!` between the work and
///   [`lost`](Leadership::lost), and [`check`](Leadership::check) right before what only the leader
///   may do.
/// - Who one observes to lead may not lead any more: an observer is late by a message at least. It is
///   good for finding the leader, not for being it. Only a [`Leadership`] entitles to anything.
/// - Candidates may have the same name; a process that started anew is another leader, with
///   another fence. Compare fences, not names.
/// - The leader's process may be well while its work hangs; the lock is extended all the same.
///   [`resign`](Leadership::resign) if the work does not get on.
///
/// # Rights
/// Users whom an ACL allows some keys only lead with what a [fenced lock](crate::FencedRedlock)
/// needs, as the record's key starts with the election's:
/// `~jobs:* +set +get +del +pttl +pexpire +time +eval +evalsha`. Who only observes needs
/// `~jobs:* +get +eval +evalsha`, and `+client +ping` to be told of changes rather than ask every
/// second.
#[derive(Clone)]
#[doc(alias = "leader")]
pub struct Election(FencedMutex);

impl Election {
    pub(crate) fn new(lock: FencedMutex) -> Self {
        // Limits on how long others hold their locks are not meant for a leader.
        Self(lock.auto_extend(AutoExtend::new()))
    }

    /// The key of the election's lock on the masters.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.0.key()
    }

    /// Waits until `candidate` leads, as long as it takes.
    ///
    /// The candidate is any bytes, a name or an address where others reach the leader; observers
    /// see it. Who campaigns waits as for any lock: told by the masters, in line within a process.
    ///
    /// Redis command, round trips and atomicity: as [`lock`](crate::RedlockMutex::lock) with a
    /// fence; then a script with `GET`, `PTTL`, `PEXPIRE` and `SET record PX` on all masters at
    /// once, which writes the record if the lock is ours, with the lock's end. Each extension
    /// writes it again, so that a master that missed it has it after a third of the ttl.
    ///
    /// # Errors
    /// As [`lock`](crate::RedlockMutex::lock), [`NoQuorum`](Error::NoQuorum) included: who campaigns
    /// for ever calls it again. [`WrongType`](Error::WrongType) also if the key of the record
    /// holds something else on so many masters that no quorum can take it.
    ///
    /// # Cancel safety
    /// Dropped at any point, the candidate does not lead, and whatever was or may have been taken
    /// or written is taken away in the background at once.
    #[doc(alias = "elect")]
    pub async fn campaign(&self, candidate: impl AsRef<[u8]>) -> Result<Leadership> {
        let candidate = Bytes::copy_from_slice(candidate.as_ref());
        loop {
            let guard = self.0.lock().await?;
            let leader = Leader {
                candidate: candidate.clone(),
                fence: guard.fence(),
            };
            let announced = guard.lease().announce(leader.to_record()).await;
            let Err(error) = announced else {
                return Ok(Leadership::new(guard, leader));
            };
            if let Error::WrongType { .. } = error {
                return Err(error);
            }
            // Elected, if not announced yet: the next extension does that.
            if guard.check().is_ok() {
                return Ok(Leadership::new(guard, leader));
            }
            drop(guard);
            let state = self.0.state();
            state.sleep(jitter(state.settings.retry_delay)).await?;
        }
    }

    /// Follows who leads, in a task that ends when the last receiver is dropped, or with a
    /// [`shutdown`](crate::Redlock::shutdown), which ends the channel as well.
    ///
    /// It shows what a quorum of the masters say alike, and `None` where they do not: there is no
    /// leader, or it is not known, at first and while too few masters answer. A minority's word is
    /// never shown; nor is, after a leader, one with a smaller fence. As in every channel of this
    /// kind, who looks late sees the latest only; between two leaders there need be no `None`.
    ///
    /// Redis command: `GET` on each master over a connection that tracks it (`CLIENT TRACKING`), at
    /// first, after each change, and about once a second, as not all changes are told. Round trips:
    /// a change is seen one after the master has it; the end of a leader that died, or of
    /// masters that do not answer, within two seconds or so.
    #[must_use = "nobody is observed once the receiver is dropped"]
    pub fn observe(&self) -> watch::Receiver<Option<Leader>> {
        observer::start(self.0.state(), keys::leader(self.key()))
    }
}

impl fmt::Debug for Election {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Election")
            .field("key", &keys::Text(self.key()))
            .finish_non_exhaustive()
    }
}

//! The lock service.

use std::fmt;
use std::sync::Arc;

use crate::election::Election;
use crate::error::Result;
use crate::keys;
use crate::lock::fenced::FencedRedlock;
use crate::lock::multi::RedlockMulti;
use crate::lock::mutex::RedlockMutex;
use crate::master::status::MasterStatus;
use crate::state::LockState;

/// Locks that a quorum of masters agree on. Cheap to clone.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(3)?;
/// # let urls = servers.urls();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use std::time::Duration;
/// use purse_redlock::{Error, Redlock, Release};
///
/// let redlock = Redlock::builder(urls).ttl(Duration::from_secs(5)).build().await?;
/// let mutex = redlock.mutex("invoices");
///
/// let mut guard = mutex.lock().await?;
/// assert!(matches!(mutex.try_lock().await, Err(Error::Held { .. })));
/// guard.extend().await?;
/// guard.check()?;
/// assert_eq!(guard.release().await?, Release::Released);
///
/// redlock.shutdown().await;
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone)]
pub struct Redlock(Arc<LockState>);

impl Redlock {
    pub(crate) fn new(state: LockState) -> Self {
        Self(Arc::new(state))
    }

    /// The lock with this name, which is its key on the masters, used as it is, text or not.
    ///
    /// Python's redis-purse takes the same keys: its locks and these exclude each other.
    #[must_use]
    pub fn mutex(&self, key: impl AsRef<[u8]>) -> RedlockMutex {
        RedlockMutex::new(self.0.clone(), keys::single(key))
    }

    /// Several locks as one, acquired all or none. The order of the names does not matter.
    ///
    /// # Errors
    /// [`Config`](crate::Error::Config) if there is no name, an empty one, or one twice: what is
    /// wrong with names is known before there is a lock to wait for.
    pub fn multi<K: AsRef<[u8]>>(
        &self,
        names: impl IntoIterator<Item = K>,
    ) -> Result<RedlockMulti> {
        let keys = keys::several(names)?;
        Ok(RedlockMulti::new(RedlockMutex::new(self.0.clone(), keys)))
    }

    /// The same locks, with a number that grows with each holder, by which a resource refuses those
    /// that come too late.
    #[must_use]
    pub fn fenced(&self) -> FencedRedlock {
        FencedRedlock::new(self.0.clone())
    }

    /// The election with this name, of one leader at a time among all who
    /// [`campaign`](Election::campaign) in it.
    ///
    /// Its keys on the masters are the name, and the name with `:fence` and with `:leader` after it.
    #[must_use]
    pub fn election(&self, name: impl AsRef<[u8]>) -> Election {
        Election::new(self.fenced().mutex(name))
    }

    /// How many locks are held or waited for here.
    #[cfg(test)]
    pub(crate) fn local_queues(&self) -> usize {
        self.0.waiting.queues.count()
    }

    /// How the masters are, in the order they were given, as far as is known without asking them.
    ///
    /// A connection that broke is noticed at once, a server that is silent after some commands that
    /// it did not answer. No round trip, and no password in it.
    #[must_use]
    pub fn masters(&self) -> Vec<MasterStatus> {
        let handles = self.0.masters.handles.iter();
        handles.map(|handle| handle.master.status()).collect()
    }

    /// Ends all waiting, and waits until everything that was given up is off the masters.
    ///
    /// Whoever waits for a lock, and whoever asks for one later, through any clone, gets
    /// [`Closed`](crate::Error::Closed), and once this returns, nothing more is taken. Guards that
    /// are alive keep their locks, also those that are extended by themselves, and are not waited
    /// for: release them first. The connections are closed, once the last of these guards is gone if
    /// there are any.
    ///
    /// Work in a [`scope`](RedlockMutex::scope) is ended where it awaits, the newest first: it is
    /// dropped, and its lock released, before that of the one begun earlier. Work that
    /// does not let itself be ended, as it blocks its thread, is waited for during a ttl at most.
    ///
    /// It takes a round trip as a rule. A master that does not answer is asked for a ttl at most; one
    /// that answers, but did not when it was asked for a lock, is watched for some three seconds, as
    /// the question may still arrive. Without a shutdown, what is under way when the runtime ends is
    /// left to its ttl.
    ///
    /// # Cancel safety
    /// Dropped midway, the releases go on in the background.
    pub async fn shutdown(&self) {
        self.0.shutdown.close();
        let patience = self.0.clock.now() + self.0.settings.ttl;
        tokio::select! {
            () = self.0.scopes.wait_empty() => {}
            _ = self.0.alarms.at(patience) => {}
        }
        self.0.shutdown.wait_drained().await;
        self.0.close_when_idle();
    }
}

impl fmt::Debug for Redlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug(f, "Redlock")
    }
}

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

/// A lock service: locks that a quorum of masters agree on. Cheap to clone.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(3)?;
/// # let urls = servers.urls();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use std::time::Duration;
///
/// use purse::redlock::{Error, Redlock, Release};
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

    /// Returns the lock with this name.
    ///
    /// The name is the lock's key on the masters, byte for byte; it need not be text. Python's
    /// redis-purse uses the same keys, so its locks and these locks exclude each other.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let invoice = 4711;
    /// let guard = redlock.mutex(format!("invoice:{invoice}")).lock().await?;
    /// assert_eq!(guard.key(), b"invoice:4711");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn mutex(&self, key: impl AsRef<[u8]>) -> RedlockMutex {
        RedlockMutex::new(self.0.clone(), keys::single(key))
    }

    /// Returns several locks as one lock, which is acquired for all names or for none. The order of
    /// the names does not matter.
    ///
    /// # Errors
    /// Returns [`Config`](crate::Error::Config) if there is no name, an empty name, or a name that
    /// is given twice. The names are checked here, so that a mistake is reported before a call
    /// waits for the lock.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let (from, to) = (7, 3);
    /// let guard = redlock.multi([format!("account:{from}"), format!("account:{to}")])?.lock().await?;
    /// assert_eq!(guard.keys().len(), 2);
    /// # Ok(()) }
    /// ```
    pub fn multi<K: AsRef<[u8]>>(
        &self,
        names: impl IntoIterator<Item = K>,
    ) -> Result<RedlockMulti> {
        let keys = keys::several(names)?;
        Ok(RedlockMulti::new(RedlockMutex::new(self.0.clone(), keys)))
    }

    /// Returns the same locks with a fence: a number that grows with each holder, by which a
    /// resource rejects stale holders.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let guard = redlock.fenced().mutex("invoices").lock().await?;
    /// println!("write with the fence {}", guard.fence());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn fenced(&self) -> FencedRedlock {
        FencedRedlock::new(self.0.clone())
    }

    /// Returns the election with this name. It has at most one leader at a time among all
    /// candidates that [`campaign`](Election::campaign) in it.
    ///
    /// Its keys on the masters are the name, the name followed by `:fence`, and the name followed
    /// by `:leader`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let leadership = redlock.election("scheduler").campaign("host-7").await?;
    /// assert_eq!(leadership.leader().name(), "host-7");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn election(&self, name: impl AsRef<[u8]>) -> Election {
        Election::new(self.fenced().mutex(name))
    }

    /// Returns the number of locks that are held or waited for in this process.
    #[cfg(test)]
    pub(crate) fn local_queues(&self) -> usize {
        self.0.waiting.queues.count()
    }

    /// Returns the status of the masters, in the order in which they were given, without asking
    /// them.
    ///
    /// A broken connection is noticed immediately. A server that is silent is noticed after some
    /// commands that it did not answer. The status costs no round trip and contains no password.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{MasterState, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// for master in redlock.masters() {
    ///     if !matches!(master.state, MasterState::Up) {
    ///         eprintln!("{} is {}", master.address, master.state);
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn masters(&self) -> Vec<MasterStatus> {
        let handles = self.0.masters.handles.iter();
        handles.map(|handle| handle.master.status()).collect()
    }

    /// Ends all calls that wait for a lock, and waits until the releases in flight are complete.
    ///
    /// Calls that wait for a lock, and later calls through any clone, return
    /// [`Closed`](crate::Error::Closed). Once this method returns, no lock is taken any more.
    /// Guards that are alive keep their locks, including automatically extended ones, and this
    /// method does not wait for them: release the guards first. The connections are closed when the
    /// last of these guards is dropped, or immediately if there are none.
    ///
    /// Work in a [`scope`](RedlockMutex::scope) is dropped at its next `await`, the newest scope
    /// first, and its lock is released before the lock of the scope that began earlier. Work that
    /// blocks its thread cannot be dropped; this method waits at most one ttl for such work.
    ///
    /// A shutdown usually takes one round trip. A master that does not answer is asked for at most
    /// one ttl. A master that answers, but did not answer when it was asked for a lock, is watched
    /// for about three seconds, because the request may still arrive. Without a shutdown, locks
    /// whose release is in flight when the runtime ends stay until their ttl has passed.
    ///
    /// # Cancel safety
    /// If the future is dropped, the releases continue in the background.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{Error, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// drop(redlock.mutex("invoices").lock().await?);
    /// redlock.shutdown().await;
    /// // The lock is off the masters, and no other can be taken.
    /// let late = redlock.mutex("invoices").lock().await;
    /// assert!(matches!(late, Err(Error::Closed { .. })));
    /// # Ok(()) }
    /// ```
    pub async fn shutdown(&self) {
        self.0.shutdown.close();
        let patience = self.0.timer.now() + self.0.settings.ttl;
        tokio::select! {
            () = self.0.scopes.wait_empty() => {}
            _ = self.0.timer.sleep_until(patience) => {}
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

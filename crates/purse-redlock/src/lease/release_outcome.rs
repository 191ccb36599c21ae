//! The outcome of a release.

/// The outcome of releasing a lock.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{Redlock, Release};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let guard = redlock.mutex("invoices").lock().await?;
/// match guard.release().await? {
///     Release::Released => println!("no other holder worked meanwhile"),
///     Release::AlreadyExpired => eprintln!("the work took too long: check what it wrote"),
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "a lock that had already expired did not protect what was done under it"]
pub enum Release {
    /// The lock was held until now: a quorum had this holder's token, and deleted it.
    Released,
    /// The lock had ended before the release: its time was over, or a quorum no longer had this
    /// holder's token. The work under the lock may have overlapped with another holder.
    AlreadyExpired,
}

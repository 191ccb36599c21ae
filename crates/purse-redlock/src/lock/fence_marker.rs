//! Type parameters that say whether a lock comes with a fence.

/// The marker of locks without a fence, which [`Redlock`](crate::Redlock) creates.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{Redlock, RedlockGuard, Unfenced};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let guard: RedlockGuard<Unfenced> = redlock.mutex("invoices").lock().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfenced(());

/// The marker of locks with a fence, which [`FencedRedlock`](crate::FencedRedlock) creates.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{Fenced, Redlock, RedlockGuard};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let guard: RedlockGuard<Fenced> = redlock.fenced().mutex("invoices").lock().await?;
/// println!("write with the fence {}", guard.fence());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fenced(pub(crate) u64);

/// The set of the two markers [`Fenced`] and [`Unfenced`]. It is sealed.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{Fencing, Redlock, RedlockGuard};
///
/// /// Works under a lock of either kind.
/// fn work<F: Fencing>(guard: &RedlockGuard<F>) -> purse::redlock::Result<()> {
///     guard.check()
/// }
/// let redlock = Redlock::builder(urls).build().await?;
/// work(&redlock.mutex("a").lock().await?)?;
/// work(&redlock.fenced().mutex("b").lock().await?)?;
/// # Ok(()) }
/// ```
pub trait Fencing: sealed::Mark {}

impl Fencing for Unfenced {}
impl Fencing for Fenced {}

pub(crate) mod sealed {
    use super::{Fenced, Unfenced};

    #[allow(unnameable_types, reason = "the trait is sealed")]
    pub trait Mark: Copy + Send + Sync + Unpin + 'static {
        /// True if the masters are asked for a fence.
        const IS_FENCED: bool;

        /// Creates the marker of a lock that was acquired with this fence, which is 0 if none was
        /// requested.
        fn with(fence: u64) -> Self;
    }

    impl Mark for Unfenced {
        const IS_FENCED: bool = false;

        fn with(_: u64) -> Self {
            Self(())
        }
    }

    impl Mark for Fenced {
        const IS_FENCED: bool = true;

        fn with(fence: u64) -> Self {
            Self(fence)
        }
    }
}

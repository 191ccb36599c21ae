//! A counter of the last minutes or hours.

use std::time::Duration;

use purse_client::{Client, Command, Error, ErrorKind, Op, Reply, Result, Script};

use crate::RedisKey;
use crate::conversion::ok;
use crate::handle::Handle;

static ADD: Script = Script::write("WINDOW ADD", include_str!("../lua/window_add.lua"));
static COUNTS: Script = Script::read("WINDOW COUNTS", include_str!("../lua/window_counts.lua"));

/// The number of buckets of a window, and the largest one. One more is held, of which a part has
/// left the window.
const BUCKETS: u32 = 60;
const MAX_BUCKETS: u32 = 63;
/// The longest window: a hundred years.
const MAX_WINDOW: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A counter that forgets: it returns what was added in the last minutes or hours.
///
/// The counter divides its window into 60 buckets, or [another number](Self::buckets), and counts
/// by the clock of the server. Each write removes the buckets that have left the window, so that
/// there are never more than 64. An idle counter expires with its window. Every handle of one key
/// must have the same window and number of buckets; a method of another handle fails.
///
/// A bucket is counted as a whole. A sum therefore includes everything from its time, and up to one
/// bucket more: with a window of an hour, up to a minute more.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use std::time::Duration;
///
/// use purse::{Client, RedisWindowCounter};
///
/// let client = Client::connect(&url).await?;
/// let hour = Duration::from_secs(60 * 60);
/// let errors = RedisWindowCounter::new(&client, "errors", hour);
/// errors.add(1).await?;
/// errors.add(2).await?;
/// assert_eq!(errors.sum(Duration::from_secs(5 * 60)).await?, 3);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct RedisWindowCounter {
    handle: Handle<()>,
    window: Duration,
    buckets: u32,
}

impl RedisWindowCounter {
    /// Creates a handle of the counter of `window` at `key`. Sends nothing.
    ///
    /// A bucket has a whole number of milliseconds, so a short window may become longer. The
    /// methods fail with [`InvalidInput`](ErrorKind::InvalidInput) if the window is zero, or longer
    /// than a hundred years.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisWindowCounter;
    ///
    /// let minute = Duration::from_secs(60);
    /// let errors = RedisWindowCounter::new(&client, "errors", minute);
    /// assert_eq!(errors.sum(minute).await?, 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>, window: Duration) -> Self {
        Self {
            handle: Handle::new(client, key),
            window,
            buckets: BUCKETS,
        }
    }

    /// Divides the window into this number of buckets. More buckets are more exact, and take more
    /// memory.
    ///
    /// The methods fail with [`InvalidInput`](ErrorKind::InvalidInput) unless it is from 1 to 63.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisWindowCounter;
    ///
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// let visits = RedisWindowCounter::new(&client, "visits", day).buckets(24);
    /// visits.add(1).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn buckets(mut self, number: u32) -> Self {
        self.buckets = number;
        self
    }

    /// Creates a handle of the key. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisWindowCounter;
    ///
    /// let errors = RedisWindowCounter::new(&client, "errors", Duration::from_secs(60));
    /// errors.add(1).await?;
    /// assert!(errors.key().ttl().await?.remaining().is_some());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn key(&self) -> RedisKey {
        RedisKey::new(&self.handle.client, &self.handle.key)
    }

    /// Removes all counts, see [`RedisKey::delete`]. Returns whether there were any.
    ///
    /// Redis: UNLINK. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisWindowCounter;
    ///
    /// let minute = Duration::from_secs(60);
    /// let errors = RedisWindowCounter::new(&client, "errors", minute);
    /// errors.add(1).await?;
    /// assert!(errors.clear().await?);
    /// assert_eq!(errors.sum(minute).await?, 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "UNLINK")]
    #[doc(alias = "DEL")]
    pub fn clear(&self) -> Op<bool> {
        self.key().delete()
    }

    /// Adds `by` to the present bucket.
    ///
    /// Redis: HGET, HLEN, TIME, HKEYS, HINCRBY, HSET, HDEL and PEXPIRE in a script. Time complexity:
    /// O(n) for n buckets. Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if `by` is more than `i64` can hold.
    /// [`Server`](ErrorKind::Server) with the code `ERR` if `i64` cannot hold the count of the
    /// bucket, or if the key is that of another counter; nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisWindowCounter;
    ///
    /// let minute = Duration::from_secs(60);
    /// let errors = RedisWindowCounter::new(&client, "errors", minute);
    /// errors.add(1).await?;
    /// assert_eq!(errors.sum(minute).await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    #[doc(alias = "HLEN")]
    #[doc(alias = "TIME")]
    #[doc(alias = "HKEYS")]
    #[doc(alias = "HINCRBY")]
    #[doc(alias = "HSET")]
    #[doc(alias = "HDEL")]
    #[doc(alias = "PEXPIRE")]
    pub fn add(&self, by: u64) -> Op<()> {
        let args = |command: Command| {
            let by = i64::try_from(by).map_err(|_| invalid("the amount is more than i64 holds"))?;
            Ok(command.arg(by).arg(self.width()?).arg(self.buckets))
        };
        self.handle.try_op(args, Command::script(&ADD), ok)
    }

    /// Returns what was added in the last `last`, and up to one bucket more.
    ///
    /// Redis: HGET, HLEN, TIME and HGETALL in a script. Time complexity: O(n) for n buckets. Round
    /// trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if `last` is longer than the window.
    /// [`Server`](ErrorKind::Server) with the code `ERR` if the key is that of another counter.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisWindowCounter;
    ///
    /// let errors = RedisWindowCounter::new(&client, "errors", Duration::from_secs(60));
    /// errors.add(7).await?;
    /// assert_eq!(errors.sum(Duration::from_secs(10)).await?, 7);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    #[doc(alias = "HLEN")]
    #[doc(alias = "TIME")]
    #[doc(alias = "HGETALL")]
    #[doc(alias = "HMGET")]
    pub fn sum(&self, last: Duration) -> Op<u64> {
        let args = |command: Command| {
            let width = self.width()?;
            if last > self.window {
                return Err(invalid("the counter forgets what is older than its window"));
            }
            let last = u64::try_from(last.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
            Ok(command.arg(width).arg(self.buckets).arg(last))
        };
        let sum = |reply: Reply| {
            let counts = reply.into_list()?.into_iter();
            counts.map(Reply::into_count).try_fold(0_u64, |sum, count| {
                // There are 64 counts of 63 bits.
                Ok(sum.saturating_add(count?))
            })
        };
        self.handle.try_op(args, Command::script(&COUNTS), sum)
    }

    /// Returns the width of a bucket in milliseconds, rounded up.
    fn width(&self) -> Result<u64> {
        if self.window.is_zero() || self.window > MAX_WINDOW {
            return Err(invalid(
                "the window must not be zero, nor longer than a hundred years",
            ));
        }
        if !(1..=MAX_BUCKETS).contains(&self.buckets) {
            return Err(invalid("a window has from 1 to 63 buckets"));
        }
        let width = self
            .window
            .as_nanos()
            .div_ceil(1_000_000 * u128::from(self.buckets));
        u64::try_from(width).map_err(|_| invalid("the window is too long"))
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

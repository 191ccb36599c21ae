//! A counter that stays within bounds.

use std::fmt;
use std::ops::{Bound, RangeBounds};

use purse_client::{Command, Error, ErrorKind, Op, Reply, Result, Script};

use super::{RedisCounter, once, sum};
use crate::handle::Handle;
use crate::number::Integer;

pub(super) static ADD: Script = Script::write(
    "COUNTER ADD",
    concat!(
        include_str!("../lua/is_less.lua"),
        include_str!("../lua/counter_add.lua")
    ),
);

/// The treatment of a sum beyond the bounds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Beyond {
    Refuse,
    Saturate,
}

/// A view of a [`RedisCounter`] whose additions keep within bounds.
///
/// Its methods have the names and results of std's integers. All bounds and sums are exact in 64
/// bits. A number that is outside of the bounds already, because another program wrote it, can
/// return into them.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisCounter};
///
/// let client = Client::connect(&url).await?;
/// let free_seats: RedisCounter<u32> = RedisCounter::new(&client, "free seats");
/// free_seats.set(2).await?;
/// let bounded = free_seats.bounded(0..=100);
/// assert_eq!(bounded.checked_add(-2).await?, Some(0));
/// assert_eq!(bounded.checked_add(-1).await?, None);
/// assert_eq!(bounded.saturating_add(500).await?, 100);
/// # Ok(()) }
/// ```
pub struct BoundedCounter<N> {
    handle: Handle<N>,
    /// The lowest and the highest sum.
    bounds: (i64, i64),
}

impl<N: Integer> RedisCounter<N> {
    /// Returns a view of the counter whose additions keep within `range`. Sends nothing.
    ///
    /// A bound that is missing is that of `N`, and no bound is beyond `i64`. The methods of the view
    /// fail with [`InvalidInput`](ErrorKind::InvalidInput) if the range is empty.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let volume: RedisCounter<i64> = RedisCounter::new(&client, "volume");
    /// assert_eq!(volume.bounded(..=10).saturating_add(12).await?, 10);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn bounded(&self, range: impl RangeBounds<N>) -> BoundedCounter<N> {
        let lowest = match range.start_bound() {
            Bound::Included(first) => first.widen(),
            Bound::Excluded(before) => before.widen().saturating_add(1),
            Bound::Unbounded => N::LOWEST.into(),
        };
        let highest = match range.end_bound() {
            Bound::Included(last) => last.widen(),
            Bound::Excluded(after) => after.widen().saturating_sub(1),
            Bound::Unbounded => N::HIGHEST.into(),
        };
        let lowest = lowest.max(i64::MIN.into());
        let highest = highest.min(i64::MAX.into());
        let bounds = match (i64::try_from(lowest), i64::try_from(highest)) {
            (Ok(lowest), Ok(highest)) => (lowest, highest),
            // All of the range is out of reach of the server, so it is empty.
            _ => (i64::MAX, i64::MIN),
        };
        BoundedCounter {
            handle: self.0.clone(),
            bounds,
        }
    }
}

impl<N: Integer> BoundedCounter<N> {
    /// Adds `by` and returns the sum. Returns `None` if the sum is out of bounds; the number does
    /// not change then.
    ///
    /// Redis: GET and INCRBY in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`Server`](ErrorKind::Server) with the code `ERR` if the stored value is not an integer.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let stock: RedisCounter<i64> = RedisCounter::new(&client, "stock");
    /// let stock = stock.bounded(0..);
    /// assert_eq!(stock.checked_add(3).await?, Some(3));
    /// assert_eq!(stock.checked_add(-4).await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "INCRBY")]
    pub fn checked_add(&self, by: i64) -> Op<Option<N>> {
        self.op(by, Beyond::Refuse, checked)
    }

    /// Adds `by` and returns the sum, or the bound that the sum would cross.
    ///
    /// Redis: GET, and INCRBY or SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`Server`](ErrorKind::Server) with the code `ERR` if the stored value is not an integer.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let volume: RedisCounter<i64> = RedisCounter::new(&client, "volume");
    /// let volume = volume.bounded(0..=10);
    /// assert_eq!(volume.saturating_add(7).await?, 7);
    /// assert_eq!(volume.saturating_add(7).await?, 10);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "INCRBY")]
    #[doc(alias = "SET")]
    pub fn saturating_add(&self, by: i64) -> Op<N> {
        self.op(by, Beyond::Saturate, sum::<N>)
    }

    /// Adds `by` as [`checked_add`](Self::checked_add) does, exactly once, although a reply may be
    /// lost. See [`Client::run_exactly_once`](purse_client::Client::run_exactly_once).
    ///
    /// Redis: GET, SET and INCRBY in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`checked_add`](Self::checked_add). [`Ambiguous`](ErrorKind::Ambiguous) only
    /// if no reply arrived in time: the amount was added once, or not.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let stock: RedisCounter<i64> = RedisCounter::new(&client, "stock");
    /// let stock = stock.bounded(0..);
    /// assert_eq!(stock.checked_add_once(1).await?, Some(1));
    /// assert_eq!(stock.checked_add_once(-2).await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "INCRBY")]
    pub async fn checked_add_once(&self, by: i64) -> Result<Option<N>> {
        let command = self.command(by, Beyond::Refuse)?;
        once(&self.handle, command, checked).await
    }

    /// Adds `by` as [`saturating_add`](Self::saturating_add) does, exactly once, although a reply
    /// may be lost. See [`Client::run_exactly_once`](purse_client::Client::run_exactly_once).
    ///
    /// Redis: GET, SET and INCRBY in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`saturating_add`](Self::saturating_add).
    /// [`Ambiguous`](ErrorKind::Ambiguous) only if no reply arrived in time: the amount was added
    /// once, or not.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let volume: RedisCounter<i64> = RedisCounter::new(&client, "volume");
    /// assert_eq!(volume.bounded(..=10).saturating_add_once(12).await?, 10);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "INCRBY")]
    pub async fn saturating_add_once(&self, by: i64) -> Result<N> {
        let command = self.command(by, Beyond::Saturate)?;
        once(&self.handle, command, sum::<N>).await
    }

    fn op<R>(&self, by: i64, beyond: Beyond, read: fn(Reply) -> Result<R>) -> Op<R> {
        match self.command(by, beyond) {
            Ok(command) => self.handle.op(command, read),
            Err(error) => Op::ready(Err(error)),
        }
    }

    fn command(&self, by: i64, beyond: Beyond) -> Result<Command> {
        let (lowest, highest) = self.bounds;
        if lowest > highest {
            let error = Error::new(ErrorKind::InvalidInput, "the range of the counter is empty");
            return Err(self.handle.about(ADD.name(), error));
        }
        Ok(add_args(Command::script(&ADD), by, self.bounds, beyond))
    }
}

/// Adds the arguments of [`ADD`]: the amount, the numbers to which it may be added, and what others
/// become.
pub(super) fn add_args(
    command: Command,
    by: i64,
    (lowest, highest): (i64, i64),
    beyond: Beyond,
) -> Command {
    // More than 64 bits.
    let before = |bound: i64| (i128::from(bound) - i128::from(by)).to_string();
    let command = command.arg(by).arg(before(lowest)).arg(before(highest));
    match beyond {
        Beyond::Refuse => command.arg("").arg(""),
        Beyond::Saturate => command.arg(lowest).arg(highest),
    }
}

fn checked<N: Integer>(reply: Reply) -> Result<Option<N>> {
    reply.non_nil().map(sum::<N>).transpose()
}

impl<N> Clone for BoundedCounter<N> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            bounds: self.bounds,
        }
    }
}

impl<N> fmt::Debug for BoundedCounter<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lowest, highest) = self.bounds;
        write!(f, "BoundedCounter({:?}, {lowest}..={highest})", self.handle)
    }
}

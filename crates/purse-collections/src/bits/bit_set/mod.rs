//! A set of small integers, each of which is one bit, and combinations of such sets.

mod combination;
mod writes;

use std::borrow::Borrow;
use std::fmt;
use std::ops::{Bound, RangeBounds};

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use purse_client::{Client, Command, Error, ErrorKind, Op, Reply, Result, Script};

pub use combination::CombinedBits;

use crate::bulk::{Bulk, BulkOp};
use crate::conversion::ArgBuffer;
use crate::handle::Handle;
use crate::redis_key::key_methods;
use combination::BitOperation;

static COUNT: Script = Script::read("BIT SET COUNT", include_str!("../../lua/bit_set_count.lua"));
static FIRST_ABSENT: Script = Script::read(
    "BIT SET FIRST ABSENT",
    include_str!("../../lua/bit_set_first_absent.lua"),
);
static PAGE: Script = Script::read("BIT SET PAGE", include_str!("../../lua/bit_set_page.lua"));

/// The bytes of a page of a stream, which has up to 32768 bits.
const PAGE_BYTES: u32 = 4_096;

/// A set of integers from 0 up to a capacity on the server, with one bit for each.
///
/// The value is a string. It has as many bits as the largest integer that was ever added, so an
/// integer of 4,000,000,000 alone takes 500 MB, and the server is busy for a while when it reserves
/// them. Therefore a handle has a capacity, and refuses an integer that is not lower with
/// [`OutOfRange`](ErrorKind::OutOfRange) before anything is sent. The capacity is not stored: handles
/// of one value may have different capacities, and reads return all bits that are set. For a few
/// integers of a wide range, [`RedisSet`](crate::RedisSet) takes less memory.
///
/// Most methods are those of a `BTreeSet<u32>`. To add or remove an integer again changes nothing, so
/// an `Ambiguous` write can be repeated, except for [`toggle`](Self::toggle). If the last integer is
/// removed, the key stays, with zeros.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisBitSet};
///
/// let client = Client::connect(&url).await?;
/// // One bit for each user who was active on that day.
/// let active = RedisBitSet::new(&client, "active:2026-11-29", 10_000_000);
/// assert!(active.insert(4_711).await?);
/// assert!(!active.insert(4_711).await?);
/// assert!(active.contains(4_711).await?);
/// assert_eq!(active.len().await?, 1);
/// # Ok(()) }
/// ```
#[doc(alias = "bitmap")]
#[doc(alias = "BitSet")]
#[doc(alias = "BTreeSet")]
pub struct RedisBitSet {
    handle: Handle<()>,
    capacity: u32,
}

impl RedisBitSet {
    /// Creates a handle of the set at `key`, whose integers are lower than `capacity`. Sends
    /// nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{ErrorKind, RedisBitSet};
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// assert!(seats.insert(299).await?);
    /// assert_eq!(seats.insert(300).await.unwrap_err().kind(), ErrorKind::OutOfRange);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>, capacity: u32) -> Self {
        Self {
            handle: Handle::new(client, key),
            capacity,
        }
    }

    /// Returns the capacity of this handle.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// assert_eq!(RedisBitSet::new(&client, "seats", 300).capacity(), 300);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.capacity
    }

    key_methods!(handle, ["seats", "RedisBitSet", "", "insert(7)", ", 300)"]);

    /// Returns whether an integer is in the set.
    ///
    /// Redis: GETBIT. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`OutOfRange`](ErrorKind::OutOfRange) if it is not lower than the capacity.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// seats.insert(7).await?;
    /// assert!(seats.contains(7).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETBIT")]
    #[doc(alias = "get")]
    pub fn contains(&self, bit: u32) -> Op<bool> {
        let args = |command: Command| Ok(command.arg(self.checked(bit)?));
        self.handle
            .try_op(args, Command::read("GETBIT"), Reply::into_bool)
    }

    /// Returns for each of many integers whether it is in the set, in the order of the integers.
    ///
    /// Redis: BITFIELD_RO. Time complexity: O(n) for n integers. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// # Errors
    /// [`OutOfRange`](ErrorKind::OutOfRange) if one is not lower than the capacity.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// seats.insert(7).await?;
    /// assert_eq!(seats.contains_many([7, 8]).await?, [true, false]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITFIELD_RO")]
    #[doc(alias = "BITFIELD")]
    pub fn contains_many<'a, I>(&self, bits: I) -> BulkOp<'a, Vec<bool>>
    where
        I: IntoIterator<Item: Borrow<u32>, IntoIter: Send + 'a>,
    {
        let command = self.handle.on_key(Command::read("BITFIELD_RO"));
        let capacity = self.capacity;
        let write = move |bit: I::Item, arguments: &mut ArgBuffer| {
            let bit = checked(*bit.borrow(), capacity)?;
            append(arguments, &[b"GET", b"u1", bit.as_bytes()])
        };
        let more = |mut answers: Vec<bool>, reply: Reply| {
            for bit in reply.into_list()? {
                answers.push(bit.into_bool()?);
            }
            Ok(answers)
        };
        let bits = bits.into_iter();
        Bulk::new(&self.handle.client, command).run(bits, write, Vec::new(), more)
    }

    /// Returns the number of integers in the set.
    ///
    /// Redis: BITCOUNT. Time complexity: O(n) for n bits of the value. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// seats.extend([7, 8]).await?;
    /// assert_eq!(seats.len().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITCOUNT")]
    #[doc(alias = "count_ones")]
    pub fn len(&self) -> Op<u64> {
        self.handle.op(Command::read("BITCOUNT"), Reply::into_count)
    }

    /// Returns whether the set has no integer.
    ///
    /// Redis: BITPOS. Time complexity: O(n) for n bits of the value. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// assert!(seats.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITPOS")]
    pub fn is_empty(&self) -> Op<bool> {
        let command = Command::read("BITPOS").arg(1_i64);
        self.handle.op(command, |reply| Ok(reply.into_int()? < 0))
    }

    /// Returns the number of integers in a range. A range that is empty or behind the capacity has
    /// none, and nothing is sent for it.
    ///
    /// Redis: BITCOUNT and GETBIT in a script. Time complexity: O(n) for n bits in the range. Round
    /// trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// seats.extend([7, 8, 200]).await?;
    /// assert_eq!(seats.count(8..).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITCOUNT")]
    #[doc(alias = "GETBIT")]
    #[doc(alias = "range")]
    pub fn count(&self, range: impl RangeBounds<u32>) -> Op<u64> {
        match inclusive(range, self.capacity) {
            Some((first, last)) => {
                let command = Command::script(&COUNT).arg(i64::from(first));
                self.handle
                    .op(command.arg(i64::from(last)), Reply::into_count)
            }
            None => Op::ready(Ok(0)),
        }
    }

    /// Returns the lowest integer in the set; `None` if the set is empty.
    ///
    /// Redis: BITPOS. Time complexity: O(n) for n bits before it. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// seats.extend([8, 7]).await?;
    /// assert_eq!(seats.first().await?, Some(7));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITPOS")]
    #[doc(alias = "min")]
    pub fn first(&self) -> Op<Option<u32>> {
        let command = Command::read("BITPOS").arg(1_i64);
        self.handle.op(command, |reply| match reply.into_int()? {
            -1 => Ok(None),
            bit => bit_of(bit).map(Some),
        })
    }

    /// Returns the lowest integer below the capacity that is not in the set; `None` if all are.
    ///
    /// Redis: BITPOS in a script. Time complexity: O(n) for n bits before it. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 3);
    /// seats.extend([0, 1]).await?;
    /// assert_eq!(seats.first_absent().await?, Some(2));
    /// seats.insert(2).await?;
    /// assert_eq!(seats.first_absent().await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITPOS")]
    pub fn first_absent(&self) -> Op<Option<u32>> {
        let command = Command::script(&FIRST_ABSENT).arg(i64::from(self.capacity));
        self.handle.op(command, |reply| match reply.non_nil() {
            Some(bit) => bit_of(bit.into_int()?).map(Some),
            None => Ok(None),
        })
    }

    /// Streams the integers in ascending order, a page in memory at a time.
    ///
    /// A page is 4096 bytes of the value, after all zeros before it. Each page is atomic, the
    /// stream as a whole is not: an integer that is added or removed meanwhile may or may not be
    /// returned.
    ///
    /// Redis: BITPOS and GETRANGE in a script. Time complexity: O(n) for n bits of a page and of the
    /// zeros before it. Round trips: 1 per page, and 1 to detect the end.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// seats.extend([200, 7]).await?;
    /// assert_eq!(seats.stream().try_collect::<Vec<u32>>().await?, [7, 200]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITPOS")]
    #[doc(alias = "GETRANGE")]
    #[doc(alias = "iter")]
    pub fn stream(&self) -> BoxStream<'static, Result<u32>> {
        let handle = self.handle.clone();
        let pages = stream::try_unfold(0_i64, move |from| {
            let command = Command::script(&PAGE).arg(from).arg(i64::from(PAGE_BYTES));
            handle.op(command, read_page)
        });
        pages
            .map_ok(|bits| stream::iter(bits.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    /// Describes the integers that are in this set or in any of `others`. Sends nothing;
    /// [`CombinedBits::store_into`] stores them.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let [a, b] = ["{days}a", "{days}b"].map(|key| RedisBitSet::new(&client, key, 300));
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.union([&b]).store_into(&a).await?, 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITOP")]
    #[doc(alias = "OR")]
    pub fn union<I>(&self, others: I) -> CombinedBits
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        CombinedBits::new(self, others, BitOperation::Union)
    }

    /// Describes the integers that are in this set and in each of `others`. Sends nothing;
    /// [`CombinedBits::store_into`] stores them.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let [a, b] = ["{days}a", "{days}b"].map(|key| RedisBitSet::new(&client, key, 300));
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.intersection([&b]).store_into(&a).await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITOP")]
    #[doc(alias = "AND")]
    pub fn intersection<I>(&self, others: I) -> CombinedBits
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        CombinedBits::new(self, others, BitOperation::Intersection)
    }

    /// Describes the integers that are in this set and in none of `others`. Sends nothing;
    /// [`CombinedBits::store_into`] stores them.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let [a, b] = ["{days}a", "{days}b"].map(|key| RedisBitSet::new(&client, key, 300));
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.difference([&b]).store_into(&a).await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITOP")]
    #[doc(alias = "DIFF")]
    #[doc(alias = "ANDNOT")]
    pub fn difference<I>(&self, others: I) -> CombinedBits
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        CombinedBits::new(self, others, BitOperation::Difference)
    }

    /// Describes the integers that are in an odd number of the sets: of two sets, those that are in
    /// one of them only. Sends nothing; [`CombinedBits::store_into`] stores them.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let [a, b] = ["{days}a", "{days}b"].map(|key| RedisBitSet::new(&client, key, 300));
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.symmetric_difference([&b]).store_into(&a).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITOP")]
    #[doc(alias = "XOR")]
    pub fn symmetric_difference<I>(&self, others: I) -> CombinedBits
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        CombinedBits::new(self, others, BitOperation::SymmetricDifference)
    }

    /// Returns the digits of an offset that is in range.
    fn checked(&self, bit: u32) -> Result<String> {
        checked(bit, self.capacity)
    }
}

/// Returns the text of a bit that is below the capacity.
fn checked(bit: u32, capacity: u32) -> Result<String> {
    if bit < capacity {
        return Ok(bit.to_string());
    }
    let message = format!("bit {bit} is not below the capacity {capacity}");
    Err(Error::new(ErrorKind::OutOfRange, message))
}

fn append(arguments: &mut ArgBuffer, words: &[&[u8]]) -> Result<()> {
    words.iter().try_for_each(|word| {
        arguments.append_with(|block| {
            block.extend_from_slice(word);
            Ok(())
        })
    })
}

/// Returns the first and the last offset of a range below `capacity`; `None` if there is none.
fn inclusive(range: impl RangeBounds<u32>, capacity: u32) -> Option<(u32, u32)> {
    let first = match range.start_bound() {
        Bound::Unbounded => 0,
        Bound::Included(&first) => first,
        Bound::Excluded(before) => before.checked_add(1)?,
    };
    let highest = capacity.checked_sub(1)?;
    let last = match range.end_bound() {
        Bound::Unbounded => highest,
        Bound::Included(&last) => last.min(highest),
        Bound::Excluded(after) => after.checked_sub(1)?.min(highest),
    };
    (first <= last).then_some((first, last))
}

fn bit_of(offset: i64) -> Result<u32> {
    u32::try_from(offset).map_err(|_| {
        let message = format!("the server answered bit {offset}, which is beyond 32 bits");
        Error::new(ErrorKind::Protocol, message)
    })
}

/// Reads the bits of a page, and the index of the byte after it.
fn read_page(reply: Reply) -> Result<Option<(Vec<u32>, i64)>> {
    let Some(reply) = reply.non_nil() else {
        return Ok(None);
    };
    let [start, bytes] = reply.into_array()?;
    let (start, bytes) = (start.into_int()?, bytes.into_bytes()?);
    let mut bits = Vec::new();
    for (index, byte) in (start..).zip(&bytes) {
        // The first bit is the highest one of its byte.
        for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
            bits.push(bit_of(8 * index + bit)?);
        }
    }
    Ok(Some((bits, start + i64::from(PAGE_BYTES))))
}

impl Clone for RedisBitSet {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            capacity: self.capacity,
        }
    }
}

impl fmt::Debug for RedisBitSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capacity = self.capacity;
        write!(f, "RedisBitSet({:?}, capacity {capacity})", self.handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_below_the_capacity() {
        assert_eq!(inclusive(.., 10), Some((0, 9)));
        assert_eq!(inclusive(3..5, 10), Some((3, 4)));
        assert_eq!(inclusive(3..=u32::MAX, 10), Some((3, 9)));
        let excluded = (Bound::Excluded(3), Bound::Unbounded);
        assert_eq!(inclusive(excluded, 10), Some((4, 9)));
        let nothing = (Bound::Excluded(u32::MAX), Bound::Unbounded);
        assert_eq!(inclusive(nothing, u32::MAX), None);
        assert_eq!(inclusive(10.., 10), None);
        assert_eq!(inclusive(..0, 10), None);
        assert_eq!(inclusive(.., 0), None);
    }
}

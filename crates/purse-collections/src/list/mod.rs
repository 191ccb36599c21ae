//! A list, and a stream over its pages.
//!
//! May import: `encode`, `handle`, `key`, `bulk`, `stream`.

mod index_range;
mod pages;

use std::fmt;
use std::ops::RangeBounds;

use purse_client::{Client, Command, Error, ErrorKind, Op, Reply, Result, Script};
use purse_codec::{Codec, Input, Plain};

use crate::bulk;
use crate::encode::ok;
use crate::encode::one;
use crate::encode::{
    decode, decode_list, decode_option, decode_removed, decode_removed_list, encode,
};
use crate::handle::Handle;
use crate::key::key_methods;
use crate::stream::next;

pub(crate) use index_range::inclusive;
pub use pages::Paged;

static INSERT: Script = Script::write("LIST INSERT", include_str!("../lua/list_insert.lua"));

/// A list of `T` on the server, used as a `Vec` or as a double-ended queue.
///
/// Indices are `i64`; a negative one counts from the end, -1 being the last element. `contains`,
/// `position` and `remove_value` compare bytes: the codec must write equal values alike, which no
/// codec does for a type with a `HashMap` or `HashSet` in it. Access in the middle is O(n), as in
/// any linked list.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse_client::Client;
/// use purse_collections::RedisList;
///
/// let client = Client::connect(&url).await?;
/// let list: RedisList<String> = RedisList::new(&client, "letters");
/// list.extend(["a", "b", "c", "d"]).await?;
/// list.insert(-1, "x").await?;
/// assert_eq!(list.range(1..4).await?, ["b", "c", "x"]);
/// assert_eq!(list.position("c").await?, Some(2));
/// assert_eq!(list.pop_front().await?.as_deref(), Some("a"));
/// # Ok(())
/// # })
/// # }
/// ```
#[doc(alias = "deque")]
pub struct RedisList<T, C = Plain>(Handle<(T, C)>);

/// Which of several equal elements are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Occurrences {
    /// All of them.
    All,
    /// So many, counted from the front.
    First(u32),
    /// So many, counted from the back.
    Last(u32),
}

impl<T, C> RedisList<T, C> {
    /// The list at `key`. Sends nothing.
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    key_methods!();
}

impl<T: Send + 'static, C: Codec<T>> RedisList<T, C> {
    /// The number of elements.
    ///
    /// `LLEN`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn len(&self) -> Op<u64> {
        self.0.op(Command::read("LLEN"), Reply::into_count)
    }

    /// Whether there is no element.
    ///
    /// `LLEN`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .op(Command::read("LLEN"), |reply| Ok(reply.into_count()? == 0))
    }

    /// The element at `index`; `None` outside the list.
    ///
    /// `LINDEX`, O(n) in the distance to the nearer end. One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "getitem")]
    pub fn get(&self, index: i64) -> Op<Option<T>> {
        self.0
            .op(Command::read("LINDEX").arg(index), decode_option::<T, C>)
    }

    /// The first element.
    ///
    /// `LINDEX`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "peek")]
    pub fn front(&self) -> Op<Option<T>> {
        self.get(0)
    }

    /// The last element.
    ///
    /// `LINDEX`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "last")]
    pub fn back(&self) -> Op<Option<T>> {
        self.get(-1)
    }

    /// Whether an element equals `value`.
    ///
    /// `LPOS`, O(n). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn contains(&self, value: impl Input<T>) -> Op<bool> {
        self.find(value, |reply| Ok(!reply.is_nil()))
    }

    /// The index of the first element that equals `value`.
    ///
    /// `LPOS`, O(n). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "index")]
    #[doc(alias = "index_of")]
    pub fn position(&self, value: impl Input<T>) -> Op<Option<u64>> {
        self.find(value, |reply| {
            reply.non_nil().map(Reply::into_count).transpose()
        })
    }

    /// The elements of a range of indices; what lies outside the list is left out, as from a
    /// range that is empty or runs backwards.
    ///
    /// `LRANGE`, O(s + n) for n elements that start s from the nearer end. One round trip, atomic.
    /// `range(2..5)`, `range(-3..)`, `range(..-1)` without the last one. From one end to the other
    /// it is `range((Included(1), Excluded(-1)))`, since clippy takes a literal `1..-1` for empty.
    ///
    /// # Errors
    /// `Decode`, holding the first bytes that fail; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "slice")]
    pub fn range(&self, range: impl RangeBounds<i64>) -> Op<Vec<T>> {
        let Some((first, last)) = inclusive(range) else {
            return Op::known(Ok(Vec::new()));
        };
        self.0.op(
            Command::read("LRANGE").arg(first).arg(last),
            decode_list::<T, C>,
        )
    }

    /// All elements, in memory at once.
    ///
    /// `LRANGE`, O(n). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the first bytes that fail; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn to_vec(&self) -> Op<Vec<T>> {
        self.range(..)
    }

    /// Streams the elements from front to back, a few pages in memory at a time.
    ///
    /// A script of `LRANGE` and `LLEN`, one round trip a page of 256 elements
    /// ([`Paged::page_size`]); O(n) for the page and its distance from the nearer end. Each page is
    /// atomic, the whole is not.
    ///
    /// # Errors
    /// Each element may be a `Decode` error, holding its bytes, after which the stream goes on;
    /// [those of a read](crate#errors) end it.
    ///
    /// # Cancel safety
    /// It can be dropped at any point; nothing runs after that.
    #[doc(alias = "values")]
    #[doc(alias = "iter")]
    pub fn stream(&self) -> Paged<T> {
        Paged::new(&self.0.client, self.0.key.clone(), |page| {
            next(page, decode::<T, C>)
        })
    }

    /// Adds an element at the back. Returns the new length.
    ///
    /// `RPUSH`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "append")]
    #[doc(alias = "RPUSH")]
    pub fn push_back(&self, value: impl Input<T>) -> Op<u64> {
        self.push(Command::write("RPUSH"), value)
    }

    /// Adds an element at the front. Returns the new length.
    ///
    /// `LPUSH`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "appendleft")]
    #[doc(alias = "LPUSH")]
    pub fn push_front(&self, value: impl Input<T>) -> Op<u64> {
        self.push(Command::write("LPUSH"), value)
    }

    /// Adds elements at the back, in their order. Returns the new length.
    ///
    /// `RPUSH`, O(n) for n elements; `LLEN` if there are none. One round trip, atomic, for up to
    /// 1024 elements or a megabyte; beyond that a round trip for each such chunk, each atomic, and
    /// `items` is taken from a chunk ahead.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors). With several chunks the error tells how
    /// many elements were [done](Error::done) before it; nothing is sent after it.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety), for the chunk under way; later ones are not sent.
    #[doc(alias = "RPUSH")]
    pub async fn extend<I>(&self, items: I) -> Result<u64>
    where
        I: IntoIterator<Item: Input<T>, IntoIter: Send>,
    {
        self.push_all(Command::write("RPUSH"), items.into_iter())
            .await
    }

    /// Adds elements at the front, one after the other, so that the last of them comes first.
    /// Returns the new length.
    ///
    /// `LPUSH`, O(n) for n elements; `LLEN` if there are none. One round trip, atomic, for up to
    /// 1024 elements or a megabyte; beyond that a round trip for each such chunk, each atomic, and
    /// `items` is taken from a chunk ahead.
    ///
    /// # Errors
    /// As [`extend`](Self::extend).
    ///
    /// # Cancel safety
    /// As [`extend`](Self::extend).
    #[doc(alias = "extendleft")]
    #[doc(alias = "LPUSH")]
    pub async fn extend_front<I>(&self, items: I) -> Result<u64>
    where
        I: IntoIterator<Item: Input<T>, IntoIter: Send>,
    {
        self.push_all(Command::write("LPUSH"), items.into_iter())
            .await
    }

    /// Inserts an element before the one at `index`; the length as index adds it at the back.
    /// Returns the new length.
    ///
    /// A script of `LINDEX`, `LSET` and `LINSERT`, O(n). One round trip, atomic.
    ///
    /// # Errors
    /// [`OutOfRange`](ErrorKind::OutOfRange) for an index beyond the length at either end, nothing
    /// changed; `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "LINSERT")]
    pub fn insert(&self, index: i64, value: impl Input<T>) -> Op<u64> {
        let args = |command: Command| {
            let marker = uuid::Uuid::new_v4().to_string();
            Ok(command
                .arg(index)
                .arg(encode::<T, C>(value)?)
                .arg(bytes::Bytes::from(marker)))
        };
        self.0.try_op(args, Command::script(&INSERT), |reply| {
            reply.non_nil().ok_or_else(outside)?.into_count()
        })
    }

    /// Puts an element in the place of the one at `index`.
    ///
    /// `LSET`, O(n) in the distance to the nearer end. One round trip, atomic.
    ///
    /// # Errors
    /// [`OutOfRange`](ErrorKind::OutOfRange) for an index outside the list, nothing changed;
    /// `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "setitem")]
    pub fn set(&self, index: i64, value: impl Input<T>) -> Op<()> {
        let args = |command: Command| {
            // Servers cut the index of LSET to 32 bits, and would set another element.
            let index = i32::try_from(index).map_err(|_| outside())?;
            Ok(command.arg(i64::from(index)).arg(encode::<T, C>(value)?))
        };
        self.0.try_op(args, Command::write("LSET"), ok)
    }

    /// Takes the first element out.
    ///
    /// `LPOP`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of the element, which is out; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [The element may be lost](crate#cancel-safety).
    #[doc(alias = "popleft")]
    #[doc(alias = "LPOP")]
    pub fn pop_front(&self) -> Op<Option<T>> {
        self.0.op(Command::write("LPOP"), decode_removed::<T, C>)
    }

    /// Takes the last element out.
    ///
    /// `RPOP`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of the element, which is out; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [The element may be lost](crate#cancel-safety).
    #[doc(alias = "pop")]
    #[doc(alias = "RPOP")]
    pub fn pop_back(&self) -> Op<Option<T>> {
        self.0.op(Command::write("RPOP"), decode_removed::<T, C>)
    }

    /// Takes up to `count` elements out at the front, the first one first.
    ///
    /// `LPOP` with a count (Redis 6.2), O(n). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of all the elements, which are out; `Unsupported` on an older
    /// server; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [The elements may be lost](crate#cancel-safety).
    #[doc(alias = "pop_n")]
    pub fn pop_front_n(&self, count: u32) -> Op<Vec<T>> {
        self.pop_n(Command::write("LPOP"), count)
    }

    /// Takes up to `count` elements out at the back, the last one first.
    ///
    /// `RPOP` with a count (Redis 6.2), O(n). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of all the elements, which are out; `Unsupported` on an older
    /// server; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [The elements may be lost](crate#cancel-safety).
    #[doc(alias = "pop_n")]
    pub fn pop_back_n(&self, count: u32) -> Op<Vec<T>> {
        self.pop_n(Command::write("RPOP"), count)
    }

    /// Removes the elements that equal `value`, all of them or so many. Returns their number.
    ///
    /// `LREM`, O(n). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "remove")]
    #[doc(alias = "LREM")]
    pub fn remove_value(&self, value: impl Input<T>, which: Occurrences) -> Op<u64> {
        let count = match which {
            Occurrences::All => 0,
            // The server takes a count of zero for all.
            Occurrences::First(0) | Occurrences::Last(0) => return Op::known(Ok(0)),
            Occurrences::First(count) => i64::from(count),
            Occurrences::Last(count) => -i64::from(count),
        };
        let args = |command: Command| Ok(command.arg(count).arg(encode::<T, C>(value)?));
        self.0
            .try_op(args, Command::write("LREM"), Reply::into_count)
    }

    /// Keeps the elements of a range of indices, and removes the others.
    ///
    /// `LTRIM`, O(n) in the number of removed elements. One round trip, atomic. Ranges are read as
    /// [`range`](Self::range) reads them; an empty one removes everything.
    ///
    /// # Errors
    /// [Those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "truncate")]
    #[doc(alias = "LTRIM")]
    pub fn trim(&self, range: impl RangeBounds<i64>) -> Op<()> {
        let (first, last) = inclusive(range).unwrap_or((1, 0));
        self.0.op(Command::write("LTRIM").arg(first).arg(last), ok)
    }

    fn find<R>(&self, value: impl Input<T>, read: fn(Reply) -> Result<R>) -> Op<R> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0.try_op(args, Command::read("LPOS"), read)
    }

    fn push(&self, command: Command, value: impl Input<T>) -> Op<u64> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0.try_op(args, command, Reply::into_count)
    }

    async fn push_all<V: Input<T>>(
        &self,
        command: Command,
        items: impl Iterator<Item = V> + Send,
    ) -> Result<u64> {
        let command = self.0.on_key(command);
        let last = |_, reply: Reply| reply.into_count().map(Some);
        match bulk::run(&self.0.client, command, items, one::<T, C, _>, None, last).await? {
            Some(length) => Ok(length),
            None => self.len().await,
        }
    }

    fn pop_n(&self, command: Command, count: u32) -> Op<Vec<T>> {
        // RESP2 answers a count of zero with nil on an empty list and with nothing on any other.
        self.0
            .op(command.arg(i64::from(count)), decode_removed_list::<T, C>)
    }
}

fn outside() -> Error {
    Error::new(ErrorKind::OutOfRange, "the index lies outside the list")
}

impl<T, C> Clone for RedisList<T, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T, C> fmt::Debug for RedisList<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisList({:?})", self.0)
    }
}

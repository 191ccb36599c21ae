//! Writes to a list.

use purse_client::{Command, Error, ErrorKind, Op, Reply, Script};
use purse_codec::{Codec, IntoArg};

use super::{RedisList, inclusive};
use crate::bulk::{Bulk, BulkOp};
use crate::conversion::{decode_removed, decode_removed_list, encode, encode_one, ok};
use crate::number_args::{IndexRange, IntoIndex, index};

static LPOP: Script = Script::write("LPOP", include_str!("../lua/list_pop_front.lua")).stand_in();
static RPOP: Script = Script::write("RPOP", include_str!("../lua/list_pop_back.lua")).stand_in();
static INSERT: Script = Script::write("LIST INSERT", include_str!("../lua/list_insert.lua"));
static REMOVE: Script = Script::write("LIST REMOVE", include_str!("../lua/list_remove.lua"));

/// A choice among several equal elements.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Occurrences, RedisList};
///
/// let letters: RedisList<String> = RedisList::new(&client, "letters");
/// letters.extend(["a", "b", "a", "c", "a"]).await?;
/// letters.remove_value("a", Occurrences::Last(1)).await?;
/// assert_eq!(letters.to_vec().await?, ["a", "b", "a", "c"]);
/// letters.remove_value("a", Occurrences::All).await?;
/// assert_eq!(letters.to_vec().await?, ["b", "c"]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Occurrences {
    /// All of them.
    All,
    /// This number of them, counted from the front.
    First(u32),
    /// This number of them, counted from the back.
    Last(u32),
}

impl<T: Send + 'static, C: Codec<T>> RedisList<T, C> {
    /// Adds an element at the back. Returns the new length.
    ///
    /// Redis: RPUSH. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// assert_eq!(list.push_back("a").await?, 1);
    /// assert_eq!(list.push_back("b").await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPUSH")]
    #[doc(alias = "append")]
    pub fn push_back(&self, value: impl IntoArg<T>) -> Op<u64> {
        self.push(Command::write("RPUSH"), value)
    }

    /// Adds an element at the front. Returns the new length.
    ///
    /// Redis: LPUSH. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.push_front("b").await?;
    /// list.push_front("a").await?;
    /// assert_eq!(list.to_vec().await?, ["a", "b"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPUSH")]
    #[doc(alias = "appendleft")]
    pub fn push_front(&self, value: impl IntoArg<T>) -> Op<u64> {
        self.push(Command::write("LPUSH"), value)
    }

    /// Adds elements at the back, in their order. Returns the new length.
    ///
    /// Redis: RPUSH, or LLEN if there are no elements. Time complexity: O(n) for n elements. Round
    /// trips: 1 per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<u32> = RedisList::new(&client, "numbers");
    /// assert_eq!(list.extend(0..5000).await?, 5000);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPUSH")]
    #[doc(alias = "LLEN")]
    pub fn extend<'a, I>(&self, items: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let command = self.0.on_key(Command::write("RPUSH"));
        self.push_all(command, items.into_iter())
    }

    /// Adds elements at the front, one after the other, so that the last of them comes first.
    /// Returns the new length.
    ///
    /// Redis: LPUSH, or LLEN if there are no elements. Time complexity: O(n) for n elements. Round
    /// trips: 1 per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend_front(["a", "b"]).await?;
    /// assert_eq!(list.to_vec().await?, ["b", "a"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPUSH")]
    #[doc(alias = "LLEN")]
    #[doc(alias = "extendleft")]
    pub fn extend_front<'a, I>(&self, items: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let command = self.0.on_key(Command::write("LPUSH"));
        self.push_all(command, items.into_iter())
    }

    /// Inserts an element before the one at `index`, or at the back if `index` is the length.
    /// Returns the new length.
    ///
    /// Redis: LLEN, RPUSH, LPUSH, LINDEX, LSET and LINSERT in a script. Time complexity: O(n) for n
    /// elements. Round trips: 1.
    ///
    /// # Errors
    /// [`OutOfRange`](ErrorKind::OutOfRange) if the index is beyond the length at either end;
    /// nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "c"]).await?;
    /// assert_eq!(list.insert(1, "b").await?, 3);
    /// assert_eq!(list.to_vec().await?, ["a", "b", "c"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LLEN")]
    #[doc(alias = "RPUSH")]
    #[doc(alias = "LPUSH")]
    #[doc(alias = "LINDEX")]
    #[doc(alias = "LSET")]
    #[doc(alias = "LINSERT")]
    #[doc(alias = "linsert_before")]
    #[doc(alias = "linsert_after")]
    pub fn insert(&self, index: impl IntoIndex, value: impl IntoArg<T>) -> Op<u64> {
        // LINSERT finds its place by value alone. The marker is at that place between two commands of
        // the script, where no other client sees it. Python's redis-purse does the same from the
        // client, in several steps.
        let args = |command: Command| {
            let command = command.arg(self::index(index));
            Ok(command.arg(encode::<T, C>(value)?).arg(marker()))
        };
        self.0.try_op(args, Command::script(&INSERT), |reply| {
            reply.non_nil().ok_or_else(outside)?.into_count()
        })
    }

    /// Replaces the element at `index`.
    ///
    /// Redis: LSET. Time complexity: O(n) in the distance to the nearer end. Round trips: 1.
    ///
    /// # Errors
    /// [`OutOfRange`](ErrorKind::OutOfRange) if the index is outside the list; nothing changed
    /// then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "x"]).await?;
    /// list.set(-1, "b").await?;
    /// assert_eq!(list.to_vec().await?, ["a", "b"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LSET")]
    #[doc(alias = "setitem")]
    pub fn set(&self, index: impl IntoIndex, value: impl IntoArg<T>) -> Op<()> {
        let args = |command: Command| {
            // Servers cut the index of LSET to 32 bits, and would set another element. Valkey 9.1
            // sets the last element for `LSET key 9223372036854775807 x`.
            let index = i32::try_from(self::index(index)).map_err(|_| outside())?;
            Ok(command.arg(i64::from(index)).arg(encode::<T, C>(value)?))
        };
        self.0.try_op(args, Command::write("LSET"), ok)
    }

    /// Removes and returns the element at `index`; returns `None` if the index is outside the list. If
    /// the future is dropped, the element [may be lost](crate#cancel-safety).
    ///
    /// Redis: LINDEX, LLEN, LTRIM, LSET and LREM in a script. Time complexity: O(n) in the distance to
    /// the nearer end. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b", "a", "c"]).await?;
    /// assert_eq!(list.remove(2).await?.as_deref(), Some("a"));
    /// assert_eq!(list.remove(9).await?, None);
    /// assert_eq!(list.to_vec().await?, ["a", "b", "c"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LINDEX")]
    #[doc(alias = "LLEN")]
    #[doc(alias = "LTRIM")]
    #[doc(alias = "LSET")]
    #[doc(alias = "LREM")]
    #[doc(alias = "pop")]
    #[doc(alias = "delitem")]
    pub fn remove(&self, index: impl IntoIndex) -> Op<Option<T>> {
        let index = self::index(index);
        let command = Command::script(&REMOVE).arg(index).arg(marker());
        self.0.op(command.at_index(index), |reply| {
            decode_removed::<T, C>(reply).map_err(|error| error.with_index(0))
        })
    }

    /// Removes and returns the first element. If the future is dropped, the element [may be
    /// lost](crate#cancel-safety).
    ///
    /// Redis: LPOP. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b"]).await?;
    /// assert_eq!(list.pop_front().await?.as_deref(), Some("a"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPOP")]
    #[doc(alias = "popleft")]
    pub fn pop_front(&self) -> Op<Option<T>> {
        self.0.op(Command::write("LPOP"), decode_removed::<T, C>)
    }

    /// Removes and returns the last element. If the future is dropped, the element [may be
    /// lost](crate#cancel-safety).
    ///
    /// Redis: RPOP. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b"]).await?;
    /// assert_eq!(list.pop_back().await?.as_deref(), Some("b"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPOP")]
    #[doc(alias = "pop")]
    pub fn pop_back(&self) -> Op<Option<T>> {
        self.0.op(Command::write("RPOP"), decode_removed::<T, C>)
    }

    /// Removes and returns up to `count` elements at the front, the first one first. If the future
    /// is dropped, the elements [may be lost](crate#cancel-safety).
    ///
    /// Redis: LPOP with a count; before Redis 6.2 LRANGE and LTRIM in a script. Time complexity: O(n)
    /// for n elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<u32> = RedisList::new(&client, "numbers");
    /// list.extend(1..=5).await?;
    /// assert_eq!(list.pop_front_n(2).await?, [1, 2]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPOP")]
    #[doc(alias = "pop_n")]
    pub fn pop_front_n(&self, count: u32) -> Op<Vec<T>> {
        self.pop_n(Command::script(&LPOP), count)
    }

    /// Removes and returns up to `count` elements at the back, the last one first. If the future
    /// is dropped, the elements [may be lost](crate#cancel-safety).
    ///
    /// Redis: RPOP with a count; before Redis 6.2 LRANGE and LTRIM in a script. Time complexity: O(n)
    /// for n elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<u32> = RedisList::new(&client, "numbers");
    /// list.extend(1..=5).await?;
    /// assert_eq!(list.pop_back_n(2).await?, [5, 4]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPOP")]
    #[doc(alias = "pop_n")]
    pub fn pop_back_n(&self, count: u32) -> Op<Vec<T>> {
        self.pop_n(Command::script(&RPOP), count)
    }

    /// Removes the elements that equal `value`: all of them, or a number of them from one end.
    /// Returns how many it removed.
    ///
    /// Redis: LREM. Time complexity: O(n) for n elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Occurrences, RedisList};
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b", "a", "a"]).await?;
    /// assert_eq!(list.remove_value("a", Occurrences::Last(1)).await?, 1);
    /// assert_eq!(list.remove_value("a", Occurrences::All).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LREM")]
    #[doc(alias = "remove")]
    pub fn remove_value(&self, value: impl IntoArg<T>, which: Occurrences) -> Op<u64> {
        let count = match which {
            Occurrences::All => 0,
            // The server takes a count of zero for all.
            Occurrences::First(0) | Occurrences::Last(0) => return Op::ready(Ok(0)),
            Occurrences::First(count) => i64::from(count),
            Occurrences::Last(count) => -i64::from(count),
        };
        let args = |command: Command| Ok(command.arg(count).arg(encode::<T, C>(value)?));
        self.0
            .try_op(args, Command::write("LREM"), Reply::into_count)
    }

    /// Keeps the elements in a range of indices and removes the others. An empty range removes all
    /// elements. Ranges have the meaning that they have in [`range`](Self::range).
    ///
    /// Redis: LTRIM. Time complexity: O(n) for n removed elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<u32> = RedisList::new(&client, "numbers");
    /// list.extend(0..100).await?;
    /// list.trim(-3..).await?;
    /// assert_eq!(list.to_vec().await?, [97, 98, 99]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LTRIM")]
    #[doc(alias = "truncate")]
    pub fn trim(&self, range: impl IndexRange) -> Op<()> {
        let (first, last) = inclusive(range).unwrap_or((1, 0));
        self.0.op(Command::write("LTRIM").arg(first).arg(last), ok)
    }

    fn push(&self, command: Command, value: impl IntoArg<T>) -> Op<u64> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0.try_op(args, command, Reply::into_count)
    }

    /// Adds all items by `command`, which returns the new length.
    pub(super) fn push_all<'a, V: IntoArg<T>>(
        &self,
        command: Command,
        items: impl Iterator<Item = V> + Send + 'a,
    ) -> BulkOp<'a, u64> {
        let length = self.0.on_key(Command::read("LLEN"));
        Bulk::new(&self.0.client, command).if_empty(length).run(
            items,
            |item, arguments| encode_one::<T, C, _>(item, arguments),
            0,
            |_, reply| reply.into_count(),
        )
    }

    fn pop_n(&self, command: Command, count: u32) -> Op<Vec<T>> {
        // RESP2 answers a count of zero with nil on an empty list and with nothing on any other.
        self.0
            .op(command.arg(i64::from(count)), decode_removed_list::<T, C>)
    }
}

/// Returns a text that is not an element of any list.
fn marker() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn outside() -> Error {
    Error::new(ErrorKind::OutOfRange, "the index lies outside the list")
}

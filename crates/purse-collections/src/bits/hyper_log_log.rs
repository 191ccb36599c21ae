//! A sketch that counts distinct elements.

use std::borrow::Borrow;

use purse_client::{Client, Command, Op, Reply, Result};
use purse_codec::{Codec, IntoArg, Plain};

use crate::bulk::{Bulk, BulkOp};
use crate::conversion::{ArgBuffer, encode, encode_one, ok};
use crate::handle::{Handle, handle_traits};
use crate::redis_key::key_methods;

/// An approximate count of distinct elements on the server, in at most 12 kB.
///
/// The elements themselves are not stored. The count has a standard error of 0.81 %: of 1,000,000
/// distinct elements, two thirds of all counts are between 991,900 and 1,008,100. Small counts are
/// almost exact.
///
/// The server compares elements by their bytes. Therefore the codec must write equal values as
/// equal bytes. To add an element again changes nothing, so an `Ambiguous` write can be repeated.
///
/// Operations on several counts require that they are in [one database](crate#several-objects), and
/// in a cluster in one slot. Give their keys a common hash tag, as in `{visitors}monday` and
/// `{visitors}tuesday`.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisHyperLogLog};
///
/// let client = Client::connect(&url).await?;
/// let monday: RedisHyperLogLog<String> = RedisHyperLogLog::new(&client, "{visitors}monday");
/// let friday: RedisHyperLogLog<String> = RedisHyperLogLog::new(&client, "{visitors}friday");
/// monday.extend(["Ada", "Bob", "Ada"]).await?;
/// friday.extend(["Ada", "Cem"]).await?;
/// assert_eq!(monday.count().await?, 2);
/// assert_eq!(monday.count_union([&friday]).await?, 3);
/// # Ok(()) }
/// ```
#[doc(alias = "distinct")]
#[doc(alias = "cardinality")]
pub struct RedisHyperLogLog<T, C = Plain>(Handle<(T, C)>);

impl<T, C> RedisHyperLogLog<T, C> {
    /// Creates a handle of the count at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHyperLogLog;
    ///
    /// let users: RedisHyperLogLog<u64> = RedisHyperLogLog::new(&client, "users");
    /// users.add(4711).await?;
    /// assert_eq!(users.count().await?, 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    key_methods!(
        0,
        ["words", "RedisHyperLogLog", "<String>", "add(\"apple\")"]
    );
}

impl<T: Send + 'static, C: Codec<T>> RedisHyperLogLog<T, C> {
    /// Adds an element. Returns whether that changed the sketch. `false` does not mean that the
    /// element was added before, because most new elements do not change a sketch of many.
    ///
    /// Redis: PFADD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHyperLogLog;
    ///
    /// let words: RedisHyperLogLog<String> = RedisHyperLogLog::new(&client, "words");
    /// assert!(words.add("apple").await?);
    /// assert!(!words.add("apple").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PFADD")]
    #[doc(alias = "insert")]
    pub fn add(&self, value: impl IntoArg<T>) -> Op<bool> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0
            .try_op(args, Command::write("PFADD"), Reply::into_bool)
    }

    /// Adds elements. Returns whether that changed the sketch, see [`add`](Self::add).
    ///
    /// Redis: PFADD. Time complexity: O(n) for n elements. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHyperLogLog;
    ///
    /// let words: RedisHyperLogLog<String> = RedisHyperLogLog::new(&client, "words");
    /// assert!(words.extend(["apple", "pear", "apple"]).await?);
    /// assert_eq!(words.count().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PFADD")]
    #[doc(alias = "update")]
    pub fn extend<'a, I>(&self, items: I) -> BulkOp<'a, bool>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let write = |item, arguments: &mut ArgBuffer| encode_one::<T, C, _>(item, arguments);
        let command = self.0.on_key(Command::write("PFADD"));
        let any = |changed, reply: Reply| Ok(reply.into_bool()? || changed);
        Bulk::new(&self.0.client, command).run(items.into_iter(), write, false, any)
    }

    /// Returns the approximate number of distinct elements.
    ///
    /// Redis: PFCOUNT. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHyperLogLog;
    ///
    /// let numbers: RedisHyperLogLog<u32> = RedisHyperLogLog::new(&client, "numbers");
    /// numbers.extend(0..10_000).await?;
    /// let count = numbers.count().await?;
    /// assert!((9_500..10_500).contains(&count));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PFCOUNT")]
    #[doc(alias = "len")]
    pub fn count(&self) -> Op<u64> {
        self.0.op(Command::read("PFCOUNT"), Reply::into_count)
    }

    /// Returns whether no element was added. This answer is exact.
    ///
    /// Redis: PFCOUNT. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHyperLogLog;
    ///
    /// let words: RedisHyperLogLog<String> = RedisHyperLogLog::new(&client, "words");
    /// assert!(words.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PFCOUNT")]
    pub fn is_empty(&self) -> Op<bool> {
        self.0.op(Command::read("PFCOUNT"), |reply| {
            Ok(reply.into_count()? == 0)
        })
    }

    /// Returns the approximate number of distinct elements of this sketch and of `others` together.
    /// The sketches stay as they are. A key that does not exist has no elements.
    ///
    /// Redis: PFCOUNT. Time complexity: O(n) for n sketches. Round trips: 1.
    ///
    /// # Errors
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster if the sketches are in
    /// different slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHyperLogLog;
    ///
    /// let a: RedisHyperLogLog<u32> = RedisHyperLogLog::new(&client, "{numbers}a");
    /// let b: RedisHyperLogLog<u32> = RedisHyperLogLog::new(&client, "{numbers}b");
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.count_union([&b]).await?, 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PFCOUNT")]
    #[doc(alias = "union")]
    pub fn count_union<I>(&self, others: I) -> Op<u64>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        let keys = |command| self.with_keys(command, others);
        self.0
            .try_op(keys, Command::read("PFCOUNT"), Reply::into_count)
    }

    /// Adds all elements of `others` to this sketch. The others stay as they are. A key that does
    /// not exist has no elements. This key exists afterwards, also if it counts none.
    ///
    /// Redis: PFMERGE. Time complexity: O(n) for n sketches. Round trips: 1.
    ///
    /// # Errors
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster if the sketches are in
    /// different slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHyperLogLog;
    ///
    /// let week: RedisHyperLogLog<u32> = RedisHyperLogLog::new(&client, "{week}all");
    /// let days = ["{week}1", "{week}2"].map(|day| RedisHyperLogLog::<u32>::new(&client, day));
    /// days[0].extend([1, 2]).await?;
    /// days[1].extend([2, 3]).await?;
    /// week.merge(&days).await?;
    /// assert_eq!(week.count().await?, 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PFMERGE")]
    #[doc(alias = "append")]
    pub fn merge<I>(&self, others: I) -> Op<()>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        let keys = |command| self.with_keys(command, others);
        self.0.try_op(keys, Command::write("PFMERGE"), ok)
    }

    fn with_keys<I>(&self, mut command: Command, others: I) -> Result<Command>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        for other in others {
            command = command.key(self.0.key_of(&other.borrow().0)?);
        }
        self.0.client.same_slot(command.keys())?;
        Ok(command)
    }
}

handle_traits!(RedisHyperLogLog<T, C>);

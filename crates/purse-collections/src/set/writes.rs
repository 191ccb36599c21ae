//! Writes to a set.

use purse_client::{Command, Op, Reply};
use purse_codec::{Codec, IntoArg};

use super::RedisSet;
use crate::bulk::{self, Bulk, BulkOp};
use crate::conversion::{ArgBuffer, decode_removed, decode_removed_list, encode, encode_one};

impl<T: Send + 'static, C: Codec<T>> RedisSet<T, C> {
    /// Adds an element. Returns whether it is new.
    ///
    /// Redis: SADD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// assert!(fruit.add("apple").await?);
    /// assert!(!fruit.add("apple").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SADD")]
    #[doc(alias = "insert")]
    pub fn add(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::write("SADD"), value)
    }

    /// Adds elements. Returns how many of them are new.
    ///
    /// Redis: SADD. Time complexity: O(n) for n elements. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// assert_eq!(fruit.extend(["apple", "pear", "apple"]).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SADD")]
    #[doc(alias = "update")]
    pub fn extend<'a, I>(&self, items: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        self.many(Command::write("SADD"), items.into_iter())
    }

    /// Removes an element. Returns whether it existed.
    ///
    /// Redis: SREM. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// fruit.add("apple").await?;
    /// assert!(fruit.remove("apple").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SREM")]
    #[doc(alias = "discard")]
    pub fn remove(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::write("SREM"), value)
    }

    /// Removes many elements. Returns how many of them existed.
    ///
    /// Redis: SREM. Time complexity: O(n) for n elements. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// fruit.extend(["apple", "pear"]).await?;
    /// assert_eq!(fruit.remove_many(["apple", "chips"]).await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SREM")]
    pub fn remove_many<'a, I>(&self, items: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        self.many(Command::write("SREM"), items.into_iter())
    }

    /// Removes and returns an element, picked at random. If the future is dropped, the element
    /// [may be lost](crate#cancel-safety).
    ///
    /// Redis: SPOP. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// fruit.add("apple").await?;
    /// assert_eq!(fruit.pop().await?.as_deref(), Some("apple"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SPOP")]
    pub fn pop(&self) -> Op<Option<T>> {
        self.0.op(Command::write("SPOP"), decode_removed::<T, C>)
    }

    /// Removes and returns up to `count` elements, picked at random. If the future is dropped, the
    /// elements [may be lost](crate#cancel-safety).
    ///
    /// Redis: SPOP with a count. Time complexity: O(n) for n elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// fruit.extend(["apple", "pear", "olive"]).await?;
    /// assert_eq!(fruit.pop_n(2).await?.len(), 2);
    /// assert_eq!(fruit.len().await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SPOP")]
    pub fn pop_n(&self, count: u32) -> Op<Vec<T>> {
        let command = Command::write("SPOP").arg(i64::from(count));
        self.0.op(command, decode_removed_list::<T, C>)
    }

    /// Moves an element to another set. Returns whether the element was in this set; if not,
    /// nothing changes. At every moment the element is in one of the sets.
    ///
    /// Redis: SMOVE. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster if the sets are in different
    /// slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let open: RedisSet<u32> = RedisSet::new(&client, "{jobs}open");
    /// let done: RedisSet<u32> = RedisSet::new(&client, "{jobs}done");
    /// open.add(7).await?;
    /// assert!(open.move_to(&done, 7).await?);
    /// assert!(done.contains(7).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SMOVE")]
    pub fn move_to(&self, other: &Self, value: impl IntoArg<T>) -> Op<bool> {
        let args = |command: Command| {
            let command = command.key(self.0.key_of(&other.0)?);
            self.0.client.same_slot(command.keys())?;
            Ok(command.arg(encode::<T, C>(value)?))
        };
        self.0
            .try_op(args, Command::write("SMOVE"), Reply::into_bool)
    }

    fn many<'a, V: IntoArg<T>>(
        &self,
        command: Command,
        items: impl Iterator<Item = V> + Send + 'a,
    ) -> BulkOp<'a, u64> {
        let write = |item, arguments: &mut ArgBuffer| encode_one::<T, C, _>(item, arguments);
        let command = self.0.on_key(command);
        Bulk::new(&self.0.client, command).run(items, write, 0, bulk::sum)
    }
}

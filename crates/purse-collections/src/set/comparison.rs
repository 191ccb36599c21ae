//! Comparisons of a set with values that the program has.
//!
//! The server counts which of the values are elements. Equal values have equal bytes, so the counts
//! answer each question.

use std::collections::HashSet;

use bytes::Bytes;
use purse_client::{Command, Reply, Result, Script};
use purse_codec::{Codec, IntoArg};

use super::RedisSet;
use crate::bulk;
use crate::conversion::{ArgBuffer, encode};

static COUNT_MEMBERS: Script = Script::read(
    "SET COUNT MEMBERS",
    include_str!("../lua/set_count_members.lua"),
);

/// The number of elements of a set, and how many of some values are among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    len: u64,
    found: u64,
}

impl Counts {
    fn plus(self, reply: Reply) -> Result<Self> {
        let [len, found] = reply.into_array()?;
        Ok(Self {
            len: len.into_count()?,
            found: self.found + found.into_count()?,
        })
    }
}

impl<T: Send + 'static, C: Codec<T>> RedisSet<T, C> {
    /// Returns whether every element is also among `values`. Values may repeat; the program holds the
    /// encoded values in memory. If they do not fit one chunk, the answer is right only while the set
    /// does not change.
    ///
    /// Redis: SCARD and SISMEMBER in a script. Time complexity: O(n) for n values. Round trips: 1 per
    /// [chunk](crate#chunks), and also without values.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let roles: RedisSet<String> = RedisSet::new(&client, "roles");
    /// roles.extend(["reader", "writer"]).await?;
    /// assert!(roles.is_subset_of(["reader", "writer", "admin"]).await?);
    /// assert!(!roles.is_subset_of(["reader"]).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCARD")]
    #[doc(alias = "SISMEMBER")]
    #[doc(alias = "issubset")]
    pub async fn is_subset_of<I>(&self, values: I) -> Result<bool>
    where
        I: IntoIterator<Item: IntoArg<T>>,
    {
        let values = self.distinct(values)?;
        let counts = self.count_members(values).await?;
        Ok(counts.found == counts.len)
    }

    /// Returns whether all `values` are elements. Values may repeat; the program holds the encoded
    /// values in memory. If they do not fit one chunk, the answer is right only while the set does not
    /// change.
    ///
    /// Redis: SCARD and SISMEMBER in a script. Time complexity: O(n) for n values. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let roles: RedisSet<String> = RedisSet::new(&client, "roles");
    /// roles.extend(["reader", "writer"]).await?;
    /// assert!(roles.is_superset_of(["writer"]).await?);
    /// assert!(!roles.is_superset_of(["writer", "admin"]).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCARD")]
    #[doc(alias = "SISMEMBER")]
    #[doc(alias = "issuperset")]
    #[doc(alias = "contains_all")]
    pub async fn is_superset_of<I>(&self, values: I) -> Result<bool>
    where
        I: IntoIterator<Item: IntoArg<T>>,
    {
        let values = self.distinct(values)?;
        let given = values.len() as u64;
        Ok(given == 0 || self.count_members(values).await?.found == given)
    }

    /// Returns whether none of `values` is an element. The program holds the encoded values in memory.
    /// If they do not fit one chunk, the answer is right only while the set does not change.
    ///
    /// Redis: SCARD and SISMEMBER in a script. Time complexity: O(n) for n values. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let roles: RedisSet<String> = RedisSet::new(&client, "roles");
    /// roles.extend(["reader", "writer"]).await?;
    /// assert!(roles.is_disjoint_from(["admin", "guest"]).await?);
    /// assert!(!roles.is_disjoint_from(["admin", "reader"]).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCARD")]
    #[doc(alias = "SISMEMBER")]
    #[doc(alias = "isdisjoint")]
    #[doc(alias = "contains_any")]
    pub async fn is_disjoint_from<I>(&self, values: I) -> Result<bool>
    where
        I: IntoIterator<Item: IntoArg<T>>,
    {
        let values = self.distinct(values)?;
        Ok(values.is_empty() || self.count_members(values).await?.found == 0)
    }

    /// Returns whether the elements are exactly `values`. Values may repeat; the program holds the
    /// encoded values in memory. If they do not fit one chunk, the answer is right only while the set
    /// does not change.
    ///
    /// Redis: SCARD and SISMEMBER in a script. Time complexity: O(n) for n values. Round trips: 1 per
    /// [chunk](crate#chunks), and also without values.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let roles: RedisSet<String> = RedisSet::new(&client, "roles");
    /// roles.extend(["reader", "writer"]).await?;
    /// assert!(roles.equals(["writer", "reader", "writer"]).await?);
    /// assert!(!roles.equals(["reader"]).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCARD")]
    #[doc(alias = "SISMEMBER")]
    #[doc(alias = "eq")]
    pub async fn equals<I>(&self, values: I) -> Result<bool>
    where
        I: IntoIterator<Item: IntoArg<T>>,
    {
        let values = self.distinct(values)?;
        let given = values.len() as u64;
        let counts = self.count_members(values).await?;
        Ok(counts.len == given && counts.found == given)
    }

    /// Encodes the values, each of them once.
    fn distinct(&self, values: impl IntoIterator<Item: IntoArg<T>>) -> Result<HashSet<Bytes>> {
        let values = values.into_iter().map(encode::<T, C>);
        let values: Result<_> = values.collect();
        values.map_err(|error| self.0.about(COUNT_MEMBERS.name(), error))
    }

    async fn count_members(&self, values: HashSet<Bytes>) -> Result<Counts> {
        let client = &self.0.client;
        let command = self.0.on_key(Command::script(&COUNT_MEMBERS));
        if values.is_empty() {
            return client
                .op(command, |reply| Counts::default().plus(reply))
                .await;
        }
        let write = |value, arguments: &mut ArgBuffer| arguments.append(value);
        let start = Counts::default();
        bulk::run(
            client,
            command,
            values.into_iter(),
            write,
            start,
            Counts::plus,
        )
        .await
    }
}

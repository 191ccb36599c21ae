//! Comparisons of a set with values that the program has.
//!
//! The server counts which of the values are elements. Equal values have equal bytes, so the counts
//! answer each question.

use std::collections::HashSet;

use bytes::Bytes;
use purse_client::{Command, Reply, Result, Script};
use purse_codec::{Codec, IntoArg};

use super::RedisSet;
use crate::bulk::{Bulk, BulkOp};
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
    pub fn is_subset_of<I>(&self, values: I) -> BulkOp<'static, bool>
    where
        I: IntoIterator<Item: IntoArg<T>>,
    {
        self.compare_values(values, |_| None, |counts, _| counts.found == counts.len)
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
    pub fn is_superset_of<I>(&self, values: I) -> BulkOp<'static, bool>
    where
        I: IntoIterator<Item: IntoArg<T>>,
    {
        let known = |given| (given == 0).then_some(true);
        self.compare_values(values, known, |counts, given| counts.found == given)
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
    pub fn is_disjoint_from<I>(&self, values: I) -> BulkOp<'static, bool>
    where
        I: IntoIterator<Item: IntoArg<T>>,
    {
        let known = |given| (given == 0).then_some(true);
        self.compare_values(values, known, |counts, _| counts.found == 0)
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
    pub fn equals<I>(&self, values: I) -> BulkOp<'static, bool>
    where
        I: IntoIterator<Item: IntoArg<T>>,
    {
        self.compare_values(
            values,
            |_| None,
            |counts, given| counts.len == given && counts.found == given,
        )
    }

    /// Encodes the values, each of them once.
    fn distinct(&self, values: impl IntoIterator<Item: IntoArg<T>>) -> Result<HashSet<Bytes>> {
        let values = values.into_iter().map(encode::<T, C>);
        let values: Result<_> = values.collect();
        values.map_err(|error| self.0.about(COUNT_MEMBERS.name(), error))
    }

    /// Counts the values that are elements, and answers with the counts and the number of different
    /// values; sends nothing if that number alone gives the answer.
    fn compare_values(
        &self,
        values: impl IntoIterator<Item: IntoArg<T>>,
        known: fn(u64) -> Option<bool>,
        answer: fn(Counts, u64) -> bool,
    ) -> BulkOp<'static, bool> {
        let values = match self.distinct(values) {
            Ok(values) => values,
            Err(error) => return BulkOp::ready(Err(error)),
        };
        let given = values.len() as u64;
        if let Some(answer) = known(given) {
            return BulkOp::ready(Ok(answer));
        }
        let command = self.0.on_key(Command::script(&COUNT_MEMBERS));
        Bulk::new(&self.0.client, command.clone())
            .if_empty(command)
            .run_as(
                values.into_iter(),
                |value, arguments: &mut ArgBuffer| arguments.append(value),
                Counts::default(),
                Counts::plus,
                move |counts| answer(counts, given),
            )
    }
}

//! Pops from both ends of a sorted set.

use std::time::Duration;

use purse_client::{Command, Op, Pop, Reply, Result};
use purse_codec::Codec;

use super::RedisSortedSet;
use crate::conversion::decode_removed_scored;

impl<T: Send + 'static, C: Codec<T>> RedisSortedSet<T, C> {
    /// Removes and returns the element with the lowest score, and that score. If the future is
    /// dropped, the element [may be lost](crate#cancel-safety).
    ///
    /// Redis: ZPOPMIN. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10.0), ("Bob", 30.0)]).await?;
    /// assert_eq!(board.pop_min().await?, Some(("Ada".to_owned(), 10.0)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMIN")]
    pub fn pop_min(&self) -> Op<Option<(T, f64)>> {
        self.pop(Command::write("ZPOPMIN"))
    }

    /// Removes and returns the element with the highest score, and that score. If the future is
    /// dropped, the element [may be lost](crate#cancel-safety).
    ///
    /// Redis: ZPOPMAX. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10.0), ("Bob", 30.0)]).await?;
    /// assert_eq!(board.pop_max().await?, Some(("Bob".to_owned(), 30.0)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMAX")]
    pub fn pop_max(&self) -> Op<Option<(T, f64)>> {
        self.pop(Command::write("ZPOPMAX"))
    }

    /// Removes and returns up to `count` elements with the lowest scores, the lowest first. If the
    /// future is dropped, the elements [may be lost](crate#cancel-safety).
    ///
    /// Redis: ZPOPMIN with a count. Time complexity: O(m · log(n)) for m elements, with n in the
    /// set. Round trips: 1.
    ///
    /// # Errors
    /// `Decode` holds the bytes of all the elements, each followed by its score.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0), (9, 3.0)]).await?;
    /// assert_eq!(jobs.pop_min_n(2).await?, [(7, 1.0), (8, 2.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMIN")]
    pub fn pop_min_n(&self, count: u32) -> Op<Vec<(T, f64)>> {
        self.pop_n(Command::write("ZPOPMIN"), count)
    }

    /// Removes and returns up to `count` elements with the highest scores, the highest first. If
    /// the future is dropped, the elements [may be lost](crate#cancel-safety).
    ///
    /// Redis: ZPOPMAX with a count. Time complexity: O(m · log(n)) for m elements, with n in the
    /// set. Round trips: 1.
    ///
    /// # Errors
    /// `Decode` holds the bytes of all the elements, each followed by its score.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0), (9, 3.0)]).await?;
    /// assert_eq!(jobs.pop_max_n(2).await?, [(9, 3.0), (8, 2.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMAX")]
    pub fn pop_max_n(&self, count: u32) -> Op<Vec<(T, f64)>> {
        self.pop_n(Command::write("ZPOPMAX"), count)
    }

    /// Waits for an element, and removes and returns the one with the lowest score, and that
    /// score. Returns `None` once `wait` is over; waits without an end if `wait` is `None`.
    ///
    /// No element is lost or duplicated; [`Client::take`](purse_client::Client::take) describes the
    /// limits of that, and [`Client::take_wait`](purse_client::Client::take_wait) how it waits.
    ///
    /// Redis: ZRANGE and ZREM in a script; BLPOP and ZCARD to wait. Time complexity: O(log(n)) for
    /// n elements in the set. Round trips: 1 if there is an element, otherwise up to 3 more.
    ///
    /// # Errors
    /// `Decode` holds the bytes of the element and its score, which are removed. The other errors
    /// are [those of a read](crate#errors), and mean that this call took no element. `Ambiguous`
    /// occurs only while the key's slot moves within a cluster.
    ///
    /// # Cancel safety
    /// If the future is dropped, no element is lost. An element that was already taken is put back
    /// with its score, unless it was added again meanwhile.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0)]).await?;
    /// let second = Some(Duration::from_secs(1));
    /// assert_eq!(jobs.pop_min_wait(second).await?, Some((7, 1.0)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMIN")]
    #[doc(alias = "ZCARD")]
    #[doc(alias = "BLPOP")]
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "ZREM")]
    #[doc(alias = "BZPOPMIN")]
    #[doc(alias = "blocking_pop_min")]
    pub async fn pop_min_wait(&self, wait: Option<Duration>) -> Result<Option<(T, f64)>> {
        self.pop_wait(Pop::lowest(self.0.key.clone()), wait).await
    }

    /// Waits for an element, and removes and returns the one with the highest score, and that
    /// score. Returns `None` once `wait` is over; waits without an end if `wait` is `None`.
    ///
    /// The method waits as [`pop_min_wait`](Self::pop_min_wait) does.
    ///
    /// Redis: ZREVRANGE and ZREM in a script; BLPOP and ZCARD to wait. Time complexity: O(log(n)) for
    /// n elements in the set. Round trips: 1 if there is an element, otherwise up to 3 more.
    ///
    /// # Errors
    /// The errors of [`pop_min_wait`](Self::pop_min_wait).
    ///
    /// # Cancel safety
    /// No element is lost, as with [`pop_min_wait`](Self::pop_min_wait).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// let moment = Some(Duration::from_millis(10));
    /// assert_eq!(jobs.pop_max_wait(moment).await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMAX")]
    #[doc(alias = "ZCARD")]
    #[doc(alias = "BLPOP")]
    #[doc(alias = "ZREVRANGE")]
    #[doc(alias = "ZREM")]
    #[doc(alias = "BZPOPMAX")]
    #[doc(alias = "blocking_pop_max")]
    pub async fn pop_max_wait(&self, wait: Option<Duration>) -> Result<Option<(T, f64)>> {
        self.pop_wait(Pop::highest(self.0.key.clone()), wait).await
    }

    fn pop(&self, command: Command) -> Op<Option<(T, f64)>> {
        self.0.op(command, |reply| {
            let removed = decode_removed_scored::<T, C>(reply.into_pairs()?)?;
            Ok(removed.into_iter().next())
        })
    }

    fn pop_n(&self, command: Command, count: u32) -> Op<Vec<(T, f64)>> {
        self.0.op(command.arg(i64::from(count)), |reply| {
            decode_removed_scored::<T, C>(reply.into_pairs()?)
        })
    }

    async fn pop_wait(&self, pop: Pop, wait: Option<Duration>) -> Result<Option<(T, f64)>> {
        let Some(delivery) = self.0.client.take_wait(&pop, wait).await? else {
            return Ok(None);
        };
        let score = delivery.score().unwrap_or_default();
        let popped = vec![(Reply::from(delivery.element()), Reply::from(score))];
        // If it cannot be decoded, the error holds it.
        delivery.ack();
        let removed = decode_removed_scored::<T, C>(popped);
        let removed = removed.map_err(|error| self.0.about(pop.name(), error))?;
        Ok(removed.into_iter().next())
    }
}

//! Pops that wait, at either end.

use std::time::Duration;

use purse_client::{Pop, Reply, Result};
use purse_codec::Codec;

use super::RedisList;
use crate::conversion::decode_removed;

impl<T: Send + 'static, C: Codec<T>> RedisList<T, C> {
    /// Waits for an element, and removes and returns the first one. Returns `None` once `wait` is
    /// over; waits without an end if `wait` is `None`.
    ///
    /// No element is lost or duplicated; [`Client::take`](purse_client::Client::take) describes the
    /// limits of that, and [`Client::take_wait`](purse_client::Client::take_wait) how it waits. To
    /// wait for several lists, use [`RedisQueue::pop_any`](crate::RedisQueue::pop_any).
    ///
    /// Redis: LMOVE in a script, and BLMOVE to wait. Complexity: O(1). Round trips: 1 if there is an
    /// element, otherwise 1 more.
    ///
    /// # Errors
    /// `Decode` holds the bytes of the element, which is removed. The other errors are [those of a
    /// read](crate#errors), and mean that this call took no element. `Ambiguous` occurs only while
    /// the key's slot moves within a cluster.
    ///
    /// # Cancel safety
    /// If the future is dropped, no element is lost. An element that was already taken is put back.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisList;
    ///
    /// let tasks: RedisList<String> = RedisList::new(&client, "tasks");
    /// let second = Some(Duration::from_secs(1));
    /// let (task, pushed) = tokio::join!(tasks.pop_front_wait(second), tasks.push_back("water"));
    /// pushed?;
    /// assert_eq!(task?.as_deref(), Some("water"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LMOVE")]
    #[doc(alias = "BLMOVE")]
    #[doc(alias = "BLPOP")]
    pub async fn pop_front_wait(&self, wait: Option<Duration>) -> Result<Option<T>> {
        self.pop_wait(Pop::front(self.0.key.clone()), wait).await
    }

    /// Waits for an element, and removes and returns the last one. Returns `None` once `wait` is
    /// over; waits without an end if `wait` is `None`.
    ///
    /// The method waits as [`pop_front_wait`](Self::pop_front_wait) does.
    ///
    /// Redis: LMOVE in a script, and BRPOPLPUSH to wait. Complexity: O(1). Round trips: 1 if there is
    /// an element, otherwise 1 more.
    ///
    /// # Errors
    /// The errors of [`pop_front_wait`](Self::pop_front_wait).
    ///
    /// # Cancel safety
    /// No element is lost, as with [`pop_front_wait`](Self::pop_front_wait).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisList;
    ///
    /// let tasks: RedisList<String> = RedisList::new(&client, "tasks");
    /// tasks.extend(["water", "weed"]).await?;
    /// let second = Some(Duration::from_secs(1));
    /// assert_eq!(tasks.pop_back_wait(second).await?.as_deref(), Some("weed"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LMOVE")]
    #[doc(alias = "BRPOPLPUSH")]
    #[doc(alias = "BRPOP")]
    pub async fn pop_back_wait(&self, wait: Option<Duration>) -> Result<Option<T>> {
        self.pop_wait(Pop::back(self.0.key.clone()), wait).await
    }

    async fn pop_wait(&self, pop: Pop, wait: Option<Duration>) -> Result<Option<T>> {
        let Some(delivery) = self.0.client.take_wait(&pop, wait).await? else {
            return Ok(None);
        };
        let element = Reply::from(delivery.element());
        // If it cannot be decoded, the error holds it.
        delivery.ack();
        decode_removed::<T, C>(element).map_err(|error| self.0.about(pop.name(), error))
    }
}

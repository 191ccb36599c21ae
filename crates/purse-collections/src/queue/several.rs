//! Pops of several elements or from several queues, and a look at what consumers hold.

use futures::{FutureExt, future};
use purse_client::{InHand, Reply, Result};
use purse_codec::{Codec, IntoArg};

use super::{Order, RedisQueue};
use crate::conversion::{decode, encode};

/// The elements that one consumer of a queue has taken and not yet acknowledged.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let client = purse::Client::connect(&url).await?;
/// use purse::{Held, Pop, RedisQueue};
///
/// let jobs: RedisQueue<u32> = RedisQueue::new(&client, "jobs");
/// jobs.push(17).await?;
/// let delivery = client.take(&Pop::back("jobs")).await?;
/// let held: Vec<Held<u32>> = jobs.in_hand().await?;
/// assert_eq!(held[0].elements, [17]);
/// # drop(delivery);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held<T> {
    /// The id of the consumer: one of a client for each queue.
    pub consumer: String,
    /// The time after which others may put the elements back, unless the consumer renews its lease.
    pub lease: std::time::Duration,
    /// The elements, the oldest first.
    pub elements: Vec<T>,
}

impl<T: Send + 'static, C: Codec<T>, O: Order> RedisQueue<T, C, O> {
    /// Removes and returns up to `max` elements, in their order. If there is none, waits for one
    /// without an end.
    ///
    /// Redis: LMOVE in a script, and BRPOPLPUSH to wait. Complexity: O(1) per element. Round
    /// trips: 1 per 256 elements if there are any, otherwise 2 after one was pushed.
    ///
    /// # Errors
    /// The errors of [`pop`](Self::pop). If elements precede one that cannot be decoded, those are
    /// returned, and the next pop reports the error.
    ///
    /// # Cancel safety
    /// No element is lost, as with [`pop`](Self::pop).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<u32> = RedisQueue::new(&client, "jobs");
    /// jobs.push_many([1, 2, 3]).await?;
    /// assert_eq!(jobs.pop_many(2).await?, [1, 2]);
    /// assert_eq!(jobs.pop_many(2).await?, [3]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LMOVE")]
    #[doc(alias = "BRPOPLPUSH")]
    #[doc(alias = "recv_many")]
    #[doc(alias = "LMPOP")]
    pub async fn pop_many(&self, max: usize) -> Result<Vec<T>> {
        self.0.pop_many(&self.source(), max).await
    }

    /// Removes and returns up to `max` elements, in their order. Does not wait.
    ///
    /// Redis: LMOVE in a script. Complexity: O(1) per element. Round trips: 1 per 256 elements.
    ///
    /// # Errors
    /// The errors of [`pop_many`](Self::pop_many).
    ///
    /// # Cancel safety
    /// No element is lost, as with [`pop`](Self::pop).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<u32> = RedisQueue::new(&client, "jobs");
    /// jobs.push_many([1, 2, 3]).await?;
    /// assert_eq!(jobs.try_pop_many(10).await?, [1, 2, 3]);
    /// assert!(jobs.try_pop_many(10).await?.is_empty());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LMOVE")]
    #[doc(alias = "LMPOP")]
    pub async fn try_pop_many(&self, max: usize) -> Result<Vec<T>> {
        self.0.try_pop_many(&self.source(), max).await
    }

    /// Removes and returns an element of the first of `queues` that has one, and the index of that
    /// queue. If none has, waits for one without an end.
    ///
    /// The queues may have different clients. While it waits, an element that comes to a second
    /// queue at the same time goes back to its place.
    ///
    /// Redis: those of [`pop`](Self::pop), for each queue. Round trips: 1 for each queue up to the
    /// first that is not empty.
    ///
    /// # Errors
    /// The errors of [`pop`](Self::pop). Without any queue, it waits for ever.
    ///
    /// # Cancel safety
    /// No element is lost, as with [`pop`](Self::pop).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let urgent: RedisQueue<String> = RedisQueue::new(&client, "urgent");
    /// let normal: RedisQueue<String> = RedisQueue::new(&client, "normal");
    /// normal.push("sweep").await?;
    /// urgent.push("put out the fire").await?;
    /// let queues = [&urgent, &normal];
    /// assert_eq!(RedisQueue::pop_any(queues).await?, (0, "put out the fire".to_owned()));
    /// assert_eq!(RedisQueue::pop_any(queues).await?, (1, "sweep".to_owned()));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BRPOP")]
    #[doc(alias = "BLMPOP")]
    #[doc(alias = "pollFromAny")]
    pub async fn pop_any<'a>(queues: impl IntoIterator<Item = &'a Self>) -> Result<(usize, T)>
    where
        T: 'a,
        C: 'a,
        O: 'a,
    {
        let queues: Vec<&Self> = queues.into_iter().collect();
        for (index, queue) in queues.iter().enumerate() {
            if let Some(value) = queue.try_pop().await? {
                return Ok((index, value));
            }
        }
        let pops = queues
            .iter()
            .enumerate()
            .map(|(index, queue)| async move { Ok((index, queue.pop().await?)) }.boxed());
        let pops: Vec<_> = pops.collect();
        if pops.is_empty() {
            return future::pending().await;
        }
        future::select_all(pops).await.0
    }

    /// Adds an element, and waits until a consumer has acknowledged it, or another one of the same
    /// text that was pushed later.
    ///
    /// While it waits, the client watches the list that has the element: the queue, and then the
    /// pending list of a consumer.
    ///
    /// Redis: LPUSH or RPUSH, then LPOS. Complexity: O(n). Round trips: 1, and 3 more for each place
    /// at which the element is.
    ///
    /// # Errors
    /// The errors of a write. After an error of a later look, the element stays in the queue.
    ///
    /// # Cancel safety
    /// If the future is dropped after the push, the element stays in the queue.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
    /// let (popped, transferred) = tokio::join!(jobs.pop(), jobs.transfer("first"));
    /// assert_eq!(popped?, "first");
    /// transferred?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPUSH")]
    #[doc(alias = "RPUSH")]
    #[doc(alias = "LPOS")]
    #[doc(alias = "TransferQueue")]
    pub async fn transfer(&self, value: impl IntoArg<T>) -> Result<()> {
        self.0.transfer(O::PUSH, encode::<T, C>(value)).await
    }

    /// Returns what consumers have taken and not yet acknowledged. Consumers that hold nothing are
    /// left out.
    ///
    /// A [`pop`](Self::pop) acknowledges its element when it returns it, so this shows elements that
    /// are on their way, and those of [`Client::take`](purse_client::Client::take). After the death
    /// of a process, it shows what comes back when the lease is over.
    ///
    /// Redis: TIME, HGETALL, LRANGE. Complexity: O(c + n) for c consumers with n elements. Round
    /// trips: 2, and 1 for each consumer.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<u32> = RedisQueue::new(&client, "jobs");
    /// assert!(jobs.in_hand().await?.is_empty());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "TIME")]
    #[doc(alias = "HGETALL")]
    #[doc(alias = "LRANGE")]
    #[doc(alias = "XPENDING")]
    pub async fn in_hand(&self) -> Result<Vec<Held<T>>> {
        self.0
            .in_hand(|entry| decode::<T, C>(Reply::from(entry)))
            .await
    }
}

/// Decodes the entries of a consumer.
pub(super) fn read_held<T>(
    held: InHand,
    decode: impl Fn(bytes::Bytes) -> Result<T>,
) -> Result<Held<T>> {
    let elements: Result<Vec<T>> = held.entries.into_iter().map(decode).collect();
    Ok(Held {
        consumer: held.consumer,
        lease: held.lease,
        elements: elements?,
    })
}

//! A queue whose pushes wait while it is full.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use purse_client::{Backoff, Command, Error, ErrorKind, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg, Plain};
use tokio::sync::Mutex;

use super::{Fifo, Order, RedisQueue};
use crate::conversion::encode;

static PUSH: Script = Script::write(
    "QUEUE PUSH BOUNDED",
    include_str!("../lua/queue_push_bounded.lua"),
);

/// The time after which a push that waits behind others tries once without its turn.
const UNPOLLED: Duration = Duration::from_secs(1);

/// A [`RedisQueue`] with a bound: a push waits while the queue has that many elements.
///
/// The bound belongs to the handle. Handles with other bounds, and pushes to the queue itself, may
/// exceed it. Elements that a consumer has taken do not count. Pop with [`queue`](Self::queue).
///
/// Pushes of clones of one handle are served in the order in which they began to wait, as long as
/// their futures are polled. Among processes, the order in which requests arrive at the server decides.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{BoundedQueue, RedisQueue};
///
/// let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
/// let bounded: BoundedQueue<String> = jobs.clone().bounded(1);
/// bounded.push("first").await?;
/// assert_eq!(bounded.try_push("second").await?, None, "it is full");
/// let (_, pushed) = tokio::join!(jobs.pop(), bounded.push("second"));
/// pushed?;
/// # Ok(()) }
/// ```
#[doc(alias = "RBoundedBlockingQueue")]
#[derive(Debug)]
pub struct BoundedQueue<T, C = Plain, O = Fifo> {
    queue: RedisQueue<T, C, O>,
    bound: usize,
    /// Held by the push that waits, or will wait, for the server.
    turn: Arc<Mutex<()>>,
}

impl<T, C, O> BoundedQueue<T, C, O> {
    pub(super) fn new(queue: RedisQueue<T, C, O>, bound: usize) -> Self {
        Self {
            queue,
            bound,
            turn: Arc::default(),
        }
    }

    /// Returns the queue, without the bound.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let bounded = RedisQueue::<String>::new(&client, "jobs").bounded(10);
    /// bounded.push("first").await?;
    /// assert_eq!(bounded.queue().pop().await?, "first");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn queue(&self) -> &RedisQueue<T, C, O> {
        &self.queue
    }

    /// Returns the bound.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// assert_eq!(RedisQueue::<String>::new(&client, "jobs").bounded(10).bound(), 10);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn bound(&self) -> usize {
        self.bound
    }
}

impl<T: Send + 'static, C: Codec<T>, O: Order> BoundedQueue<T, C, O> {
    /// Adds an element. Waits while the queue is full. Returns the new length.
    ///
    /// Redis: LPUSH, or RPUSH in a `RedisLifoQueue`, in a script; LLEN to wait. Complexity: O(1). Round
    /// trips: 1 if the queue is not full, otherwise 2 more per change of the queue, and 1 per second
    /// behind other pushes.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the bound is 0. The other errors are those of a
    /// write.
    ///
    /// # Cancel safety
    /// If the future is dropped while it waits, nothing is added. If it is dropped while a request
    /// is in flight, the element is added or not.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs = RedisQueue::<u32>::new(&client, "jobs").bounded(100);
    /// assert_eq!(jobs.push(17).await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPUSH")]
    #[doc(alias = "RPUSH")]
    #[doc(alias = "LLEN")]
    #[doc(alias = "put")]
    pub async fn push(&self, value: impl IntoArg<T>) -> Result<u64> {
        let push = self.push_command(value)?;
        let mut turn = pin!(self.turn.lock());
        let mut backoff = Backoff::new(UNPOLLED, UNPOLLED);
        let handle = &self.queue.0.handle;
        // The future that has the turn may not be polled, so the others try without it at times.
        let _turn = loop {
            match select(&mut turn, pin!(backoff.pause())).await {
                Either::Left((turn, _)) => break turn,
                Either::Right(_) => {
                    if let Some(length) = self.push_op(Ok(push.clone())).await? {
                        return Ok(length);
                    }
                }
            }
        };
        loop {
            if let Some(length) = self.push_op(Ok(push.clone())).await? {
                return Ok(length);
            }
            let length = handle.on_key(Command::read("LLEN"));
            let has_room = |reply: &Reply| {
                let length = reply.clone().into_count();
                length.is_ok_and(|length| length < self.bound as u64)
            };
            handle.client.run_until(length, has_room).await?;
        }
    }

    /// Adds an element if the queue is not full. Returns the new length, or `None`. Does not wait.
    ///
    /// Redis: LPUSH, or RPUSH in a `RedisLifoQueue`, in a script. Complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the bound is 0. The other errors are those of a
    /// write.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs = RedisQueue::<u32>::new(&client, "jobs").bounded(1);
    /// assert_eq!(jobs.try_push(17).await?, Some(1));
    /// assert_eq!(jobs.try_push(18).await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPUSH")]
    #[doc(alias = "RPUSH")]
    #[doc(alias = "put_nowait")]
    pub fn try_push(&self, value: impl IntoArg<T>) -> Op<Option<u64>> {
        self.push_op(self.push_command(value))
    }

    fn push_command(&self, value: impl IntoArg<T>) -> Result<Command> {
        let handle = &self.queue.0.handle;
        if self.bound == 0 {
            let message = "the bound of a queue must not be 0: a push would wait without an end";
            let error = Error::new(ErrorKind::InvalidInput, message);
            return Err(handle.about(O::PUSH, error));
        }
        let value = encode::<T, C>(value).map_err(|error| handle.about(O::PUSH, error))?;
        let push = handle.on_key(Command::script(&PUSH)).arg(self.bound);
        Ok(push.arg(O::PUSH).arg(value))
    }

    fn push_op(&self, push: Result<Command>) -> Op<Option<u64>> {
        Op::new(&self.queue.0.handle.client, push, |reply| {
            reply.non_nil().map(Reply::into_count).transpose()
        })
    }
}

impl<T, C, O> Clone for BoundedQueue<T, C, O> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            bound: self.bound,
            turn: self.turn.clone(),
        }
    }
}

//! Queues that several processes share, in the order of pushes or by priority.
//!
//! May import: `conversion`, `handle`, `redis_key`, `bulk`.

mod bounded;
mod poison;
mod pop_loop;
mod priority;
mod several;

use std::time::Duration;

use futures::stream::Stream;
use purse_client::{Client, Command, Op, Pop, Reply, Result};
use purse_codec::{Codec, IntoArg, Plain};

use crate::bulk::{Bulk, BulkOp};
use crate::conversion::{decode_option, decode_removed, encode, encode_one};
use crate::handle::handle_traits;
use crate::redis_key::key_methods;

use pop_loop::{PopSource, QueueHandle};

pub use bounded::BoundedQueue;
pub use poison::OnPoison;
pub use priority::RedisPriorityQueue;
pub use several::Held;

/// An order of a queue: the end at which elements are added. They are taken at the back.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Fifo, Lifo, Order, Plain, RedisQueue};
///
/// async fn last_of<O: Order>(jobs: RedisQueue<String, Plain, O>) -> purse::Result<String> {
///     jobs.push_many(["first", "second"]).await?;
///     jobs.pop().await?;
///     jobs.pop().await
/// }
/// let queue: RedisQueue<String, Plain, Fifo> = RedisQueue::new(&client, "queue");
/// assert_eq!(last_of(queue).await?, "second");
/// let stack: RedisQueue<String, Plain, Lifo> = RedisQueue::new(&client, "stack");
/// assert_eq!(last_of(stack).await?, "first");
/// # Ok(()) }
/// ```
pub trait Order: 'static {
    /// The command that adds an element: `LPUSH` or `RPUSH`.
    const PUSH: &'static str;
}

/// A marker of the order first in, first out.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Fifo, Plain, RedisQueue};
///
/// // Both are the same type.
/// let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
/// let jobs: RedisQueue<String, Plain, Fifo> = jobs;
/// jobs.push_many(["first", "second"]).await?;
/// assert_eq!(jobs.pop().await?, "first");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub enum Fifo {}

/// A marker of the order last in, first out.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Lifo, Plain, RedisLifoQueue, RedisQueue};
///
/// // Both are the same type.
/// let undo: RedisLifoQueue<String> = RedisLifoQueue::new(&client, "undo");
/// let undo: RedisQueue<String, Plain, Lifo> = undo;
/// undo.push_many(["first", "second"]).await?;
/// assert_eq!(undo.pop().await?, "second");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub enum Lifo {}

impl Order for Fifo {
    const PUSH: &'static str = "LPUSH";
}

impl Order for Lifo {
    const PUSH: &'static str = "RPUSH";
}

/// A queue between processes: first in, first out.
///
/// Any number of processes push and pop; each element goes to one of them, exactly once, in the
/// order in which elements were pushed. No element is lost or duplicated if a future is dropped, a
/// connection breaks, or a server stops and comes back with its data. A pop moves the element to a
/// pending list beside the queue until the caller has it, and an element that no caller receives
/// goes back to its place. What a process holds when it dies comes back once its lease of 30 seconds
/// is over, with the next pop of another one: only such elements may be delivered twice.
/// [`in_hand`](Self::in_hand) shows them. [`Client::take`] describes the mechanism and its limits.
///
/// A pop acknowledges its element when it returns it. For an acknowledgement after the work, use
/// [`Client::take`].
///
/// While a pop waits, the server blocks one command of the client on a connection of its own, and
/// serves all processes in the order in which they came. A push wakes one process.
///
/// The value on the server is a list: `LPUSH` adds, `RPOP` takes. Programs that pop with `BRPOP`,
/// such as Python's redis-purse, can share it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use std::time::Duration;
///
/// use purse::{Client, RedisQueue};
///
/// let client = Client::connect(&url).await?;
/// let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
/// jobs.push("first").await?;
/// jobs.push_many(["second", "third"]).await?;
/// assert_eq!(jobs.pop().await?, "first");
/// assert_eq!(jobs.try_pop().await?.as_deref(), Some("second"));
/// assert_eq!(jobs.pop_timeout(Duration::from_secs(1)).await?.as_deref(), Some("third"));
/// assert_eq!(jobs.try_pop().await?, None);
/// # Ok(()) }
/// ```
#[doc(alias = "SimpleQueue")]
pub struct RedisQueue<T, C = Plain, O = Fifo>(QueueHandle<(T, C, O)>);

/// A queue between processes: last in, first out.
///
/// `RPUSH` adds, `RPOP` takes. In all other respects it is a [`RedisQueue`].
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::RedisLifoQueue;
///
/// let undo: RedisLifoQueue<String> = RedisLifoQueue::new(&client, "undo");
/// undo.push_many(["typed", "deleted"]).await?;
/// assert_eq!(undo.pop().await?, "deleted");
/// # Ok(()) }
/// ```
#[doc(alias = "stack")]
pub type RedisLifoQueue<T, C = Plain> = RedisQueue<T, C, Lifo>;

impl<T, C, O> RedisQueue<T, C, O> {
    /// Creates a handle of the queue at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Json, RedisQueue};
    ///
    /// // Another codec than `Plain` is the second type parameter.
    /// let jobs: RedisQueue<String, Json> = RedisQueue::new(&client, "jobs");
    /// jobs.push("first").await?;
    /// assert_eq!(jobs.pop().await?, "first");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(QueueHandle::new(client, key))
    }

    /// Sets what this handle does with elements that it cannot decode.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{OnPoison, RedisList, RedisQueue};
    ///
    /// let raw: RedisQueue<String> = RedisQueue::new(&client, "jobs");
    /// raw.push_many(["not a number", "7"]).await?;
    /// let jobs: RedisQueue<u32> = RedisQueue::new(&client, "jobs");
    /// let jobs = jobs.on_poison(OnPoison::DeadLetter("jobs:dead".into()));
    /// assert_eq!(jobs.pop().await?, 7);
    /// let dead: RedisList<String> = RedisList::new(&client, "jobs:dead");
    /// assert_eq!(dead.to_vec().await?, ["not a number"]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn on_poison(mut self, on_poison: OnPoison) -> Self {
        self.0.on_poison = on_poison;
        self
    }

    /// Returns a handle whose pushes wait, or are refused, while the queue has `bound` elements.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs = RedisQueue::<u32>::new(&client, "jobs").bounded(2);
    /// jobs.push(1).await?;
    /// jobs.push(2).await?;
    /// assert_eq!(jobs.try_push(3).await?, None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn bounded(self, bound: usize) -> BoundedQueue<T, C, O> {
        BoundedQueue::new(self, bound)
    }

    key_methods!(
        0.handle,
        ["jobs", "RedisQueue", "<String>", "push(\"sweep\")"]
    );
}

impl<T: Send + 'static, C: Codec<T>, O: Order> RedisQueue<T, C, O> {
    /// Returns the number of elements.
    ///
    /// Redis: LLEN. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
    /// jobs.push_many(["first", "second"]).await?;
    /// assert_eq!(jobs.len().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LLEN")]
    #[doc(alias = "qsize")]
    pub fn len(&self) -> Op<u64> {
        self.0.handle.op(Command::read("LLEN"), Reply::into_count)
    }

    /// Returns whether the queue has no element.
    ///
    /// Redis: LLEN. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
    /// assert!(jobs.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LLEN")]
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .handle
            .op(Command::read("LLEN"), |reply| Ok(reply.into_count()? == 0))
    }

    /// Returns the element that a pop would take, without taking it.
    ///
    /// Redis: LINDEX. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
    /// jobs.push_many(["first", "second"]).await?;
    /// assert_eq!(jobs.peek().await?.as_deref(), Some("first"));
    /// assert_eq!(jobs.len().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LINDEX")]
    pub fn peek(&self) -> Op<Option<T>> {
        self.0
            .handle
            .op(Command::read("LINDEX").arg(-1_i64), decode_option::<T, C>)
    }

    /// Adds an element. Returns the new length.
    ///
    /// Redis: LPUSH, or RPUSH in a [`RedisLifoQueue`]. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
    /// assert_eq!(jobs.push("first").await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPUSH")]
    #[doc(alias = "RPUSH")]
    #[doc(alias = "put")]
    pub fn push(&self, value: impl IntoArg<T>) -> Op<u64> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0
            .handle
            .try_op(args, Command::write(O::PUSH), Reply::into_count)
    }

    /// Adds elements, one after the other. Returns the new length.
    ///
    /// Redis: LPUSH, or RPUSH in a [`RedisLifoQueue`], or LLEN if there are no elements. Time
    /// complexity: O(n) for n elements. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<u32> = RedisQueue::new(&client, "jobs");
    /// assert_eq!(jobs.push_many(0..5000).await?, 5000);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPUSH")]
    #[doc(alias = "RPUSH")]
    #[doc(alias = "LLEN")]
    #[doc(alias = "put")]
    pub fn push_many<'a, I>(&self, values: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let handle = &self.0.handle;
        let command = handle.on_key(Command::write(O::PUSH));
        let length = handle.on_key(Command::read("LLEN"));
        Bulk::new(&handle.client, command).if_empty(length).run(
            values.into_iter(),
            |value, arguments| encode_one::<T, C, _>(value, arguments),
            0,
            |_, reply| reply.into_count(),
        )
    }

    /// Removes and returns an element. If there is none, waits for one without an end.
    ///
    /// Each element goes to one caller. Callers of this process get elements in the order in which
    /// they began to wait, and so do processes.
    ///
    /// Redis: LMOVE in a script, and BRPOPLPUSH to wait. Time complexity: O(1). Round trips: 1 if
    /// there is an element, otherwise 1 more.
    ///
    /// # Errors
    /// `Decode` depends on [`on_poison`](Self::on_poison). The other errors are [those of a
    /// read](crate#errors), and mean that this call took no element. `Ambiguous` occurs only while
    /// the key's slot moves within a cluster.
    ///
    /// # Cancel safety
    /// If the future is dropped, no element is lost. An element that was already taken is put back
    /// in the background.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
    /// let worker = tokio::spawn({
    ///     let jobs = jobs.clone();
    ///     async move { jobs.pop().await }
    /// });
    /// jobs.push("first").await?;
    /// assert_eq!(worker.await.expect("no panic")?, "first");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPOP")]
    #[doc(alias = "LMOVE")]
    #[doc(alias = "BRPOPLPUSH")]
    #[doc(alias = "BRPOP")]
    #[doc(alias = "get")]
    pub async fn pop(&self) -> Result<T> {
        self.0.pop(&self.source()).await
    }

    /// Removes and returns an element. If there is none, waits for one for at most `wait`, then
    /// returns `None`.
    ///
    /// The method asks the server at least once. If the server does not answer, the method takes up
    /// to the command timeout longer than `wait`.
    ///
    /// Redis: LMOVE in a script, and BRPOPLPUSH to wait. Time complexity: O(1). Round trips: 1 if
    /// there is an element, otherwise 1 more, and 1 to end the wait.
    ///
    /// # Errors
    /// The errors of [`pop`](Self::pop).
    ///
    /// # Cancel safety
    /// No element is lost, as with [`pop`](Self::pop).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
    /// assert_eq!(jobs.pop_timeout(Duration::from_millis(10)).await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPOP")]
    #[doc(alias = "LMOVE")]
    #[doc(alias = "BRPOPLPUSH")]
    #[doc(alias = "BRPOP")]
    #[doc(alias = "get")]
    pub async fn pop_timeout(&self, wait: Duration) -> Result<Option<T>> {
        self.0.pop_timeout(&self.source(), Some(wait)).await
    }

    /// Removes and returns an element if there is one. Does not wait.
    ///
    /// Redis: LMOVE in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`pop`](Self::pop).
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
    /// let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
    /// jobs.push("first").await?;
    /// assert_eq!(jobs.try_pop().await?.as_deref(), Some("first"));
    /// assert_eq!(jobs.try_pop().await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPOP")]
    #[doc(alias = "LMOVE")]
    #[doc(alias = "get_nowait")]
    pub async fn try_pop(&self) -> Result<Option<T>> {
        self.0.try_pop(&self.source()).await
    }

    /// Streams the elements. An element is popped only when the stream is polled for it.
    ///
    /// The stream ends only after the client is closed. Each item may be an error of
    /// [`pop`](Self::pop), after which the stream continues. If the stream is dropped, no element
    /// is lost.
    ///
    /// Redis: LMOVE in a script, and BRPOPLPUSH to wait. Time complexity: O(1). Round trips: 1 per
    /// element, and 1 more if it has to wait.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisQueue;
    ///
    /// let jobs: RedisQueue<u32> = RedisQueue::new(&client, "jobs");
    /// jobs.push_many([1, 2, 0]).await?;
    /// let mut stream = jobs.into_stream();
    /// while let Some(job) = stream.try_next().await? {
    ///     if job == 0 {
    ///         break;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPOP")]
    #[doc(alias = "LMOVE")]
    #[doc(alias = "BRPOPLPUSH")]
    #[doc(alias = "BRPOP")]
    pub fn into_stream(self) -> impl Stream<Item = Result<T>> + Send + Unpin + use<T, C, O> {
        let source = self.source();
        self.0.into_stream(source)
    }

    /// Elements are taken at the back in both orders.
    fn source(&self) -> PopSource<T> {
        PopSource {
            pop: Pop::back(self.0.handle.key.clone()),
            decode: |delivery| decode_removed::<T, C>(Reply::from(delivery.element())),
        }
    }
}

handle_traits!(RedisQueue<T, C, O>);

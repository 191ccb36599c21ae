//! A queue by priority.

use std::borrow::Borrow;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::Stream;
use purse_client::{Client, Command, Error, ErrorKind, Op, Pop, Reply, Result};
use purse_codec::{Codec, IntoArg, IntoPair, Plain, Raw};
use uuid::Uuid;

use super::poison::OnPoison;
use super::pop_loop::{PopSource, QueueHandle};
use crate::bulk::{self, Bulk, BulkOp};
use crate::conversion::{ArgBuffer, decode, decode_removed, encode_into};
use crate::handle::handle_traits;
use crate::redis_key::key_methods;

/// The length of the identifier before each value, which makes equal values different members.
const ID: usize = uuid::fmt::Hyphenated::LENGTH;

/// A queue between processes: the lowest priority number first, and equal ones first in, first
/// out.
///
/// Delivery and cancellation work as those of a [`RedisQueue`](crate::RedisQueue). Elements of
/// equal priority that one process pushes are popped in exactly the order of the pushes. Between
/// several processes, the clocks of the processes decide.
///
/// The value on the server is a sorted set: `ZADD` adds, `ZPOPMIN` takes. Each member is a
/// time-ordered UUID of 36 characters, followed by the value.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisPriorityQueue};
///
/// let client = Client::connect(&url).await?;
/// let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "jobs");
/// jobs.push_many([("tidy up", 9.0), ("put out the fire", 1.0)]).await?;
/// jobs.push("sweep", 9.0).await?;
/// assert_eq!(jobs.pop().await?, ("put out the fire".to_owned(), 1.0));
/// assert_eq!(jobs.pop().await?, ("tidy up".to_owned(), 9.0));
/// assert_eq!(jobs.try_pop().await?, Some(("sweep".to_owned(), 9.0)));
/// # Ok(()) }
/// ```
#[doc(alias = "PriorityQueue")]
#[doc(alias = "heap")]
pub struct RedisPriorityQueue<T, C = Plain>(QueueHandle<(T, C)>);

impl<T, C> RedisPriorityQueue<T, C> {
    /// Creates a handle of the queue at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "jobs");
    /// jobs.push("sweep", 9.0).await?;
    /// assert_eq!(jobs.pop().await?, ("sweep".to_owned(), 9.0));
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
    /// use purse::{OnPoison, RedisPriorityQueue};
    ///
    /// let jobs: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client, "jobs");
    /// let jobs = jobs.on_poison(OnPoison::DeadLetter("jobs:dead".into()));
    /// assert_eq!(jobs.try_pop().await?, None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn on_poison(mut self, on_poison: OnPoison) -> Self {
        self.0.on_poison = on_poison;
        self
    }

    key_methods!(
        0.handle,
        [
            "jobs",
            "RedisPriorityQueue",
            "<String>",
            "push(\"sweep\", 9.0)"
        ]
    );
}

impl<T: Send + 'static, C: Codec<T>> RedisPriorityQueue<T, C> {
    /// Returns the number of elements.
    ///
    /// Redis: ZCARD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "jobs");
    /// jobs.push("sweep", 9.0).await?;
    /// assert_eq!(jobs.len().await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZCARD")]
    #[doc(alias = "qsize")]
    pub fn len(&self) -> Op<u64> {
        self.0.handle.op(Command::read("ZCARD"), Reply::into_count)
    }

    /// Returns whether the queue has no element.
    ///
    /// Redis: ZCARD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "jobs");
    /// assert!(jobs.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZCARD")]
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .handle
            .op(Command::read("ZCARD"), |reply| Ok(reply.into_count()? == 0))
    }

    /// Returns the element that a pop would take, and its priority, without taking it.
    ///
    /// Redis: ZRANGE. Time complexity: O(log(n)) for n elements in the queue. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "jobs");
    /// jobs.push_many([("sweep", 9.0), ("put out the fire", 1.0)]).await?;
    /// assert_eq!(jobs.peek().await?, Some(("put out the fire".to_owned(), 1.0)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGE")]
    pub fn peek(&self) -> Op<Option<(T, f64)>> {
        let first = Command::read("ZRANGE")
            .arg(0_i64)
            .arg(0_i64)
            .arg("WITHSCORES");
        self.0.handle.op(first, |reply| {
            let Some((member, priority)) = reply.into_pairs()?.into_iter().next() else {
                return Ok(None);
            };
            let value = decode::<T, C>(Reply::from(value_of(&member.into_bytes()?)?))?;
            Ok(Some((value, priority.into_float()?)))
        })
    }

    /// Adds an element. Returns nothing, because each element is new.
    ///
    /// Redis: ZADD. Time complexity: O(log(n)) for n elements in the queue. Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the priority is NaN.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "jobs");
    /// jobs.push("sweep", 9.0).await?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZADD")]
    #[doc(alias = "put")]
    pub fn push(&self, value: impl IntoArg<T>, priority: f64) -> Op<()> {
        let args = |command: Command| {
            let mut arguments = ArgBuffer::new(1);
            member::<T, C>(value, &mut arguments)?;
            Ok(command
                .arg(check_priority(priority)?)
                .args(arguments.into_vec()))
        };
        self.0
            .handle
            .try_op(args, Command::write("ZADD"), crate::conversion::ok)
    }

    /// Adds elements, one after the other. Returns their number.
    ///
    /// Redis: ZADD. Time complexity: O(m · log(n)) for m added elements and n in the queue. Round
    /// trips: 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if a priority is NaN.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "jobs");
    /// assert_eq!(jobs.push_many([("sweep", 9.0), ("cook", 5.0)]).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZADD")]
    #[doc(alias = "put")]
    #[doc(alias = "zadd_multiple")]
    pub fn push_many<'a, I>(&self, values: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<
                Item: IntoPair<First: IntoArg<T>, Second: Borrow<f64>>,
                IntoIter: Send + 'a,
            >,
    {
        let write = |value: I::Item, arguments: &mut ArgBuffer| entry::<T, C>(value, arguments);
        let command = self.0.handle.on_key(Command::write("ZADD"));
        Bulk::new(&self.0.handle.client, command).run(values.into_iter(), write, 0, bulk::sum)
    }

    /// Removes and returns the first element and its priority. If there is none, waits for one
    /// without an end.
    ///
    /// Each element goes to one caller. Callers of this process get elements in the order in which
    /// they began to wait. Of several processes that wait, one watches the queue. It wakes the next
    /// one when it has an element.
    ///
    /// Redis: ZRANGE and ZREM in a script; BLPOP and ZCARD to wait. Time complexity: O(log(n)) for
    /// n elements in the queue. Round trips: 1 if there is an element, otherwise up to 3 more.
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
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "jobs");
    /// jobs.push("sweep", 9.0).await?;
    /// assert_eq!(jobs.pop().await?, ("sweep".to_owned(), 9.0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMIN")]
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "ZREM")]
    #[doc(alias = "ZCARD")]
    #[doc(alias = "BLPOP")]
    #[doc(alias = "BZPOPMIN")]
    #[doc(alias = "get")]
    pub async fn pop(&self) -> Result<(T, f64)> {
        self.0.pop(&self.source()).await
    }

    /// Removes and returns the first element and its priority. If there is none, waits for one for
    /// at most `wait`, then returns `None`.
    ///
    /// The method asks the server at least once. If the server does not answer, the method takes up
    /// to the command timeout longer than `wait`.
    ///
    /// Redis: ZRANGE and ZREM in a script; BLPOP and ZCARD to wait. Time complexity: O(log(n)) for
    /// n elements in the queue. Round trips: 1 if there is an element, otherwise up to 3 more.
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
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "jobs");
    /// assert_eq!(jobs.pop_timeout(Duration::from_millis(10)).await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMIN")]
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "ZREM")]
    #[doc(alias = "ZCARD")]
    #[doc(alias = "BLPOP")]
    #[doc(alias = "BZPOPMIN")]
    #[doc(alias = "get")]
    pub async fn pop_timeout(&self, wait: Duration) -> Result<Option<(T, f64)>> {
        self.0.pop_timeout(&self.source(), Some(wait)).await
    }

    /// Removes and returns the first element and its priority if there is one. Does not wait.
    ///
    /// Redis: ZRANGE and ZREM in a script. Time complexity: O(log(n)) for n elements in the queue. Round
    /// trips: 1.
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
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "jobs");
    /// assert_eq!(jobs.try_pop().await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMIN")]
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "ZREM")]
    #[doc(alias = "get_nowait")]
    pub async fn try_pop(&self) -> Result<Option<(T, f64)>> {
        self.0.try_pop(&self.source()).await
    }

    /// Streams the elements and their priorities. An element is popped only when the stream is
    /// polled for it.
    ///
    /// The stream ends only after the client is closed. Each item may be an error of
    /// [`pop`](Self::pop), after which the stream continues. If the stream is dropped, no element
    /// is lost.
    ///
    /// Redis: ZRANGE and ZREM in a script; BLPOP and ZCARD to wait. Time complexity: O(log(n)) for
    /// n elements in the queue. Round trips: 1 per element, and 1 per change while it waits.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "jobs");
    /// jobs.push("sweep", 9.0).await?;
    /// let mut stream = jobs.into_stream();
    /// assert_eq!(stream.try_next().await?, Some(("sweep".to_owned(), 9.0)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZPOPMIN")]
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "ZREM")]
    #[doc(alias = "ZCARD")]
    #[doc(alias = "BLPOP")]
    #[doc(alias = "BZPOPMIN")]
    pub fn into_stream(self) -> impl Stream<Item = Result<(T, f64)>> + Send + Unpin + use<T, C> {
        let source = self.source();
        self.0.into_stream(source)
    }

    /// Removes and returns up to `max` elements with their priorities, in their order. If there is
    /// none, waits for one without an end.
    ///
    /// Redis: ZRANGE and ZREM in a script; BLPOP and ZCARD to wait. Complexity: O(log n) per element.
    /// Round trips: 1 per 256 elements if there are any, otherwise 2 after one was pushed.
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
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client, "jobs");
    /// jobs.push_many([(1, 9.0), (2, 1.0)]).await?;
    /// assert_eq!(jobs.pop_many(5).await?, [(2, 1.0), (1, 9.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "ZREM")]
    #[doc(alias = "ZCARD")]
    #[doc(alias = "BLPOP")]
    #[doc(alias = "ZMPOP")]
    pub async fn pop_many(&self, max: usize) -> Result<Vec<(T, f64)>> {
        self.0.pop_many(&self.source(), max).await
    }

    /// Removes and returns up to `max` elements with their priorities, in their order. Does not
    /// wait.
    ///
    /// Redis: ZRANGE and ZREM in a script. Complexity: O(log n) per element. Round trips: 1 per 256
    /// elements.
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
    /// use purse::RedisPriorityQueue;
    ///
    /// let jobs: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client, "jobs");
    /// jobs.push(1, 9.0).await?;
    /// assert_eq!(jobs.try_pop_many(5).await?, [(1, 9.0)]);
    /// assert!(jobs.try_pop_many(5).await?.is_empty());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "ZREM")]
    #[doc(alias = "ZMPOP")]
    pub async fn try_pop_many(&self, max: usize) -> Result<Vec<(T, f64)>> {
        self.0.try_pop_many(&self.source(), max).await
    }

    fn source(&self) -> PopSource<(T, f64)> {
        PopSource {
            pop: Pop::lowest(self.0.handle.key.clone()),
            decode: |delivery| {
                let member = delivery.element();
                let priority = Reply::from(delivery.score().unwrap_or_default()).into_float()?;
                let value = value_of(&member).map_err(|error| error.with_removed(vec![member]))?;
                let value = decode_removed::<T, C>(Reply::from(value))?;
                Ok(value.map(|value| (value, priority)))
            },
        }
    }
}

/// Writes the score and the member of a value.
fn entry<T, C: Codec<T>>(
    item: impl IntoPair<First: IntoArg<T>, Second: Borrow<f64>>,
    arguments: &mut ArgBuffer,
) -> Result<()> {
    let (value, priority) = item.into_pair();
    let score = check_priority(*priority.borrow())?.to_string();
    arguments.encode::<Bytes, Raw>(Bytes::from(score))?;
    member::<T, C>(value, arguments)
}

fn check_priority(priority: f64) -> Result<f64> {
    if priority.is_nan() {
        let message = "priority must not be NaN";
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(priority)
}

fn member<T, C: Codec<T>>(value: impl IntoArg<T>, arguments: &mut ArgBuffer) -> Result<()> {
    arguments.append_with(|member| {
        let mut id = [0; ID];
        let id = Uuid::now_v7().hyphenated().encode_lower(&mut id);
        member.extend_from_slice(id.as_bytes());
        encode_into::<T, C>(value, member)
    })
}

/// Returns the value of a member: the bytes after its identifier.
fn value_of(member: &Bytes) -> Result<Bytes> {
    if member.len() < ID {
        let message = "a member of a priority queue starts with 36 characters that are not its own";
        return Err(Error::new(ErrorKind::Decode, message).with_bytes(member.clone()));
    }
    Ok(member.slice(ID..))
}

handle_traits!(RedisPriorityQueue<T, C>);

//! Queues that several processes share, in the order of pushes or by priority.
//!
//! May import: `encode`, `handle`, `key`, `bulk`.

mod consumer;
mod poison;
mod priority;

use std::time::Duration;

use futures::stream::Stream;
use purse_client::{Client, Command, Op, Pop, Reply, Result};
use purse_codec::{Codec, IntoArg, Plain};

use crate::bulk;
use crate::encode::encode_one;
use crate::encode::{decode_option, decode_removed, encode};
use crate::handle::handle_traits;
use crate::key::key_methods;

use consumer::{Consumer, Source};

pub use poison::OnPoison;
pub use priority::RedisPriorityQueue;

/// The order of a queue: which end its elements go in at. They come out at the back.
pub trait Order: 'static {
    /// The command that adds an element: `LPUSH` or `RPUSH`.
    const PUSH: &'static str;
}

/// First in, first out.
#[derive(Debug)]
pub enum Fifo {}

/// Last in, first out.
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
/// Any number of processes push and pop; each element goes to one of them, exactly once. Nothing is
/// lost or doubled whether a future is dropped, a connection breaks or a server dies and comes back
/// with its data: what a pop has taken is noted beside the queue until it is handed over, and what
/// nobody takes any more goes back to where it was. [`Client::take`] says how, and how far it goes:
/// a server that is away for more than ten minutes, and a process that dies with an element in its
/// hands, lose what was under way.
///
/// The value on the server is a list: `LPUSH` adds, `RPOP` takes. Who pops by `BRPOP`, as Python
/// does, can share it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse_client::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use std::time::Duration;
///
/// use purse_client::Client;
/// use purse_collections::RedisQueue;
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
pub struct RedisQueue<T, C = Plain, O = Fifo>(Consumer<(T, C, O)>);

/// A queue between processes: last in, first out. All else is as in [`RedisQueue`]; `RPUSH` adds,
/// `RPOP` takes.
#[doc(alias = "stack")]
pub type RedisLifoQueue<T, C = Plain> = RedisQueue<T, C, Lifo>;

impl<T, C, O> RedisQueue<T, C, O> {
    /// The queue at `key`. Sends nothing.
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Consumer::new(client, key))
    }

    /// Sets what this handle does with elements that it cannot decode.
    #[must_use]
    pub fn on_poison(mut self, on_poison: OnPoison) -> Self {
        self.0.on_poison = on_poison;
        self
    }

    key_methods!(0.handle);
}

impl<T: Send + 'static, C: Codec<T>, O: Order> RedisQueue<T, C, O> {
    /// The number of elements.
    ///
    /// `LLEN`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "qsize")]
    pub fn len(&self) -> Op<u64> {
        self.0.handle.op(Command::read("LLEN"), Reply::into_count)
    }

    /// Whether there is no element.
    ///
    /// `LLEN`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .handle
            .op(Command::read("LLEN"), |reply| Ok(reply.into_count()? == 0))
    }

    /// The element that a pop would take, left where it is.
    ///
    /// `LINDEX`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn peek(&self) -> Op<Option<T>> {
        self.0
            .handle
            .op(Command::read("LINDEX").arg(-1_i64), decode_option::<T, C>)
    }

    /// Adds an element. Returns the new length.
    ///
    /// `LPUSH`, or `RPUSH` in a [`RedisLifoQueue`], O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "put")]
    pub fn push(&self, value: impl IntoArg<T>) -> Op<u64> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0
            .handle
            .try_op(args, Command::write(O::PUSH), Reply::into_count)
    }

    /// Adds elements, one after the other. Returns the new length.
    ///
    /// As [`push`](Self::push), O(n) for n elements; `LLEN` if there are none. One round trip,
    /// atomic, for up to 1024 elements or a megabyte; beyond that a round trip for each such chunk.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors). With several chunks the error tells how
    /// many elements were [done](purse_client::Error::done) before it.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety), for the chunk under way; later ones are not sent.
    pub async fn push_many<I>(&self, values: I) -> Result<u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send>,
    {
        let values = values.into_iter();
        let command = self.0.handle.on_key(Command::write(O::PUSH));
        let last = |_, reply: Reply| reply.into_count().map(Some);
        match bulk::run(
            &self.0.handle.client,
            command,
            values,
            encode_one::<T, C, _>,
            None,
            last,
        )
        .await?
        {
            Some(length) => Ok(length),
            None => self.len().await,
        }
    }

    /// Takes an element out, and waits for one as long as it takes.
    ///
    /// `RPOP` in a script, O(1). One round trip if there is an element; else `LLEN` on a connection
    /// that all waits share, and a round trip once the server tells of a change. Atomic: each
    /// element goes to one caller, and of those who wait in this process the first one is served
    /// first.
    ///
    /// # Errors
    /// `Decode` as [`on_poison`](Self::on_poison) says; else [those of a read](crate#errors), after
    /// which nothing was taken for this call. `Ambiguous` only while the key's slot moves within a
    /// cluster.
    ///
    /// # Cancel safety
    /// Dropped at any point, no element is lost: what was taken goes back in the background.
    #[doc(alias = "get")]
    #[doc(alias = "BRPOP")]
    pub async fn pop(&self) -> Result<T> {
        self.0.pop(&self.source()).await
    }

    /// Takes an element out, and waits for one as long as `wait`; then `None`.
    ///
    /// `RPOP`, as [`pop`](Self::pop). It looks at least once; where the server does not answer, it
    /// takes up to the command's timeout longer.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// # Cancel safety
    /// As [`pop`](Self::pop).
    #[doc(alias = "get")]
    #[doc(alias = "BRPOP")]
    pub async fn pop_timeout(&self, wait: Duration) -> Result<Option<T>> {
        self.0.pop_timeout(&self.source(), Some(wait)).await
    }

    /// Takes an element out if there is one.
    ///
    /// A script of `RPOP`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// # Cancel safety
    /// As [`pop`](Self::pop).
    #[doc(alias = "get_nowait")]
    #[doc(alias = "RPOP")]
    pub async fn try_pop(&self) -> Result<Option<T>> {
        self.0.try_pop(&self.source()).await
    }

    /// Streams the elements as they arrive, taking each one out when it is asked for.
    ///
    /// Each as [`pop`](Self::pop). It never ends by itself, but for a client that is closed.
    ///
    /// # Errors
    /// Each element may be an error of [`pop`](Self::pop), after which the stream goes on.
    ///
    /// # Cancel safety
    /// It can be dropped at any point; no element is lost.
    pub fn into_stream(self) -> impl Stream<Item = Result<T>> + Send + use<T, C, O> {
        let source = self.source();
        self.0.into_stream(source)
    }

    /// Both kinds of queues give at the back of their list.
    fn source(&self) -> Source<T> {
        Source {
            pop: Pop::back(self.0.handle.key.clone()),
            decode: |taken| decode_removed::<T, C>(Reply::from(taken.element())),
        }
    }
}

handle_traits!(RedisQueue<T, C, O>);

//! A queue by priority.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::Stream;
use purse_client::{Client, Command, Error, ErrorKind, Op, Pop, Reply, Result};
use purse_codec::{Codec, IntoArg, Plain, Raw};
use uuid::Uuid;

use super::consumer::{Consumer, Source};
use super::poison::OnPoison;
use crate::bulk;
use crate::encode::ArgBuffer;
use crate::encode::{decode, decode_removed, encode_into};
use crate::handle::handle_traits;
use crate::key::key_methods;

/// What stands before each value, so that equal values are different members.
const ID: usize = uuid::fmt::Hyphenated::LENGTH;

/// A queue between processes: the lowest priority number first, equal ones first in, first out.
///
/// It delivers and is cancelled as [`RedisQueue`](crate::RedisQueue) does. First in, first out
/// holds exactly for what one process pushes, and for several processes by their clocks.
///
/// The value on the server is a sorted set; its members are 36 characters of a time-ordered UUID and
/// the value: `ZADD` adds, `ZPOPMIN` takes.
///
/// ```
/// # #[tokio::main] async fn main() -> purse_client::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse_client::Client;
/// use purse_collections::RedisPriorityQueue;
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
pub struct RedisPriorityQueue<T, C = Plain>(Consumer<(T, C)>);

impl<T, C> RedisPriorityQueue<T, C> {
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

impl<T: Send + 'static, C: Codec<T>> RedisPriorityQueue<T, C> {
    /// The number of elements.
    ///
    /// `ZCARD`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "qsize")]
    pub fn len(&self) -> Op<u64> {
        self.0.handle.op(Command::read("ZCARD"), Reply::into_count)
    }

    /// Whether there is no element.
    ///
    /// `ZCARD`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .handle
            .op(Command::read("ZCARD"), |reply| Ok(reply.into_count()? == 0))
    }

    /// The element that a pop would take and its priority, left where it is.
    ///
    /// `ZRANGE`, O(log n). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
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

    /// Adds an element. Returns nothing: each one is new.
    ///
    /// `ZADD`, O(log n). One round trip, atomic.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the priority is NaN; `Encode`; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "put")]
    pub fn push(&self, value: impl IntoArg<T>, priority: f64) -> Op<()> {
        let args = |command: Command| {
            let mut arguments = ArgBuffer::new(1);
            member::<T, C>(value, &mut arguments)?;
            Ok(command.arg(checked(priority)?).args(arguments.into_vec()))
        };
        self.0
            .handle
            .try_op(args, Command::write("ZADD"), crate::encode::ok)
    }

    /// Adds elements, one after the other. Returns their number.
    ///
    /// `ZADD`, O(n log m) for n elements into m; nothing for none. One round trip, atomic, for up to
    /// 1024 elements or a megabyte; beyond that a round trip for each such chunk.
    ///
    /// # Errors
    /// As [`push`](Self::push). With several chunks the error tells how many elements were
    /// [done](Error::done) before it.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety), for the chunk under way; later ones are not sent.
    pub async fn push_many<I, V>(&self, values: I) -> Result<u64>
    where
        I: IntoIterator<Item = (V, f64), IntoIter: Send>,
        V: IntoArg<T>,
    {
        let values = values.into_iter();
        let command = self.0.handle.on_key(Command::write("ZADD"));
        bulk::run(
            &self.0.handle.client,
            command,
            values,
            entry::<T, C, _>,
            0,
            bulk::sum,
        )
        .await
    }

    /// Takes the first element out, with its priority, and waits for one as long as it takes.
    ///
    /// `ZPOPMIN` in a script, O(log n). One round trip if there is an element; else `ZCARD` on a
    /// connection that all waits share, and a round trip once the server tells of a change. Atomic:
    /// each element goes to one caller, and of those who wait in this process the first one is
    /// served first.
    ///
    /// # Errors
    /// `Decode` as [`on_poison`](Self::on_poison) says; else [those of a read](crate#errors), after
    /// which nothing was taken for this call. `Ambiguous` only while the key's slot moves within a
    /// cluster.
    ///
    /// # Cancel safety
    /// Dropped at any point, no element is lost: what was taken goes back in the background.
    #[doc(alias = "get")]
    #[doc(alias = "BZPOPMIN")]
    pub async fn pop(&self) -> Result<(T, f64)> {
        self.0.pop(&self.source()).await
    }

    /// Takes the first element out, with its priority, and waits for one as long as `wait`; then
    /// `None`.
    ///
    /// `ZPOPMIN`, as [`pop`](Self::pop). It looks at least once; where the server does not answer, it
    /// takes up to the command's timeout longer.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// # Cancel safety
    /// As [`pop`](Self::pop).
    #[doc(alias = "get")]
    #[doc(alias = "BZPOPMIN")]
    pub async fn pop_timeout(&self, wait: Duration) -> Result<Option<(T, f64)>> {
        self.0.pop_timeout(&self.source(), Some(wait)).await
    }

    /// Takes the first element out if there is one, with its priority.
    ///
    /// A script of `ZPOPMIN`, O(log n). One round trip, atomic.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// # Cancel safety
    /// As [`pop`](Self::pop).
    #[doc(alias = "get_nowait")]
    #[doc(alias = "ZPOPMIN")]
    pub async fn try_pop(&self) -> Result<Option<(T, f64)>> {
        self.0.try_pop(&self.source()).await
    }

    /// Streams the elements and their priorities, taking each one out when it is asked for.
    ///
    /// Each as [`pop`](Self::pop). It never ends by itself, but for a client that is closed.
    ///
    /// # Errors
    /// Each element may be an error of [`pop`](Self::pop), after which the stream goes on.
    ///
    /// # Cancel safety
    /// It can be dropped at any point; no element is lost.
    pub fn into_stream(self) -> impl Stream<Item = Result<(T, f64)>> + Send + use<T, C> {
        let source = self.source();
        self.0.into_stream(source)
    }

    fn source(&self) -> Source<(T, f64)> {
        Source {
            pop: Pop::lowest(self.0.handle.key.clone()),
            decode: |taken| {
                let member = taken.element();
                let priority = Reply::from(taken.score().unwrap_or_default()).into_float()?;
                let value = value_of(&member).map_err(|error| error.with_removed(vec![member]))?;
                let value = decode_removed::<T, C>(Reply::from(value))?;
                Ok(value.map(|value| (value, priority)))
            },
        }
    }
}

/// Writes the score and the member of a value.
fn entry<T, C: Codec<T>, V: IntoArg<T>>(
    (value, priority): (V, f64),
    arguments: &mut ArgBuffer,
) -> Result<()> {
    let score = checked(priority)?.to_string();
    arguments.encode::<Bytes, Raw>(Bytes::from(score))?;
    member::<T, C>(value, arguments)
}

fn checked(priority: f64) -> Result<f64> {
    if priority.is_nan() {
        let message = "the priority is not a number";
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

/// The value of a member: what comes after its identifier.
fn value_of(member: &Bytes) -> Result<Bytes> {
    if member.len() < ID {
        let message = "a member of a priority queue starts with 36 characters that are not its own";
        return Err(Error::new(ErrorKind::Decode, message).with_bytes(member.clone()));
    }
    Ok(member.slice(ID..))
}

handle_traits!(RedisPriorityQueue<T, C>);

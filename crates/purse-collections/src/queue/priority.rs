//! A queue by priority.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream};
use purse_client::{Client, Command, Error, ErrorKind, Op, Pop, Reply, Result, Taken};
use purse_codec::{Codec, Input, Plain, Raw};
use uuid::Uuid;

use super::Deadline;
use super::poison::OnPoison;
use crate::bulk;
use crate::encode::Arguments;
use crate::encode::{decode, decode_removed, encode_into};
use crate::handle::Handle;
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
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
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
/// # Ok(())
/// # })
/// # }
/// ```
#[doc(alias = "PriorityQueue")]
#[doc(alias = "heap")]
pub struct RedisPriorityQueue<T, C = Plain> {
    handle: Handle<(T, C)>,
    on_poison: OnPoison,
}

impl<T, C> RedisPriorityQueue<T, C> {
    /// The queue at `key`. Sends nothing.
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self {
            handle: Handle::new(client, key),
            on_poison: OnPoison::Error,
        }
    }

    /// Sets what this handle does with elements that it cannot decode.
    #[must_use]
    pub fn on_poison(mut self, on_poison: OnPoison) -> Self {
        self.on_poison = on_poison;
        self
    }

    key_methods!(handle);
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
        self.handle.op(Command::read("ZCARD"), Reply::into_count)
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
        self.handle
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
        self.handle.op(first, |reply| {
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
    pub fn push(&self, value: impl Input<T>, priority: f64) -> Op<()> {
        let args = |command: Command| {
            let mut arguments = Arguments::new(1);
            member::<T, C>(value, &mut arguments)?;
            Ok(command.arg(checked(priority)?).args(arguments.into_vec()))
        };
        self.handle
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
        V: Input<T>,
    {
        let values = values.into_iter();
        let command = self.handle.on_key(Command::write("ZADD"));
        bulk::run(
            &self.handle.client,
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
        loop {
            if let Some(popped) = self.pop_for(None).await? {
                return Ok(popped);
            }
        }
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
        self.pop_for(Some(wait)).await
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
        loop {
            let Some(taken) = self.handle.client.take(&self.first()).await? else {
                return Ok(None);
            };
            if let Some(popped) = self.read(taken).await? {
                return Ok(Some(popped));
            }
        }
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
    pub fn arrivals(&self) -> impl Stream<Item = Result<(T, f64)>> + Send + use<T, C> {
        stream::unfold(Some(self.clone()), |queue| async move {
            let queue = queue?;
            let popped = queue.pop().await;
            let is_over = popped
                .as_ref()
                .is_err_and(|error| error.kind() == ErrorKind::Closed);
            Some((popped, (!is_over).then_some(queue)))
        })
    }

    async fn pop_for(&self, wait: Option<Duration>) -> Result<Option<(T, f64)>> {
        let deadline = wait.map(Deadline::after);
        let client = &self.handle.client;
        loop {
            let left = deadline.as_ref().map(Deadline::left);
            let Some(taken) = client.take_wait(&self.first(), left).await? else {
                return Ok(None);
            };
            if let Some(popped) = self.read(taken).await? {
                return Ok(Some(popped));
            }
        }
    }

    fn first(&self) -> Pop {
        Pop::lowest(self.handle.key.clone())
    }

    /// The value of a popped element; `None` if it was a poisonous one that has been dealt with.
    async fn read(&self, taken: Taken) -> Result<Option<(T, f64)>> {
        let member = taken.element();
        let priority = Reply::from(taken.score().unwrap_or_default()).into_float()?;
        let value = value_of(&member).map_err(|error| error.with_removed(vec![member]));
        match value.map(Reply::from).and_then(decode_removed::<T, C>) {
            Ok(value) => {
                taken.keep();
                Ok(value.map(|value| (value, priority)))
            }
            Err(error) => self.on_poison.deal(taken, error).await,
        }
    }
}

/// Writes the score and the member of a value.
fn entry<T, C: Codec<T>, V: Input<T>>(
    (value, priority): (V, f64),
    arguments: &mut Arguments,
) -> Result<()> {
    let score = checked(priority)?.to_string();
    arguments.put::<Bytes, Raw>(Bytes::from(score))?;
    member::<T, C>(value, arguments)
}

fn checked(priority: f64) -> Result<f64> {
    if priority.is_nan() {
        let message = "the priority is not a number";
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(priority)
}

fn member<T, C: Codec<T>>(value: impl Input<T>, arguments: &mut Arguments) -> Result<()> {
    arguments.add(|member| {
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

impl<T, C> Clone for RedisPriorityQueue<T, C> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            on_poison: self.on_poison.clone(),
        }
    }
}

impl<T, C> fmt::Debug for RedisPriorityQueue<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisPriorityQueue({:?})", self.handle)
    }
}

//! A single value: in a string, or in a hash with a version.
//!
//! May import: `conversion`, `handle`, `redis_key`.

mod versioned;

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Backoff, Client, Command, Error, ErrorKind, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg, Plain};

use crate::conversion::{decode, decode_option, decode_removed, encode, ok};
use crate::handle::{Handle, handle_traits};
use crate::redis_key::key_methods;

pub use versioned::{RedisVersioned, Version};

static SWAP: Script = Script::write("CELL SWAP", include_str!("../lua/cell_swap.lua"));
static TAKE: Script = Script::write("CELL TAKE", include_str!("../lua/keyspace_pop.lua"));
static COMPARE_EXCHANGE: Script = Script::write(
    "CELL COMPARE EXCHANGE",
    include_str!("../lua/cell_compare_exchange.lua"),
);

/// An update fails after this number of attempts, between each of which another caller has written.
const MAX_ATTEMPTS: u32 = 1_000;
/// The pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// A value of type `T` in one key, with the methods of std's atomics.
///
/// The value is a string on the server, so every other client can read it. Every write keeps the
/// time to live of the cell.
///
/// A cell compares bytes. [`compare_exchange`](Self::compare_exchange) therefore needs a codec that
/// writes equal values as equal bytes; no codec does so for a type that contains a `HashMap` or
/// `HashSet`. A cell also does not notice a value that was replaced and set again in between (the
/// ABA problem), and a write whose reply is lost is `Ambiguous`. [`RedisVersioned`] has neither
/// problem.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisCell};
///
/// let client = Client::connect(&url).await?;
/// let color: RedisCell<String> = RedisCell::new(&client, "color");
/// color.store("blue").await?;
/// assert_eq!(color.swap("green").await?.as_deref(), Some("blue"));
/// assert_eq!(color.compare_exchange("blue", "red").await?, Err(Some("green".to_owned())));
/// assert_eq!(color.load().await?.as_deref(), Some("green"));
/// # Ok(()) }
/// ```
#[doc(alias = "RBucket")]
pub struct RedisCell<T, C = Plain>(Handle<(T, C)>);

impl<T, C> RedisCell<T, C> {
    /// Creates a handle of the cell at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Json, RedisCell};
    ///
    /// let point: RedisCell<(i32, i32), Json> = RedisCell::new(&client, "point");
    /// assert_eq!(point.load().await?, None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    key_methods!(0, ["color", "RedisCell", "<String>", "store(\"blue\")"]);
}

impl<T: Send + 'static, C: Codec<T>> RedisCell<T, C> {
    /// Returns the value; `None` if the cell is empty.
    ///
    /// Redis: GET. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCell;
    ///
    /// let color: RedisCell<String> = RedisCell::new(&client, "color");
    /// color.store("blue").await?;
    /// assert_eq!(color.load().await?.as_deref(), Some("blue"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    pub fn load(&self) -> Op<Option<T>> {
        self.0.op(Command::read("GET"), decode_option::<T, C>)
    }

    /// Sets the value.
    ///
    /// Redis: SET with KEEPTTL. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisCell;
    ///
    /// let color: RedisCell<String> = RedisCell::new(&client, "color");
    /// color.store("blue").await?;
    /// color.expire(Duration::from_secs(60)).await?;
    /// color.store("green").await?;
    /// assert!(color.ttl().await?.remaining().is_some());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "set")]
    pub fn store(&self, value: impl IntoArg<T>) -> Op<()> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?).arg("KEEPTTL"));
        self.0.try_op(args, Command::write("SET"), ok)
    }

    /// Sets the value if the cell is empty. Returns whether it was.
    ///
    /// Redis: SET with NX. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCell;
    ///
    /// let color: RedisCell<String> = RedisCell::new(&client, "color");
    /// assert!(color.store_if_empty("blue").await?);
    /// assert!(!color.store_if_empty("green").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "SETNX")]
    #[doc(alias = "set_nx")]
    #[doc(alias = "trySet")]
    pub fn store_if_empty(&self, value: impl IntoArg<T>) -> Op<bool> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?).arg("NX"));
        self.0
            .try_op(args, Command::write("SET"), |reply| Ok(!reply.is_nil()))
    }

    /// Sets the value and returns the previous one. If the previous value cannot be decoded, the
    /// method fails, but the new value is set. [`store`](Self::store) costs less if the previous
    /// value is not needed.
    ///
    /// If the future is dropped, the previous value [may be lost](crate#cancel-safety).
    ///
    /// Redis: GET and SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCell;
    ///
    /// let color: RedisCell<String> = RedisCell::new(&client, "color");
    /// assert_eq!(color.swap("blue").await?, None);
    /// assert_eq!(color.swap("green").await?.as_deref(), Some("blue"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "GETSET")]
    #[doc(alias = "getAndSet")]
    pub fn swap(&self, value: impl IntoArg<T>) -> Op<Option<T>> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0
            .try_op(args, Command::script(&SWAP), decode_removed::<T, C>)
    }

    /// Sets the value to `new` if the cell holds `current`. Returns `Ok` with the previous value if
    /// it did. Otherwise the cell does not change, and the result is `Err` with its value, or with
    /// `None` if the cell is empty.
    ///
    /// Redis: GET and SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCell;
    ///
    /// let step: RedisCell<u32> = RedisCell::new(&client, "step");
    /// assert_eq!(step.compare_exchange(1, 2).await?, Err(None));
    /// step.store(1).await?;
    /// assert_eq!(step.compare_exchange(1, 2).await?, Ok(1));
    /// assert_eq!(step.compare_exchange(1, 3).await?, Err(Some(2)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "IFEQ")]
    #[doc(alias = "compareAndSet")]
    pub fn compare_exchange(
        &self,
        current: impl IntoArg<T>,
        new: impl IntoArg<T>,
    ) -> Op<std::result::Result<T, Option<T>>> {
        let args = |command: Command| {
            let command = command.arg(encode::<T, C>(new)?);
            Ok(command.arg(encode::<T, C>(current)?))
        };
        let read = |reply: Reply| {
            let [is_set, old] = reply.into_array()?;
            Ok(match is_set.into_bool()? {
                true => Ok(decode::<T, C>(old)?),
                false => Err(decode_option::<T, C>(old)?),
            })
        };
        self.0
            .try_op(args, Command::script(&COMPARE_EXCHANGE), read)
    }

    /// Removes the value and returns it; `None` if the cell is empty.
    ///
    /// If the future is dropped, the value [may be lost](crate#cancel-safety).
    ///
    /// Redis: GET and UNLINK in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCell;
    ///
    /// let color: RedisCell<String> = RedisCell::new(&client, "color");
    /// color.store("blue").await?;
    /// assert_eq!(color.take().await?.as_deref(), Some("blue"));
    /// assert_eq!(color.take().await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "UNLINK")]
    #[doc(alias = "GETDEL")]
    #[doc(alias = "get_del")]
    #[doc(alias = "getAndDelete")]
    pub fn take(&self) -> Op<Option<T>> {
        self.0.op(Command::script(&TAKE), decode_removed::<T, C>)
    }

    /// Replaces the value by what `update` makes of it, and returns the new value. `update` is given
    /// `None` if the cell is empty.
    ///
    /// If another caller writes between the read and the write, `update` runs again with the new
    /// value, after a random pause. The stored bytes are compared as they were read, so any codec
    /// will do.
    ///
    /// Redis: GET; GET and SET in a script. Time complexity: O(1). Round trips: 2, and 1 more for
    /// each write of another caller.
    ///
    /// # Errors
    /// [`Ambiguous`](ErrorKind::Ambiguous) if the reply to the write is lost: the value may be
    /// updated. [`Timeout`](ErrorKind::Timeout) if other callers wrote in between 1,000 times in a
    /// row; nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCell;
    ///
    /// let names: RedisCell<Vec<String>> = RedisCell::new(&client, "names");
    /// let add = |old: Option<Vec<String>>| {
    ///     let mut names = old.unwrap_or_default();
    ///     names.push("Ada".to_owned());
    ///     names
    /// };
    /// assert_eq!(names.update(add).await?, ["Ada"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "fetch_update")]
    pub async fn update(&self, mut update: impl FnMut(Option<T>) -> T) -> Result<T> {
        let as_bytes = |reply: Reply| reply.non_nil().map(Reply::into_bytes).transpose();
        let mut old = self.0.op(Command::read("GET"), as_bytes).await?;
        let mut backoff = Backoff::new(FIRST_PAUSE, MAX_PAUSE);
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 1 {
                backoff.pause().await;
            }
            let value = old.as_deref().map(|bytes| self.decode_bytes(bytes));
            let new = update(value.transpose()?);
            match self.exchange_bytes(old, &new).await? {
                None => return Ok(new),
                Some(other) => old = other,
            }
        }
        let message = "other callers wrote between each read and write of the update";
        let error = Error::new(ErrorKind::Timeout, message);
        Err(self.0.about(COMPARE_EXCHANGE.name(), error))
    }

    /// Decodes what was read of the cell.
    fn decode_bytes(&self, bytes: &[u8]) -> Result<T> {
        C::decode(bytes).map_err(|cause| {
            let error = Error::new(ErrorKind::Decode, "the stored bytes cannot be decoded")
                .with_source(cause)
                .with_bytes(Bytes::copy_from_slice(bytes));
            self.0.about("GET", error)
        })
    }

    /// Sets the value to `new` if the cell holds the bytes `old`, or is empty without them. Returns
    /// what it holds otherwise.
    fn exchange_bytes(&self, old: Option<Bytes>, new: &T) -> Op<Option<Option<Bytes>>> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(new)?).args(old));
        let read = |reply: Reply| {
            let [is_set, old] = reply.into_array()?;
            Ok(match is_set.into_bool()? {
                true => None,
                false => Some(old.non_nil().map(Reply::into_bytes).transpose()?),
            })
        };
        self.0
            .try_op(args, Command::script(&COMPARE_EXCHANGE), read)
    }
}

handle_traits!(RedisCell<T, C>);

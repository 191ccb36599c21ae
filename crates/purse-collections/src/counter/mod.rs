//! Counters, and ids from a counter.
//!
//! May import: `number`, `conversion`, `handle`, `redis_key`.

mod bounded;
mod id_generator;
mod window;

use purse_client::{Client, Command, Error, ErrorKind, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg, Plain};

use crate::conversion::{decode, decode_removed, encode, ok};
use crate::handle::{Handle, handle_traits};
use crate::number::{Float, Integer, Number};
use crate::redis_key::key_methods;
use bounded::{ADD, Beyond, add_args};

pub use bounded::BoundedCounter;
pub use id_generator::RedisIdGenerator;
pub use window::RedisWindowCounter;

static ADD_FLOAT: Script = Script::write(
    "COUNTER ADD FLOAT",
    include_str!("../lua/counter_add_float.lua"),
);
static TAKE: Script = Script::write("COUNTER TAKE", include_str!("../lua/keyspace_pop.lua"));

/// A number in one key, to which the server adds.
///
/// `N` is an [`Integer`] or a [`Float`]. A counter that does not exist is zero. The number is
/// decimal text on the server, as `INCRBY` writes it, so every other client can read it and add to
/// it. Every method keeps the time to live of the counter.
///
/// If the reply to [`add`](Self::add) is lost, the error is `Ambiguous`, and the amount may be added
/// or not. [`add_once`](Self::add_once) adds exactly once, and costs a second key on the server.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisCounter};
///
/// let client = Client::connect(&url).await?;
/// let visits: RedisCounter<u64> = RedisCounter::new(&client, "visits");
/// assert_eq!(visits.add(3).await?, 3);
/// assert_eq!(visits.add_once(-1).await?, 2);
/// assert!(visits.add(-3).await.is_err(), "a u64 is not negative");
/// assert_eq!(visits.take().await?, 2);
/// assert_eq!(visits.get().await?, 0);
/// # Ok(()) }
/// ```
#[doc(alias = "RAtomicLong")]
#[doc(alias = "RAtomicDouble")]
pub struct RedisCounter<N>(Handle<N>);

impl<N> RedisCounter<N> {
    /// Creates a handle of the counter at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let visits: RedisCounter<i64> = RedisCounter::new(&client, "visits");
    /// assert_eq!(visits.get().await?, 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    key_methods!(0, ["visits", "RedisCounter", "<i64>", "add(1)"]);
}

impl<N: Number> RedisCounter<N>
where
    Plain: Codec<N>,
{
    /// Returns the number.
    ///
    /// Redis: GET. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let visits: RedisCounter<i64> = RedisCounter::new(&client, "visits");
    /// visits.add(3).await?;
    /// assert_eq!(visits.get().await?, 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    pub fn get(&self) -> Op<N> {
        self.0.op(Command::read("GET"), number_or_zero::<N>)
    }

    /// Sets the number.
    ///
    /// Redis: SET with KEEPTTL. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let price: RedisCounter<f64> = RedisCounter::new(&client, "price");
    /// price.set(2.5).await?;
    /// assert_eq!(price.get().await?, 2.5);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    pub fn set(&self, number: impl IntoArg<N>) -> Op<()> {
        let args = |command: Command| Ok(command.arg(encode::<N, Plain>(number)?).arg("KEEPTTL"));
        self.0.try_op(args, Command::write("SET"), ok)
    }

    /// Removes the counter and returns the number that it had.
    ///
    /// If the future is dropped, the number [may be lost](crate#cancel-safety).
    ///
    /// Redis: GET and UNLINK in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let visits: RedisCounter<i64> = RedisCounter::new(&client, "visits");
    /// visits.add(3).await?;
    /// assert_eq!(visits.take().await?, 3);
    /// assert_eq!(visits.take().await?, 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "UNLINK")]
    #[doc(alias = "GETDEL")]
    #[doc(alias = "getAndSet")]
    pub fn take(&self) -> Op<N> {
        self.0.op(Command::script(&TAKE), |reply| {
            let number = decode_removed::<N, Plain>(reply)?;
            Ok(number.unwrap_or(N::ZERO))
        })
    }
}

impl<N: Integer> RedisCounter<N> {
    /// Adds `by` and returns the sum.
    ///
    /// The server adds `i64`. For `i64` and `i128` the command does all there is to do; for other
    /// types a script looks first whether the type can hold the sum.
    ///
    /// Redis: INCRBY; for other types than `i64` and `i128` GET and INCRBY in a script. Time
    /// complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`Server`](ErrorKind::Server) with the code `ERR` if the stored value is not an integer, or
    /// if `N` or `i64` cannot hold the sum; nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let visits: RedisCounter<u8> = RedisCounter::new(&client, "visits");
    /// assert_eq!(visits.add(250).await?, 250);
    /// assert!(visits.add(6).await.is_err());
    /// assert_eq!(visits.add(-250).await?, 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "INCRBY")]
    #[doc(alias = "GET")]
    #[doc(alias = "INCR")]
    #[doc(alias = "DECR")]
    #[doc(alias = "DECRBY")]
    #[doc(alias = "increment")]
    #[doc(alias = "incr")]
    pub fn add(&self, by: i64) -> Op<N> {
        if N::LOWEST == i64::MIN && N::HIGHEST == i64::MAX {
            return self.0.op(Command::write("INCRBY").arg(by), sum::<N>);
        }
        self.0.op(self.add_script(by), sum_or_error::<N>)
    }

    /// Adds `by` exactly once, although a reply may be lost, and returns the sum. See
    /// [`Client::run_exactly_once`].
    ///
    /// Redis: GET, SET and INCRBY in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`add`](Self::add). [`Ambiguous`](ErrorKind::Ambiguous) only if no reply
    /// arrived in time: the amount was added once, or not.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let balance: RedisCounter<i64> = RedisCounter::new(&client, "balance");
    /// assert_eq!(balance.add_once(100).await?, 100);
    /// assert_eq!(balance.add_once(-30).await?, 70);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "INCRBY")]
    pub async fn add_once(&self, by: i64) -> Result<N> {
        once(&self.0, self.add_script(by), sum_or_error::<N>).await
    }

    fn add_script(&self, by: i64) -> Command {
        add_args(
            Command::script(&ADD),
            by,
            (N::LOWEST, N::HIGHEST),
            Beyond::Refuse,
        )
    }
}

impl<N: Float> RedisCounter<N> {
    /// Adds `by` and returns the sum, which the server rounds to 17 digits after the point.
    ///
    /// The server's numbers have a wider range than the type, so the script looks first whether the
    /// type can hold the sum.
    ///
    /// Redis: GET and INCRBYFLOAT in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if `by` is not finite.
    /// [`Server`](ErrorKind::Server) with the code `ERR` if the stored value is not a number, or if
    /// the sum is not below the highest finite number of `N`; nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let weight: RedisCounter<f64> = RedisCounter::new(&client, "weight");
    /// assert_eq!(weight.add_float(2.5).await?, 2.5);
    /// assert_eq!(weight.add_float(-0.25).await?, 2.25);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "INCRBYFLOAT")]
    #[doc(alias = "GET")]
    #[doc(alias = "increment_float")]
    pub fn add_float(&self, by: N) -> Op<N> {
        let args = |command| add_float_args(command, by);
        self.0
            .try_op(args, Command::script(&ADD_FLOAT), float_sum_or_error::<N>)
    }

    /// Adds `by` exactly once, although a reply may be lost, and returns the sum. See
    /// [`Client::run_exactly_once`].
    ///
    /// Redis: GET, SET and INCRBYFLOAT in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`add_float`](Self::add_float). [`Ambiguous`](ErrorKind::Ambiguous) only if no
    /// reply arrived in time: the amount was added once, or not.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisCounter;
    ///
    /// let weight: RedisCounter<f64> = RedisCounter::new(&client, "weight");
    /// assert_eq!(weight.add_float_once(2.5).await?, 2.5);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "INCRBYFLOAT")]
    pub async fn add_float_once(&self, by: N) -> Result<N> {
        let command = add_float_args(Command::script(&ADD_FLOAT), by);
        let command = command.map_err(|error| self.0.about(ADD_FLOAT.name(), error))?;
        once(&self.0, command, float_sum_or_error::<N>).await
    }
}

/// Runs a script on the counter exactly once.
async fn once<N, R>(
    handle: &Handle<N>,
    command: Command,
    read: fn(Reply) -> Result<R>,
) -> Result<R> {
    let (name, effect) = (command.name(), command.effect());
    let reply = handle
        .client
        .run_exactly_once(handle.on_key(command))
        .await?;
    read(reply).map_err(|error| handle.about(name, effect.judge_unread(error)))
}

fn add_float_args<N: Float>(command: Command, by: N) -> Result<Command> {
    if !by.is_finite() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "the amount must be finite",
        ));
    }
    Ok(command.arg(by.to_string()).arg(N::HIGHEST))
}

fn number_or_zero<N: Number>(reply: Reply) -> Result<N>
where
    Plain: Codec<N>,
{
    reply.non_nil().map_or(Ok(N::ZERO), decode::<N, Plain>)
}

fn sum<N: Integer>(reply: Reply) -> Result<N> {
    N::from_sum(reply.into_int()?).ok_or_else(|| {
        let message = format!("the sum is out of the range of {}", N::NAME);
        Error::new(ErrorKind::Protocol, message)
    })
}

/// Reads a sum, or the refusal of one that the type cannot hold.
fn sum_or_error<N: Integer>(reply: Reply) -> Result<N> {
    match reply.non_nil() {
        Some(reply) => sum(reply),
        None => Err(out_of_range(N::NAME)),
    }
}

/// Reads a sum, or the refusal of one that the type cannot hold.
fn float_sum_or_error<N: Float>(reply: Reply) -> Result<N> {
    let bytes = match reply.non_nil() {
        Some(reply) => reply.into_bytes()?,
        None => return Err(out_of_range(N::NAME)),
    };
    let sum = str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.parse().ok());
    sum.filter(|sum: &N| sum.is_finite()).ok_or_else(|| {
        let message = format!("the sum is out of the range of {}", N::NAME);
        Error::new(ErrorKind::Protocol, message)
    })
}

/// Returns the error of a sum that the script refused, as if the server had refused it.
fn out_of_range(name: &str) -> Error {
    let message = format!("ERR the sum is out of the range of {name}");
    Error::new(ErrorKind::Server, message)
}

handle_traits!(RedisCounter<N>);

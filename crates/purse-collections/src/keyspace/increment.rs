//! Sums in a key space.

use purse_client::{Command, Op, Result, Script};
use purse_codec::{Codec, DecimalText, IntoArg, Plain};

use super::RedisKeySpace;
use crate::number::{Float, Integer, finite, float_sum, sum, summands};
use crate::ttl::{invalid, millis};

static INCREMENT: Script = Script::write(
    "KEYSPACE INCREMENT",
    concat!(
        include_str!("../lua/is_less.lua"),
        include_str!("../lua/keyspace_increment.lua")
    ),
);
static INCREMENT_FLOAT: Script = Script::write(
    "KEYSPACE INCREMENT FLOAT",
    include_str!("../lua/keyspace_increment_float.lua"),
);

impl<T, K, C> RedisKeySpace<T, K, C>
where
    T: Send + 'static,
    K: Send + 'static,
    Plain: Codec<K>,
    C: Codec<T>,
{
    /// Adds `by` to a value. A missing value counts as zero. Returns the sum.
    ///
    /// An entry keeps its time to live. A new entry gets the [default](Self::with_ttl) of the handle,
    /// if there is one.
    ///
    /// The values are [integers](Integer), in the [decimal text](DecimalText) of `Plain` or `Json`.
    /// The server adds them as `i64`. For `i64` and `i128` without a default time to live, the command
    /// does all there is to do; otherwise a script looks first whether the type can hold the sum.
    ///
    /// Redis: INCRBY; for other types than `i64` and `i128`, and with a default time to live, GET,
    /// INCRBY and SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`Server`](purse_client::ErrorKind::Server) with the code `ERR` if the value is not an integer, or if `T`
    /// or `i64` cannot hold the sum; nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKeySpace;
    ///
    /// // The requests of an address since the first one of a minute.
    /// let requests: RedisKeySpace<u32> = RedisKeySpace::new(&client, "requests:");
    /// let requests = requests.with_ttl(Duration::from_secs(60));
    /// assert_eq!(requests.increment("10.0.0.1", 1).await?, 1);
    /// assert_eq!(requests.increment("10.0.0.1", 1).await?, 2);
    /// assert!(requests.ttl("10.0.0.1").await?.remaining().is_some());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "INCRBY")]
    #[doc(alias = "INCR")]
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "incr")]
    pub fn increment(&self, key: impl IntoArg<K>, by: i64) -> Op<T>
    where
        T: Integer,
        C: DecimalText,
    {
        self.add(key, Some(by))
    }

    /// Subtracts `by` from a value. A missing value counts as zero. Returns the difference. Times to
    /// live, values and costs are those of [`increment`](Self::increment).
    ///
    /// Redis: INCRBY; for other types than `i64` and `i128`, and with a default time to live, GET,
    /// INCRBY and SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`increment`](Self::increment), and `InvalidInput` for `i64::MIN`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let stock: RedisKeySpace<u32> = RedisKeySpace::new(&client, "stock:");
    /// stock.set("tea", 3).await?;
    /// assert_eq!(stock.decrement("tea", 2).await?, 1);
    /// assert!(stock.decrement("tea", 2).await.is_err());
    /// assert_eq!(stock.get("tea").await?, Some(1));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "DECRBY")]
    #[doc(alias = "DECR")]
    #[doc(alias = "INCRBY")]
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "decr")]
    pub fn decrement(&self, key: impl IntoArg<K>, by: i64) -> Op<T>
    where
        T: Integer,
        C: DecimalText,
    {
        self.add(key, by.checked_neg())
    }

    /// Adds `by` to a value. A missing value counts as zero. Returns the sum, which the server
    /// rounds to 17 digits after the point. A negative `by` is subtracted.
    ///
    /// An entry keeps its time to live. A new entry gets the [default](Self::with_ttl) of the handle,
    /// if there is one.
    ///
    /// The values are [floats](Float), in the [decimal text](DecimalText) of `Plain` or `Json`. The
    /// server's numbers have a wider range, so the script looks first whether the type can hold the
    /// sum.
    ///
    /// Redis: GET and INCRBYFLOAT, or SET, in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if `by` is not finite.
    /// [`Server`](purse_client::ErrorKind::Server) with the code `ERR` if the value is not a number, or if the
    /// sum is not below the highest finite number of `T`; nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let balance: RedisKeySpace<f64> = RedisKeySpace::new(&client, "balance:");
    /// assert_eq!(balance.increment_float("Ada", 2.5).await?, 2.5);
    /// assert_eq!(balance.increment_float("Ada", -1.0).await?, 1.5);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "INCRBYFLOAT")]
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "incr")]
    pub fn increment_float(&self, key: impl IntoArg<K>, by: T) -> Op<T>
    where
        T: Float,
        C: DecimalText,
    {
        let args = |command: Command| {
            let command = command.arg(finite(by)?).arg(T::HIGHEST).arg(T::NAME);
            self.ttl_of_new(command)
        };
        self.op(key, args, Command::script(&INCREMENT_FLOAT), float_sum::<T>)
    }

    fn add(&self, key: impl IntoArg<K>, by: Option<i64>) -> Op<T>
    where
        T: Integer,
    {
        let by = by.ok_or_else(|| invalid("the amount must not be i64::MIN"));
        if T::LOWEST == i64::MIN && T::HIGHEST == i64::MAX && self.ttl.is_none() {
            let args = |command: Command| Ok(command.arg(by?));
            return self.op(key, args, Command::write("INCRBY"), sum::<T>);
        }
        let args = |command: Command| {
            let by = by?;
            let (lowest, highest) = summands::<T>(by);
            let command = command.arg(by).arg(lowest.to_string());
            self.ttl_of_new(command.arg(highest.to_string()).arg(T::NAME))
        };
        self.op(key, args, Command::script(&INCREMENT), sum::<T>)
    }

    /// Adds the time to live of a new entry.
    fn ttl_of_new(&self, command: Command) -> Result<Command> {
        Ok(match self.ttl {
            Some(ttl) => command.arg(millis(ttl)?),
            None => command,
        })
    }
}

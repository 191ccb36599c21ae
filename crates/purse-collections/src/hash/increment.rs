//! Sums in a hash.

use std::borrow::Borrow;

use purse_client::{Command, Op, Reply, Result, Script};
use purse_codec::{Codec, DecimalText, IntoArg, IntoPair, Plain};

use super::{RedisHash, with_field};
use crate::bulk::{Bulk, BulkOp};
use crate::conversion::ArgBuffer;
use crate::number::{Float, Integer, finite, float_sum, sum, summands};

static INCREMENT: Script = Script::write(
    "HASH INCREMENT",
    concat!(
        include_str!("../lua/is_less.lua"),
        include_str!("../lua/hash_increment.lua")
    ),
);
static INCREMENT_FLOAT: Script = Script::write(
    "HASH INCREMENT FLOAT",
    include_str!("../lua/hash_increment_float.lua"),
);
static INCREMENT_MANY: Script = Script::write(
    "HASH INCREMENT MANY",
    include_str!("../lua/hash_increment_many.lua"),
);
static INCREMENT_FLOAT_MANY: Script = Script::write(
    "HASH INCREMENT FLOAT MANY",
    include_str!("../lua/hash_increment_float_many.lua"),
);

impl<K, V, C> RedisHash<K, V, C>
where
    K: Send + 'static,
    V: Send + 'static,
    Plain: Codec<K>,
    C: Codec<V>,
{
    /// Adds `by` to a value. A missing value counts as zero. Returns the sum.
    ///
    /// The values are [integers](Integer), in the [decimal text](DecimalText) of `Plain` or `Json`.
    /// The server adds them as `i64`. For `i64` and `i128` the command does all there is to do; for
    /// other types a script looks first whether the type can hold the sum.
    ///
    /// Redis: HINCRBY; for other types than `i64` and `i128` HGET and HINCRBY in a script. Time
    /// complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`Server`](purse_client::ErrorKind::Server) with the code `ERR` if the value is not an integer, or if `V`
    /// or `i64` cannot hold the sum; nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let stock: RedisHash<String, u32> = RedisHash::new(&client, "stock");
    /// assert_eq!(stock.increment("tea", 2).await?, 2);
    /// assert_eq!(stock.increment("tea", -1).await?, 1);
    /// assert!(stock.increment("tea", -3).await.is_err());
    /// assert_eq!(stock.get("tea").await?, Some(1));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HINCRBY")]
    #[doc(alias = "HGET")]
    #[doc(alias = "hincr")]
    pub fn increment(&self, key: impl IntoArg<K>, by: i64) -> Op<V>
    where
        V: Integer,
        C: DecimalText,
    {
        if V::LOWEST == i64::MIN && V::HIGHEST == i64::MAX {
            let args = |command| Ok(with_field(key)(command)?.arg(by));
            return self.0.try_op(args, Command::write("HINCRBY"), sum::<V>);
        }
        let (lowest, highest) = summands::<V>(by);
        let args = |command| {
            let command = with_field(key)(command)?.arg(by);
            let command = command.arg(lowest.to_string()).arg(highest.to_string());
            Ok(command.arg(V::NAME))
        };
        self.0.try_op(args, Command::script(&INCREMENT), sum::<V>)
    }

    /// Adds `by` to a value. A missing value counts as zero. Returns the sum, which the server
    /// rounds to 17 digits after the point.
    ///
    /// The values are [floats](Float), in the [decimal text](DecimalText) of `Plain` or `Json`. The
    /// server's numbers have a wider range, so the script looks first whether the type can hold the
    /// sum.
    ///
    /// Redis: HGET and HINCRBYFLOAT in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if `by` is not finite.
    /// [`Server`](purse_client::ErrorKind::Server) with the code `ERR` if the value is not a number, or if the
    /// sum is not below the highest finite number of `V`; nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let prices: RedisHash<String, f64> = RedisHash::new(&client, "prices");
    /// assert_eq!(prices.increment_float("tea", 2.5).await?, 2.5);
    /// prices.set("gold", 1e308).await?;
    /// assert!(prices.increment_float("gold", 1e308).await.is_err());
    /// assert_eq!(prices.get("gold").await?, Some(1e308));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HINCRBYFLOAT")]
    #[doc(alias = "HGET")]
    #[doc(alias = "hincr")]
    pub fn increment_float(&self, key: impl IntoArg<K>, by: V) -> Op<V>
    where
        V: Float,
        C: DecimalText,
    {
        let args = |command| {
            let by = finite(by)?;
            let command = with_field(key)(command)?.arg(by);
            Ok(command.arg(V::HIGHEST).arg(V::NAME))
        };
        self.0
            .try_op(args, Command::script(&INCREMENT_FLOAT), float_sum::<V>)
    }

    /// Adds to many values. A missing value counts as zero. Returns the sums, in the order of
    /// `items`. A key may occur several times.
    ///
    /// The values are those of [`increment`](Self::increment). The script checks all sums of a
    /// [chunk](crate#chunks) before it stores one of them.
    ///
    /// Redis: HGET and HINCRBY in a script. Time complexity: O(n) for n items. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// # Errors
    /// [`Server`](purse_client::ErrorKind::Server) with the code `ERR` if one of the values is not an integer, or
    /// if `V` or `i64` cannot hold one of the sums; no value of the chunk changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let stock: RedisHash<String, u32> = RedisHash::new(&client, "stock");
    /// assert_eq!(stock.increment_many([("tea", 2), ("milk", 5)]).await?, [2, 5]);
    /// assert!(stock.increment_many([("milk", -1), ("tea", -3)]).await.is_err());
    /// assert_eq!(stock.get_many(["tea", "milk"]).await?, [Some(2), Some(5)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HINCRBY")]
    #[doc(alias = "HGET")]
    #[doc(alias = "hincr")]
    #[doc(alias = "update")]
    pub fn increment_many<'a, I>(&self, items: I) -> BulkOp<'a, Vec<V>>
    where
        I: IntoIterator<
                Item: IntoPair<First: IntoArg<K>, Second: Borrow<i64>>,
                IntoIter: Send + 'a,
            >,
        V: Integer,
        C: DecimalText,
    {
        let write = |item: I::Item, arguments: &mut ArgBuffer| {
            let (key, by) = item.into_pair();
            arguments.encode::<K, Plain>(key)?;
            arguments.append(by.borrow().to_string().into())
        };
        let command = self.0.on_key(Command::script(&INCREMENT_MANY));
        let command = command.arg(V::LOWEST).arg(V::HIGHEST).arg(V::NAME);
        let more = |sums, reply| push_all(sums, reply, sum::<V>);
        Bulk::new(&self.0.client, command).run(items.into_iter(), write, Vec::new(), more)
    }

    /// Adds to many values. A missing value counts as zero. Returns the sums, in the order of
    /// `items`. A key may occur several times.
    ///
    /// The values are those of [`increment_float`](Self::increment_float). The script checks all sums
    /// of a [chunk](crate#chunks) before it stores one of them.
    ///
    /// Redis: HGET and HINCRBYFLOAT in a script. Time complexity: O(n) for n items. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if an amount is not finite.
    /// [`Server`](purse_client::ErrorKind::Server) with the code `ERR` if one of the values is not a number, or if
    /// one of the sums is not below the highest finite number of `V`. No value of the chunk changed
    /// then. If a key occurs several times, its sums must also keep a distance of 2⁻⁴⁰ of that
    /// number.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let prices: RedisHash<String, f64> = RedisHash::new(&client, "prices");
    /// let sums = prices.increment_float_many([("tea", 2.5), ("milk", 0.5)]).await?;
    /// assert_eq!(sums, [2.5, 0.5]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HINCRBYFLOAT")]
    #[doc(alias = "HGET")]
    #[doc(alias = "hincr")]
    pub fn increment_float_many<'a, I>(&self, items: I) -> BulkOp<'a, Vec<V>>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<K>, Second: Borrow<V>>, IntoIter: Send + 'a>,
        V: Float,
        C: DecimalText,
    {
        let write = |item: I::Item, arguments: &mut ArgBuffer| {
            let (key, by) = item.into_pair();
            arguments.encode::<K, Plain>(key)?;
            arguments.append(finite(*by.borrow())?.into())
        };
        let command = self.0.on_key(Command::script(&INCREMENT_FLOAT_MANY));
        let command = command.arg(V::HIGHEST).arg(V::NAME);
        let more = |sums, reply| push_all(sums, reply, float_sum::<V>);
        Bulk::new(&self.0.client, command).run(items.into_iter(), write, Vec::new(), more)
    }
}

/// Adds the sums of a reply.
fn push_all<V>(mut sums: Vec<V>, reply: Reply, read: fn(Reply) -> Result<V>) -> Result<Vec<V>> {
    for sum in reply.into_list()? {
        sums.push(read(sum)?);
    }
    Ok(sums)
}

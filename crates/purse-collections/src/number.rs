//! Types of numbers that the server can add to.

use std::fmt::Display;
use std::str::FromStr;

use purse_client::{Error, ErrorKind, Reply, Result};

/// A type of integers that the server can add to: `i8` to `i128`, `u8` to `u128`, `isize` and
/// `usize`.
///
/// The server counts in 64 bits with a sign, so it refuses to add to larger numbers of the other
/// types. The trait is sealed. Other types have nothing to add to:
///
/// ```compile_fail,E0277
/// # async fn add(client: purse::Client) -> purse::Result<()> {
/// use purse::RedisHash;
///
/// let names: RedisHash<String, String> = RedisHash::new(&client, "names");
/// names.increment("Ada", 1).await?;
/// # Ok(()) }
/// ```
///
/// # Examples
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Integer, Plain, RedisHash, Result};
///
/// async fn count<V: Integer>(visits: &RedisHash<String, V>, page: &str) -> Result<V>
/// where
///     Plain: purse::Codec<V>,
/// {
///     visits.increment(page, 1).await
/// }
/// let visits: RedisHash<String, u8> = RedisHash::new(&client, "visits");
/// assert_eq!(count(&visits, "home").await?, 1_u8);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "the server cannot add an integer to a `{Self}`",
    note = "it adds integers to `i8` … `i128`, `u8` … `u128`, `isize` and `usize`; for `f32` and `f64` use `increment_float`"
)]
pub trait Integer: sealed::Integer {}

/// A type of floats that the server can add to: `f32` and `f64`.
///
/// The trait is sealed. A float is not added to an integer, which has no room for a fraction:
///
/// ```compile_fail,E0277
/// # async fn add(client: purse::Client) -> purse::Result<()> {
/// use purse::RedisHash;
///
/// let visits: RedisHash<String, u32> = RedisHash::new(&client, "visits");
/// visits.increment_float("home", 0.5).await?;
/// # Ok(()) }
/// ```
///
/// # Examples
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::RedisHash;
///
/// let prices: RedisHash<String, f32> = RedisHash::new(&client, "prices");
/// assert_eq!(prices.increment_float("tea", 2.5).await?, 2.5_f32);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "the server cannot add a float to a `{Self}`",
    note = "it adds floats to `f32` and `f64`; for integers use `increment`"
)]
pub trait Float: sealed::Float + FromStr + Display {}

/// A type of numbers that a [`RedisCounter`](crate::RedisCounter) can count in: every [`Integer`]
/// and [`Float`].
///
/// The trait is sealed.
///
/// # Examples
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Codec, Number, Plain, RedisCounter, Result};
///
/// async fn reset<N: Number>(counters: &[RedisCounter<N>]) -> Result<Vec<N>>
/// where
///     Plain: Codec<N>,
/// {
///     let mut last = Vec::new();
///     for counter in counters {
///         last.push(counter.take().await?);
///     }
///     Ok(last)
/// }
/// let visits: RedisCounter<u32> = RedisCounter::new(&client, "visits");
/// visits.add(3).await?;
/// assert_eq!(reset(&[visits]).await?, [3]);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(message = "a counter cannot count in `{Self}`")]
pub trait Number: sealed::Number {}

pub(crate) mod sealed {
    #![expect(unnameable_types, reason = "they seal the traits")]

    /// A type of numbers.
    pub trait Number: Send + Sized + 'static {
        /// The number of a counter that does not exist.
        const ZERO: Self;
    }

    /// The range of a type of integers, as far as the server adds to it.
    pub trait Integer: Send + Sized + 'static {
        /// The name of the type.
        const NAME: &'static str;
        /// The lowest number that the type and the server can hold.
        const LOWEST: i64;
        /// The highest number that the type and the server can hold.
        const HIGHEST: i64;

        /// Converts a number, if the type can hold it.
        fn from_sum(sum: i64) -> Option<Self>;

        /// Converts to 128 bits; more than that is the highest number.
        fn widen(&self) -> i128;
    }

    /// The range of a type of floats.
    pub trait Float: Copy + Send + 'static {
        /// The name of the type.
        const NAME: &'static str;
        /// The highest finite number of the type.
        const HIGHEST: f64;

        /// Returns whether the number is finite.
        fn is_finite(self) -> bool;
    }
}

macro_rules! integers {
    ($($type:ident: $lowest:expr, $highest:expr;)*) => {$(
        impl Integer for $type {}

        impl sealed::Integer for $type {
            const NAME: &'static str = stringify!($type);
            const LOWEST: i64 = $lowest;
            const HIGHEST: i64 = $highest;

            fn from_sum(sum: i64) -> Option<Self> {
                Self::try_from(sum).ok()
            }

            fn widen(&self) -> i128 {
                i128::try_from(*self).unwrap_or(i128::MAX)
            }
        }

        impl Number for $type {}

        impl sealed::Number for $type {
            const ZERO: Self = 0;
        }
    )*};
}

integers! {
    i8: i8::MIN as i64, i8::MAX as i64;
    i16: i16::MIN as i64, i16::MAX as i64;
    i32: i32::MIN as i64, i32::MAX as i64;
    i64: i64::MIN, i64::MAX;
    i128: i64::MIN, i64::MAX;
    isize: isize::MIN as i64, isize::MAX as i64;
    u8: 0, u8::MAX as i64;
    u16: 0, u16::MAX as i64;
    u32: 0, u32::MAX as i64;
    u64: 0, i64::MAX;
    u128: 0, i64::MAX;
    usize: 0, if usize::BITS < 64 { usize::MAX as i64 } else { i64::MAX };
}

macro_rules! floats {
    ($($type:ident)*) => {$(
        impl Float for $type {}

        impl sealed::Float for $type {
            const NAME: &'static str = stringify!($type);
            const HIGHEST: f64 = $type::MAX as f64;

            fn is_finite(self) -> bool {
                self.is_finite()
            }
        }

        impl Number for $type {}

        impl sealed::Number for $type {
            const ZERO: Self = 0.0;
        }
    )*};
}

floats! { f32 f64 }

/// Returns the lowest and the highest number to which `by` may be added.
pub(crate) fn summands<V: Integer>(by: i64) -> (i128, i128) {
    let lowest = (i128::from(V::LOWEST) - i128::from(by)).max(V::LOWEST.into());
    let highest = (i128::from(V::HIGHEST) - i128::from(by)).min(V::HIGHEST.into());
    (lowest, highest)
}

/// Returns an increment as text.
pub(crate) fn finite<V: Float>(by: V) -> Result<String> {
    if by.is_finite() {
        let text = by.to_string();
        // The server never writes a negative zero.
        return Ok(if text == "-0" { "0".to_owned() } else { text });
    }
    let message = "the increment must be finite";
    Err(Error::new(ErrorKind::InvalidInput, message))
}

/// Reads a sum, which the script found to be in the range of the type.
pub(crate) fn sum<V: Integer>(reply: Reply) -> Result<V> {
    let sum = reply.into_int()?;
    V::from_sum(sum).ok_or_else(|| out_of_range(V::NAME))
}

/// Reads a sum, which the script found to be in the range of the type.
pub(crate) fn float_sum<V: Float>(reply: Reply) -> Result<V> {
    let bytes = reply.into_bytes()?;
    let sum = str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.parse().ok());
    sum.filter(|sum: &V| sum.is_finite())
        .ok_or_else(|| out_of_range(V::NAME))
}

fn out_of_range(name: &str) -> Error {
    let message = format!("the sum is out of the range of {name}");
    Error::new(ErrorKind::Protocol, message)
}

//! Times to live.

use std::time::{Duration, SystemTime};

use purse_client::{Command, Error, ErrorKind, Reply, Result};

/// A time to live of a key, or of an entry of a hash.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use std::time::Duration;
///
/// use purse::{RedisSet, Ttl};
///
/// let seen: RedisSet<u64> = RedisSet::new(&client, "seen");
/// assert_eq!(seen.ttl().await?, Ttl::Missing);
/// seen.add(4711).await?;
/// assert_eq!(seen.ttl().await?, Ttl::Persistent);
/// seen.expire(Duration::from_secs(60)).await?;
/// assert!(matches!(seen.ttl().await?, Ttl::Expires(left) if left <= Duration::from_secs(60)));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// The key does not exist.
    Missing,
    /// The key stays until it is removed.
    Persistent,
    /// The key is removed automatically after this time, which is a whole number of milliseconds.
    Expires(Duration),
}

impl Ttl {
    /// Returns the time left; `None` if there is no time to live.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use purse::Ttl;
    ///
    /// let minute = Duration::from_secs(60);
    /// assert_eq!(Ttl::Expires(minute).remaining(), Some(minute));
    /// assert_eq!(Ttl::Persistent.remaining(), None);
    /// ```
    #[must_use]
    pub const fn remaining(self) -> Option<Duration> {
        match self {
            Self::Expires(left) => Some(left),
            Self::Missing | Self::Persistent => None,
        }
    }

    /// Reads the reply of PTTL.
    pub(crate) fn read(reply: Reply) -> Result<Self> {
        match reply.into_int()? {
            -2 => Ok(Self::Missing),
            -1 => Ok(Self::Persistent),
            millis => u64::try_from(millis)
                .map(|millis| Self::Expires(Duration::from_millis(millis)))
                .map_err(|_| {
                    Error::new(
                        ErrorKind::Protocol,
                        "the server answered a negative time to live",
                    )
                }),
        }
    }
}

/// A condition for giving something a new time to live.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use std::time::Duration;
///
/// use purse::{ErrorKind, ExpiryCondition, RedisHash};
///
/// let codes: RedisHash<String, u32> = RedisHash::new(&client, "codes");
/// codes.set("Ada", 4711).await?;
/// let minute = Duration::from_secs(60);
/// match codes.expire_field_if("Ada", minute, ExpiryCondition::OnlyExpiring).await {
///     Ok(changed) => assert!(!changed), // it stays until it is removed
///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExpiryCondition {
    /// Always.
    Always,
    /// Only if there is no time to live.
    #[doc(alias = "NX")]
    OnlyPersistent,
    /// Only if there is a time to live.
    #[doc(alias = "XX")]
    OnlyExpiring,
    /// Only if there is a time to live that is shorter than the new one.
    #[doc(alias = "GT")]
    OnlyLonger,
    /// Only if there is a time to live that is longer than the new one, or none.
    #[doc(alias = "LT")]
    OnlyShorter,
}

impl ExpiryCondition {
    /// Adds the condition to a command that sets a time to live.
    pub(crate) fn on(self, command: Command) -> Command {
        command.args(match self {
            Self::Always => None,
            Self::OnlyPersistent => Some("NX"),
            Self::OnlyExpiring => Some("XX"),
            Self::OnlyLonger => Some("GT"),
            Self::OnlyShorter => Some("LT"),
        })
    }
}

/// The longest time to live, about 146 million years. The server adds the current time to it.
const MAX_MILLIS: i64 = i64::MAX / 2;

/// Converts a time to live to milliseconds, rounded up.
///
/// The server would read less than a millisecond as zero, and zero as "delete it now".
pub(crate) fn millis(ttl: Duration) -> Result<i64> {
    if ttl < Duration::from_millis(1) {
        return Err(invalid(
            "a time to live below one millisecond would delete at once",
        ));
    }
    let millis = ttl.as_nanos().div_ceil(1_000_000);
    i64::try_from(millis)
        .ok()
        .filter(|&millis| millis <= MAX_MILLIS)
        .ok_or_else(|| invalid("the time to live is longer than the server can count"))
}

/// Converts a point in time to milliseconds since 1970, rounded up.
pub(crate) fn unix_millis(at: SystemTime) -> Result<i64> {
    if at <= SystemTime::now() {
        return Err(invalid("a time that has passed would delete at once"));
    }
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|_| invalid("a time before 1970"))
        .and_then(millis)
}

/// Returns the error of an argument that cannot be used.
pub(crate) fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
        result.expect_err("should be refused").kind()
    }

    #[test]
    fn ttl_that_deletes_at_once_is_refused() {
        for ttl in [
            Duration::ZERO,
            Duration::from_nanos(1),
            Duration::from_micros(999),
        ] {
            assert_eq!(kind(millis(ttl)), ErrorKind::InvalidInput, "{ttl:?}");
        }
        assert_eq!(
            kind(unix_millis(SystemTime::now())),
            ErrorKind::InvalidInput
        );
        assert_eq!(
            kind(unix_millis(SystemTime::UNIX_EPOCH)),
            ErrorKind::InvalidInput
        );
    }

    #[test]
    fn ttl_out_of_range_is_refused() {
        assert_eq!(kind(millis(Duration::MAX)), ErrorKind::InvalidInput);
        assert_eq!(
            kind(millis(Duration::from_secs(u64::MAX / 1000))),
            ErrorKind::InvalidInput
        );
    }

    #[test]
    fn a_part_of_a_millisecond_counts_as_a_whole_one() {
        assert_eq!(millis(Duration::from_millis(1)).ok(), Some(1));
        assert_eq!(millis(Duration::from_micros(1_001)).ok(), Some(2));
        assert_eq!(millis(Duration::from_secs(60)).ok(), Some(60_000));
    }
}

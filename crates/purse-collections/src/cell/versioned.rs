//! A value with a version.

use std::fmt;

use purse_client::{Backoff, Client, Command, Error, ErrorKind, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg, Plain};

use super::{FIRST_PAUSE, MAX_ATTEMPTS, MAX_PAUSE};
use crate::conversion::{decode, encode};
use crate::handle::{Handle, handle_traits};
use crate::redis_key::key_methods;

static STORE: Script = Script::write(
    "VERSIONED STORE",
    include_str!("../lua/versioned_store.lua"),
);

/// A value of type `T` with a version that grows with each write.
///
/// Every write happens exactly once, also if its reply is lost: the client sends the write again
/// with the same [receipt](Client::run_exactly_once), and the server answers it as it did before.
/// [`update`](Self::update) by `|n| n + 1` therefore counts each call once, regardless of what other
/// clients write in between. A comparison of versions also needs no particular codec, and notices a value
/// that was replaced and set again.
///
/// The value is a hash on the server, with the version in `v` and the encoded value in `d`. The
/// version of a new value is the server's time in microseconds, so that it is higher than the
/// versions of a value that was removed before.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisVersioned};
///
/// let client = Client::connect(&url).await?;
/// let stock: RedisVersioned<u32> = RedisVersioned::new(&client, "stock");
/// let (count, version) = stock.update(|count| count.unwrap_or(&0) + 5).await?;
/// assert_eq!(count, 5);
///
/// // Another writer.
/// let (_, newer) = stock.update(|count| count.unwrap_or(&0) + 1).await?;
/// assert!(newer > version);
/// assert_eq!(stock.store_if(version, 4).await?, Err(Some((6, newer))));
/// # Ok(()) }
/// ```
#[doc(alias = "WATCH")]
pub struct RedisVersioned<T, C = Plain>(Handle<(T, C)>);

/// The version of a value of a [`RedisVersioned`]. A later version of the same value is greater.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{RedisVersioned, Version};
///
/// let page: RedisVersioned<String> = RedisVersioned::new(&client, "page");
/// page.update(|_| "draft".to_owned()).await?;
/// let (text, version): (String, Version) = page.load().await?.expect("a page");
/// // Such as the ETag of a response.
/// let tag = version.to_string();
/// assert_eq!(Version::from(tag.parse::<u64>().expect("a number")), version);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl From<u64> for Version {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl From<Version> for u64 {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A value and its version, if there is one.
type Current<T> = Option<(T, Version)>;

impl<T, C> RedisVersioned<T, C> {
    /// Creates a handle of the value at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisVersioned;
    ///
    /// let page: RedisVersioned<String> = RedisVersioned::new(&client, "page");
    /// assert_eq!(page.load().await?, None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    key_methods!(
        0,
        [
            "stock",
            "RedisVersioned",
            "<u32>",
            "update(|count| count.unwrap_or(&0) + 5)"
        ]
    );
}

impl<T: Send + 'static, C: Codec<T>> RedisVersioned<T, C> {
    /// Returns the value and its version; `None` if there is no value.
    ///
    /// Redis: HMGET. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisVersioned;
    ///
    /// let stock: RedisVersioned<u32> = RedisVersioned::new(&client, "stock");
    /// let stored = stock.update(|_| 5).await?;
    /// assert_eq!(stock.load().await?, Some(stored));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HMGET")]
    pub fn load(&self) -> Op<Option<(T, Version)>> {
        let command = Command::read("HMGET").arg("v").arg("d");
        self.0.op(command, |reply| {
            let [version, value] = reply.into_array()?;
            read::<T, C>(version.non_nil(), value.non_nil())
        })
    }

    /// Sets the value if its version is `version`, or if there is no value and `version` is `None`.
    /// Returns `Ok` with the new version if it did. Otherwise the value does not change, and the
    /// result is `Err` with the current value and version.
    ///
    /// The value is set once, although a reply may be lost: see
    /// [`Client::run_exactly_once`].
    ///
    /// Redis: GET, SET, HMGET and HSET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`Ambiguous`](ErrorKind::Ambiguous) only if no reply arrived in time.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisVersioned;
    ///
    /// let stock: RedisVersioned<u32> = RedisVersioned::new(&client, "stock");
    /// let first = stock.store_if(None, 5).await?.expect("no other writer");
    /// let second = stock.store_if(first, 4).await?.expect("no other writer");
    /// assert_eq!(stock.store_if(first, 9).await?, Err(Some((4, second))));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "HMGET")]
    #[doc(alias = "HSET")]
    pub async fn store_if(
        &self,
        version: impl Into<Option<Version>>,
        value: impl IntoArg<T>,
    ) -> Result<std::result::Result<Version, Option<(T, Version)>>> {
        let command = self.store_command(version.into(), value);
        self.store(command).await
    }

    /// Replaces the value by what `update` makes of it, exactly once. Returns the new value and
    /// version. `update` is given `None` if there is no value.
    ///
    /// If another caller writes between the read and the write, `update` runs again with the new
    /// value, after a random pause.
    ///
    /// Redis: HMGET; GET, SET, HMGET and HSET in a script. Time complexity: O(1). Round trips: 2, and
    /// 1 more for each write of another caller.
    ///
    /// # Errors
    /// [`Ambiguous`](ErrorKind::Ambiguous) only if no reply to the write arrived in time: the value
    /// was updated once, or not. [`Timeout`](ErrorKind::Timeout) if other callers wrote in between
    /// 1,000 times in a row; nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisVersioned;
    ///
    /// let votes: RedisVersioned<u64> = RedisVersioned::new(&client, "votes");
    /// votes.update(|votes| votes.map_or(1, |votes| votes + 1)).await?;
    /// let (votes, _) = votes.update(|votes| votes.map_or(1, |votes| votes + 1)).await?;
    /// assert_eq!(votes, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "HMGET")]
    #[doc(alias = "HSET")]
    pub async fn update(&self, mut update: impl FnMut(Option<&T>) -> T) -> Result<(T, Version)> {
        let mut current = self.load().await?;
        let mut backoff = Backoff::new(FIRST_PAUSE, MAX_PAUSE);
        for attempt in 0..MAX_ATTEMPTS {
            self.pause(attempt, &mut backoff).await;
            let new = update(value_of(&current));
            let command = self.store_command(version_of(&current), &new);
            match self.store(command).await? {
                Ok(version) => return Ok((new, version)),
                Err(other) => current = other,
            }
        }
        Err(self.conflicts())
    }

    /// Replaces the value by what `update` makes of it, exactly once, unless that is `None`. Returns
    /// `Ok` with the previous value, or `Err` with the current value if `update` returned `None`.
    ///
    /// If another caller writes between the read and the write, `update` runs again with the new
    /// value, after a random pause.
    ///
    /// Redis: HMGET; GET, SET, HMGET and HSET in a script. Time complexity: O(1). Round trips: 2, and
    /// 1 more for each write of another caller.
    ///
    /// # Errors
    /// The errors of [`update`](Self::update).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisVersioned;
    ///
    /// let seats: RedisVersioned<u32> = RedisVersioned::new(&client, "seats");
    /// seats.store_if(None, 1).await?.expect("no other writer");
    /// let take = |seats: Option<&u32>| seats.and_then(|seats| seats.checked_sub(1));
    /// assert_eq!(seats.fetch_update(take).await?, Ok(Some(1)));
    /// assert_eq!(seats.fetch_update(take).await?, Err(Some(0)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "HMGET")]
    #[doc(alias = "HSET")]
    #[doc(alias = "try_update")]
    pub async fn fetch_update(
        &self,
        mut update: impl FnMut(Option<&T>) -> Option<T>,
    ) -> Result<std::result::Result<Option<T>, Option<T>>> {
        let mut current = self.load().await?;
        let mut backoff = Backoff::new(FIRST_PAUSE, MAX_PAUSE);
        for attempt in 0..MAX_ATTEMPTS {
            self.pause(attempt, &mut backoff).await;
            let Some(new) = update(value_of(&current)) else {
                return Ok(Err(current.map(|(value, _)| value)));
            };
            let command = self.store_command(version_of(&current), new);
            match self.store(command).await? {
                Ok(_) => return Ok(Ok(current.map(|(value, _)| value))),
                Err(other) => current = other,
            }
        }
        Err(self.conflicts())
    }

    /// Waits before an attempt that follows two conflicts.
    async fn pause(&self, attempt: u32, backoff: &mut Backoff) {
        if attempt > 1 {
            backoff.pause().await;
        }
    }

    /// Returns the error of an update that met a conflict at each attempt.
    fn conflicts(&self) -> Error {
        let message = "other callers wrote between each read and write of the update";
        let error = Error::new(ErrorKind::Timeout, message);
        self.0.about(STORE.name(), error)
    }

    fn store_command(&self, version: Option<Version>, value: impl IntoArg<T>) -> Result<Command> {
        let version = version.map_or_else(String::new, |version| version.to_string());
        let value = encode::<T, C>(value).map_err(|error| self.0.about(STORE.name(), error))?;
        let command = self.0.on_key(Command::script(&STORE));
        Ok(command.arg(version).arg(value))
    }

    async fn store(
        &self,
        command: Result<Command>,
    ) -> Result<std::result::Result<Version, Current<T>>> {
        let reply = self.0.client.run_exactly_once(command?).await?;
        read_stored::<T, C>(reply).map_err(|error| self.0.about(STORE.name(), error))
    }
}

fn value_of<T>(current: &Current<T>) -> Option<&T> {
    current.as_ref().map(|(value, _)| value)
}

fn version_of<T>(current: &Current<T>) -> Option<Version> {
    current.as_ref().map(|(_, version)| *version)
}

/// Reads the answer of the script.
fn read_stored<T, C: Codec<T>>(reply: Reply) -> Result<std::result::Result<Version, Current<T>>> {
    let mut parts = reply.into_list()?.into_iter();
    let mut next = || parts.next().and_then(Reply::non_nil);
    let is_stored = next().map_or(Ok(false), Reply::into_bool)?;
    let (version, value) = (next(), next());
    if is_stored {
        let version = version.map(read_version).transpose()?;
        let version = version.ok_or_else(|| not_versioned("the version is missing"))?;
        return Ok(Ok(version));
    }
    read::<T, C>(version, value).map(Err)
}

fn read<T, C: Codec<T>>(version: Option<Reply>, value: Option<Reply>) -> Result<Current<T>> {
    match (version, value) {
        (None, None) => Ok(None),
        (Some(version), Some(value)) => Ok(Some((decode::<T, C>(value)?, read_version(version)?))),
        (None, Some(_)) => Err(not_versioned("the hash has a field d and no field v")),
        (Some(_), None) => Err(not_versioned("the hash has a field v and no field d")),
    }
}

/// Reads a version. Only the shortest text of a number can be compared as text.
fn read_version(reply: Reply) -> Result<Version> {
    let bytes = reply.into_bytes()?;
    let number = str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.parse().ok());
    match number.filter(|number: &u64| number.to_string().as_bytes() == &*bytes) {
        Some(number) => Ok(Version(number)),
        None => Err(not_versioned("the version is not a number").with_bytes(bytes)),
    }
}

fn not_versioned(why: &'static str) -> Error {
    Error::new(
        ErrorKind::Decode,
        format!("the key does not hold a versioned value: {why}"),
    )
}

handle_traits!(RedisVersioned<T, C>);

//! Options for setting a key, and the result.

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Command, Result};

use crate::ttl::millis;

/// Options of [`RedisKeySpace::set_with`](crate::RedisKeySpace::set_with). Without any, the key is
/// always set, with the default time to live of the handle. If there is no default, it stays until
/// it is removed.
///
/// ```
/// use std::time::Duration;
///
/// use purse::SetOptions;
///
/// let session = SetOptions::new().ttl(Duration::from_secs(60)).if_absent();
/// assert_ne!(session, SetOptions::new());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[must_use = "options do nothing until a key is set with them"]
pub struct SetOptions {
    lifetime: Lifetime,
    condition: Option<Condition>,
    return_old: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Lifetime {
    /// The default of the key space.
    #[default]
    Default,
    Persistent,
    Expires(Duration),
    Kept,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Condition {
    Absent,
    Present,
}

impl SetOptions {
    /// Creates options that change nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{RedisKeySpace, SetOptions};
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// // Without options, `set_with` is `set`.
    /// assert!(app.set_with("name", "Ada", SetOptions::new()).await?.is_set());
    /// # Ok(()) }
    /// ```
    pub const fn new() -> Self {
        Self {
            lifetime: Lifetime::Default,
            condition: None,
            return_old: false,
        }
    }

    /// Removes the key after `ttl`, rounded up to a whole millisecond. Replaces
    /// [`keep_ttl`](Self::keep_ttl) and [`persist`](Self::persist).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::{RedisKeySpace, SetOptions};
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set_with("name", "Ada", SetOptions::new().ttl(Duration::from_secs(60))).await?;
    /// assert!(app.ttl("name").await?.remaining().is_some());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PX")]
    #[doc(alias = "EX")]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.lifetime = Lifetime::Expires(ttl);
        self
    }

    /// Keeps the time to live that the key has. A new key has the default of the handle, or none if
    /// there is no default. Replaces [`ttl`](Self::ttl) and [`persist`](Self::persist).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::{RedisKeySpace, SetOptions};
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set_with("name", "Ada", SetOptions::new().ttl(Duration::from_secs(60))).await?;
    /// app.set_with("name", "Bob", SetOptions::new().keep_ttl()).await?;
    /// assert!(app.ttl("name").await?.remaining().is_some());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "KEEPTTL")]
    pub const fn keep_ttl(mut self) -> Self {
        self.lifetime = Lifetime::Kept;
        self
    }

    /// Lets the key stay until it is removed, also if the handle has a default time to live. Replaces
    /// [`ttl`](Self::ttl) and [`keep_ttl`](Self::keep_ttl).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::{RedisKeySpace, SetOptions, Ttl};
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// let app = app.with_ttl(Duration::from_secs(60));
    /// app.set_with("name", "Ada", SetOptions::new().persist()).await?;
    /// assert_eq!(app.ttl("name").await?, Ttl::Persistent);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PERSIST")]
    pub const fn persist(mut self) -> Self {
        self.lifetime = Lifetime::Persistent;
        self
    }

    /// Sets the key only if it does not exist. Replaces [`if_present`](Self::if_present).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{RedisKeySpace, SetOptions};
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// let options = SetOptions::new().if_absent();
    /// assert!(app.set_with("name", "Ada", options).await?.is_set());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "NX")]
    pub const fn if_absent(mut self) -> Self {
        self.condition = Some(Condition::Absent);
        self
    }

    /// Sets the key only if it exists. Replaces [`if_absent`](Self::if_absent).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{RedisKeySpace, SetOptions};
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// let options = SetOptions::new().if_present();
    /// assert!(!app.set_with("name", "Ada", options).await?.is_set());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "XX")]
    pub const fn if_present(mut self) -> Self {
        self.condition = Some(Condition::Present);
        self
    }

    /// Asks for the previous value of the key.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{RedisKeySpace, SetOptions, SetOutcome};
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set("name", "Ada").await?;
    /// let outcome = app.set_with("name", "Bob", SetOptions::new().return_old()).await?;
    /// assert_eq!(outcome, SetOutcome::Set(Some("Ada".to_owned())));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    pub const fn return_old(mut self) -> Self {
        self.return_old = true;
        self
    }

    pub(crate) const fn returns_old(self) -> bool {
        self.return_old
    }

    /// Replaces the default time to live by that of a key space. A key that did not exist has none
    /// to keep.
    pub(crate) fn resolve(mut self, default: Option<Duration>) -> Self {
        let is_new = self.condition == Some(Condition::Absent);
        self.lifetime = match (self.lifetime, default) {
            (Lifetime::Default, Some(ttl)) => Lifetime::Expires(ttl),
            (Lifetime::Default, None) => Lifetime::Persistent,
            (Lifetime::Kept, Some(ttl)) if is_new => Lifetime::Expires(ttl),
            (lifetime, _) => lifetime,
        };
        self
    }

    /// Returns the time to live that only a new key gets, if the options cannot tell before whether
    /// the key is new.
    pub(crate) fn ttl_of_new(self, default: Option<Duration>) -> Option<Duration> {
        default.filter(|_| self.lifetime == Lifetime::Kept && self.condition.is_none())
    }

    /// Adds the value and the options to SET.
    pub(crate) fn add_to(self, command: Command, value: Bytes) -> Result<Command> {
        let command = command.arg(value);
        let command = match self.lifetime {
            Lifetime::Default | Lifetime::Persistent => command,
            Lifetime::Expires(ttl) => command.arg("PX").arg(millis(ttl)?),
            Lifetime::Kept => command.arg("KEEPTTL"),
        };
        Ok(match self.condition {
            None => command,
            Some(Condition::Absent) => command.arg("NX"),
            Some(Condition::Present) => command.arg("XX"),
        })
    }
}

/// A result of [`RedisKeySpace::set_with`](crate::RedisKeySpace::set_with).
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{RedisKeySpace, SetOptions};
///
/// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
/// app.set("name", "Ada").await?;
/// let outcome = app.set_with("name", "Bob", SetOptions::new().if_absent()).await?;
/// assert!(!outcome.is_set());
/// assert_eq!(app.get("name").await?.as_deref(), Some("Ada"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetOutcome<T> {
    /// The key is set. Holds the previous value, if the options ask for it and there was one.
    Set(Option<T>),
    /// The condition of the options did not hold, and nothing changed. Holds the current value, if
    /// the options ask for it and there is one.
    NotSet(Option<T>),
}

impl<T> SetOutcome<T> {
    /// Returns whether the key is set.
    ///
    /// ```
    /// use purse::SetOutcome;
    ///
    /// assert!(SetOutcome::Set(Some("Ada")).is_set());
    /// assert!(!SetOutcome::NotSet(Some("Ada")).is_set());
    /// ```
    #[must_use]
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::Set(_))
    }

    /// Returns the previous value of the key, if the options ask for it and there was one.
    ///
    /// ```
    /// use purse::SetOutcome;
    ///
    /// assert_eq!(SetOutcome::Set(Some("Ada")).into_old(), Some("Ada"));
    /// ```
    #[must_use]
    pub fn into_old(self) -> Option<T> {
        match self {
            Self::Set(old) | Self::NotSet(old) => old,
        }
    }
}

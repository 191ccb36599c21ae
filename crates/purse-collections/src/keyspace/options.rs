//! SetOperation a key is set, and what came of it.

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Command, Result};

use crate::ttl::millis;

/// SetOperation [`RedisKeySpace::set_with`](crate::RedisKeySpace::set_with) sets a key. Without any option
/// it always does, and the key stays until it is removed.
///
/// ```
/// use std::time::Duration;
///
/// use purse_collections::SetOptions;
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
    #[default]
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
    /// No option.
    pub const fn new() -> Self {
        Self {
            lifetime: Lifetime::Persistent,
            condition: None,
            return_old: false,
        }
    }

    /// Lets the key go by itself after `ttl`, rounded up to a whole millisecond. Takes the place of
    /// [`keep_ttl`](Self::keep_ttl).
    #[doc(alias = "PX")]
    #[doc(alias = "EX")]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.lifetime = Lifetime::Expires(ttl);
        self
    }

    /// Leaves the key the time to live that it has. Takes the place of [`ttl`](Self::ttl).
    #[doc(alias = "KEEPTTL")]
    pub const fn keep_ttl(mut self) -> Self {
        self.lifetime = Lifetime::Kept;
        self
    }

    /// Sets the key only if it is not there. Takes the place of [`if_present`](Self::if_present).
    #[doc(alias = "NX")]
    pub const fn if_absent(mut self) -> Self {
        self.condition = Some(Condition::Absent);
        self
    }

    /// Sets the key only if it is there. Takes the place of [`if_absent`](Self::if_absent).
    #[doc(alias = "XX")]
    pub const fn if_present(mut self) -> Self {
        self.condition = Some(Condition::Present);
        self
    }

    /// Asks for the value that the key had.
    #[doc(alias = "GET")]
    pub const fn return_old(mut self) -> Self {
        self.return_old = true;
        self
    }

    pub(crate) const fn returns_old(self) -> bool {
        self.return_old
    }

    /// Adds the value and the options to SET.
    pub(crate) fn add_to(self, command: Command, value: Bytes) -> Result<Command> {
        let command = command.arg(value);
        let command = match self.lifetime {
            Lifetime::Persistent => command,
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

/// What came of [`RedisKeySpace::set_with`](crate::RedisKeySpace::set_with).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetOutcome<T> {
    /// The key is set. With the value it had, where the options ask for that and there was one.
    Set(Option<T>),
    /// The condition of the options did not hold, and nothing changed. With the value that is
    /// there, where the options ask for that and there is one.
    NotSet(Option<T>),
}

impl<T> SetOutcome<T> {
    /// Whether the key is set.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::Set(_))
    }

    /// The value that the key had before, where the options ask for it and there was one.
    #[must_use]
    pub fn into_old(self) -> Option<T> {
        match self {
            Self::Set(old) | Self::NotSet(old) => old,
        }
    }
}

//! The servers that this crate knows.

use std::fmt;

/// The server to run: the first one that is found, or a pinned release.
///
/// A pinned release is fetched once, checked by its hash and kept in `$PURSE_TESTKIT_CACHE`, else
/// `$XDG_CACHE_HOME/purse-testkit`, else `~/.cache/purse-testkit`.
///
/// ```
/// use purse_testkit::{Release, Server};
///
/// for release in Release::ALL {
///     println!("{release}: {}", if release.is_prebuilt_here() { "can be fetched" } else { "-" });
/// }
/// let server = Server::builder().release(Release::Default).start()?;
/// println!("{} runs", server.binary());
/// # Ok::<_, purse_testkit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Release {
    /// The binary that `PURSE_SERVER` names; else `valkey-server`, else `redis-server` on `PATH`;
    /// else [`Release::Valkey9_1`].
    #[default]
    Default,
    /// Valkey 9.1.2.
    Valkey9_1,
    /// Valkey 8.1.8.
    Valkey8_1,
    /// Redis 8.2.3, without its modules.
    Redis8_2,
    /// Redis 6.2.14.
    Redis6_2_14,
    /// Redis 6.2.5.
    Redis6_2_5,
    /// Redis 6.0.9.
    Redis6_0_9,
}

impl Release {
    /// Every pinned release, newest first.
    pub const ALL: &'static [Self] = &[
        Self::Valkey9_1,
        Self::Valkey8_1,
        Self::Redis8_2,
        Self::Redis6_2_14,
        Self::Redis6_2_5,
        Self::Redis6_0_9,
    ];

    /// Returns the flavour and version of a pinned release, known before it is fetched; `None` for
    /// [`Release::Default`].
    ///
    /// ```
    /// use purse_testkit::{Flavour, Release, Version};
    ///
    /// assert_eq!(Release::Redis6_2_5.pinned_version(), Some((Flavour::Redis, Version::new(6, 2, 5))));
    /// assert_eq!(Release::Default.pinned_version(), None);
    /// ```
    pub fn pinned_version(self) -> Option<(Flavour, Version)> {
        match self {
            Self::Default => None,
            Self::Valkey9_1 => Some((Flavour::Valkey, Version::new(9, 1, 2))),
            Self::Valkey8_1 => Some((Flavour::Valkey, Version::new(8, 1, 8))),
            Self::Redis8_2 => Some((Flavour::Redis, Version::new(8, 2, 3))),
            Self::Redis6_2_14 => Some((Flavour::Redis, Version::new(6, 2, 14))),
            Self::Redis6_2_5 => Some((Flavour::Redis, Version::new(6, 2, 5))),
            Self::Redis6_0_9 => Some((Flavour::Redis, Version::new(6, 0, 9))),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pinned_version() {
            None => f.write_str("default server"),
            Some((flavour, version)) => write!(f, "{flavour} {version}"),
        }
    }
}

/// The family that a server belongs to.
///
/// ```
/// use purse_testkit::{Flavour, Server};
///
/// let server = Server::start()?;
/// match server.binary().flavour() {
///     Flavour::Redis => println!("test what only Redis has"),
///     Flavour::Valkey => println!("test what only Valkey has"),
///     _ => println!("test what both have"),
/// }
/// # Ok::<_, purse_testkit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Flavour {
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
        })
    }
}

/// The version numbers of a server; compare them only within one [`Flavour`].
///
/// ```
/// use purse_testkit::{Flavour, Server, Version};
///
/// let server = Server::start()?;
/// let binary = server.binary();
/// let expires_fields = match binary.flavour() {
///     Flavour::Redis => binary.version() >= Version::new(7, 4, 0),
///     Flavour::Valkey => binary.version() >= Version::new(9, 0, 0),
///     _ => false,
/// };
/// println!("HPEXPIRE: {expires_fields}");
/// # Ok::<_, purse_testkit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second number.
    pub minor: u16,
    /// The third number.
    pub patch: u16,
}

impl Version {
    /// The version `major.minor.patch`.
    ///
    /// ```
    /// use purse_testkit::Version;
    ///
    /// let version = Version::new(9, 1, 2);
    /// assert!(version >= Version::new(8, 0, 0));
    /// assert_eq!(version.to_string(), "9.1.2");
    /// ```
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.splitn(3, '.').map(|number| {
            // A release candidate says "8.0.0-rc1".
            let digits = number.find(|c: char| !c.is_ascii_digit());
            number[..digits.unwrap_or(number.len())].parse().ok()
        });
        Some(Self::new(
            numbers.next()??,
            numbers.next()??,
            numbers.next()??,
        ))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

//! Login data.

use std::fmt;

/// The user name and password with which a client logs in.
///
/// `Debug` does not show the password.
///
/// # Examples
/// ```
/// use purse::Credentials;
///
/// let app = Credentials::new("app", "secret");
/// let default_user = Credentials::password("secret");
/// assert!(!format!("{app:?} {default_user:?}").contains("secret"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    username: Option<String>,
    password: String,
}

impl Credentials {
    /// Makes the login data of a user. A user without a password has an empty one.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// use purse::{Client, Credentials};
    ///
    /// server.user("app", "p@ss/word", "~* +@all")?;
    /// let client = Client::builder(&url)
    ///     .credentials(Credentials::new("app", "p@ss/word"))
    ///     .connect()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: Some(username.into()),
            password: password.into(),
        }
    }

    /// Makes the login data of the default user.
    ///
    /// # Examples
    /// ```
    /// use purse::{Client, Credentials};
    ///
    /// let builder = Client::builder("redis://127.0.0.1").credentials(Credentials::password("secret"));
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn password(password: impl Into<String>) -> Self {
        Self {
            username: None,
            password: password.into(),
        }
    }

    /// Makes login data of two optional parts. Without a user and a password there are none.
    pub(crate) fn from_parts(username: Option<&str>, password: Option<&str>) -> Option<Self> {
        let username = username.filter(|name| !name.is_empty());
        let password = password.filter(|password| !password.is_empty());
        match (username, password) {
            (Some(username), password) => Some(Self::new(username, password.unwrap_or_default())),
            (None, Some(password)) => Some(Self::password(password)),
            (None, None) => None,
        }
    }

    /// Returns the name of the user, or `None` for the default user.
    pub(crate) fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Returns the password.
    pub(crate) fn secret(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

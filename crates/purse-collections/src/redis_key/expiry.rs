//! The time to live of a key.

use std::time::{Duration, SystemTime};

use purse_client::{Command, Op, Reply, Script};

use super::RedisKey;
use crate::Ttl;
use crate::ttl::{ExpiryCondition, millis, unix_millis};

static PEXPIRE: Script =
    Script::write("PEXPIRE", include_str!("../lua/key_expire_if.lua")).stand_in();
static PEXPIREAT: Script =
    Script::write("PEXPIREAT", include_str!("../lua/key_expire_at_if.lua")).stand_in();

impl RedisKey {
    /// Removes the key after `ttl`, rounded up to a whole millisecond. Returns whether there is
    /// such a key.
    ///
    /// Redis: PEXPIRE. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) for less than a millisecond,
    /// because the server would remove the key at once, and for more than the server can count.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKey;
    ///
    /// let key = RedisKey::new(&client, "todo");
    /// assert!(!key.expire(Duration::from_secs(60)).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PEXPIRE")]
    pub fn expire(&self, ttl: Duration) -> Op<bool> {
        let arg = |command: Command| Ok(command.arg(millis(ttl)?));
        self.0
            .try_op(arg, Command::write("PEXPIRE"), Reply::into_bool)
    }

    /// Removes the key at the time `at` of the server's clock, rounded up to a whole millisecond.
    /// Returns whether there is such a key.
    ///
    /// Redis: PEXPIREAT. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) for a time that has passed by this
    /// machine's clock, and for one that is later than the server can count.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::{Duration, SystemTime};
    ///
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "todo");
    /// list.push_back("write").await?;
    /// let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    /// assert!(list.key().expire_at(tomorrow).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PEXPIREAT")]
    #[doc(alias = "EXPIREAT")]
    #[doc(alias = "pexpire_at")]
    pub fn expire_at(&self, at: SystemTime) -> Op<bool> {
        let arg = |command: Command| Ok(command.arg(unix_millis(at)?));
        self.0
            .try_op(arg, Command::write("PEXPIREAT"), Reply::into_bool)
    }

    /// Removes the key after `ttl` as [`expire`](Self::expire) does, if the condition holds. Returns
    /// whether the time to live is set; it is not if there is no such key.
    ///
    /// Redis: PEXPIRE with NX, XX, GT or LT; before Redis 7.0 PTTL and PEXPIRE in a script. Time
    /// complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`expire`](Self::expire).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::{ExpiryCondition, RedisList};
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "todo");
    /// list.push_back("write").await?;
    /// // The first call starts the hour, and later ones do not prolong it.
    /// let hour = Duration::from_secs(3600);
    /// assert!(list.key().expire_if(hour, ExpiryCondition::OnlyPersistent).await?);
    /// assert!(!list.key().expire_if(hour, ExpiryCondition::OnlyPersistent).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PEXPIRE")]
    #[doc(alias = "PTTL")]
    #[doc(alias = "expire_options")]
    #[doc(alias = "pexpire_options")]
    pub fn expire_if(&self, ttl: Duration, condition: ExpiryCondition) -> Op<bool> {
        let args = |command: Command| Ok(condition.on(command.arg(millis(ttl)?)));
        self.0
            .try_op(args, Command::script(&PEXPIRE), Reply::into_bool)
    }

    /// Removes the key at the time `at` as [`expire_at`](Self::expire_at) does, if the condition
    /// holds. Returns whether the time to live is set; it is not if there is no such key.
    ///
    /// Redis: PEXPIREAT with NX, XX, GT or LT; before Redis 7.0 PTTL, TIME and PEXPIREAT in a script.
    /// Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`expire_at`](Self::expire_at).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::{Duration, SystemTime};
    ///
    /// use purse::{ExpiryCondition, RedisList};
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "todo");
    /// list.push_back("write").await?;
    /// let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    /// assert!(!list.key().expire_at_if(tomorrow, ExpiryCondition::OnlyExpiring).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PEXPIREAT")]
    #[doc(alias = "PTTL")]
    #[doc(alias = "TIME")]
    #[doc(alias = "expire_at_options")]
    pub fn expire_at_if(&self, at: SystemTime, condition: ExpiryCondition) -> Op<bool> {
        let args = |command: Command| Ok(condition.on(command.arg(unix_millis(at)?)));
        self.0
            .try_op(args, Command::script(&PEXPIREAT), Reply::into_bool)
    }

    /// Returns the time to live of the key.
    ///
    /// Redis: PTTL. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{RedisKey, Ttl};
    ///
    /// let key = RedisKey::new(&client, "todo");
    /// assert_eq!(key.ttl().await?, Ttl::Missing);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PTTL")]
    pub fn ttl(&self) -> Op<Ttl> {
        self.0.op(Command::read("PTTL"), Ttl::read)
    }

    /// Removes the time to live of the key, so that the key stays until it is removed. Returns
    /// whether it had one.
    ///
    /// Redis: PERSIST. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKey;
    ///
    /// let key = RedisKey::new(&client, "todo");
    /// assert!(!key.persist().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PERSIST")]
    pub fn persist(&self) -> Op<bool> {
        self.0.op(Command::write("PERSIST"), Reply::into_bool)
    }
}

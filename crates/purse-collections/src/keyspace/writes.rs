//! Writes of one entry of a key space.

use std::time::Duration;

use purse_client::{Command, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg, Plain};

use super::{RedisKeySpace, SetOptions, SetOutcome};
use crate::conversion::{decode, decode_option, decode_removed, encode, ok};
use crate::ttl::{invalid, millis};

static SET: Script = Script::write("KEYSPACE SET", include_str!("../lua/keyspace_set.lua"));
static SET_KEPT: Script = Script::write(
    "KEYSPACE SET KEPT",
    include_str!("../lua/keyspace_set_kept.lua"),
);
static GET_OR_INSERT: Script = Script::write(
    "KEYSPACE GET OR INSERT",
    include_str!("../lua/keyspace_get_or_insert.lua"),
);
static GETEX: Script = Script::write("GETEX", include_str!("../lua/keyspace_getex.lua")).stand_in();
static POP: Script = Script::write("KEYSPACE POP", include_str!("../lua/keyspace_pop.lua"));

impl<T, K, C> RedisKeySpace<T, K, C>
where
    T: Send + 'static,
    K: Send + 'static,
    Plain: Codec<K>,
    C: Codec<T>,
{
    /// Sets `key` to `value`, also if it held another type. Its time to live becomes the
    /// [default](Self::with_ttl) of the handle; without a default, it is removed. It never fails with
    /// `WrongType`.
    ///
    /// Redis: SET. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set("name", "Ada").await?;
    /// assert_eq!(app.get("name").await?.as_deref(), Some("Ada"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "insert")]
    pub fn set(&self, key: impl IntoArg<K>, value: impl IntoArg<T>) -> Op<()> {
        let options = SetOptions::new().resolve(self.ttl);
        let args = |command| options.add_to(command, encode::<T, C>(value)?);
        self.op(key, args, Command::write("SET"), ok)
    }

    /// Sets `key` to `value` for `ttl`, also if it held another type. It never fails with
    /// `WrongType`.
    ///
    /// Redis: SET with PX. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `InvalidInput` for a time to live that [`RedisKey::expire`](crate::RedisKey::expire)
    /// refuses.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKeySpace;
    ///
    /// let codes: RedisKeySpace<u32> = RedisKeySpace::new(&client, "code:");
    /// codes.set_with_ttl("Ada", 4711, Duration::from_secs(300)).await?;
    /// assert!(codes.ttl("Ada").await?.remaining().is_some());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "SETEX")]
    #[doc(alias = "PSETEX")]
    #[doc(alias = "set_ex")]
    #[doc(alias = "pset_ex")]
    pub fn set_with_ttl(
        &self,
        key: impl IntoArg<K>,
        value: impl IntoArg<T>,
        ttl: Duration,
    ) -> Op<()> {
        let options = SetOptions::new().ttl(ttl);
        let args = |command| options.add_to(command, encode::<T, C>(value)?);
        self.op(key, args, Command::write("SET"), ok)
    }

    /// Sets `key` with `options`. Returns whether the key is set, and its previous value if the
    /// options ask for that ([`SetOptions::return_old`]).
    ///
    /// To return the previous value, the method runs a script: servers before 6.2 have no `SET`
    /// with `GET`, and servers before 7.0 do not combine `GET` with `NX`. If the future is dropped,
    /// the previous value [may be lost](crate#cancel-safety). A script also runs for
    /// [`SetOptions::keep_ttl`] if the handle has a [default](Self::with_ttl) time to live, which a
    /// new entry then gets.
    ///
    /// Redis: SET, or GET, EXISTS and SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `InvalidInput` for a time to live that [`RedisKey::expire`](crate::RedisKey::expire)
    /// refuses. Only with [`SetOptions::return_old`]: `WrongType`, nothing changed then; and
    /// `Decode` with the bytes of the previous value, after the new value is set if the condition
    /// held.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{RedisKeySpace, SetOptions};
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// let once = SetOptions::new().if_absent();
    /// assert!(app.set_with("name", "Ada", once).await?.is_set());
    /// assert!(!app.set_with("name", "Bob", once).await?.is_set());
    /// let swapped = app.set_with("name", "Bob", SetOptions::new().return_old()).await?;
    /// assert_eq!(swapped.into_old().as_deref(), Some("Ada"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "GET")]
    #[doc(alias = "SETNX")]
    #[doc(alias = "SETEX")]
    #[doc(alias = "PSETEX")]
    #[doc(alias = "EXISTS")]
    #[doc(alias = "GETSET")]
    #[doc(alias = "set_options")]
    #[doc(alias = "set_ex")]
    #[doc(alias = "pset_ex")]
    #[doc(alias = "set_nx")]
    pub fn set_with(
        &self,
        key: impl IntoArg<K>,
        value: impl IntoArg<T>,
        options: SetOptions,
    ) -> Op<SetOutcome<T>> {
        if let Some(ttl) = options.ttl_of_new(self.ttl) {
            let args = |command: Command| {
                let command = command.arg(encode::<T, C>(value)?).arg(millis(ttl)?);
                Ok(command.arg(i64::from(options.returns_old())))
            };
            return self.op(key, args, Command::script(&SET_KEPT), outcome::<T, C>);
        }
        let options = options.resolve(self.ttl);
        let args = |command| options.add_to(command, encode::<T, C>(value)?);
        if options.returns_old() {
            return self.op(key, args, Command::script(&SET), outcome::<T, C>);
        }
        self.op(key, args, Command::write("SET"), |reply| {
            Ok(if reply.into_bool()? {
                SetOutcome::Set(None)
            } else {
                SetOutcome::NotSet(None)
            })
        })
    }

    /// Returns the value of `key`, after setting it to `value` if the key was absent. A new entry has
    /// the [default](Self::with_ttl) time to live of the handle, if there is one; that of an existing
    /// entry stays as it is. If several callers do so at the same time, the server keeps the value of
    /// one caller, and all callers get that value.
    ///
    /// Redis: GET and SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// assert_eq!(app.get_or_insert("name", "Ada").await?, "Ada");
    /// assert_eq!(app.get_or_insert("name", "Bob").await?, "Ada");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "SETNX")]
    #[doc(alias = "set_nx")]
    #[doc(alias = "setdefault")]
    pub fn get_or_insert(&self, key: impl IntoArg<K>, value: impl IntoArg<T>) -> Op<T> {
        self.get_or_insert_as(key, value, SetOptions::new().resolve(self.ttl))
    }

    /// Returns the value of `key`, after setting it to `value` for `ttl` if the key was absent. The
    /// time to live of an existing key stays as it is. If several callers do so at the same time,
    /// the server keeps the value of one caller, and all callers get that value.
    ///
    /// Redis: GET and SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `InvalidInput` for a time to live that [`RedisKey::expire`](crate::RedisKey::expire)
    /// refuses.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// let minute = Duration::from_secs(60);
    /// assert_eq!(app.get_or_insert_with_ttl("name", "Ada", minute).await?, "Ada");
    /// assert!(app.ttl("name").await?.remaining().is_some());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "SETNX")]
    #[doc(alias = "setdefault")]
    pub fn get_or_insert_with_ttl(
        &self,
        key: impl IntoArg<K>,
        value: impl IntoArg<T>,
        ttl: Duration,
    ) -> Op<T> {
        self.get_or_insert_as(key, value, SetOptions::new().ttl(ttl))
    }

    /// Returns the value of `key`, and gives the entry the [default](Self::with_ttl) time to live of
    /// the handle: it then stays for that time from now on. Nothing happens to an absent key.
    ///
    /// Redis: GETEX; before Redis 6.2 GET and PEXPIRE in a script. Time complexity: O(1). Round trips:
    /// 1.
    ///
    /// # Errors
    /// `InvalidInput` if the handle has no default time to live. `Decode` with the bytes of the value,
    /// after its time to live is set.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKeySpace;
    ///
    /// let sessions: RedisKeySpace<String> = RedisKeySpace::new(&client, "session:");
    /// let sessions = sessions.with_ttl(Duration::from_secs(1800));
    /// sessions.set("17", "Ada").await?;
    /// // Each use gives the session half an hour again.
    /// assert_eq!(sessions.get_and_touch("17").await?.as_deref(), Some("Ada"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETEX")]
    #[doc(alias = "GET")]
    #[doc(alias = "PEXPIRE")]
    #[doc(alias = "get_ex")]
    #[doc(alias = "touch")]
    pub fn get_and_touch(&self, key: impl IntoArg<K>) -> Op<Option<T>> {
        self.get_and_expire_in(key, self.ttl)
    }

    /// Returns the value of `key`, and sets the time to live of the entry to `ttl`. Nothing happens to
    /// an absent key.
    ///
    /// Redis: GETEX; before Redis 6.2 GET and PEXPIRE in a script. Time complexity: O(1). Round trips:
    /// 1.
    ///
    /// # Errors
    /// `InvalidInput` for a time to live that [`RedisKey::expire`](crate::RedisKey::expire)
    /// refuses. `Decode` with the bytes of the value, after its time to live is set.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKeySpace;
    ///
    /// let codes: RedisKeySpace<u32> = RedisKeySpace::new(&client, "code:");
    /// codes.set("Ada", 4711).await?;
    /// // It is shown once, and can be read again for a minute.
    /// let code = codes.get_and_expire("Ada", Duration::from_secs(60)).await?;
    /// assert_eq!(code, Some(4711));
    /// assert!(codes.ttl("Ada").await?.remaining().is_some());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETEX")]
    #[doc(alias = "GET")]
    #[doc(alias = "PEXPIRE")]
    #[doc(alias = "get_ex")]
    pub fn get_and_expire(&self, key: impl IntoArg<K>, ttl: Duration) -> Op<Option<T>> {
        self.get_and_expire_in(key, Some(ttl))
    }

    /// Removes `key` and returns its value. [`delete`](Self::delete) costs less if the value is
    /// not needed.
    ///
    /// The method runs a script, because servers before 6.2 have no `GETDEL`. If the future is
    /// dropped, the value [may be lost](crate#cancel-safety).
    ///
    /// Redis: GET and UNLINK in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set("name", "Ada").await?;
    /// assert_eq!(app.pop("name").await?.as_deref(), Some("Ada"));
    /// assert_eq!(app.get("name").await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "UNLINK")]
    #[doc(alias = "GETDEL")]
    #[doc(alias = "get_del")]
    #[doc(alias = "remove")]
    pub fn pop(&self, key: impl IntoArg<K>) -> Op<Option<T>> {
        self.op(key, Ok, Command::script(&POP), decode_removed::<T, C>)
    }

    fn get_and_expire_in(&self, key: impl IntoArg<K>, ttl: Option<Duration>) -> Op<Option<T>> {
        let args = |command: Command| match ttl {
            Some(ttl) => Ok(command.arg("PX").arg(millis(ttl)?)),
            None => Err(invalid(
                "the key space has no default time to live: see with_ttl",
            )),
        };
        self.op(key, args, Command::script(&GETEX), decode_option::<T, C>)
    }

    fn get_or_insert_as(
        &self,
        key: impl IntoArg<K>,
        value: impl IntoArg<T>,
        options: SetOptions,
    ) -> Op<T> {
        let args = |command| options.add_to(command, encode::<T, C>(value)?);
        self.op(key, args, Command::script(&GET_OR_INSERT), decode::<T, C>)
    }
}

/// Reads what the script of `set_with` returns.
fn outcome<T, C: Codec<T>>(reply: Reply) -> Result<SetOutcome<T>> {
    let [set, old] = reply.into_array()?;
    Ok(if set.into_bool()? {
        SetOutcome::Set(decode_removed::<T, C>(old)?)
    } else {
        SetOutcome::NotSet(decode_option::<T, C>(old)?)
    })
}

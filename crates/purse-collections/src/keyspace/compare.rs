//! Writes that depend on the value of an entry of a key space.

use purse_client::{Command, Op, Reply, Script};
use purse_codec::{Codec, IntoArg, Plain};

use super::{RedisKeySpace, SetOptions};
use crate::conversion::encode;

static COMPARE_AND_SET: Script = Script::write(
    "KEYSPACE COMPARE AND SET",
    include_str!("../lua/keyspace_compare_and_set.lua"),
);
static COMPARE_AND_DELETE: Script = Script::write(
    "KEYSPACE COMPARE AND DELETE",
    include_str!("../lua/keyspace_compare_and_delete.lua"),
);

impl<T, K, C> RedisKeySpace<T, K, C>
where
    T: Send + 'static,
    K: Send + 'static,
    Plain: Codec<K>,
    C: Codec<T>,
{
    /// Sets `key` to `value` if its value is `expected`. Returns whether it did. An absent key has no
    /// value, so nothing happens; [`SetOptions::if_absent`] is for that case.
    ///
    /// The entry gets the [default](Self::with_ttl) time to live of the handle; without a default, it
    /// keeps the one that it has.
    ///
    /// The server compares bytes, so the codec must encode equal values to
    /// [equal bytes](purse_codec#equal-values-equal-bytes). If the reply is lost, the error is
    /// `Ambiguous`, and the value may be set. A second call then returns false, unless the value is
    /// `expected` again.
    ///
    /// Redis: GET and SET in a script. Time complexity: O(n) for n bytes of the value. Round trips: 1.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set("state", "open").await?;
    /// assert!(app.compare_and_set("state", "open", "closed").await?);
    /// assert!(!app.compare_and_set("state", "open", "closed").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "IFEQ")]
    #[doc(alias = "compare_exchange")]
    pub fn compare_and_set(
        &self,
        key: impl IntoArg<K>,
        expected: impl IntoArg<T>,
        value: impl IntoArg<T>,
    ) -> Op<bool> {
        let options = match self.ttl {
            Some(ttl) => SetOptions::new().ttl(ttl),
            None => SetOptions::new().keep_ttl(),
        };
        let args = |command: Command| {
            let command = command.arg(encode::<T, C>(expected)?);
            options.add_to(command, encode::<T, C>(value)?)
        };
        self.op(
            key,
            args,
            Command::script(&COMPARE_AND_SET),
            Reply::into_bool,
        )
    }

    /// Removes `key` if its value is `expected`. Returns whether it did.
    ///
    /// The server compares bytes, so the codec must encode equal values to
    /// [equal bytes](purse_codec#equal-values-equal-bytes). If the reply is lost, the error is
    /// `Ambiguous`. The call can be repeated; it then returns false if the first one removed the key.
    ///
    /// Redis: GET and UNLINK in a script. Time complexity: O(n) for n bytes of the value. Round trips:
    /// 1.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let claims: RedisKeySpace<String> = RedisKeySpace::new(&client, "claim:");
    /// claims.set("report", "worker 1").await?;
    /// // A claim is released only by the worker that holds it.
    /// assert!(!claims.compare_and_delete("report", "worker 2").await?);
    /// assert!(claims.compare_and_delete("report", "worker 1").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "UNLINK")]
    #[doc(alias = "DELIFEQ")]
    #[doc(alias = "DELEX")]
    pub fn compare_and_delete(&self, key: impl IntoArg<K>, expected: impl IntoArg<T>) -> Op<bool> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(expected)?));
        self.op(
            key,
            args,
            Command::script(&COMPARE_AND_DELETE),
            Reply::into_bool,
        )
    }
}

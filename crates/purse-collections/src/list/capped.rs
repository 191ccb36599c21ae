//! Additions to a list that keep only its last elements.

use purse_client::{Command, Op, Reply, Script};
use purse_codec::{Codec, IntoArg};

use super::RedisList;
use crate::bulk::BulkOp;
use crate::conversion::encode;

static CAPPED: Script = Script::write("LIST PUSH CAPPED", include_str!("../lua/list_capped.lua"));

impl<T: Send + 'static, C: Codec<T>> RedisList<T, C> {
    /// Adds an element at the back, and removes elements at the front if the list has more than `most`
    /// then. Returns the new length.
    ///
    /// The list keeps its last `most` elements; with 0 it is empty.
    ///
    /// Redis: RPUSH and LTRIM in a script. Time complexity: O(1), and O(n) if n elements are removed.
    /// Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let log: RedisList<String> = RedisList::new(&client, "log");
    /// log.extend(["started", "worked"]).await?;
    /// assert_eq!(log.push_capped("stopped", 2).await?, 2);
    /// assert_eq!(log.to_vec().await?, ["worked", "stopped"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPUSH")]
    #[doc(alias = "LTRIM")]
    #[doc(alias = "maxlen")]
    #[doc(alias = "ring_buffer")]
    pub fn push_capped(&self, value: impl IntoArg<T>, most: u64) -> Op<u64> {
        let args = |command: Command| Ok(command.arg(most).arg(encode::<T, C>(value)?));
        self.0
            .try_op(args, Command::script(&CAPPED), Reply::into_count)
    }

    /// Adds elements at the back, in their order, and removes elements at the front if the list has
    /// more than `most` then. Returns the new length.
    ///
    /// The list keeps its last `most` elements. Between two chunks, it is within that as well. Without
    /// any element, nothing is removed.
    ///
    /// Redis: RPUSH and LTRIM in a script, or LLEN if there are no elements. Time complexity: O(n) for
    /// n elements that are added or removed. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let last: RedisList<u32> = RedisList::new(&client, "numbers");
    /// assert_eq!(last.extend_capped(0..5000, 3).await?, 3);
    /// assert_eq!(last.to_vec().await?, [4997, 4998, 4999]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RPUSH")]
    #[doc(alias = "LTRIM")]
    #[doc(alias = "LLEN")]
    #[doc(alias = "maxlen")]
    pub fn extend_capped<'a, I>(&self, items: I, most: u64) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let command = self.0.on_key(Command::script(&CAPPED)).arg(most);
        self.push_all(command, items.into_iter())
    }
}

//! Moves between lists.

use purse_client::{Command, Op, Script};
use purse_codec::Codec;

use super::RedisList;
use crate::conversion::decode_option;

static MOVE: Script = Script::write("LIST MOVE", include_str!("../lua/list_move.lua"));

/// An end of a list.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{End, RedisList};
///
/// let turns: RedisList<String> = RedisList::new(&client, "turns");
/// turns.extend(["Ada", "Bob", "Cem"]).await?;
/// let next = turns.move_to(&turns, End::Front, End::Back).await?;
/// assert_eq!(next.as_deref(), Some("Ada"));
/// assert_eq!(turns.to_vec().await?, ["Bob", "Cem", "Ada"]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The end of the first element.
    #[doc(alias = "LEFT")]
    Front,
    /// The end of the last element.
    #[doc(alias = "RIGHT")]
    Back,
}

impl End {
    const fn name(self) -> &'static str {
        match self {
            Self::Front => "LEFT",
            Self::Back => "RIGHT",
        }
    }
}

impl<T: Send + 'static, C: Codec<T>> RedisList<T, C> {
    /// Moves the element at the end `from` of this list to the end `to` of `destination`, which may be
    /// this list. Returns the element; `None` if this list is empty.
    ///
    /// If the future is dropped, the element is moved or not, and is not lost.
    ///
    /// Redis: LMOVE in a script; on servers before Redis 6.2 LLEN, a pop and a push. Time complexity:
    /// O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster if the lists are in different
    /// slots. An element that cannot be decoded is a `Decode` error; it is in the destination then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{End, RedisList};
    ///
    /// let waiting: RedisList<u32> = RedisList::new(&client, "{jobs}waiting");
    /// let running: RedisList<u32> = RedisList::new(&client, "{jobs}running");
    /// waiting.extend([1, 2]).await?;
    /// assert_eq!(waiting.move_to(&running, End::Front, End::Back).await?, Some(1));
    /// assert_eq!(running.to_vec().await?, [1]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LMOVE")]
    #[doc(alias = "LLEN")]
    #[doc(alias = "RPOPLPUSH")]
    #[doc(alias = "rotate")]
    pub fn move_to(&self, destination: &Self, from: End, to: End) -> Op<Option<T>> {
        let args = |command: Command| {
            let command = command.key(self.0.key_of(&destination.0)?);
            self.0.client.same_slot(command.keys())?;
            Ok(command.arg(from.name()).arg(to.name()))
        };
        self.0
            .try_op(args, Command::script(&MOVE), decode_option::<T, C>)
    }
}

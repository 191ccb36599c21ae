//! A list, and a stream over its pages.
//!
//! May import: `conversion`, `handle`, `redis_key`, `bulk`, `element_stream`, `number_args`.

mod capped;
mod index_range;
mod pages;
mod transfer;
mod wait;
mod writes;

use purse_client::{Client, Command, Op, Reply, Result, Script};
use purse_codec::{Codec, Decoded, IntoArg, Lenient, Plain};

use crate::conversion::{decode, decode_list, decode_option, encode};
use crate::element_stream::next;
use crate::handle::{Handle, handle_traits};
use crate::number_args::{IndexRange, IntoIndex, index};
use crate::redis_key::key_methods;

pub(crate) use index_range::inclusive;
pub use pages::Paged;
pub use transfer::End;
pub use writes::Occurrences;

static COUNT: Script = Script::read("LIST COUNT", include_str!("../lua/list_count.lua"));

/// A list of `T` on the server, used as a `Vec` or as a double-ended queue.
///
/// An index is an integer of any type; a negative one counts from the end: -1 is the last element.
/// `contains`, `position`, `count` and `remove_value` compare bytes. Therefore the codec must write equal values as
/// equal bytes. No codec does so for a type that contains a `HashMap` or `HashSet`. Access by index
/// takes time proportional to the distance to the nearer end, as in any linked list. An element that
/// is read and cannot be decoded is a `Decode` error that names its
/// [index](purse_client::Error::index).
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisList};
///
/// let client = Client::connect(&url).await?;
/// let list: RedisList<String> = RedisList::new(&client, "letters");
/// list.extend(["a", "b", "c", "d"]).await?;
/// list.insert(-1, "x").await?;
/// assert_eq!(list.range(1..4).await?, ["b", "c", "x"]);
/// assert_eq!(list.position("c").await?, Some(2));
/// assert_eq!(list.pop_front().await?.as_deref(), Some("a"));
/// # Ok(()) }
/// ```
#[doc(alias = "deque")]
pub struct RedisList<T, C = Plain>(Handle<(T, C)>);

impl<T, C> RedisList<T, C> {
    /// Creates a handle of the list at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Json, RedisList};
    ///
    /// // A key has one codec: all its handles, in all programs, must name the same one.
    /// let points: RedisList<(i32, i32), Json> = RedisList::new(&client, "points");
    /// points.push_back((1, 2)).await?;
    /// assert_eq!(points.get(0).await?, Some((1, 2)));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    /// Returns a handle whose elements are [`Decoded`]: an element that cannot be decoded is an error
    /// among the others, instead of the error of the whole call. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Decoded, RedisList};
    ///
    /// let words: RedisList<String> = RedisList::new(&client, "letters");
    /// words.extend(["1", "two", "3"]).await?;
    /// let numbers: RedisList<u32> = RedisList::new(&client, "letters");
    /// let all = numbers.lenient().to_vec().await?;
    /// assert_eq!(all.into_iter().filter_map(Decoded::ok).collect::<Vec<_>>(), [1, 3]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lenient(&self) -> RedisList<Decoded<T>, Lenient<C>> {
        RedisList(self.0.cast())
    }

    key_methods!(0, ["letters", "RedisList", "<String>", "push_back(\"a\")"]);
}

impl<T: Send + 'static, C: Codec<T>> RedisList<T, C> {
    /// Returns the number of elements.
    ///
    /// Redis: LLEN. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b"]).await?;
    /// assert_eq!(list.len().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LLEN")]
    pub fn len(&self) -> Op<u64> {
        self.0.op(Command::read("LLEN"), Reply::into_count)
    }

    /// Returns whether the list has no element.
    ///
    /// Redis: LLEN. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// assert!(list.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LLEN")]
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .op(Command::read("LLEN"), |reply| Ok(reply.into_count()? == 0))
    }

    /// Returns the element at `index`; `None` if the index is outside the list.
    ///
    /// Redis: LINDEX. Time complexity: O(n) in the distance to the nearer end. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b", "c"]).await?;
    /// assert_eq!(list.get(1).await?.as_deref(), Some("b"));
    /// assert_eq!(list.get(-1).await?.as_deref(), Some("c"));
    /// assert_eq!(list.get(3).await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LINDEX")]
    #[doc(alias = "getitem")]
    pub fn get(&self, index: impl IntoIndex) -> Op<Option<T>> {
        let index = self::index(index);
        let command = Command::read("LINDEX").arg(index).at_index(index);
        self.0.op(command, |reply| {
            decode_option::<T, C>(reply).map_err(|error| error.with_index(0))
        })
    }

    /// Returns the first element.
    ///
    /// Redis: LINDEX. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b"]).await?;
    /// assert_eq!(list.front().await?.as_deref(), Some("a"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LINDEX")]
    #[doc(alias = "peek")]
    pub fn front(&self) -> Op<Option<T>> {
        self.get(0)
    }

    /// Returns the last element.
    ///
    /// Redis: LINDEX. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b"]).await?;
    /// assert_eq!(list.back().await?.as_deref(), Some("b"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LINDEX")]
    #[doc(alias = "last")]
    pub fn back(&self) -> Op<Option<T>> {
        self.get(-1)
    }

    /// Returns whether an element equals `value`.
    ///
    /// Redis: LPOS. Time complexity: O(n) for n elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.push_back("a").await?;
    /// assert!(list.contains("a").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPOS")]
    pub fn contains(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.find(value, |reply| Ok(!reply.is_nil()))
    }

    /// Returns the index of the first element that equals `value`.
    ///
    /// Redis: LPOS. Time complexity: O(n) for n elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b", "b"]).await?;
    /// assert_eq!(list.position("b").await?, Some(1));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPOS")]
    #[doc(alias = "index")]
    #[doc(alias = "index_of")]
    pub fn position(&self, value: impl IntoArg<T>) -> Op<Option<u64>> {
        self.find(value, |reply| {
            reply.non_nil().map(Reply::into_count).transpose()
        })
    }

    /// Returns the indices of the elements that equal `value`: of all of them, or of a number of them
    /// from one end. Those of [`Occurrences::Last`] run from the back.
    ///
    /// Redis: LPOS with COUNT. Time complexity: O(n) for n elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Occurrences, RedisList};
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b", "a", "a"]).await?;
    /// assert_eq!(list.positions("a", Occurrences::All).await?, [0, 2, 3]);
    /// assert_eq!(list.positions("a", Occurrences::First(2)).await?, [0, 2]);
    /// assert_eq!(list.positions("a", Occurrences::Last(2)).await?, [3, 2]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPOS")]
    #[doc(alias = "RANK")]
    #[doc(alias = "COUNT")]
    #[doc(alias = "rposition")]
    pub fn positions(&self, value: impl IntoArg<T>, which: Occurrences) -> Op<Vec<u64>> {
        let (rank, count) = match which {
            Occurrences::All => (1, 0),
            // The server takes a count of zero for all.
            Occurrences::First(0) | Occurrences::Last(0) => return Op::ready(Ok(Vec::new())),
            Occurrences::First(count) => (1, count),
            Occurrences::Last(count) => (-1, count),
        };
        let args = |command: Command| {
            let command = command.arg(encode::<T, C>(value)?);
            Ok(command.arg("RANK").arg(rank).arg("COUNT").arg(count))
        };
        self.0.try_op(args, Command::read("LPOS"), |reply| {
            let positions = reply.into_list()?.into_iter();
            positions.map(Reply::into_count).collect()
        })
    }

    /// Returns the number of elements that equal `value`.
    ///
    /// Redis: LPOS in a script. Time complexity: O(n) for n elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b", "a"]).await?;
    /// assert_eq!(list.count("a").await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LPOS")]
    #[doc(alias = "occurrences")]
    pub fn count(&self, value: impl IntoArg<T>) -> Op<u64> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0
            .try_op(args, Command::script(&COUNT), Reply::into_count)
    }

    /// Returns the elements in a range of indices. Indices outside the list are ignored. A range
    /// that is empty or runs backwards has no elements.
    ///
    /// Clippy refuses the literal range `1..-1` as empty; write `(Included(1), Excluded(-1))`
    /// instead.
    ///
    /// Redis: LRANGE. Time complexity: O(s + n) for n elements that start s from the nearer end.
    /// Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<u32> = RedisList::new(&client, "numbers");
    /// list.extend(0..6).await?;
    /// assert_eq!(list.range(2..5).await?, [2, 3, 4]);
    /// assert_eq!(list.range(-2..).await?, [4, 5]);
    /// assert_eq!(list.range(..-1).await?, [0, 1, 2, 3, 4]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LRANGE")]
    #[doc(alias = "slice")]
    pub fn range(&self, range: impl IndexRange) -> Op<Vec<T>> {
        let Some((first, last)) = inclusive(range) else {
            return Op::ready(Ok(Vec::new()));
        };
        let command = Command::read("LRANGE").arg(first).arg(last);
        // The server ignores the indices outside the list, so one end of the reply has a known index.
        match (first, last) {
            (0.., _) => self.0.op(command.at_index(first), from_first::<T, C>),
            (_, ..=-1) => self.0.op(command.at_index(last), from_last::<T, C>),
            _ => self.0.op(command, decode_list::<T, C>),
        }
    }

    /// Returns all elements, in memory at once.
    ///
    /// Redis: LRANGE. Time complexity: O(n) for n elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "letters");
    /// list.extend(["a", "b"]).await?;
    /// assert_eq!(list.to_vec().await?, ["a", "b"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LRANGE")]
    pub fn to_vec(&self) -> Op<Vec<T>> {
        self.range(..)
    }

    /// Streams the elements from front to back, with at most three pages in memory. [`Paged::rev`]
    /// reverses the stream.
    ///
    /// A page has 256 elements, see [`Paged::page_size`]. Each page is read atomically; the stream
    /// as a whole is not atomic.
    ///
    /// Redis: LRANGE and LLEN in a script. Time complexity: O(n) for a page and its distance from
    /// the nearer end. Round trips: 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<u32> = RedisList::new(&client, "numbers");
    /// list.extend(1..=4).await?;
    /// let sum = list.stream().try_fold(0, async |sum, n| Ok(sum + n)).await?;
    /// assert_eq!(sum, 10);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LRANGE")]
    #[doc(alias = "LLEN")]
    #[doc(alias = "values")]
    #[doc(alias = "iter")]
    pub fn stream(&self) -> Paged<T> {
        Paged::new(&self.0.client, self.0.key.clone(), |page| {
            next(page, decode::<T, C>)
        })
    }

    fn find<R>(&self, value: impl IntoArg<T>, read: fn(Reply) -> Result<R>) -> Op<R> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0.try_op(args, Command::read("LPOS"), read)
    }
}

/// Decodes elements; an error has the distance of its element from the first one.
fn from_first<T, C: Codec<T>>(reply: Reply) -> Result<Vec<T>> {
    let elements = (0..).zip(reply.into_list()?);
    elements
        .map(|(after, element)| decode::<T, C>(element).map_err(|error| error.with_index(after)))
        .collect()
}

/// Decodes elements; an error has the distance of its element from the last one, as a negative
/// number.
fn from_last<T, C: Codec<T>>(reply: Reply) -> Result<Vec<T>> {
    let elements = reply.into_list()?;
    let before = (0..elements.len() as i64).rev();
    let elements = elements.into_iter().zip(before);
    elements
        .map(|(element, before)| decode::<T, C>(element).map_err(|error| error.with_index(-before)))
        .collect()
}

handle_traits!(RedisList<T, C>);

//! A sketch that answers whether an element was added.

mod scheme;

use std::fmt;

use bytes::Bytes;
use purse_client::{Client, Command, Op, Reply, Result, Script, sibling_key};
use purse_codec::{Codec, IntoArg, Plain};
use uuid::Uuid;

use crate::bulk::{Bulk, BulkOp};
use crate::conversion::{ArgBuffer, encode, ok};
use crate::handle::Handle;
use crate::redis_key::key_methods;
use scheme::Scheme;

static ADD: Script = Script::write(
    "BLOOM FILTER ADD",
    concat!(
        include_str!("../../lua/bloom_filter_layers.lua"),
        include_str!("../../lua/bloom_filter_add.lua"),
    ),
);
static CONTAINS: Script = Script::read(
    "BLOOM FILTER CONTAINS",
    concat!(
        include_str!("../../lua/bloom_filter_layers.lua"),
        include_str!("../../lua/bloom_filter_contains.lua"),
    ),
);
static REPLACE: Script = Script::write(
    "BLOOM FILTER REPLACE",
    include_str!("../../lua/bloom_filter_replace.lua"),
);

/// The bytes that a bit of an element counts for in a chunk. A chunk of a megabyte then has at most
/// 16384 bits in all layers. A bit takes the server about 1 µs (measured with 131 elements of 8 bits in
/// one layer: 0.7 to 2 ms), so a script takes at most some 16 ms.
const BYTES_PER_BIT: usize = 64;

/// The time to live in milliseconds of a filter that is being built: from its last chunk on.
const BUILD_TTL: i64 = 600_000;

/// A Bloom filter on the server: it answers whether an element was added, with few false positives,
/// in little memory.
///
/// [`contains`](Self::contains) returns `true` for each element that was added: there are no false
/// negatives. For another value it returns `true` with a probability of at most the error rate. An
/// element cannot be removed, and the elements cannot be listed. With an error rate of 1 %, an element
/// takes 11.6 bits, independent of its length.
///
/// The filter is scalable. The capacity is the number of elements of its first layer. When a layer is
/// full, the filter gets another one of twice the size and half the error rate, up to ten layers, in
/// at most 512 MB. The error rate holds for all layers together. More layers take more time, so let
/// the capacity be about the number of elements that you expect.
///
/// The capacity and the number of hashes, which follows from the error rate, are stored in the filter.
/// An operation of a handle with other numbers fails with
/// [`WrongType`](purse_client::ErrorKind::WrongType) and changes nothing, as does one on a string that
/// is not a Bloom filter. [`replace`](Self::replace) gives a key a filter of another capacity. The
/// layout of the value is purse's own; the module RedisBloom uses another one.
///
/// The filter compares elements by their bytes. Therefore the codec must write equal values as equal
/// bytes. The hash has no secret, so a user who chooses the elements can cause false positives.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisBloomFilter};
///
/// let client = Client::connect(&url).await?;
/// let seen: RedisBloomFilter<String> = RedisBloomFilter::new(&client, "seen", 100_000, 0.001)?;
/// assert!(seen.add("https://example.com/").await?);
/// assert!(!seen.add("https://example.com/").await?, "it was added before");
/// assert!(seen.contains("https://example.com/").await?);
/// assert!(!seen.contains("https://example.com/about").await?);
/// # Ok(()) }
/// ```
#[doc(alias = "HashSet")]
#[doc(alias = "BF.ADD")]
pub struct RedisBloomFilter<T, C = Plain> {
    handle: Handle<(T, C)>,
    scheme: Scheme,
}

impl<T, C> RedisBloomFilter<T, C> {
    /// Creates a handle of the filter at `key`, whose first layer takes `capacity` elements, at least
    /// 100. Sends nothing; the first element creates the filter.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if the capacity is 0, if the error rate
    /// is not from 1e-12 up to and without 1, or if the first layer does not fit into 512 MB.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBloomFilter;
    ///
    /// let words: RedisBloomFilter<String> = RedisBloomFilter::new(&client, "words", 1_000, 0.01)?;
    /// assert!(words.add("apple").await?);
    /// assert!(RedisBloomFilter::<String>::new(&client, "words", 1_000, 1.0).is_err());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BF.RESERVE")]
    pub fn new(
        client: &Client,
        key: impl AsRef<[u8]>,
        capacity: u64,
        error_rate: f64,
    ) -> Result<Self> {
        let handle = Handle::new(client, key);
        match Scheme::new(capacity, error_rate) {
            Ok(scheme) => Ok(Self { handle, scheme }),
            Err(error) => Err(handle.about("BLOOM FILTER NEW", error)),
        }
    }

    /// Returns the number of elements that all layers hold. The filter refuses more.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBloomFilter;
    ///
    /// let words: RedisBloomFilter<String> = RedisBloomFilter::new(&client, "words", 1_000, 0.01)?;
    /// assert_eq!(words.max_len(), 1_023_000);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn max_len(&self) -> u64 {
        self.scheme.most
    }

    key_methods!(
        handle,
        [
            "words",
            "RedisBloomFilter",
            "<String>",
            "add(\"apple\")",
            ", 1_000, 0.01)?"
        ]
    );
}

impl<T: Send + 'static, C: Codec<T>> RedisBloomFilter<T, C> {
    /// Adds an element. Returns whether it is new. `false` means that it was probably added before:
    /// it is in the filter, or a false positive.
    ///
    /// If the reply is lost, the error is `Ambiguous`. To add the element again is safe, but the
    /// result does not say any more whether it was new.
    ///
    /// Redis: GETRANGE, BITFIELD_RO, STRLEN, SETBIT, SETRANGE and BITFIELD in a script. Time
    /// complexity: O(k), where k is the number of hashes of all layers. The first element of a layer
    /// reserves the memory of the layer. Round trips: 1.
    ///
    /// # Errors
    /// [`WrongType`](purse_client::ErrorKind::WrongType) if the key holds a filter of another capacity
    /// or error rate, or another string. [`Server`](purse_client::ErrorKind::Server) with the code
    /// `ERR` if the filter is full.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBloomFilter;
    ///
    /// let words: RedisBloomFilter<String> = RedisBloomFilter::new(&client, "words", 1_000, 0.01)?;
    /// assert!(words.add("apple").await?);
    /// assert!(!words.add("apple").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETRANGE")]
    #[doc(alias = "BITFIELD_RO")]
    #[doc(alias = "STRLEN")]
    #[doc(alias = "SETBIT")]
    #[doc(alias = "SETRANGE")]
    #[doc(alias = "BITFIELD")]
    #[doc(alias = "BF.ADD")]
    #[doc(alias = "insert")]
    pub fn add(&self, value: impl IntoArg<T>) -> Op<bool> {
        let args = |command: Command| {
            let words = self.words(&encode::<T, C>(value)?);
            Ok(self.scheme_args(command).arg(0_i64).arg(words))
        };
        self.handle.try_op(args, Command::script(&ADD), read_single)
    }

    /// Adds elements. Returns for each whether it is new, see [`add`](Self::add). The result has the
    /// order of the elements.
    ///
    /// Redis: GETRANGE, BITFIELD_RO, STRLEN, SETBIT, SETRANGE and BITFIELD in a script. Time
    /// complexity: O(n · k) for n elements, where k is the number of hashes of all layers. Round
    /// trips: 1 per [chunk](crate#chunks), in which all elements together have at most 16384 hashes.
    ///
    /// # Errors
    /// Those of [`add`](Self::add). A chunk is added as a whole or not at all, also if the filter is
    /// full.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBloomFilter;
    ///
    /// let words: RedisBloomFilter<String> = RedisBloomFilter::new(&client, "words", 1_000, 0.01)?;
    /// assert_eq!(words.add_many(["apple", "pear", "apple"]).await?, [true, true, false]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETRANGE")]
    #[doc(alias = "BITFIELD_RO")]
    #[doc(alias = "STRLEN")]
    #[doc(alias = "SETBIT")]
    #[doc(alias = "SETRANGE")]
    #[doc(alias = "BITFIELD")]
    #[doc(alias = "BF.MADD")]
    #[doc(alias = "extend")]
    pub fn add_many<'a, I>(&self, values: I) -> BulkOp<'a, Vec<bool>>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let command = self.handle.on_key(Command::script(&ADD));
        let command = self.scheme_args(command).arg(0_i64);
        self.many(command, values.into_iter(), Vec::new(), read_answers)
    }

    /// Returns whether an element was added, perhaps with a false positive, but never with a false
    /// negative.
    ///
    /// Redis: GETRANGE and BITFIELD_RO in a script. Time complexity: O(k), where k is the number of
    /// hashes of all layers. Round trips: 1.
    ///
    /// # Errors
    /// [`WrongType`](purse_client::ErrorKind::WrongType) if the key holds a filter of another capacity
    /// or error rate, or another string.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBloomFilter;
    ///
    /// let words: RedisBloomFilter<String> = RedisBloomFilter::new(&client, "words", 1_000, 0.01)?;
    /// words.add("apple").await?;
    /// assert!(words.contains("apple").await?);
    /// assert!(!words.contains("pear").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETRANGE")]
    #[doc(alias = "BITFIELD_RO")]
    #[doc(alias = "BF.EXISTS")]
    pub fn contains(&self, value: impl IntoArg<T>) -> Op<bool> {
        let args = |command: Command| {
            let words = self.words(&encode::<T, C>(value)?);
            Ok(self.scheme_args(command).arg(words))
        };
        self.handle
            .try_op(args, Command::script(&CONTAINS), read_single)
    }

    /// Returns for each of many values whether it was added, see [`contains`](Self::contains). The
    /// result has the order of the values.
    ///
    /// Redis: GETRANGE and BITFIELD_RO in a script. Time complexity: O(n · k) for n values, where k
    /// is the number of hashes of all layers. Round trips: 1 per [chunk](crate#chunks), in which all
    /// values together have at most 16384 hashes.
    ///
    /// # Errors
    /// [`WrongType`](purse_client::ErrorKind::WrongType) if the key holds a filter of another capacity
    /// or error rate, or another string.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBloomFilter;
    ///
    /// let words: RedisBloomFilter<String> = RedisBloomFilter::new(&client, "words", 1_000, 0.01)?;
    /// words.add("apple").await?;
    /// assert_eq!(words.contains_many(["apple", "pear"]).await?, [true, false]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETRANGE")]
    #[doc(alias = "BITFIELD_RO")]
    #[doc(alias = "BF.MEXISTS")]
    pub fn contains_many<'a, I>(&self, values: I) -> BulkOp<'a, Vec<bool>>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let command = self.handle.on_key(Command::script(&CONTAINS));
        let command = self.scheme_args(command);
        self.many(command, values.into_iter(), Vec::new(), read_answers)
    }

    /// Returns the number of elements: how many times an element was added that was new. It is a
    /// little less than the number of distinct elements, because a false positive is not counted.
    ///
    /// Redis: GETRANGE in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`WrongType`](purse_client::ErrorKind::WrongType) if the key holds a filter of another capacity
    /// or error rate, or another string.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBloomFilter;
    ///
    /// let words: RedisBloomFilter<String> = RedisBloomFilter::new(&client, "words", 1_000, 0.01)?;
    /// words.add_many(["apple", "pear", "apple"]).await?;
    /// assert_eq!(words.len().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETRANGE")]
    #[doc(alias = "BF.CARD")]
    pub fn len(&self) -> Op<u64> {
        self.count(read_count)
    }

    /// Returns whether no element was added.
    ///
    /// Redis: GETRANGE in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`WrongType`](purse_client::ErrorKind::WrongType) if the key holds a filter of another capacity
    /// or error rate, or another string.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBloomFilter;
    ///
    /// let words: RedisBloomFilter<String> = RedisBloomFilter::new(&client, "words", 1_000, 0.01)?;
    /// assert!(words.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GETRANGE")]
    pub fn is_empty(&self) -> Op<bool> {
        self.count(|reply| Ok(read_count(reply)? == 0))
    }

    /// Replaces the value of the key, of any type, by a new filter with these elements. Returns the
    /// number of elements.
    ///
    /// The new filter is built at a [`sibling_key`] of the key, and gets the key's name in one step. Until then, the old value answers. An element that is added to the old
    /// filter meanwhile is not in the new one. The new filter has no time to live. Without any
    /// element, the key is removed.
    ///
    /// Redis: those of [`add_many`](Self::add_many) and PEXPIRE, then GETRANGE, PERSIST and RENAME in
    /// a script, or UNLINK. Time complexity: that of `add_many`. Round trips: 1 per
    /// [chunk](crate#chunks) of `add_many`, and 1.
    ///
    /// # Errors
    /// Those of [`add_many`](Self::add_many), and [`Server`](purse_client::ErrorKind::Server) if the
    /// server removed the new filter while it was built, because its memory was full or because a
    /// chunk did not arrive within ten minutes. After an error the key has its old value. After an `Ambiguous`
    /// error it may have the new one.
    ///
    /// # Cancel safety
    /// If the future is dropped, the key has its old value or the new one. A new filter that is not
    /// complete expires within ten minutes.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBloomFilter;
    ///
    /// let blocked: RedisBloomFilter<String> = RedisBloomFilter::new(&client, "words", 10_000, 0.01)?;
    /// blocked.add("apple").await?;
    /// assert_eq!(blocked.replace(["pear", "plum"]).await?, 2);
    /// assert_eq!(blocked.contains_many(["apple", "pear"]).await?, [false, true]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PEXPIRE")]
    #[doc(alias = "GETRANGE")]
    #[doc(alias = "PERSIST")]
    #[doc(alias = "RENAME")]
    #[doc(alias = "UNLINK")]
    pub async fn replace<I>(&self, values: I) -> Result<u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send>,
    {
        let name = format!("build:{}", Uuid::new_v4().simple());
        let built = sibling_key(&self.handle.key, &name);
        let result = self.build_and_rename(&built, values.into_iter()).await;
        if result.is_err() {
            // If this fails as well, the filter expires.
            let unlink = Command::write("UNLINK").key(built);
            let _ = self.handle.client.run(unlink).await;
        }
        result
    }

    async fn build_and_rename<V: IntoArg<T>>(
        &self,
        built: &Bytes,
        values: impl Iterator<Item = V> + Send,
    ) -> Result<u64> {
        let command = self.scheme_args(Command::script(&ADD).key(built.clone()));
        let added = |sum, reply: Reply| {
            let new = read_answers(Vec::new(), reply)?;
            Ok(sum + new.into_iter().map(u32::from).sum::<u32>())
        };
        let elements = self.many(command.arg(BUILD_TTL), values, 0, added);
        // No element of the filter itself was added or removed.
        let elements = elements.await.map_err(|error| error.with_done(0))?;
        let rename = Command::script(&REPLACE)
            .key(built.clone())
            .key(self.handle.key.clone())
            .arg(elements.to_be_bytes().as_slice());
        self.handle.client.op(rename, ok).await?;
        Ok(elements.into())
    }

    /// Runs a script on elements, whose words are its last arguments.
    fn many<'a, V: IntoArg<T>, A: Send + 'static>(
        &self,
        command: Command,
        values: impl Iterator<Item = V> + Send + 'a,
        start: A,
        fold: fn(A, Reply) -> Result<A>,
    ) -> BulkOp<'a, A> {
        let scheme = self.scheme;
        let weight = BYTES_PER_BIT * scheme.most_bits_of_element();
        let write = move |value: V, arguments: &mut ArgBuffer| {
            let element = encode::<T, C>(value)?;
            arguments.append_with(|block| {
                scheme.append_words(&element, block);
                Ok(())
            })?;
            arguments.add_weight(weight);
            Ok(())
        };
        Bulk::new(&self.handle.client, command).run(values, write, start, fold)
    }

    fn count<R>(&self, read: fn(Reply) -> Result<R>) -> Op<R> {
        let command = self.scheme_args(Command::script(&CONTAINS));
        self.handle.op(command, read)
    }

    fn scheme_args(&self, command: Command) -> Command {
        command.arg(self.scheme.head()).arg(self.scheme.most)
    }

    fn words(&self, element: &[u8]) -> Vec<u8> {
        let mut words = Vec::new();
        self.scheme.append_words(element, &mut words);
        words
    }
}

/// Reads the number of elements, which all replies start with.
fn read_count(reply: Reply) -> Result<u64> {
    let [count] = reply.into_array()?;
    count.into_count()
}

/// Reads the answer for one element.
fn read_single(reply: Reply) -> Result<bool> {
    let [_, answer] = reply.into_array()?;
    answer.into_bool()
}

/// Reads the answers for elements.
fn read_answers(mut answers: Vec<bool>, reply: Reply) -> Result<Vec<bool>> {
    for answer in reply.into_list()?.into_iter().skip(1) {
        answers.push(answer.into_bool()?);
    }
    Ok(answers)
}

impl<T, C> Clone for RedisBloomFilter<T, C> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            scheme: self.scheme,
        }
    }
}

impl<T, C> fmt::Debug for RedisBloomFilter<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisBloomFilter({:?}, {:?})", self.handle, self.scheme)
    }
}

//! Unions, intersections and differences of sets.
//!
//! The server has no command for a symmetric difference: scripts run SDIFF in both directions.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::hash::Hash;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use purse_client::{Client, Command, Op, Reply, Result, Scan, Script};
use purse_codec::{Codec, Plain};

use super::{RedisSet, SMISMEMBER, decode_set, flags};
use crate::conversion::decode;
use crate::element_stream::{Elements, KeyPage, next};
use crate::handle::Handle;

static SYMMETRIC_DIFFERENCE: Script = Script::read(
    "SET SYMMETRIC DIFFERENCE",
    include_str!("../lua/set_symmetric_difference.lua"),
);
static STORE_SYMMETRIC_DIFFERENCE: Script = Script::write(
    "SET STORE SYMMETRIC DIFFERENCE",
    include_str!("../lua/set_store_symmetric_difference.lua"),
);
static COUNT: Script = Script::read("SET COUNT", include_str!("../lua/set_count.lua"));

/// A union, intersection or difference of sets that is described and not yet computed.
///
/// [`RedisSet::union`], [`RedisSet::intersection`], [`RedisSet::difference`] and
/// [`RedisSet::symmetric_difference`] create it. Each call of a method uses the elements that the
/// sets have at the time of the call.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// # let client = purse::Client::connect(&url).await?;
/// use futures::TryStreamExt;
/// use purse::RedisSet;
///
/// let friends: RedisSet<u32> = RedisSet::new(&client, "{7}friends");
/// let blocked: RedisSet<u32> = RedisSet::new(&client, "{7}blocked");
/// friends.extend([1, 2, 3, 4]).await?;
/// blocked.extend([2, 4]).await?;
///
/// let mut shown = friends.difference([&blocked]).stream();
/// while let Some(friend) = shown.try_next().await? {
///     assert!(friend == 1 || friend == 3);
/// }
/// let kept: RedisSet<u32> = RedisSet::new(&client, "{7}kept");
/// assert_eq!(friends.difference([&blocked]).store_into(&kept).await?, 2);
/// # Ok(()) }
/// ```
#[must_use = "nothing is computed before one of its methods is called"]
pub struct Combined<T, C = Plain> {
    set: Handle<(T, C)>,
    others: Vec<Handle<(T, C)>>,
    how: SetOperation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetOperation {
    Union,
    Intersection,
    Difference,
    /// Of exactly two sets.
    SymmetricDifference,
}

impl SetOperation {
    const fn read(self) -> Command {
        Command::read(match self {
            Self::Union => "SUNION",
            Self::Intersection => "SINTER",
            Self::Difference => "SDIFF",
            Self::SymmetricDifference => return Command::script(&SYMMETRIC_DIFFERENCE),
        })
    }

    const fn store(self) -> Command {
        Command::write(match self {
            Self::Union => "SUNIONSTORE",
            Self::Intersection => "SINTERSTORE",
            Self::Difference => "SDIFFSTORE",
            Self::SymmetricDifference => return Command::script(&STORE_SYMMETRIC_DIFFERENCE),
        })
    }

    /// Returns the name of the operation in the script that counts.
    const fn name(self) -> &'static str {
        match self {
            Self::Union => "SUNION",
            Self::Intersection => "SINTER",
            Self::Difference => "SDIFF",
            Self::SymmetricDifference => "XOR",
        }
    }
}

impl<T, C> Combined<T, C> {
    pub(super) const fn new(
        set: Handle<(T, C)>,
        others: Vec<Handle<(T, C)>>,
        how: SetOperation,
    ) -> Self {
        Self { set, others, how }
    }
}

impl<T: Send + 'static, C: Codec<T>> Combined<T, C> {
    /// Returns the elements, in memory at once.
    ///
    /// Redis: SUNION, SINTER or SDIFF; for a symmetric difference SDIFF twice in a script. Time
    /// complexity: O(n), where n is the total number of elements. For an intersection, O(m · k), where
    /// m is the size of the smallest set and k the number of sets. Round trips: 1.
    ///
    /// # Errors
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster if the sets are in different
    /// slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "{numbers}a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "{numbers}b");
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.union([&b]).to_set().await?, [1, 2, 3].into());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SUNION")]
    #[doc(alias = "SINTER")]
    #[doc(alias = "SDIFF")]
    pub fn to_set(&self) -> Op<HashSet<T>>
    where
        T: Eq + Hash,
    {
        self.on_keys(self.how.read(), decode_set::<T, C>)
    }

    /// Returns the number of elements. They stay on the server.
    ///
    /// Redis: SUNION, SDIFF, or SINTERCARD, in a script; before Redis 7.0 SINTER in place of
    /// SINTERCARD. Time complexity: that of [`to_set`](Self::to_set). Round trips: 1.
    ///
    /// # Errors
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster if the sets are in different
    /// slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "{numbers}a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "{numbers}b");
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.union([&b]).count().await?, 3);
    /// assert_eq!(a.intersection([&b]).count().await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SUNION")]
    #[doc(alias = "SDIFF")]
    #[doc(alias = "SINTERCARD")]
    #[doc(alias = "SINTER")]
    #[doc(alias = "len")]
    pub fn count(&self) -> Op<u64> {
        self.count_with("")
    }

    /// Returns the number of elements, or `limit` if there are more. From Redis 7.0 on, an
    /// intersection is not computed further than that.
    ///
    /// Redis: SUNION, SDIFF, or SINTERCARD with LIMIT, in a script; before Redis 7.0 SINTER in place
    /// of SINTERCARD. Time complexity: that of [`to_set`](Self::to_set). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`count`](Self::count).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "{numbers}a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "{numbers}b");
    /// a.extend(0..100).await?;
    /// b.extend(50..150).await?;
    /// assert_eq!(a.intersection([&b]).count_up_to(10).await?, 10);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SUNION")]
    #[doc(alias = "SDIFF")]
    #[doc(alias = "SINTERCARD")]
    #[doc(alias = "SINTER")]
    #[doc(alias = "sintercard_limit")]
    pub fn count_up_to(&self, limit: u64) -> Op<u64> {
        // No set has more elements than the server accepts as a limit.
        self.count_with(&limit.min(i64::MAX.unsigned_abs()).to_string())
    }

    fn count_with(&self, limit: &str) -> Op<u64> {
        let args = |command| Ok(self.with_others(command)?.arg(self.how.name()).arg(limit));
        self.set
            .try_op(args, Command::script(&COUNT), Reply::into_count)
    }

    /// Stores the elements in `destination` and replaces its previous value, of any type.
    /// Returns the number of elements. The destination may be one of the sets. No element leaves
    /// the server.
    ///
    /// Redis: SUNIONSTORE, SINTERSTORE or SDIFFSTORE; for a symmetric difference SDIFF, SDIFFSTORE and
    /// SADD in a script. Time complexity: that of [`to_set`](Self::to_set). Round trips: 1.
    ///
    /// # Errors
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster if the sets and the
    /// destination are in different slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "{numbers}a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "{numbers}b");
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.intersection([&b]).store_into(&a).await?, 1);
    /// assert_eq!(a.to_set().await?, [2].into());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SUNIONSTORE")]
    #[doc(alias = "SINTERSTORE")]
    #[doc(alias = "SDIFFSTORE")]
    #[doc(alias = "SDIFF")]
    #[doc(alias = "SADD")]
    pub fn store_into(&self, destination: &RedisSet<T, C>) -> Op<u64> {
        let command = self.how.store();
        match self.set.key_of(&destination.0) {
            Ok(key) => self.on_keys(command.key(key), Reply::into_count),
            Err(error) => self.set.try_op(|_| Err(error), command, Reply::into_count),
        }
    }

    /// Streams the elements, in no order, a page in memory at a time. In a cluster, the sets may
    /// be in any slots.
    ///
    /// For a union or symmetric difference, the stream scans all sets one after the other; otherwise
    /// it scans one set. For each page of about 256 elements, it asks the other sets which of these
    /// elements they contain. The stream is not atomic. While the sets do not change, it returns each element
    /// once, except for elements that [a scan](crate::Scanned) returns twice. An element that is
    /// added, removed, or moved between the sets meanwhile may or may not be returned.
    ///
    /// Redis: SSCAN and SMISMEMBER; before Redis 6.2 SISMEMBER in a script instead. Time complexity:
    /// O(n) for a page of n elements. Round trips: 1 per page, and 1 per page and other set.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "b");
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// let both: Vec<u32> = a.intersection([&b]).stream().try_collect().await?;
    /// assert_eq!(both, [2]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SSCAN")]
    #[doc(alias = "SMISMEMBER")]
    #[doc(alias = "SISMEMBER")]
    pub fn stream(&self) -> BoxStream<'static, Result<T>> {
        let client = &self.set.client;
        match self.scans() {
            Ok(scans) => {
                let pages = pages(client.clone(), scans);
                Elements::new(client, SCAN, pages, |page| next(page, decode::<T, C>)).boxed()
            }
            Err(error) => stream::iter([Err(self.set.about(SCAN, error))]).boxed(),
        }
    }

    fn on_keys<R>(&self, command: Command, read: fn(Reply) -> Result<R>) -> Op<R> {
        self.set
            .try_op(|command| self.with_others(command), command, read)
    }

    /// Adds the keys of the other sets.
    fn with_others(&self, mut command: Command) -> Result<Command> {
        for other in &self.others {
            command = command.key(self.set.key_of(other)?);
        }
        self.set.client.same_slot(command.keys())?;
        Ok(command)
    }

    /// Returns the scans that together return each element.
    fn scans(&self) -> Result<VecDeque<FilteredScan>> {
        let others = self.others.iter().map(|other| self.set.key_of(other));
        let others: Vec<_> = others.collect::<Result<_>>()?;
        let own = self.set.key.clone();
        let keep = self.how == SetOperation::Intersection;
        let scan = |scan, against| FilteredScan {
            scan,
            against,
            keep,
        };
        let mut scans = VecDeque::new();
        match self.how {
            SetOperation::Union => {
                scans.push_back(scan(own, Vec::new()));
                for other in others {
                    // The scan of an earlier set returned the elements that it has.
                    let earlier = scans.iter().map(|filtered| filtered.scan.clone());
                    let earlier = earlier.collect();
                    scans.push_back(scan(other, earlier));
                }
            }
            SetOperation::Intersection | SetOperation::Difference => {
                scans.push_back(scan(own, others));
            }
            SetOperation::SymmetricDifference => {
                let rest = others
                    .iter()
                    .map(|other| scan(other.clone(), vec![own.clone()]));
                let rest: Vec<_> = rest.collect();
                scans.push_back(scan(own, others));
                scans.extend(rest);
            }
        }
        Ok(scans)
    }
}

const SCAN: &str = "SSCAN";

/// A scan of one set that keeps elements depending on whether other sets have them.
struct FilteredScan {
    scan: Bytes,
    against: Vec<Bytes>,
    /// True if the elements that the other sets have are kept; otherwise the rest is.
    keep: bool,
}

impl FilteredScan {
    async fn filter(&self, client: &Client, mut page: Vec<Reply>) -> Result<Vec<Reply>> {
        for other in &self.against {
            if page.is_empty() {
                break;
            }
            let mut members = Vec::with_capacity(page.len());
            for element in &page {
                members.push(element.clone().into_bytes()?);
            }
            let command = Command::script(&SMISMEMBER)
                .key(other.clone())
                .args(members);
            let mut has = flags(client.run(command).await?)?.into_iter();
            page.retain(|_| has.next() == Some(self.keep));
        }
        Ok(page)
    }
}

fn pages(
    client: Client,
    scans: VecDeque<FilteredScan>,
) -> impl Stream<Item = Result<KeyPage>> + Send + 'static {
    let start: Option<BoxStream<'static, Result<Vec<Reply>>>> = None;
    stream::try_unfold((scans, start), move |(mut scans, mut scan)| {
        let client = client.clone();
        async move {
            while let Some(filtered) = scans.front() {
                let pages = scan.get_or_insert_with(|| {
                    client.scan(Scan::new(SCAN, filtered.scan.clone())).boxed()
                });
                if let Some(page) = pages.next().await {
                    let page = filtered.filter(&client, page?).await?;
                    let key = filtered.scan.clone();
                    return Ok(Some(((key, page), (scans, scan))));
                }
                scans.pop_front();
                scan = None;
            }
            Ok(None)
        }
    })
}

impl<T, C> Clone for Combined<T, C> {
    fn clone(&self) -> Self {
        Self::new(self.set.clone(), self.others.clone(), self.how)
    }
}

impl<T, C> fmt::Debug for Combined<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?}", self.how, self.set)?;
        for other in &self.others {
            write!(f, ", {other:?}")?;
        }
        Ok(())
    }
}

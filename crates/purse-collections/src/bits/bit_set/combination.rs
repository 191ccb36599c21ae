//! Unions, intersections and differences of bit sets.

use std::borrow::Borrow;
use std::fmt;

use purse_client::{Command, Error, ErrorKind, Op, Reply, Result, Script};

use super::RedisBitSet;

static COMBINE: Script = Script::write(
    "BIT SET COMBINE",
    include_str!("../../lua/bit_set_combine.lua"),
);

/// The most sets beside the first one: the script passes all of them to one command.
const MOST_OTHERS: usize = 1_000;

/// A union, intersection or difference of bit sets that is described and not yet computed.
///
/// The methods of [`RedisBitSet`] create it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// # let client = purse::Client::connect(&url).await?;
/// use purse::{CombinedBits, RedisBitSet};
///
/// let day = |name: &str| RedisBitSet::new(&client, format!("{{active}}{name}"), 1_000);
/// let (monday, friday, both) = (day("monday"), day("friday"), day("both"));
/// monday.extend([1, 2, 3]).await?;
/// friday.extend([2, 3, 4]).await?;
/// let combined: CombinedBits = monday.intersection([&friday]);
/// assert_eq!(combined.store_into(&both).await?, 2);
/// assert!(both.contains(3).await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "nothing is computed before `store_into` is called"]
pub struct CombinedBits {
    set: RedisBitSet,
    others: Vec<RedisBitSet>,
    how: BitOperation,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum BitOperation {
    Union,
    Intersection,
    Difference,
    SymmetricDifference,
}

impl BitOperation {
    const fn name(self) -> &'static str {
        match self {
            Self::Union => "OR",
            Self::Intersection => "AND",
            Self::Difference => "DIFFERENCE",
            Self::SymmetricDifference => "XOR",
        }
    }
}

impl CombinedBits {
    pub(super) fn new<I>(set: &RedisBitSet, others: I, how: BitOperation) -> Self
    where
        I: IntoIterator<Item: Borrow<RedisBitSet>>,
    {
        let others = others.into_iter().map(|other| other.borrow().clone());
        Self {
            set: set.clone(),
            others: others.collect(),
            how,
        }
    }

    /// Stores the integers in `destination` and replaces its previous value, of any type. Returns
    /// their number. The destination may be one of the sets. No bit leaves the server.
    ///
    /// Redis: STRLEN, BITOP and BITCOUNT in a script. Time complexity: O(n) for n bits of all sets.
    /// Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if one of the sets has a higher capacity than the
    /// destination, or if there are more than 1000 others. [`CrossSlot`](ErrorKind::CrossSlot) in a
    /// cluster if the sets and the destination are in different slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let [a, b] = ["{days}a", "{days}b"].map(|key| RedisBitSet::new(&client, key, 300));
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// let all = RedisBitSet::new(&client, "{days}all", 300);
    /// assert_eq!(a.union([&b]).store_into(&all).await?, 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "STRLEN")]
    #[doc(alias = "BITOP")]
    #[doc(alias = "BITCOUNT")]
    pub fn store_into(&self, destination: &RedisBitSet) -> Op<u64> {
        let keys = |command| self.keys(destination, command);
        let command = Command::script(&COMBINE);
        destination.handle.try_op(keys, command, Reply::into_count)
    }

    fn keys(&self, destination: &RedisBitSet, mut command: Command) -> Result<Command> {
        let invalid = |message: String| Err(Error::new(ErrorKind::InvalidInput, message));
        if self.others.len() > MOST_OTHERS {
            let sets = self.others.len();
            return invalid(format!(
                "{sets} other bit sets, of which {MOST_OTHERS} are allowed"
            ));
        }
        for set in std::iter::once(&self.set).chain(&self.others) {
            command = command.key(destination.handle.key_of(&set.handle)?);
            if set.capacity > destination.capacity {
                let (set, destination) = (set.capacity, destination.capacity);
                return invalid(format!(
                    "the destination has a capacity of {destination}, less than that of a set, {set}"
                ));
            }
        }
        destination.handle.client.same_slot(command.keys())?;
        Ok(command.arg(self.how.name()))
    }
}

impl fmt::Debug for CombinedBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?}", self.how, self.set)?;
        for other in &self.others {
            write!(f, ", {other:?}")?;
        }
        Ok(())
    }
}

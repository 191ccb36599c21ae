//! The leader of an election, and its record on the masters.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::keys;

/// A current or former leader of an election.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{Leader, Redlock};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let leadership = redlock.election("scheduler").campaign("10.0.0.7:8080").await?;
/// let leader: &Leader = leadership.leader();
/// println!("send requests to {}", leader.name());
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Leader {
    pub(crate) candidate: Bytes,
    pub(crate) fence: u64,
}

impl Leader {
    /// Returns the candidate's bytes, as passed to [`campaign`](crate::Election::campaign).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let leadership = redlock.election("scheduler").campaign([10, 0, 0, 7]).await?;
    /// let address = std::net::Ipv4Addr::from(<[u8; 4]>::try_from(leadership.leader().candidate())?);
    /// assert_eq!(address.to_string(), "10.0.0.7");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn candidate(&self) -> &[u8] {
        &self.candidate
    }

    /// Returns the candidate as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.candidate)
    }

    /// Returns the leader's fence, which is greater than the fence of every earlier leader: see
    /// [`FencedRedlock`](crate::FencedRedlock).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let election = redlock.election("scheduler");
    /// let first = election.campaign("host-7").await?.leader().clone();
    /// // The same process again is another leader.
    /// let second = election.campaign("host-7").await?.leader().clone();
    /// assert!(second.fence() > first.fence());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn fence(&self) -> u64 {
        self.fence
    }

    /// Returns the election record that is stored next to the lock: the fence, a space, and the
    /// candidate.
    pub(crate) fn to_record(&self) -> Bytes {
        let fence = format!("{} ", self.fence);
        [fence.as_bytes(), &self.candidate].concat().into()
    }

    /// Parses an election record. Returns `None` if the text is not a record.
    pub(crate) fn from_record(record: &Bytes) -> Option<Self> {
        let space = record.iter().position(|byte| *byte == b' ')?;
        let fence = std::str::from_utf8(&record[..space]).ok()?;
        Some(Self {
            fence: fence.parse().ok()?,
            candidate: record.slice(space + 1..),
        })
    }
}

impl fmt::Debug for Leader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leader")
            .field("candidate", &keys::DisplayKey(&self.candidate))
            .field("fence", &self.fence)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_with_any_candidate_round_trips() {
        for candidate in [&b"host-7"[..], b"", b" two  words ", b"\xff\0\r\n"] {
            let leader = Leader {
                candidate: Bytes::copy_from_slice(candidate),
                fence: 1_700_000_000_000_001,
            };
            let record = leader.to_record();
            assert!(record.starts_with(b"1700000000000001 "));
            assert_eq!(Leader::from_record(&record), Some(leader));
        }
    }

    #[test]
    fn malformed_record_is_rejected() {
        for text in ["", "7", "a b", " a", "-1 a", "99999999999999999999 a"] {
            assert_eq!(Leader::from_record(&Bytes::from(text)), None, "{text}");
        }
    }
}

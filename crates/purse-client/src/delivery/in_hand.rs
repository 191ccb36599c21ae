//! What the consumers of a collection hold, as anyone can see it.

use std::time::Duration;

use bytes::Bytes;

use super::Deliveries;
use super::consumer::{consumers_key, pending_key};
use crate::{Command, Result, Script};

/// The elements that one consumer of a collection has taken and not yet acknowledged.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let client = purse::Client::connect(&url).await?;
/// use purse::{Command, InHand, Pop};
///
/// client.run(Command::write("RPUSH").key("jobs").arg("first")).await?;
/// let job = client.take(&Pop::front("jobs")).await?.expect("a job");
/// let held: Vec<InHand> = client.in_hand(b"jobs").await?;
/// assert_eq!(held[0].entries, ["first"]);
/// assert!(held[0].lease.as_secs() > 10);
/// job.ack();
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InHand {
    /// The id of the consumer: one of a client for each collection and end of it.
    pub consumer: String,
    /// The time after which others may put the elements back, unless the consumer renews its lease.
    /// Zero if that time is over.
    pub lease: Duration,
    /// The elements, the oldest first. For a sorted set, each has its score and a space before it.
    pub entries: Vec<Bytes>,
}

impl Deliveries {
    /// Returns what the consumers of the collection at `key` hold; those that hold nothing are left
    /// out.
    pub(crate) async fn in_hand(&self, key: &[u8]) -> Result<Vec<InHand>> {
        let consumers = Command::read("HGETALL").key(consumers_key(key));
        let time = self.caller.run(Command::read("TIME")).await?;
        let [seconds, micros] = time.into_array()?;
        let now = seconds.into_count()? * 1000 + micros.into_count()? / 1000;
        let mut held = Vec::new();
        for (id, state) in self.caller.run(consumers).await?.into_pairs()? {
            let id = String::from_utf8_lossy(&id.into_bytes()?).into_owned();
            let state = state.into_bytes()?;
            let lease_end = state.split(|&byte| byte == b' ').next().map_or(0, number);
            let list = Command::read("LRANGE").key(pending_key(key, &id));
            let entries = self.caller.run(list.arg(0_i64).arg(-1_i64)).await?;
            let mut entries = entries.into_list()?;
            if entries.is_empty() {
                continue;
            }
            entries.reverse();
            held.push(InHand {
                consumer: id,
                lease: Duration::from_millis(lease_end.saturating_sub(now)),
                entries: entries
                    .into_iter()
                    .map(crate::Reply::into_bytes)
                    .collect::<Result<_>>()?,
            });
        }
        Ok(held)
    }
}

static FIND: Script = Script::read("FIND", include_str!("../lua/find.lua"));

impl Deliveries {
    /// Returns the key of the list that has `element`: that at `key`, or a pending list.
    pub(crate) async fn find(&self, key: &[u8], element: &[u8]) -> Result<Option<Bytes>> {
        loop {
            let consumers = Command::read("HKEYS").key(consumers_key(key));
            let ids = self.caller.run(consumers).await?.into_list()?;
            let ids: Result<Vec<Bytes>> = ids.into_iter().map(crate::Reply::into_bytes).collect();
            let ids = ids?;
            let mut keys = vec![Bytes::copy_from_slice(key), consumers_key(key)];
            let name = |id: &Bytes| pending_key(key, &String::from_utf8_lossy(id));
            keys.extend(ids.iter().map(name));
            let find = keys
                .iter()
                .cloned()
                .fold(Command::script(&FIND), Command::key);
            let find = find.arg(Bytes::copy_from_slice(element)).args(ids);
            match self.caller.run(find).await?.into_int()? {
                0 => return Ok(None),
                // A consumer has come or gone meanwhile.
                found if found < 0 => {}
                found => {
                    return Ok(usize::try_from(found)
                        .ok()
                        .and_then(|at| keys.get(at - 1).cloned()));
                }
            }
        }
    }
}

fn number(digits: &[u8]) -> u64 {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

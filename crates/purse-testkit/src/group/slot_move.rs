//! A slot of a cluster on its way from one primary to another.

use crate::error::Error;
use crate::group::cluster::{Cluster, id};
use crate::server::Server;
use crate::server::queries::run_command;

/// The number of keys in one command.
const BATCH: usize = 100;

/// The time that the two servers may take, in milliseconds.
const TIMEOUT: &str = "5000";

/// A slot of which either primary may have keys; from [`Cluster::move_slot`].
///
/// The first primary answers commands on keys that it has, and redirects commands on other keys to
/// the second primary (`ASK`). When the move is finished, the first primary redirects all commands
/// (`MOVED`). Dropping this value leaves the move unfinished.
///
/// ```
/// use purse_testkit::Cluster;
///
/// let cluster = Cluster::start(2, 0)?;
/// let (slot, from) = (cluster.slot("key")?, cluster.primary_of("key")?);
/// let to = cluster.nodes().iter().find(|node| node.port() != from.port());
/// from.command(&["SET", "key", "value"])?;
///
/// let moving = cluster.move_slot(slot, to.expect("there are two"))?;
/// assert_eq!(moving.move_keys(1)?, 1);
/// let reply = from.command(&["GET", "key"])?;
/// assert!(reply.error().is_some_and(|error| error.starts_with("ASK ")));
/// moving.finish()?;
/// let reply = from.command(&["GET", "key"])?;
/// assert!(reply.error().is_some_and(|error| error.starts_with("MOVED ")));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the slot stays on the move until `finish` or `undo`"]
pub struct SlotMove<'a> {
    cluster: &'a Cluster,
    slot: u16,
    from: &'a Server,
    to: &'a Server,
}

impl<'a> SlotMove<'a> {
    pub(crate) fn begin(
        cluster: &'a Cluster,
        slot: u16,
        from: &'a Server,
        to: &'a Server,
    ) -> Result<Self, Error> {
        let this = Self {
            cluster,
            slot,
            from,
            to,
        };
        this.set_slot(to, &["IMPORTING", &id(from)?])?;
        this.set_slot(from, &["MIGRATING", &id(to)?])?;
        Ok(this)
    }

    /// The slot.
    pub fn slot(&self) -> u16 {
        self.slot
    }

    /// The primary that has the slot.
    pub fn from(&self) -> &'a Server {
        self.from
    }

    /// The primary that will have it.
    pub fn to(&self) -> &'a Server {
        self.to
    }

    /// Moves at most `count` keys; returns the number of keys that were there.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`], [`Error::Io`].
    pub fn move_keys(&self, count: usize) -> Result<usize, Error> {
        self.carry(self.from, self.to, count)
    }

    /// Moves the keys that are left, gives the slot to the second primary, and waits until all
    /// nodes know.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`], [`Error::Io`], and those of [`Cluster::settle`].
    pub fn finish(self) -> Result<(), Error> {
        while self.move_keys(BATCH)? > 0 {}
        self.give_to(self.to, self.from)
    }

    /// Leaves the slot where it was, and moves the keys back. No client should write them meanwhile.
    ///
    /// # Errors
    ///
    /// The errors of [`SlotMove::finish`].
    pub fn undo(self) -> Result<(), Error> {
        // On the move, it would send the keys that come back away again.
        self.set_slot(self.from, &["STABLE"])?;
        while self.carry(self.to, self.from, BATCH)? > 0 {}
        self.set_slot(self.to, &["STABLE"])?;
        self.cluster.settle()
    }

    /// The new owner first, since the others would tell it that the slot is theirs.
    fn give_to(&self, owner: &Server, other: &Server) -> Result<(), Error> {
        let id = id(owner)?;
        self.set_slot(owner, &["NODE", &id])?;
        self.set_slot(other, &["NODE", &id])?;
        self.cluster.settle()
    }

    fn set_slot(&self, node: &Server, words: &[&str]) -> Result<(), Error> {
        let slot = self.slot.to_string();
        let command = [&["CLUSTER", "SETSLOT", &slot], words].concat();
        run_command(node, &command).map(drop)
    }

    fn carry(&self, from: &Server, to: &Server, count: usize) -> Result<usize, Error> {
        let (slot, count) = (self.slot.to_string(), count.to_string());
        let keys = run_command(from, &["CLUSTER", "GETKEYSINSLOT", &slot, &count])?;
        let keys: Vec<_> = keys.items().iter().filter_map(|key| key.text()).collect();
        if keys.is_empty() {
            return Ok(0);
        }
        let port = to.port().to_string();
        let mut words = vec!["MIGRATE", to.host(), &port, "", "0", TIMEOUT];
        if let Some(password) = to.password() {
            words.extend(["AUTH", password]);
        }
        words.push("KEYS");
        words.extend(&keys);
        run_command(from, &words)?;
        Ok(keys.len())
    }
}

impl Cluster {
    /// Starts to move a slot to another primary: see [`SlotMove`].
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if it is no primary, or has the slot.
    pub fn move_slot<'a>(&'a self, slot: u16, to: &'a Server) -> Result<SlotMove<'a>, Error> {
        SlotMove::begin(self, slot, self.primary_of_slot(slot)?, to)
    }
}

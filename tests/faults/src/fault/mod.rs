//! Faults: what can go wrong with a master, how it is done to a real server, and when.
//!
//! [`FaultyMaster`] does a fault to one server, by commands and by a proxy before it. [`Plan`] draws
//! faults from a seed.
//!
//! May import: `error`.

mod master;
mod plan;
mod proxy;

pub use master::FaultyMaster;
pub use plan::{Plan, Round};
pub use proxy::{Flow, Proxy};

/// A fault of a master, or of the network before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The server is killed by SIGKILL, and restarted.
    Kill,
    /// The server is stopped by SIGSTOP, and resumed.
    Pause,
    /// The network holds all requests and replies back, and delivers them when it is healed.
    BlackHole,
    /// The network delivers requests, and holds replies back.
    Mute,
    /// The present connections become half-open; new ones work.
    HalfOpen,
    /// The network delays requests and replies.
    Delay,
    /// The next replies are lost after their commands have run.
    LostReply,
    /// The network closes the connections.
    Close,
    /// The server closes the connections (`CLIENT KILL`).
    ClientKill,
    /// The server forgets its scripts (`SCRIPT FLUSH`).
    ScriptFlush,
    /// The server has no memory for writes (`maxmemory`).
    OutOfMemory,
    /// The server is a replica and refuses writes (`REPLICAOF`).
    ReadOnly,
    /// The server is loading its data.
    Loading,
    /// The server deletes all data (`FLUSHALL`). A lock without fences does not tolerate it.
    FlushAll,
}

/// The faults that every lock tolerates on servers that write each change to disk.
pub const TOLERATED: &[Fault] = &[
    Fault::Kill,
    Fault::Pause,
    Fault::BlackHole,
    Fault::Mute,
    Fault::HalfOpen,
    Fault::Delay,
    Fault::LostReply,
    Fault::Close,
    Fault::ClientKill,
    Fault::ScriptFlush,
    Fault::OutOfMemory,
    Fault::ReadOnly,
    Fault::Loading,
];

/// Faults of which some restart a server that does not write its data to disk. A lock tolerates them,
/// because a master that returns without its data is kept from voting.
pub const RESTARTS: &[Fault] = &[Fault::Kill, Fault::Kill, Fault::Pause, Fault::ClientKill];

/// Faults of which some delete locks.
pub const DATA_LOSS: &[Fault] = &[Fault::FlushAll, Fault::FlushAll, Fault::Delay, Fault::Mute];

impl Fault {
    /// Returns true if the fault is a state, as opposed to an event.
    #[must_use]
    pub const fn lasts(self) -> bool {
        !matches!(
            self,
            Self::HalfOpen
                | Self::Close
                | Self::ClientKill
                | Self::ScriptFlush
                | Self::Loading
                | Self::FlushAll
        )
    }
}

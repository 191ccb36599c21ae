//! Distributed locks over a quorum of Redis and Valkey masters.
//!
//! | task | use |
//! |---|---|
//! | Mutual exclusion on one key | [`Redlock::mutex`] |
//! | Work that may outlast the lock's ttl and must stop when the lock is lost | [`RedlockMutex::scope`] |
//! | Mutual exclusion on several keys, all or none | [`Redlock::multi`] |
//! | Rejecting writes from stale holders (fencing) | [`Redlock::fenced`], and a resource that checks the fence |
//! | Leader election with observers | [`Redlock::election`] |
//! | Creating something at most once | not a lock: a unique constraint, `SET NX` or `HSETNX` in the store that holds it |
//! | Changing a number or a document in one step | not a lock: one command, a script, a transaction, or a version that is compared |
//!
//! [`Redlock`] creates locks by name. [`RedlockMutex`] waits for one lock, [`RedlockMulti`] for
//! several at once, and [`RedlockGuard`] is a held lock. [`RedlockMutex::scope`] runs work under a
//! lock, extends the lock while the work runs, and stops the work when the lock is lost. To get the
//! same behaviour with a guard, use [`AutoExtend`] and [`RedlockGuard::lost`]. The crate follows
//! the [algorithm] that the servers' documentation describes. It uses the same keys and values as
//! Python's redis-purse, so the locks of both libraries exclude each other.
//!
//! Examples import `purse::redlock`, which is this crate as the crate `purse` re-exports it. A
//! program that depends on this crate alone writes `purse_redlock` instead.
//!
//! # Guarantees
//! - At most one holder at a time, under three conditions: no master loses a lock before its time
//!   to live is over (`FLUSHALL`, eviction and a failover to a replica lose locks); clocks run
//!   equally fast to about 1 %; and holders stop at [`RedlockGuard::valid_until`]. A server expires
//!   keys by its time of day. If its clock is set forward, the locks on it end early.
//! - A master that restarts without its data may have forgotten to whom it granted a lock. It may
//!   not vote until no such lock can be left: see [`QuarantinePolicy`] for the rules and the
//!   remaining gaps.
//! - A lock expires automatically. A holder that died blocks others for at most one ttl.
//! - A minority of the masters may be down, hang or answer late. No call waits for them.
//! - Nothing stays behind. Each attempt is owned by a task, which gives back everything that was
//!   taken or may have been taken, even if the future or the guard is dropped at any moment. The
//!   task asks a master that does not answer again and again, until the lock's time is over. A
//!   request that is still in flight after that, on a network that was cut for longer, may arrive
//!   late and block one master for one ttl.
//! - Every wait is bounded, and every failure reports what is known. [`Error::Held`] means that
//!   another client holds the lock. [`Error::NoQuorum`] means that servers are down. Neither is
//!   reported in place of the other.
//!
//! # Limits
//! This is a lock for efficiency, not for correctness. A process that was paused, or a packet that
//! was delayed, can act on a lock that has ended meanwhile. No lock that expires can prevent that.
//! See [Kleppmann's critique] for the reasons and the [answer] to it. If two holders at once would
//! be a disaster, and not just duplicate work, the resource itself must reject the stale holder, by
//! a number that grows with each holder. [`Redlock::fenced`] creates locks with such a number, and
//! [`FencedRedlock`] describes the requirements. The resource must check the number, because the
//! lock cannot.
//!
//! An election uses a fenced lock and has the guarantees of a lock. Without a quorum of masters
//! there is no lock and no leader: availability is given up, exclusion is not.
//!
//! # Why there is no `Locked<T>`
//! A type that gives access to its `T` only while the lock is held would promise what it cannot
//! keep, because a reference does not expire and the lock does. Data behind such a type could still
//! be reached after [`RedlockGuard::valid_until`], without an error, and data on a server can be
//! reached by every client. Therefore a guard has no `Deref`, and code that needs the lock calls
//! [`RedlockGuard::check`].
//!
//! # Runtime
//! Everything runs on the tokio runtime that [`RedlockBuilder::build`] was called on. Call
//! [`Redlock::shutdown`] before that runtime ends. Otherwise the locks that were dropped last may
//! stay until their ttl has passed.
//!
//! # Features
//! `tracing` (on by default) warns about configurations that make locks less safe, and about locks
//! that could not be released, were lost, or could not be extended. Each extension is logged at the
//! debug level. Each call for a lock is a span `redlock.lock` with the target `purse_redlock`. Its
//! fields are `key`, `attempts`, `votes` (of the last attempt), `wait` and `validity` (both in
//! seconds; `validity` is what was left of an acquired lock's time). Each split vote is an event.
//! Tokens are never logged.
//!
//! [algorithm]: https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/
//! [Kleppmann's critique]: https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html
//! [answer]: https://antirez.com/news/101

mod acquire;
mod builder;
mod config;
mod election;
mod error;
mod keys;
mod lease;
mod lock;
mod master;
mod membership;
mod quorum;
mod redlock;
mod state;
mod tasks;
mod telemetry;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use builder::RedlockBuilder;
pub use config::master_endpoint::Master;
pub use election::Election;
pub use election::leader::Leader;
pub use election::leadership::Leadership;
pub use error::{Error, LockName, LockOperation, Result};
pub use lease::release_outcome::Release;
pub use lock::fence_marker::{Fenced, Fencing, Unfenced};
pub use lock::fenced::{FencedGuard, FencedMulti, FencedMutex, FencedRedlock};
pub use lock::guard::RedlockGuard;
pub use lock::multi::RedlockMulti;
pub use lock::mutex::RedlockMutex;
pub use lock::scope::{RedlockLease, ScopeOutcome};
pub use master::status::{MasterState, MasterStatus};
pub use membership::quarantine::QuarantinePolicy;
pub use purse_lease::{AutoExtend, LeaseInstant, Lost, LostReason};
pub use redlock::Redlock;

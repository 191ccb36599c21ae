//! Distributed locks over a quorum of Redis and Valkey masters.
//!
//! | what is wanted | what does it |
//! |---|---|
//! | a moment alone with one thing | [`Redlock::mutex`] |
//! | work that may take longer than a lock lasts, and stops when it is lost | [`RedlockMutex::scope`] |
//! | a moment alone with several things | [`Redlock::multi`] |
//! | that nobody who comes too late does harm | [`Redlock::fenced`], and a resource that checks the fence |
//! | one of many that leads, and is known to all | [`Redlock::election`] |
//! | that something is there once only | no lock: a unique constraint, `SET NX`, `HSETNX`, in the store that has it |
//! | that a number or a document changes in one step | no lock: one command, a script, a transaction, a version that is compared |
//!
//! [`Redlock`] makes locks by name, [`RedlockMutex`] waits for one, [`RedlockMulti`] for several at
//! once, [`RedlockGuard`] is the lock held. [`RedlockMutex::scope`] runs work under a lock, extends
//! it meanwhile, and stops the work when the lock is lost; with a guard, the same takes
//! [`AutoExtend`] and [`RedlockGuard::lost`]. It follows the [algorithm] that the servers'
//! documentation describes, and shares keys and values with Python's redis-purse: the two exclude
//! each other.
//!
//! # What it promises
//! - At most one holder at a time, as long as no master loses a lock before its time (`FLUSHALL`
//!   does that, as do eviction and a failover to a replica), clocks run equally fast to about 1 %,
//!   and holders stop at [`RedlockGuard::valid_until`]. A server expires keys by its time of day: if
//!   somebody sets that forward, its locks end early.
//! - A master that restarts without its data may forget whom it gave a lock to, so it is kept from
//!   voting until no such lock can be left: [`Quarantine`] says how, and what remains.
//! - A lock ends by itself. A holder that died blocks the others for a ttl at most.
//! - A minority of the masters may be down, hang or answer late: nothing waits for them.
//! - Nothing is forgotten. Each attempt has an owner of its own, a task, which gives back what
//!   was taken or may have been, also if the future or the guard is dropped at its worst moment. It
//!   asks a master that does not answer again and again, until the lock's time is over. What even
//!   then is still under way to it, on a network that was cut for longer, may arrive and block one
//!   master for a ttl.
//! - Every wait is bounded, and every failure says what is known: [`Error::Held`] is another
//!   holder, [`Error::NoQuorum`] is servers that are down, and neither is ever told as the other.
//!
//! # What it does not promise
//! It is a lock for efficiency, not for correctness: a process that is paused, or a packet that
//! lingers, can act on a lock that ended meanwhile, and no lock with an end can prevent that.
//! [Kleppmann's critique] says why, the [answer] to it what remains. Where two holders at once would
//! be a disaster, and not just work done twice, the resource itself must refuse the late one, by
//! a number that grows with each holder: [`Redlock::fenced`] gives locks with one, and
//! [`FencedRedlock`] says what it takes. The resource must check it; the lock cannot.
//!
//! An election is such a lock, with the same promises. Where a quorum of masters is gone, nobody
//! locks and nobody leads: it gives up being available, and not exclusion.
//!
//! # No `Locked<T>`
//! A type that gives out its `T` only to who holds the lock would promise what it cannot keep: a
//! reference has no end of its own, the lock has. Data behind it would still be reached after
//! [`RedlockGuard::valid_until`], without a word, and data on a server is reached by others as they
//! like. So a guard has no `Deref`, and what needs the lock calls [`RedlockGuard::check`].
//!
//! # Runtime
//! Everything runs on the tokio runtime that [`RedlockBuilder::build`] was called on. Call
//! [`Redlock::shutdown`] before it ends, or the last locks that were dropped may stay until their
//! ttl.
//!
//! # Features
//! `tracing` (on by default) warns of configurations that make locks less safe, of locks that could
//! not be released, were lost, or could not be extended; at the level of debugging it tells of each
//! extension.
//! Each call for a lock is a span `redlock.lock` of the target
//! `purse_redlock`, with the fields `key`, `attempts`, `votes` (of the last attempt), `wait` and
//! `validity` (in seconds; the latter is what was left of an acquired lock's time), and an event
//! for each split vote. Tokens are never told.
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
mod runtime;
mod state;
mod telemetry;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use builder::RedlockBuilder;
pub use config::auto_extend::AutoExtend;
pub use config::endpoint::Master;
pub use election::Election;
pub use election::leader::Leader;
pub use election::leadership::Leadership;
pub use error::{Error, LostReason, Result};
pub use lease::release::Release;
pub use lock::fence_marker::{Fenced, Fencing, Unfenced};
pub use lock::fenced::{FencedGuard, FencedMulti, FencedMutex, FencedRedlock};
pub use lock::guard::RedlockGuard;
pub use lock::lost::Lost;
pub use lock::multi::RedlockMulti;
pub use lock::mutex::RedlockMutex;
pub use lock::scope::{RedlockLease, Scoped};
pub use master::status::{MasterState, MasterStatus};
pub use membership::quarantine::Quarantine;
pub use redlock::Redlock;
pub use runtime::clock::LockInstant;

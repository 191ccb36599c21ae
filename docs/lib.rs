//! The pages of the book. The Rust blocks in them run as doctests.

#[cfg(doctest)]
#[doc = include_str!("src/about.md")]
pub mod about {}

#[cfg(doctest)]
#[doc = include_str!("src/getting-started.md")]
pub mod getting_started {}

#[cfg(doctest)]
#[doc = include_str!("src/service.md")]
pub mod service {}

#[cfg(doctest)]
#[doc = include_str!("src/connecting.md")]
pub mod connecting {}

#[cfg(doctest)]
#[doc = include_str!("src/collections.md")]
pub mod collections {}

#[cfg(doctest)]
#[doc = include_str!("src/batches.md")]
pub mod batches {}

#[cfg(doctest)]
#[doc = include_str!("src/cells.md")]
pub mod cells {}

#[cfg(doctest)]
#[doc = include_str!("src/sketches.md")]
pub mod sketches {}

#[cfg(doctest)]
#[doc = include_str!("src/queues.md")]
pub mod queues {}

#[cfg(doctest)]
#[doc = include_str!("src/locks.md")]
pub mod locks {}

#[cfg(doctest)]
#[doc = include_str!("src/fencing.md")]
pub mod fencing {}

#[cfg(doctest)]
#[doc = include_str!("src/lock-faults.md")]
pub mod lock_faults {}

#[cfg(doctest)]
#[doc = include_str!("src/commands.md")]
pub mod commands {}

#[cfg(doctest)]
#[doc = include_str!("src/errors.md")]
pub mod errors {}

#[cfg(doctest)]
#[doc = include_str!("src/observing.md")]
pub mod observing {}

#[cfg(doctest)]
#[doc = include_str!("src/recipes/sessions.md")]
pub mod sessions {}

#[cfg(doctest)]
#[doc = include_str!("src/recipes/cache-aside.md")]
pub mod cache_aside {}

#[cfg(doctest)]
#[doc = include_str!("src/recipes/idempotency-keys.md")]
pub mod idempotency_keys {}

#[cfg(doctest)]
#[doc = include_str!("src/recipes/once-per-period.md")]
pub mod once_per_period {}

#[cfg(doctest)]
#[doc = include_str!("src/recipes/leaderboard.md")]
pub mod leaderboard {}

#[cfg(doctest)]
#[doc = include_str!("src/recipes/graceful-shutdown.md")]
pub mod graceful_shutdown {}

#[cfg(doctest)]
#[doc = include_str!("src/recipes/cluster.md")]
pub mod cluster {}

#[cfg(doctest)]
#[doc = include_str!("src/recipes/sentinel.md")]
pub mod sentinel {}

#[cfg(doctest)]
#[doc = include_str!("src/recipes/tls.md")]
pub mod tls {}

#[cfg(doctest)]
#[doc = include_str!("src/recipes/testing.md")]
pub mod testing {}

#[cfg(doctest)]
#[doc = include_str!("src/migrating.md")]
pub mod migrating {}

#[cfg(doctest)]
#[doc = include_str!("src/performance.md")]
pub mod performance {}

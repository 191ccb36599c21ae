//! The pages of the book. The Rust blocks in them run as doctests.

#[cfg(doctest)]
#[doc = include_str!("src/getting-started.md")]
pub mod getting_started {}

#[cfg(doctest)]
#[doc = include_str!("src/connecting.md")]
pub mod connecting {}

#[cfg(doctest)]
#[doc = include_str!("src/collections.md")]
pub mod collections {}

#[cfg(doctest)]
#[doc = include_str!("src/queues.md")]
pub mod queues {}

#[cfg(doctest)]
#[doc = include_str!("src/locks.md")]
pub mod locks {}

#[cfg(doctest)]
#[doc = include_str!("src/errors.md")]
pub mod errors {}

#[cfg(doctest)]
#[doc = include_str!("src/recipes.md")]
pub mod recipes {}

#[cfg(doctest)]
#[doc = include_str!("src/migrating.md")]
pub mod migrating {}

#[cfg(doctest)]
#[doc = include_str!("src/performance.md")]
pub mod performance {}

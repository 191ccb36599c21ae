//! Typed, async collections and locks on Redis and Valkey.
//!
//! | use case | type | feature |
//! |---|---|---|
//! | a connection | [`Client`] | |
//! | an ordered sequence, a double-ended queue | [`RedisList`] | `collections` |
//! | a map | [`RedisHash`] | `collections` |
//! | a key, its time to live, a dump of it | [`RedisKey`] | `collections` |
//! | values as Python writes them, readable in the server's shell | [`Plain`] | `collections` |
//! | values as JSON | [`Json`] | `collections` |
//! | values that are bytes already | [`Raw`] | `collections` |
//! | mutual exclusion between processes | [`Redlock`] | `redlock` |
//! | part of a collection, by a pattern | [`Pattern`] | |

pub use purse_client::{
    Client, ClientBuilder, Error, ErrorKind, Op, Pattern, Preset, Result, fred,
};
#[cfg(feature = "bincode")]
pub use purse_codec::Bincode;
#[cfg(feature = "msgpack")]
pub use purse_codec::MsgPack;
#[cfg(feature = "validate")]
pub use purse_codec::Validated;
#[cfg(feature = "collections")]
pub use purse_codec::{Codec, DecodeError, EncodeError, Input, Json, Plain, Raw};
#[cfg(feature = "collections")]
pub use purse_collections::{
    KeyType, Occurrences, Paged, RedisHash, RedisKey, RedisList, Scanned, Ttl,
};
#[cfg(feature = "redlock")]
pub use purse_redlock as redlock;
#[cfg(feature = "redlock")]
pub use purse_redlock::{Redlock, RedlockGuard, RedlockMutex};

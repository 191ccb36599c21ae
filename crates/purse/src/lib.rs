//! Typed, async collections and locks on Redis and Valkey.
//!
//! | use case | type | feature |
//! |---|---|---|
//! | a connection | [`Client`] | |
//! | an ordered sequence, a double-ended queue | [`RedisList`] | `collections` |
//! | a map | [`RedisHash`] | `collections` |
//! | a map whose entries are keys of their own, each with its time to live | [`RedisKeySpace`] | `collections` |
//! | distinct elements, and what several sets have in common | [`RedisSet`] | `collections` |
//! | a ranking, elements in the order of scores | [`RedisSortedSet`] | `collections` |
//! | work handed to whoever comes first, in order | [`RedisQueue`], [`RedisLifoQueue`] | `collections` |
//! | work handed to whoever comes first, by priority | [`RedisPriorityQueue`] | `collections` |
//! | a key, its time to live, a dump of it | [`RedisKey`] | `collections` |
//! | values as Python writes them, readable in the server's shell | [`Plain`] | `collections` |
//! | values as JSON | [`Json`] | `collections` |
//! | values that are bytes already | [`Raw`] | `collections` |
//! | several operations in one trip, or in one transaction | [`Batch`] | |
//! | mutual exclusion between processes | [`Redlock`] | `redlock` |
//! | part of a collection, by a pattern | [`Pattern`] | |
//! | a command or script of your own | [`Command`], [`Script`], [`Reply`] | |
//! | one connection that ends once, for blocking commands and transactions | [`Session`] | |
//! | news of a key's change | [`Watch`] | |
//! | news of the connections, and counters | [`Event`], [`Stats`] | |

pub use purse_client::{
    Argument, Batch, Client, ClientBuilder, Command, Credentials, Effect, Error, ErrorKind, Event,
    Op, Options, PageResult, Pattern, Pending, Pop, Preset, ReadFrom, Reply, Result, Scan, Script,
    Session, Stats, Taken, Watch, fred, prefetch_pages,
};
#[cfg(feature = "bincode")]
pub use purse_codec::Bincode;
#[cfg(feature = "msgpack")]
pub use purse_codec::MsgPack;
#[cfg(feature = "validate")]
pub use purse_codec::Validated;
#[cfg(feature = "collections")]
pub use purse_codec::{Codec, DecodeError, EncodeError, IntoArg, Json, Plain, Raw};
#[cfg(feature = "collections")]
pub use purse_collections::{
    Aggregate, ByRank, ByScore, ByValue, Changes, Combined, CombinedSorted, Condition, Entries,
    Fifo, KeyType, Lifo, Occurrences, OnPoison, Order, Paged, RedisHash, RedisKey, RedisKeySpace,
    RedisLifoQueue, RedisList, RedisPriorityQueue, RedisQueue, RedisSet, RedisSortedSet, Scanned,
    SetOptions, SetOutcome, SortedPage, SortedRange, Ttl,
};
#[cfg(feature = "redlock")]
pub use purse_redlock as redlock;
#[cfg(feature = "redlock")]
pub use purse_redlock::{Redlock, RedlockGuard, RedlockMutex};

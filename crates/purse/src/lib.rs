//! Typed, async collections, queues and locks on Redis and Valkey.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = purse_testkit::Server::start()?;
//! # let url = server.url();
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! use purse::{Client, RedisHash, RedisQueue};
//!
//! let client = Client::connect(&url).await?;
//!
//! let visits: RedisHash<String, i64> = RedisHash::new(&client, "visits");
//! visits.increment("home", 1).await?;
//! assert_eq!(visits.get("home").await?, Some(1));
//!
//! let mail: RedisQueue<String> = RedisQueue::new(&client, "mail");
//! mail.push("hello").await?;
//! assert_eq!(mail.try_pop().await?.as_deref(), Some("hello"));
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # Types
//!
//! | for | use | feature |
//! |---|---|---|
//! | connections to a server, a cluster or a sentinel group | [`Client`], [`ClientBuilder`] | |
//! | a sequence, a double-ended queue | [`RedisList`] | `collections` |
//! | a map | [`RedisHash`] | `collections` |
//! | a map whose entries are keys, each with its own time to live | [`RedisKeySpace`] | `collections` |
//! | distinct elements, set algebra | [`RedisSet`] | `collections` |
//! | a ranking by scores | [`RedisSortedSet`] | `collections` |
//! | places, and those within a distance | [`RedisGeo`] | `collections` |
//! | a set of small integers, in a bit each | [`RedisBitSet`] | `collections` |
//! | how many distinct elements there were, in 12 kB | [`RedisHyperLogLog`] | `collections` |
//! | whether an element was there before, in a few bits each | [`RedisBloomFilter`] | `collections` |
//! | work for one of many consumers, in order of arrival | [`RedisQueue`], [`RedisLifoQueue`] | `collections` |
//! | work for one of many consumers, by priority | [`RedisPriorityQueue`] | `collections` |
//! | one value, compared and exchanged | [`RedisCell`], [`RedisVersioned`] | `collections` |
//! | a number, within bounds, or of the last minutes | [`RedisCounter`], [`RedisWindowCounter`] | `collections` |
//! | unique ids | [`RedisIdGenerator`] | `collections` |
//! | a map from each key to several values | [`RedisMultimap`] | `collections` |
//! | a map of bounded size, such as a cache | [`RedisLruMap`] | `collections` |
//! | any key: type, time to live, dump | [`RedisKey`] | `collections` |
//! | how values are encoded | [`Codec`]: [`Plain`] (default), [`Json`], [`Raw`] and more | `collections` |
//! | elements that cannot be decoded, among the others | [`Lenient`], [`Decoded`] | `collections` |
//! | several operations in one round trip, or atomically | [`Batch`], [`Operation`] | |
//! | mutual exclusion between processes, fencing, elections | [`Redlock`] | `redlock` |
//! | elements or keys that match a pattern | [`Pattern`] | |
//! | commands and scripts of your own | [`Command`], [`Script`], [`Reply`] | |
//! | a script that runs exactly once although its reply is lost | [`Client::run_exactly_once`] | |
//! | a dedicated connection, for blocking commands and transactions | [`Session`] | |
//! | changes of a key | [`Watch`] | |
//! | events of connections, counters | [`Event`], [`Stats`] | |
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `collections` | the collections and codecs | on |
//! | `redlock` | the lock | on |
//! | `tracing` | log events and spans by `tracing` | on |
//! | `metrics` | counters by the facade `metrics` | off |
//! | `tls-rustls`, `tls-rustls-ring`, `tls-native` | TLS by rustls with aws-lc-rs, by rustls with ring, or by the system's library | off |
//! | `unix-sockets` | unix sockets | off |
//! | `msgpack`, `bincode`, `validate` | the codecs [`MsgPack`], [`Bincode`], [`Validated`] | off |
//!
//! # Errors
//!
//! Every operation has a time limit, and every failure says whether the operation may have run.
//!
//! | [`ErrorKind`] | the operation | repeat it? |
//! |---|---|---|
//! | [`NotSent`](ErrorKind::NotSent) | did not run | yes |
//! | [`Timeout`](ErrorKind::Timeout) | changes nothing | yes |
//! | [`Ambiguous`](ErrorKind::Ambiguous) | ran once, or did not run | only if twice does no harm |
//! | [`Server`](ErrorKind::Server) | was refused by the server | if [`is_retryable`](Error::is_retryable) |
//! | all others | did not run, or changed nothing; the kind says why | no |
//!
//! Reads are sent again within their time after a connection was lost; writes are never sent twice, except
//! those that [run exactly once](Client::run_exactly_once). If
//! one call takes several commands, [`Error::done`] says how many elements were processed. Errors of locks
//! convert into [`Error`]; [`Error::details`] returns them.
//!
//! # Cancel safety
//!
//! An operation is sent when it is first polled. If it is dropped before that, nothing is sent. If it is
//! dropped later, the command may run or not, and its reply is discarded. Nothing keeps running, and no
//! connection gets out of step. The pops of queues lose nothing: an element that was popped for a
//! dropped future is put back. Methods that differ say so.
//!
//! # Runtimes
//!
//! A client belongs to the tokio runtime on which it was made, and needs it to run. Its operations can be
//! awaited on any runtime, and outside of tokio; their time limits hold there as well, even if the
//! client's runtime is not driven. When that runtime ends, all operations fail with
//! [`Closed`](ErrorKind::Closed).
//!
//! # Servers and rights
//!
//! Redis from 6.0 and Valkey; single servers, clusters and sentinel groups; RESP3, and RESP2 where the
//! server or a proxy knows no `HELLO`. An option that the server is too old for gives
//! [`Unsupported`](ErrorKind::Unsupported). The README lists the rights that each method needs.

pub use purse_client::{
    Argument, Backoff, Batch, Client, ClientBuilder, Command, Credentials, Delivery, Effect, Error,
    ErrorKind, Event, InHand, Op, Operation, OperationOptions, PageResult, Pattern, Pending, Pop,
    Preset, ReadFrom, Reply, Result, Scan, Script, Session, Stats, Watch, fred, prefetch_pages,
    sibling_key,
};
#[cfg(feature = "bincode")]
pub use purse_codec::Bincode;
#[cfg(feature = "msgpack")]
pub use purse_codec::MsgPack;
#[cfg(feature = "validate")]
pub use purse_codec::Validated;
#[cfg(feature = "collections")]
pub use purse_codec::{
    Codec, DecimalText, DecodeError, Decoded, EncodeError, IntoArg, IntoPair, Json, Lenient, Plain,
    Raw,
};
#[cfg(feature = "collections")]
pub use purse_collections::{
    Aggregate, BoundedCounter, BoundedQueue, BulkOp, ByRank, ByScore, ByValue, Changes, Combined,
    CombinedBits, CombinedSorted, Condition, Distance, End, Entries, ExpiryCondition, Fifo, Float,
    GeoMatch, GeoPoint, GeoSearch, GeoShape, Held, IndexRange, Integer, IntoIndex, IntoScore,
    KeyType, Lifo, LimitedRange, Number, Occurrences, OnPoison, Order, Paged, Ranked, RedisBitSet,
    RedisBloomFilter, RedisCell, RedisCounter, RedisGeo, RedisHash, RedisHyperLogLog,
    RedisIdGenerator, RedisKey, RedisKeySpace, RedisLifoQueue, RedisList, RedisLruMap,
    RedisMultimap, RedisPriorityQueue, RedisQueue, RedisSet, RedisSortedSet, RedisVersioned,
    RedisWindowCounter, Scanned, ScoreRange, SetOptions, SetOutcome, SortedRange, Tie, Ttl,
    Version,
};
#[cfg(feature = "redlock")]
pub use purse_redlock as redlock;
#[cfg(feature = "redlock")]
pub use purse_redlock::{Redlock, RedlockGuard, RedlockMutex};

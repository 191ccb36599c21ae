//! Typed, async collections on Redis and Valkey.
//!
//! A collection is a handle: a client, a key, and the types of the key's value. To create one takes
//! no round trip, and a clone is cheap. A handle has no state of its own, so any number of handles,
//! in any number of processes, can work on the same value. A key without elements does not exist;
//! the first element creates it.
//!
//! | type | like | value on the server |
//! |---|---|---|
//! | [`RedisList`] | `VecDeque<T>` | list |
//! | [`RedisHash`] | `HashMap<K, V>` | hash |
//! | [`RedisKeySpace`] | `HashMap<K, T>`, a key for each entry | strings |
//! | [`RedisSet`] | `HashSet<T>` | set |
//! | [`RedisSortedSet`] | `BTreeMap` by score | sorted set |
//! | [`RedisGeo`] | a map from elements to places, searched by distance | sorted set |
//! | [`RedisBitSet`] | `BTreeSet<u32>` | string |
//! | [`RedisHyperLogLog`] | the `len` of a `HashSet<T>`, approximately | string |
//! | [`RedisBloomFilter`] | the `contains` of a `HashSet<T>`, approximately | string |
//! | [`RedisQueue`], [`RedisLifoQueue`] | a channel between processes | list |
//! | [`RedisPriorityQueue`] | `BinaryHeap` between processes | sorted set |
//! | [`RedisCell`] | an atomic, such as `AtomicCell<T>` | string |
//! | [`RedisVersioned`] | a value with a version; updates happen exactly once | hash |
//! | [`RedisCounter`] | `AtomicI64` | string |
//! | [`RedisWindowCounter`] | a count of the last minutes or hours | hash |
//! | [`RedisIdGenerator`] | a source of unique numbers | string |
//! | [`RedisMultimap`] | `HashMap<K, HashSet<V>>` | sorted set |
//! | [`RedisLruMap`] | a bounded `HashMap<K, V>` that evicts old entries | hash and sorted set |
//! | [`RedisKey`] | an entry of the key space | any |
//!
//! A codec converts elements to bytes. It is the last type parameter; the default, `Plain`, writes
//! the format of Python's redis-purse. Arguments may be a `T` or a `&T`, for `String` also a `&str`,
//! and other forms ([`IntoArg`](purse_codec::IntoArg)). Pairs may be references to pairs.
//!
//! ```
//! # #[tokio::main] async fn main() -> purse::Result<()> {
//! # let url = purse_testkit::Server::shared().url();
//! use purse::{Client, RedisHash, RedisQueue};
//!
//! let client = Client::connect(&url).await?;
//! let visits: RedisHash<String, u64> = RedisHash::new(&client, "visits");
//! visits.increment("home", 1).await?;
//! assert_eq!(visits.get("home").await?, Some(1));
//!
//! let jobs: RedisQueue<String> = RedisQueue::new(&client, "jobs");
//! jobs.push("send a letter").await?;
//! assert_eq!(jobs.pop().await?, "send a letter");
//! # Ok(()) }
//! ```
//!
//! Examples import `purse`, the crate that most programs depend on. It re-exports this one.
//!
//! # Commands and costs
//!
//! Most methods return an [`Op`](purse_client::Op), a future that owns all data it needs. Methods
//! that take many elements return a [`BulkOp`], which may send several commands. Both can be added
//! to a [`Batch`](purse_client::Batch). Methods that need a reply before they can go on are async
//! functions: pops of queues, waits, scans, updates with a closure, and what runs exactly once.
//!
//! The docs of a method contain a line that starts with `Redis:`. It names the commands that the
//! server runs and their costs, with n elements in the collection unless n is defined. A method that
//! takes one round trip is atomic, also if it is a script.
//!
//! # Several objects
//!
//! An operation on several objects, such as a union of sets, needs all of them in one database. Each
//! such operation compares the databases of the objects' clients before it sends anything, and fails
//! with `InvalidInput` if they differ. Two clients of one database are welcome;
//! [`Client::same_database`](purse_client::Client::same_database) says what counts as one.
//!
//! # Chunks
//!
//! Methods that take many elements send them in chunks of up to 1024 elements, or about one
//! megabyte. Each chunk is one command, which is atomic, and takes one round trip. So the whole is
//! atomic if it fits one chunk. Without any element nothing is sent, unless the docs of the method
//! name a command for that case.
//!
//! The next chunk is taken from the iterator and encoded while a chunk is in flight. Writes have
//! one chunk in flight, reads have two. After a chunk of a write has failed, no other chunk is
//! sent, and [`Error::done`](purse_client::Error::done) is the number of elements in the chunks
//! before it. The error is `Ambiguous` if the chunk that failed may have run, or a part of it. The
//! error of a read has no such number, because a read changes nothing.
//!
//! # Errors
//!
//! Every method fails with a [`purse_client::Error`], whose [`kind`](purse_client::Error::kind)
//! says what to do. The docs of a method only list the errors that are not listed here:
//!
//! - **Encoding**: a value or key that cannot be encoded is an `Encode` error, and nothing is sent.
//! - A **read** fails with `NotSent` or `Timeout` if no server answers, with `Auth`, with
//!   `WrongType` if the key holds a value of another type, with `Server` if the server refuses it
//!   for another reason, with `Decode` if an element cannot be decoded, and with `Closed`. A
//!   `Decode` error holds the first bytes that cannot be decoded
//!   ([`Error::bytes`](purse_client::Error::bytes)). It names the command, the key of the element, in
//!   a hash the field, and in a list the index. The method `lenient` of a collection returns a handle that returns such
//!   elements among the others, so nothing fails with `Decode`. A read is sent again automatically
//!   when a connection breaks.
//! - A **write** fails as a read does, but with `Ambiguous` instead of `Timeout`: the command may
//!   have run. A write is never sent twice, unless the docs of the method say that it runs exactly
//!   once. In all other cases nothing changed, except for the
//!   elements in [`Error::done`](purse_client::Error::done), and except as the next item says.
//! - A write that **removes** an element or replaces a value, and returns it, fails with `Decode`
//!   if it cannot decode the element. The element is removed, and the error holds the bytes of all
//!   removed elements ([`Error::removed`](purse_client::Error::removed)).
//! - A **stream** returns elements that cannot be decoded as `Decode` errors, each with its bytes
//!   and names, and continues. All other errors end it. A scan, which is a stream over a hash, set, sorted set
//!   or key space, also fails with `ScanInvalidated` if the server restarts or fails over before the
//!   end, because it is unknown which elements are left.
//! - A value or key that is **larger than the server accepts** (`proto-max-bulk-len`, 512 MB by
//!   default) is refused with `Server`, and the server closes the connection. Other writes on that
//!   connection are `Ambiguous` then, and so is this one if the server's reply is lost.
//!
//! # Cancel safety
//!
//! - A **read** can be dropped at any point. Nothing is lost.
//! - A **write** that is dropped before its first poll is not sent. If it is dropped later, it runs
//!   or does not run, as if its reply had been lost. Of a write in several chunks, the chunk in
//!   flight runs or does not run, and later chunks are not sent.
//! - A write that **removes** elements and returns them may lose them if it is dropped, because it
//!   may run although no task receives the reply. The pops of queues, and those of sorted sets that
//!   wait, lose no element.
//! - A **stream** can be dropped at any point. It sends nothing after that.

mod bits;
mod bulk;
mod cell;
mod conversion;
mod counter;
mod element_stream;
mod geo;
mod handle;
mod hash;
mod keyspace;
mod list;
mod lru_map;
mod multimap;
mod number;
mod number_args;
mod queue;
mod redis_key;
mod set;
mod sorted_set;
mod ttl;

pub use bits::{CombinedBits, RedisBitSet, RedisBloomFilter, RedisHyperLogLog};
pub use bulk::BulkOp;
pub use cell::{RedisCell, RedisVersioned, Version};
pub use counter::{BoundedCounter, RedisCounter, RedisIdGenerator, RedisWindowCounter};
pub use element_stream::Scanned;
pub use geo::{Distance, GeoMatch, GeoPoint, GeoSearch, GeoShape, RedisGeo};
pub use hash::RedisHash;
pub use keyspace::{Entries, RedisKeySpace, SetOptions, SetOutcome};
pub use list::{End, Occurrences, Paged, RedisList};
pub use lru_map::RedisLruMap;
pub use multimap::RedisMultimap;
pub use number::{Float, Integer, Number};
pub use number_args::{IndexRange, IntoIndex, IntoScore, ScoreRange};
pub use queue::{
    BoundedQueue, Fifo, Held, Lifo, OnPoison, Order, RedisLifoQueue, RedisPriorityQueue, RedisQueue,
};
pub use redis_key::{KeyType, RedisKey};
pub use set::{Combined, RedisSet};
pub use sorted_set::{
    Aggregate, ByRank, ByScore, ByValue, Changes, CombinedSorted, Condition, LimitedRange, Ranked,
    RedisSortedSet, SortedRange, Tie,
};
pub use ttl::{ExpiryCondition, Ttl};

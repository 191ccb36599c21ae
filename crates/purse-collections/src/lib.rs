//! Typed, async collections on Redis and Valkey.
//!
//! A collection is a handle: a client, a key, and the types of what the key holds. It is made
//! without a round trip, is cheap to clone, and knows nothing that the server does not: any number
//! of handles, in any number of processes, work on the same value. A key without elements does not
//! exist, and comes into being with its first one.
//!
//! | type | like | value on the server |
//! |---|---|---|
//! | [`RedisList`] | `VecDeque<T>` | list |
//! | [`RedisHash`] | `HashMap<K, V>` | hash |
//! | [`RedisKeySpace`] | `HashMap<String, T>`, a key for each entry | strings |
//! | [`RedisSet`] | `HashSet<T>` | set |
//! | [`RedisSortedSet`] | `BTreeMap` by score | sorted set |
//! | [`RedisQueue`], [`RedisLifoQueue`] | a channel between processes | list |
//! | [`RedisPriorityQueue`] | `BinaryHeap` between processes | sorted set |
//! | [`RedisKey`] | an entry of the key space | any |
//!
//! Elements are turned into bytes by a codec, the last type parameter; the default, `Plain`, writes
//! what Python's redis-purse writes. ArgBuffer are taken as `T` or `&T`, and for `String` as `&str`
//! ([`IntoArg`](purse_codec::IntoArg)).
//!
//! Methods give an [`Op`](purse_client::Op), a future that owns all it needs, or are async
//! functions where one call takes several commands.
//!
//! Reads of one element (`get`, `contains`, `score`, `rank` and the like) that several tasks await at
//! the same moment go as one command, up to 64 of them: `HMGET`, `SMISMEMBER` or `ZMSCORE` where all
//! are of one key, else, from version 7 of the server on, a script. Nobody waits for it, each gets
//! the result and the error that it would get alone, and what their documentation says of them
//! holds. Not so in a cluster, nor on another runtime than that on which the client was made.
//!
//! # Errors
//!
//! Every method fails with a [`purse_client::Error`]; its [`kind`](purse_client::Error::kind) tells
//! what to do. What a method's own documentation names comes on top of these:
//!
//! - a **read** fails with `NotSent` or `Timeout` where no server answers, `Auth`, `WrongType` if
//!   the key holds a value of another type, `Server` for what the server refuses otherwise, and
//!   `Closed`. It is sent again by itself when a connection breaks.
//! - a **write** fails likewise, and with `Ambiguous` in place of `Timeout`: the command may have
//!   run. It is never sent twice. In every other case nothing changed, but for what
//!   [`Error::done`](purse_client::Error::done) counts where one call takes several commands.
//! - a **scan** (streams, but for a list's) fails with `Interrupted` besides, where the server was
//!   started anew or failed over before its end: what it had left to see is not known.
//! - what takes an element **out** and cannot decode it fails with `Decode`, and the error holds
//!   the bytes ([`Error::removed`](purse_client::Error::removed)).
//! - `Encode` comes before anything is sent.
//! - a value or key that is **larger than the server takes** (`proto-max-bulk-len`, 512 MB by
//!   default) is refused with `Server`, and the server closes the connection: other writes on it are
//!   `Ambiguous`, and so is this one where the server's words are lost on the way.
//!
//! # Cancel safety
//!
//! - a **read** can be dropped at any point; nothing is lost.
//! - a **write** that is dropped before its first poll is not sent. Dropped later it runs, or not,
//!   as if its reply had been lost.
//! - a write that takes elements out may lose them when it is dropped: it may run with nobody there
//!   to receive what it took. The pops of queues, and those of sorted sets that wait, lose none.

mod bulk;
mod encode;
mod handle;
mod hash;
mod key;
mod keyspace;
mod list;
mod queue;
mod set;
mod sorted_set;
mod stream;
mod ttl;

pub use hash::RedisHash;
pub use key::{KeyType, RedisKey};
pub use keyspace::{Entries, RedisKeySpace, SetOptions, SetOutcome};
pub use list::{Occurrences, Paged, RedisList};
pub use queue::{Fifo, Lifo, OnPoison, Order, RedisLifoQueue, RedisPriorityQueue, RedisQueue};
pub use set::{Combined, RedisSet};
pub use sorted_set::{
    Aggregate, ByRank, ByScore, ByValue, Changes, CombinedSorted, Condition, RedisSortedSet,
    SortedPage, SortedRange,
};
pub use stream::Scanned;
pub use ttl::Ttl;

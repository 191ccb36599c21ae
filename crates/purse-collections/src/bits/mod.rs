//! Values whose bits the server works on: a set of small integers, and two sketches, which hold an
//! approximation of a set of elements in little memory.
//!
//! May import: `conversion`, `handle`, `redis_key`, `bulk`.

mod bit_set;
mod bloom_filter;
mod hyper_log_log;

pub use bit_set::{CombinedBits, RedisBitSet};
pub use bloom_filter::RedisBloomFilter;
pub use hyper_log_log::RedisHyperLogLog;

//! Single operations of each collection, and the same commands by fred and redis-rs.

use std::hint::black_box;

use fred::clients::Client as Fred;
use fred::interfaces::{
    HashesInterface, KeysInterface, ListInterface, SetsInterface, SortedSetsInterface,
};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::clients::Clients;
use crate::error::{Error, Result};

/// An element of a hundred bytes.
const ITEM: &str = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";

/// The number of times that an operation runs while its instructions are counted.
pub const REPETITIONS: usize = 300;

type Run<C> = for<'a> fn(&'a C, usize) -> LocalBoxFuture<'a, Result<()>>;

/// The library that runs an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// A collection of purse.
    Purse,
    /// fred's method of the same command.
    Fred,
    /// redis-rs' method of the same command.
    RedisRs,
}

impl Library {
    /// All libraries.
    pub const ALL: [Self; 3] = [Self::Purse, Self::Fred, Self::RedisRs];

    /// Returns the name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Purse => "purse",
            Self::Fred => "fred",
            Self::RedisRs => "redis-rs",
        }
    }
}

/// A command that each library sends, and whose reply each reads into the same type.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    name: &'static str,
    purse: Run<Clients>,
    fred: Run<Fred>,
    redis_rs: Run<MultiplexedConnection>,
}

impl Operation {
    const fn new(
        name: &'static str,
        purse: Run<Clients>,
        fred: Run<Fred>,
        redis_rs: Run<MultiplexedConnection>,
    ) -> Self {
        Self {
            name,
            purse,
            fred,
            redis_rs,
        }
    }

    /// Returns the name, such as `list_push_back`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn run<'a>(
        &self,
        library: Library,
        clients: &'a Clients,
        times: usize,
    ) -> LocalBoxFuture<'a, Result<()>> {
        match library {
            Library::Purse => (self.purse)(clients, times),
            Library::Fred => (self.fred)(&clients.fred, times),
            Library::RedisRs => (self.redis_rs)(&clients.redis_rs, times),
        }
    }
}

/// Returns all operations. An operation uses what the operations before it have stored.
#[must_use]
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "list_push_back",
            |it, n| repeat(n, async || it.list.push_back(ITEM).await),
            |fred, n| repeat(n, async || fred.rpush::<u64, _, _>("list", ITEM).await),
            |redis, n| {
                repeat(n, async || {
                    redis.clone().rpush::<_, _, u64>("list", ITEM).await
                })
            },
        ),
        Operation::new(
            "list_get",
            |it, n| repeat(n, async || it.list.get(0).await),
            |fred, n| {
                repeat(n, async || {
                    fred.lindex::<Option<String>, _>("list", 0).await
                })
            },
            |redis, n| {
                repeat(n, async || {
                    redis.clone().lindex::<_, Option<String>>("list", 0).await
                })
            },
        ),
        Operation::new(
            "list_len",
            |it, n| repeat(n, async || it.list.len().await),
            |fred, n| repeat(n, async || fred.llen::<u64, _>("list").await),
            |redis, n| repeat(n, async || redis.clone().llen::<_, u64>("list").await),
        ),
        Operation::new(
            "hash_set",
            |it, n| repeat(n, async || it.hash.set("field", ITEM).await),
            |fred, n| {
                repeat(n, async || {
                    fred.hset::<bool, _, _>("hash", ("field", ITEM)).await
                })
            },
            |redis, n| {
                repeat(n, async || {
                    redis
                        .clone()
                        .hset::<_, _, _, bool>("hash", "field", ITEM)
                        .await
                })
            },
        ),
        Operation::new(
            "hash_get",
            |it, n| repeat(n, async || it.hash.get("field").await),
            |fred, n| {
                repeat(n, async || {
                    fred.hget::<Option<String>, _, _>("hash", "field").await
                })
            },
            |redis, n| {
                repeat(n, async || {
                    redis
                        .clone()
                        .hget::<_, _, Option<String>>("hash", "field")
                        .await
                })
            },
        ),
        Operation::new(
            "hash_contains_key",
            |it, n| repeat(n, async || it.hash.contains_key("field").await),
            |fred, n| {
                repeat(n, async || {
                    fred.hexists::<bool, _, _>("hash", "field").await
                })
            },
            |redis, n| {
                repeat(n, async || {
                    redis.clone().hexists::<_, _, bool>("hash", "field").await
                })
            },
        ),
        Operation::new(
            "hash_increment",
            |it, n| repeat(n, async || it.counts.increment("field", 1).await),
            |fred, n| {
                repeat(n, async || {
                    fred.hincrby::<i64, _, _>("counts", "field", 1).await
                })
            },
            |redis, n| {
                repeat(n, async || {
                    redis
                        .clone()
                        .hincr::<_, _, _, i64>("counts", "field", 1)
                        .await
                })
            },
        ),
        Operation::new(
            "set_add",
            |it, n| repeat(n, async || it.set.add(ITEM).await),
            |fred, n| repeat(n, async || fred.sadd::<bool, _, _>("set", ITEM).await),
            |redis, n| {
                repeat(n, async || {
                    redis.clone().sadd::<_, _, bool>("set", ITEM).await
                })
            },
        ),
        Operation::new(
            "set_contains",
            |it, n| repeat(n, async || it.set.contains(ITEM).await),
            |fred, n| repeat(n, async || fred.sismember::<bool, _, _>("set", ITEM).await),
            |redis, n| {
                repeat(n, async || {
                    redis.clone().sismember::<_, _, bool>("set", ITEM).await
                })
            },
        ),
        Operation::new(
            "set_remove",
            |it, n| repeat(n, async || it.set.remove("no member").await),
            |fred, n| {
                repeat(n, async || {
                    fred.srem::<bool, _, _>("set", "no member").await
                })
            },
            |redis, n| {
                repeat(n, async || {
                    redis.clone().srem::<_, _, bool>("set", "no member").await
                })
            },
        ),
        Operation::new(
            "sorted_insert",
            |it, n| repeat(n, async || it.sorted.insert(ITEM, 2.5).await),
            |fred, n| {
                repeat(n, async || {
                    let member = (2.5, ITEM);
                    fred.zadd::<bool, _, _>("sorted", None, None, false, false, member)
                        .await
                })
            },
            |redis, n| {
                repeat(n, async || {
                    redis
                        .clone()
                        .zadd::<_, _, _, bool>("sorted", ITEM, 2.5)
                        .await
                })
            },
        ),
        Operation::new(
            "sorted_score",
            |it, n| repeat(n, async || it.sorted.score(ITEM).await),
            |fred, n| {
                repeat(n, async || {
                    fred.zscore::<Option<f64>, _, _>("sorted", ITEM).await
                })
            },
            |redis, n| {
                repeat(n, async || {
                    redis
                        .clone()
                        .zscore::<_, _, Option<f64>>("sorted", ITEM)
                        .await
                })
            },
        ),
        Operation::new(
            "sorted_rank",
            |it, n| repeat(n, async || it.sorted.rank(ITEM).await),
            |fred, n| {
                repeat(n, async || {
                    fred.zrank::<Option<u64>, _, _>("sorted", ITEM, false).await
                })
            },
            |redis, n| {
                repeat(n, async || {
                    redis
                        .clone()
                        .zrank::<_, _, Option<u64>>("sorted", ITEM)
                        .await
                })
            },
        ),
        Operation::new(
            "keyspace_set",
            |it, n| repeat(n, async || it.space.set("name", ITEM).await),
            |fred, n| {
                repeat(n, async || {
                    let name = format!("space:{}", black_box("name"));
                    fred.set::<(), _, _>(name, ITEM, None, None, false).await
                })
            },
            |redis, n| {
                repeat(n, async || {
                    let name = format!("space:{}", black_box("name"));
                    redis.clone().set::<_, _, ()>(name, ITEM).await
                })
            },
        ),
        Operation::new(
            "keyspace_get",
            |it, n| repeat(n, async || it.space.get("name").await),
            |fred, n| {
                repeat(n, async || {
                    let name = format!("space:{}", black_box("name"));
                    fred.get::<Option<String>, _>(name).await
                })
            },
            |redis, n| {
                repeat(n, async || {
                    let name = format!("space:{}", black_box("name"));
                    redis.clone().get::<_, Option<String>>(name).await
                })
            },
        ),
        Operation::new(
            "queue_push",
            |it, n| repeat(n, async || it.queue.push(ITEM).await),
            |fred, n| repeat(n, async || fred.lpush::<u64, _, _>("queue", ITEM).await),
            |redis, n| {
                repeat(n, async || {
                    redis.clone().lpush::<_, _, u64>("queue", ITEM).await
                })
            },
        ),
    ]
}

/// Runs `operation` `times` times, one after the other.
fn repeat<'a, R, E: Into<Error>>(
    times: usize,
    operation: impl AsyncFn() -> Result<R, E> + 'a,
) -> LocalBoxFuture<'a, Result<()>> {
    async move {
        for _ in 0..times {
            black_box(operation().await.map_err(Into::into)?);
        }
        Ok(())
    }
    .boxed_local()
}

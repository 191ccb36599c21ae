//! A server, and both clients of it on one thread.

use std::time::Duration;

use fred::clients::Client as Fred;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, TcpConfig};
use fred::types::{Builder, RespVersion};
use purse_client::Client;
use purse_collections::{
    RedisHash, RedisKeySpace, RedisList, RedisQueue, RedisSet, RedisSortedSet,
};
use purse_testkit::Server;
use redis::aio::MultiplexedConnection;
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use crate::Result;
use crate::operations::{Operation, Side};

/// Bounds of purse's own, for fred as well.
const BOUND: Duration = Duration::from_secs(5);

/// A server with a client of each library, whose tasks all run on one thread.
///
/// So what a client does happens within [`run`](Self::run), and nowhere else.
#[derive(Debug)]
pub struct Stage {
    runtime: Runtime,
    clients: Clients,
    /// Goes last.
    _server: Server,
}

/// The clients and collections of the operations; the peers name the keys.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) fred: Fred,
    pub(crate) redis_rs: MultiplexedConnection,
    pub(crate) list: RedisList<String>,
    pub(crate) hash: RedisHash<String, String>,
    pub(crate) counts: RedisHash<String, i64>,
    pub(crate) set: RedisSet<String>,
    pub(crate) sorted: RedisSortedSet<String>,
    pub(crate) space: RedisKeySpace<String>,
    pub(crate) queue: RedisQueue<String>,
}

impl Stage {
    /// Starts the server, and connects.
    ///
    /// # Errors
    /// Where no server can be had or reached.
    pub fn start() -> Result<Self> {
        let server = Server::start()?;
        let runtime = RuntimeBuilder::new_current_thread().enable_all().build()?;
        let clients = runtime.block_on(Clients::connect(&server.url()))?;
        Ok(Self {
            runtime,
            clients,
            _server: server,
        })
    }

    /// Does the operation so many times, one after the other.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn run(&self, operation: &Operation, side: Side, times: usize) -> Result<()> {
        let run = operation.run(side, &self.clients, times);
        self.runtime.block_on(run)
    }
}

impl Clients {
    async fn connect(url: &str) -> Result<Self> {
        let client = Client::connect(url).await?;
        Ok(Self {
            fred: fred(url).await?,
            redis_rs: redis::Client::open(url)?
                .get_multiplexed_async_connection()
                .await?,
            list: RedisList::new(&client, "list"),
            hash: RedisHash::new(&client, "hash"),
            counts: RedisHash::new(&client, "counts"),
            set: RedisSet::new(&client, "set"),
            sorted: RedisSortedSet::new(&client, "sorted"),
            space: RedisKeySpace::new(&client, "space:"),
            queue: RedisQueue::new(&client, "queue"),
        })
    }
}

/// A client of fred with the settings of purse's own.
async fn fred(url: &str) -> Result<Fred> {
    let mut builder = Builder::from_config(Config::from_url(url)?);
    builder
        .with_config(|config| config.version = RespVersion::RESP3)
        .with_connection_config(|connection| {
            connection.connection_timeout = BOUND;
            connection.internal_command_timeout = BOUND;
            connection.tcp = TcpConfig {
                nodelay: Some(true),
                ..TcpConfig::default()
            };
        })
        .with_performance_config(|performance| performance.default_command_timeout = BOUND);
    let client = builder.build()?;
    client.init().await?;
    Ok(client)
}

//! A client of each library, with the same settings.

use std::time::Duration;

use fred::clients::Client as Fred;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, TcpConfig};
use fred::types::{Builder, RespVersion};
use purse_client::Client;
use purse_collections::{
    RedisHash, RedisKeySpace, RedisList, RedisQueue, RedisSet, RedisSortedSet,
};
use redis::aio::MultiplexedConnection;

use crate::error::Result;

/// The timeout that purse gives its clients, for fred as well.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The clients and collections of the operations. The peers write the names of the same keys.
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

impl Clients {
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let client = Client::connect(url).await?;
        Ok(Self {
            fred: connect_fred(url).await?,
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

/// Connects a client with the settings that purse gives its clients.
async fn connect_fred(url: &str) -> Result<Fred> {
    let mut builder = Builder::from_config(Config::from_url(url)?);
    builder
        .with_config(|config| config.version = RespVersion::RESP3)
        .with_connection_config(|connection| {
            connection.connection_timeout = TIMEOUT;
            connection.internal_command_timeout = TIMEOUT;
            connection.tcp = TcpConfig {
                nodelay: Some(true),
                ..TcpConfig::default()
            };
        })
        .with_performance_config(|performance| performance.default_command_timeout = TIMEOUT);
    let client = builder.build()?;
    client.init().await?;
    Ok(client)
}

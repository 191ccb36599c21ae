//! Who is measured.

use std::path::PathBuf;

use futures::future::BoxFuture;

use crate::drivers::Drivers;
use crate::order::{Answer, Order, Result};
use crate::peers::{by_hand, driver, fred, purse, redis_rs, redisson, rslock, sockets};

/// Something that does what it is told, and says how long it took.
pub(crate) trait Peer: Send + Sync {
    fn run<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Answer>>;

    /// The process to look at for memory, if it is not this one.
    fn pid(&self) -> Option<u32> {
        None
    }
}

/// Connects a peer to its servers, in this process if it is Rust.
pub(crate) async fn connect(
    name: &str,
    urls: &[String],
    drivers: &Drivers,
) -> Result<Box<dyn Peer>> {
    Ok(match name {
        "purse" => Box::new(purse::Purse::connect(urls).await?),
        "fred" => Box::new(fred::Fred::connect(urls).await?),
        "redis-rs" => Box::new(redis_rs::RedisRs::connect(urls).await?),
        "redisson" => Box::new(redisson::Redisson::connect(urls).await?),
        "rslock" => Box::new(rslock::RsLock::connect(urls).await?),
        sockets::NAME => Box::new(sockets::Sockets::connect(urls).await?),
        name if by_hand::is_one(name) => Box::new(by_hand::ByHand(name.to_owned())),
        name => Box::new(driver::Driver::start(drivers.command(name)?, urls).await?),
    })
}

/// Connects a Rust peer in a process of its own, so that its memory can be told from others'.
pub(crate) async fn connect_apart(
    name: &str,
    urls: &[String],
    drivers: &Drivers,
) -> Result<Box<dyn Peer>> {
    if !is_rust(name) {
        return connect(name, urls, drivers).await;
    }
    let own: PathBuf = std::env::current_exe()?;
    let command = vec![own.into(), "--drive".into(), name.into()];
    Ok(Box::new(driver::Driver::start(command, urls).await?))
}

pub(crate) fn is_rust(name: &str) -> bool {
    matches!(
        name,
        "purse" | "fred" | "redis-rs" | "redisson" | "rslock" | sockets::NAME
    )
}

//! The peers, purse among them: one file or folder for each.
//!
//! A new peer in Rust is a type with [`Peer`], an arm in [`connect`], and its name in [`is_rust`]. A
//! peer in Python or Node is a script in the folder `peers` of the package, and a row in
//! [`fetch`]. Works name the peers that they are measured with.
//!
//! May import: `protocol`, `load`, `values`.

mod codec_crates;
mod fetch;
mod fred;
pub(crate) mod plain_sockets;
mod process;
mod purse;
mod redis_rs;
mod redisson;
mod rslock;

use std::path::PathBuf;

use futures::future::BoxFuture;

use crate::protocol::{Request, Response, Result};

pub(crate) use fetch::PeerCommands;

/// A library that is measured, connected to its servers.
pub(crate) trait Peer: Send + Sync {
    /// Runs the operations of the request, and measures them.
    fn run<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response>>;

    /// Returns the process of the peer if it is not this process.
    fn pid(&self) -> Option<u32> {
        None
    }
}

/// Connects a peer to its servers: in this process if it is in Rust, otherwise in a new one.
pub(crate) async fn connect(
    name: &str,
    urls: &[String],
    commands: &PeerCommands,
) -> Result<Box<dyn Peer>> {
    Ok(match name {
        "purse" => Box::new(purse::Purse::connect(urls).await?),
        "fred" => Box::new(fred::Fred::connect(urls).await?),
        "redis-rs" => Box::new(redis_rs::RedisRs::connect(urls).await?),
        "redisson" => Box::new(redisson::Redisson::connect(urls).await?),
        "rslock" => Box::new(rslock::RsLock::connect(urls).await?),
        plain_sockets::NAME => Box::new(plain_sockets::PlainSockets::connect(urls).await?),
        name if codec_crates::NAMES.contains(&name) => {
            Box::new(codec_crates::CodecCrate(name.to_owned()))
        }
        name => Box::new(process::PeerProcess::start(commands.command(name)?, urls).await?),
    })
}

/// Connects a peer in a new process, so that its memory is measured apart from that of others.
pub(crate) async fn connect_in_new_process(
    name: &str,
    urls: &[String],
    commands: &PeerCommands,
) -> Result<Box<dyn Peer>> {
    if !is_rust(name) {
        return connect(name, urls, commands).await;
    }
    let own: PathBuf = std::env::current_exe()?;
    let command = vec![own.into(), "--drive".into(), name.into()];
    Ok(Box::new(process::PeerProcess::start(command, urls).await?))
}

/// Serves as a peer in Rust to another process: reads requests from standard input, and writes
/// responses to standard output.
///
/// # Errors
/// If no peer has that name or a server cannot be reached. A request that fails is a response.
pub async fn serve(name: &str, urls: &[String]) -> Result<()> {
    if !is_rust(name) {
        return Err(format!("no peer in Rust is called {name}").into());
    }
    let peer = connect(name, urls, &PeerCommands::default()).await?;
    process::serve(peer.as_ref()).await
}

fn is_rust(name: &str) -> bool {
    matches!(
        name,
        "purse" | "fred" | "redis-rs" | "redisson" | "rslock" | plain_sockets::NAME
    )
}

#![doc = include_str!("../README.md")]

#[cfg(not(unix))]
compile_error!("purse-testkit needs Unix signals and a POSIX shell: Linux and macOS only");

mod binary;
mod error;
mod group;
mod process;
mod protocol;
mod proxy;
mod relay;
mod release;
mod server;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls/disabled.rs"]
mod tls;

pub use binary::Binary;
pub use error::Error;
pub use group::cluster::Cluster;
pub use group::masters::Masters;
pub use group::sentinels::Sentinels;
pub use group::slot_move::SlotMove;
pub use protocol::reply::Reply;
pub use proxy::Proxy;
pub use release::{Flavour, Release, Version};
pub use server::Server;
pub use server::builder::ServerBuilder;
#[cfg(feature = "tls")]
pub use tls::{Authority, Certificates};

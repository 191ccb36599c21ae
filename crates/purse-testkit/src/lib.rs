#![doc = include_str!("../README.md")]

#[cfg(not(unix))]
compile_error!("purse-testkit needs Unix signals and a POSIX shell: Linux and macOS only");

mod access;
mod binary;
mod builder;
mod cache;
mod cluster;
mod connection;
mod environment;
mod error;
mod fetch;
mod group;
mod guarded;
mod home;
mod launch;
mod masters;
mod relay;
mod release;
mod reply;
mod sentinels;
mod server;
mod slot_move;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls/absent.rs"]
mod tls;
mod wheels;

pub use binary::{Binary, Flavour, Version};
pub use builder::ServerBuilder;
pub use cluster::Cluster;
pub use error::Error;
pub use masters::Masters;
pub use relay::Proxy;
pub use release::Release;
pub use reply::Reply;
pub use sentinels::Sentinels;
pub use server::Server;
pub use slot_move::SlotMove;
#[cfg(feature = "tls")]
pub use tls::{Authority, Certificates};

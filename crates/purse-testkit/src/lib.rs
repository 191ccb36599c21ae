#![doc = include_str!("../README.md")]

#[cfg(not(unix))]
compile_error!("purse-testkit needs Unix signals and a POSIX shell: Linux and macOS only");

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
mod release;
mod reply;
mod sentinels;
mod server;
mod slot_move;
mod wheels;

pub use binary::{Binary, Flavour, Version};
pub use builder::ServerBuilder;
pub use cluster::Cluster;
pub use error::Error;
pub use masters::Masters;
pub use release::Release;
pub use reply::Reply;
pub use sentinels::Sentinels;
pub use server::Server;
pub use slot_move::SlotMove;

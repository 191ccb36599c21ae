#![doc = include_str!("../README.md")]

#[cfg(not(unix))]
compile_error!("purse-testkit needs Unix signals and a POSIX shell: Linux and macOS only");

mod binary;
mod builder;
mod cache;
mod connection;
mod environment;
mod error;
mod fetch;
mod guarded;
mod home;
mod launch;
mod masters;
mod release;
mod reply;
mod server;
mod wheels;

pub use binary::{Binary, Flavour, Version};
pub use builder::ServerBuilder;
pub use error::Error;
pub use masters::Masters;
pub use release::Release;
pub use reply::Reply;
pub use server::Server;

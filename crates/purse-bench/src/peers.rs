//! The peers, one file each.

pub(crate) mod by_hand;
pub(crate) mod driver;
pub(crate) mod fred;
pub(crate) mod purse;
pub(crate) mod redis_rs;
pub(crate) mod redisson;
pub(crate) mod rslock;
pub(crate) mod sockets;

//! Faults of the wire in clusters, and what clients cost that do nothing.

#[path = "../support/mod.rs"]
mod support;

mod cut_off;
mod ends;
mod idle;
mod load;
mod nodes;
mod redirects;
mod replicas;
mod rounds;

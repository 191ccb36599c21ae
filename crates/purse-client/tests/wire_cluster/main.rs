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

use purse_testkit::Server;

/// Returns the number of requests for the slots that a node got. Before Redis 7, the node counts all
/// subcommands of `CLUSTER` as one, and each request for the slots comes with one for its state.
pub(crate) fn slot_requests(node: &Server) -> u64 {
    match support::calls(node, "cluster|slots") {
        0 => support::calls(node, "cluster").div_ceil(2),
        count => count,
    }
}

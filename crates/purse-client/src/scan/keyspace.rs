//! Scans over all keys of a server or cluster.

use bytes::Bytes;
use futures::Stream;

use super::{PageResult, Scan, ScanPosition, prefetch_pages};
use crate::config::Address;
use crate::core::Caller;
use crate::{Error, ErrorKind, Pattern, Reply, Result};

/// Streams the keys that match, in pages.
pub(crate) fn pages_of_keys(
    caller: Caller,
    pattern: Option<Pattern>,
    count: usize,
) -> impl Stream<Item = Result<Vec<Bytes>>> + Send + Unpin + 'static {
    let walk = KeyspaceScan {
        caller,
        pattern,
        count: count.max(1),
        done: Vec::new(),
        at: None,
    };
    prefetch_pages(walk, KeyspaceScan::next_page)
}

/// A node of a cluster; `None` for the only server.
type Node = Option<Address>;

/// The state of a scan over all keys.
struct KeyspaceScan {
    caller: Caller,
    pattern: Option<Pattern>,
    count: usize,
    done: Vec<Node>,
    at: Option<(Node, ScanPosition)>,
}

impl KeyspaceScan {
    async fn next_page(mut self) -> PageResult<Vec<Bytes>, Self> {
        let (node, place) = match self.at.take() {
            Some(at) => at,
            None => match self.next_node().await? {
                Some(node) => (node, ScanPosition::default()),
                None => return Ok((Vec::new(), None)),
            },
        };
        let scan = Scan::of_keys(node.clone())
            .matching(self.pattern.clone())
            .count(self.count);
        let (keys, next) = scan.next_page(&self.caller, place).await?;
        match next {
            None => self.done.push(node),
            Some(next) => self.at = Some((node, next)),
        }
        let keys = keys.into_iter().map(Reply::into_bytes);
        Ok((keys.collect::<Result<_>>()?, Some(self)))
    }

    /// Returns a node that was not scanned yet.
    ///
    /// The slot map is refreshed before each node, because a replica may have taken the place of a
    /// primary since.
    async fn next_node(&self) -> Result<Option<Node>> {
        let nodes = if self.caller.is_cluster() {
            primaries(&self.caller).await?
        } else {
            vec![None]
        };
        Ok(nodes.into_iter().find(|node| !self.done.contains(node)))
    }
}

/// Returns the primaries of a cluster as it is now.
async fn primaries(caller: &Caller) -> Result<Vec<Node>> {
    caller.check_open()?;
    let Some(cluster) = caller.core.cluster() else {
        return Ok(vec![None]);
    };
    let refreshed = cluster
        .wait_refreshed(caller.core.settings.connect_timeout)
        .await;
    refreshed.map_err(|error| error.with_server(caller.server_name()))?;
    let nodes = cluster.primaries();
    if nodes.is_empty() {
        let message = "the cluster's primaries are not known";
        return Err(Error::new(ErrorKind::NotSent, message));
    }
    Ok(nodes.into_iter().map(Some).collect())
}

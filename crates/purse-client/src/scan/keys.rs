//! All keys of a server or cluster: scans over them, and the slots that they live in.

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
) -> impl Stream<Item = Result<Vec<Bytes>>> + Send + 'static {
    let walk = KeyspaceScan {
        caller,
        pattern,
        count: count.max(1),
        done: Vec::new(),
        at: None,
    };
    prefetch_pages(walk, KeyspaceScan::next_page)
}

/// A node of a cluster; `None` for the only server there is.
type Node = Option<Address>;

/// Where a scan over all keys stands.
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

    /// A node that was not scanned yet.
    ///
    /// Asked for anew after each node: a replica that took a primary's place meanwhile is one, too.
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
        .refreshed(caller.core.settings.connect_timeout)
        .await;
    refreshed.map_err(|error| error.with_server(caller.server_name()))?;
    let nodes = cluster.primaries();
    if nodes.is_empty() {
        let message = "the cluster's primaries are not known";
        return Err(Error::new(ErrorKind::NotSent, message));
    }
    Ok(nodes.into_iter().map(Some).collect())
}

//! All keys of a server or cluster: scans over them, and the slots that they live in.

use std::collections::HashMap;

use bytes::Bytes;
use fred::interfaces::ClusterInterface;
use fred::types::config::Server;
use futures::Stream;
use futures::future::join_all;
use tokio::time::timeout;

use crate::ahead::{Turn, pages};
use crate::client::closed;
use crate::command::Effect;
use crate::scan::Place;
use crate::{Client, Error, ErrorKind, Pattern, Reply, Result, Scan, convert};

impl Client {
    /// Streams the keys that match, in pages, each the keys of one reply; `count` is how much the
    /// server looks at for one page, a hint.
    ///
    /// One round trip (SCAN) a page. The next one is on its way while a page is used, from the
    /// second one on ([`pages`]); nothing is sent once the stream is dropped. A cluster's primaries
    /// are scanned one after the other, after CLUSTER SLOTS has told before each of them which
    /// there are. The guarantees are the server's: a key that is there from start to end is seen at
    /// least once; one that comes or goes meanwhile may be seen or not, and the same key may be
    /// seen twice. A key that moves to another primary of a cluster during the scan may be missed.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`Interrupted`](ErrorKind::Interrupted) where another server
    /// process answers than at the start; the stream ends after an error.
    pub fn scan_keys(
        &self,
        pattern: Option<Pattern>,
        count: usize,
    ) -> impl Stream<Item = Result<Vec<Bytes>>> + Send + 'static {
        let walk = Walk {
            client: self.clone(),
            pattern,
            count: count.max(1),
            done: Vec::new(),
            at: None,
        };
        pages(walk, Walk::turn)
    }

    /// The places of `keys` in groups that one command can work on: by slot in a cluster, and all
    /// in one group elsewhere; none for no keys. Each group is in the order of the keys.
    #[must_use]
    pub fn group_by_slot<'a>(&self, keys: impl IntoIterator<Item = &'a Bytes>) -> Vec<Vec<usize>> {
        group(keys, self.is_cluster())
    }
}

/// A node of a cluster; `None` for the only server there is.
type Node = Option<Server>;

/// Where a scan over all keys stands.
struct Walk {
    client: Client,
    pattern: Option<Pattern>,
    count: usize,
    done: Vec<Node>,
    at: Option<(Node, Place)>,
}

impl Walk {
    async fn turn(mut self) -> Turn<Vec<Bytes>, Self> {
        let (node, place) = match self.at.take() {
            Some(at) => at,
            None => match self.next_node().await? {
                Some(node) => (node, Place::default()),
                None => return Ok((Vec::new(), None)),
            },
        };
        let scan = Scan::of_keys(node.clone())
            .matching(self.pattern.clone())
            .count(self.count);
        let (keys, next) = scan.turn(&self.client, place).await?;
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
        let nodes = if self.client.is_cluster() {
            primaries(&self.client).await?
        } else {
            vec![None]
        };
        Ok(nodes.into_iter().find(|node| !self.done.contains(node)))
    }
}

/// The primaries of a cluster as it is now.
///
/// fred learns of new ones only when a command is redirected to them, and each of its clients for
/// itself.
async fn primaries(client: &Client) -> Result<Vec<Node>> {
    if client.is_closed() {
        return Err(closed());
    }
    let (readers, limit) = client.readers();
    let synced = timeout(
        limit,
        join_all(readers.iter().map(|fred| fred.sync_cluster())),
    )
    .await;
    let synced = synced.map_err(|_| {
        let message = "the cluster did not tell its primaries in time";
        Error::new(ErrorKind::Timeout, message)
    })?;
    for result in synced {
        result.map_err(|error| convert::command_error(error, "CLUSTER SLOTS", Effect::Read))?;
    }
    let routing = readers.first().and_then(|fred| fred.cached_cluster_state());
    let nodes: Vec<_> = routing
        .map(|routing| routing.unique_primary_nodes())
        .unwrap_or_default();
    if nodes.is_empty() {
        let message = "the cluster's primaries are not known";
        return Err(Error::new(ErrorKind::NotSent, message));
    }
    Ok(nodes.into_iter().map(Some).collect())
}

fn group<'a>(keys: impl IntoIterator<Item = &'a Bytes>, cluster: bool) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut group_of = HashMap::new();
    for (place, key) in keys.into_iter().enumerate() {
        let slot = if cluster {
            fred::util::redis_keyslot(key)
        } else {
            0
        };
        let group = *group_of.entry(slot).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(place);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_grouped_by_slot_in_a_cluster_alone() {
        let keys = ["{a}1", "{b}1", "{a}2", "c", "{b}2"].map(Bytes::from);
        assert_eq!(group(&keys, false), [vec![0, 1, 2, 3, 4]]);
        assert_eq!(group(&keys, true), [vec![0, 2], vec![1, 4], vec![3]]);
        for cluster in [false, true] {
            assert!(group(&[], cluster).is_empty());
        }
    }
}

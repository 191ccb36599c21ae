//! A cluster, made of servers on this machine.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::group::{copies, is_primary, wait_for};
use crate::server::Server;
use crate::server::builder::ServerBuilder;
use crate::server::queries::{answers, run_command, text, try_command};

const SLOTS: usize = 16_384;

/// A cluster of primaries, each with replicas.
///
/// At the start the first [`nodes`](Self::nodes) are the primaries, with equal ranges of slots in
/// their order; then come one replica for each of them in the same order, then the second ones. A
/// node can be killed, paused and restarted like any [`Server`]. If a primary stays down for two
/// seconds (`cluster-node-timeout`), one of its replicas replaces it.
///
/// ```
/// use purse_testkit::Cluster;
///
/// let cluster = Cluster::start(3, 0)?;
/// assert!(cluster.url().starts_with("redis-cluster://127.0.0.1:"));
/// let owner = cluster.primary_of("key")?;
/// owner.command(&["SET", "key", "value"])?;
/// let slot = cluster.slot("key")?;
/// let other = cluster.nodes().iter().find(|node| node.port() != owner.port());
/// let other = other.expect("one of the other two");
/// cluster.move_slot(slot, other)?.finish()?;
/// assert_eq!(other.command(&["GET", "key"])?.text(), Some("value"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Cluster {
    settings: ServerBuilder,
    nodes: Vec<Server>,
}

/// A node as another one sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NodeView {
    port: u16,
    id: String,
    /// The identifier of its primary; none if it is one.
    primary: Option<String>,
    /// First and last of each range.
    slots: Vec<(u16, u16)>,
}

impl Cluster {
    /// Starts this many default servers as primaries, and as many replicas for each of them, and
    /// waits until they are settled.
    ///
    /// # Errors
    ///
    /// The errors of [`ServerBuilder::start`] and of [`Cluster::settle`]; [`Error::Refused`] by a
    /// server that cannot be part of a cluster.
    ///
    /// # Panics
    ///
    /// If the number of primaries is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::Cluster;
    ///
    /// let cluster = Cluster::start(1, 1)?;
    /// let [primary, replica] = cluster.nodes() else {
    ///     panic!("two nodes");
    /// };
    /// primary.command(&["SET", "a", "1"])?;
    /// assert_eq!(primary.command(&["WAIT", "1", "10000"])?.int(), Some(1));
    /// assert!(replica.is_running());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn start(primaries: usize, replicas: usize) -> Result<Self, Error> {
        Self::start_with(primaries, replicas, &Server::builder())
    }

    /// Like [`Cluster::start`], with these settings for each server.
    ///
    /// # Errors
    ///
    /// The errors of [`Cluster::start`].
    ///
    /// # Panics
    ///
    /// If the number of primaries is zero.
    pub fn start_with(
        primaries: usize,
        replicas: usize,
        settings: &ServerBuilder,
    ) -> Result<Self, Error> {
        assert!(primaries > 0, "a cluster has a primary");
        let settings = settings.clone().cluster_node();
        let nodes = (0..primaries * (1 + replicas))
            .map(|_| settings.clone().start())
            .collect::<Result<Vec<_>, _>>()?;
        for (n, primary) in nodes[..primaries].iter().enumerate() {
            let slots: Vec<_> = (n * SLOTS / primaries..(n + 1) * SLOTS / primaries)
                .map(|slot| slot.to_string())
                .collect();
            let mut words = vec!["CLUSTER", "ADDSLOTS"];
            words.extend(slots.iter().map(String::as_str));
            run_command(primary, &words)?;
        }
        for (n, node) in nodes.iter().enumerate() {
            // Two nodes with the same epoch would settle first which of them counts up.
            run_command(node, &["CLUSTER", "SET-CONFIG-EPOCH", &(n + 1).to_string()])?;
        }
        let cluster = Self { settings, nodes };
        cluster.meet(&cluster.nodes)?;
        for (n, replica) in cluster.nodes.iter().enumerate().skip(primaries) {
            let id = id(&cluster.nodes[n % primaries])?;
            run_command(replica, &["CLUSTER", "REPLICATE", &id])?;
        }
        cluster.settle()?;
        Ok(cluster)
    }

    /// Adds a primary without slots, the last of [`Cluster::nodes`] from now on.
    ///
    /// # Errors
    ///
    /// The errors of [`Cluster::start`].
    pub fn add_node(&mut self) -> Result<&Server, Error> {
        self.nodes.push(self.settings.clone().start()?);
        self.meet(&self.nodes[self.nodes.len() - 1..])?;
        self.settle()?;
        Ok(&self.nodes[self.nodes.len() - 1])
    }

    /// The address of the cluster, with all its nodes and the password if there is one.
    pub fn url(&self) -> String {
        let [first, others @ ..] = self.nodes.as_slice() else {
            unreachable!("a cluster has a primary");
        };
        let mut url = format!("redis-cluster://{}{}", first.credentials(), first.address());
        for (n, node) in others.iter().enumerate() {
            url.push(if n == 0 { '?' } else { '&' });
            url.push_str("node=");
            url.push_str(&node.address());
        }
        url
    }

    /// All the servers, running or not.
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// The slot of a key.
    ///
    /// # Errors
    ///
    /// [`Error::NotSettled`] if no node answers.
    pub fn slot(&self, key: &str) -> Result<u16, Error> {
        let ask = |node| {
            try_command(node, &["CLUSTER", "KEYSLOT", key])?
                .int()?
                .try_into()
                .ok()
        };
        wait_for("a node tells the slot of a key", || {
            Ok(self.nodes.iter().find_map(ask))
        })
    }

    /// The primary that has the slot of a key.
    ///
    /// # Errors
    ///
    /// [`Error::NotSettled`] if none has.
    pub fn primary_of(&self, key: &str) -> Result<&Server, Error> {
        self.primary_of_slot(self.slot(key)?)
    }

    /// The primary that has a slot.
    ///
    /// # Errors
    ///
    /// [`Error::NotSettled`] if none has.
    pub fn primary_of_slot(&self, slot: u16) -> Result<&Server, Error> {
        let has_it = |seen: &&NodeView| {
            let mut ranges = seen.slots.iter();
            ranges.any(|&(first, last)| (first..=last).contains(&slot))
        };
        wait_for("the slot has a primary", || {
            let view = self.nodes.iter().find_map(view).unwrap_or_default();
            Ok(view.iter().find(has_it).and_then(|seen| self.node(seen)))
        })
    }

    /// The replicas of a primary, running or not.
    ///
    /// # Errors
    ///
    /// [`Error::NotSettled`] if no node answers.
    pub fn replicas_of(&self, primary: &Server) -> Result<Vec<&Server>, Error> {
        wait_for("a node tells the replicas", || {
            let view = self.nodes.iter().find_map(view).unwrap_or_default();
            let Some(own) = view.iter().find(|seen| seen.port == primary.port()) else {
                return Ok(None);
            };
            let replicas = view
                .iter()
                .filter(|seen| seen.primary.as_ref() == Some(&own.id));
            Ok(Some(replicas.filter_map(|seen| self.node(seen)).collect()))
        })
    }

    /// Makes a replica take the place of a primary, and waits until that is settled; returns the
    /// replica.
    ///
    /// A primary that answers hands over without losing data (`CLUSTER FAILOVER`) and becomes a
    /// replica. If it does not answer, the replica takes over without asking it (`TAKEOVER`).
    ///
    /// # Errors
    ///
    /// [`Error::NotSettled`] if the primary has no running replica, or if the failover does not end
    /// in time.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::Cluster;
    ///
    /// let cluster = Cluster::start(1, 1)?;
    /// let old = cluster.primary_of("a")?;
    /// old.kill()?;
    /// let new = cluster.fail_over(old)?;
    /// assert_eq!(cluster.primary_of("a")?.port(), new.port());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn fail_over(&self, primary: &Server) -> Result<&Server, Error> {
        let replica = wait_for("the primary has a replica that runs", || {
            let replicas = self.replicas_of(primary)?;
            Ok(replicas.into_iter().find(|replica| answers(replica)))
        })?;
        let mut asked_at = None::<Instant>;
        wait_for("the replica is a primary", || {
            if is_primary(replica) {
                return Ok(Some(()));
            }
            // A server gives up a handover that did not come about within five seconds.
            if asked_at.is_none_or(|at| at.elapsed() > Duration::from_secs(6)) {
                asked_at = Some(Instant::now());
                match answers(primary) {
                    true => run_command(replica, &["CLUSTER", "FAILOVER"])?,
                    false => run_command(replica, &["CLUSTER", "FAILOVER", "TAKEOVER"])?,
                };
            }
            Ok(None)
        })?;
        self.settle()?;
        Ok(replica)
    }

    /// Waits until all nodes that answer agree with each other, every slot has a primary that
    /// answers, and every replica that answers is a copy of one.
    ///
    /// # Errors
    ///
    /// [`Error::NotSettled`] after thirty seconds.
    pub fn settle(&self) -> Result<(), Error> {
        wait_for("the nodes of the cluster agree", || {
            Ok(self.is_settled().then_some(()))
        })
    }

    fn is_settled(&self) -> bool {
        let mut views = Vec::new();
        for node in &self.nodes {
            let Some(mut view) = view(node) else {
                continue;
            };
            view.sort();
            let is_ok = text(node, &["CLUSTER", "INFO"])
                .is_some_and(|info| info.contains("cluster_state:ok"));
            if !is_ok {
                return false;
            }
            views.push((node, view));
        }
        let Some((_, agreed)) = views.first() else {
            return false;
        };
        let is_up = |port| views.iter().any(|(node, _)| node.port() == port);
        let up: Vec<_> = agreed.iter().filter(|seen| is_up(seen.port)).collect();
        let ranges = up.iter().flat_map(|seen| &seen.slots);
        let covered: usize = ranges
            .map(|(first, last)| usize::from(last - first) + 1)
            .sum();
        let follows = |node: &Server| {
            let own = agreed.iter().find(|seen| seen.port == node.port());
            own.is_some_and(|own| match &own.primary {
                None => is_primary(node),
                Some(id) => copies(node)
                    .is_some_and(|port| up.iter().any(|seen| seen.port == port && seen.id == *id)),
            })
        };
        covered == SLOTS
            && up.len() == views.len()
            && views
                .iter()
                .all(|(node, view)| agree_on_running_nodes(view, agreed, is_up) && follows(node))
    }

    /// Makes these nodes known to all.
    fn meet(&self, nodes: &[Server]) -> Result<(), Error> {
        for node in nodes {
            for other in &self.nodes {
                if other.port() > node.port() || nodes.len() < self.nodes.len() {
                    let port = other.port().to_string();
                    run_command(node, &["CLUSTER", "MEET", other.host(), &port])?;
                }
            }
        }
        wait_for("the nodes know each other", || {
            let knows_all = |node| view(node).is_some_and(|view| view.len() == self.nodes.len());
            Ok(self.nodes.iter().all(knows_all).then_some(()))
        })
    }

    fn node(&self, seen: &NodeView) -> Option<&Server> {
        self.nodes.iter().find(|node| node.port() == seen.port)
    }
}

/// Returns whether two views are the same, but for nodes that are down.
fn agree_on_running_nodes(
    one: &[NodeView],
    other: &[NodeView],
    is_up: impl Fn(u16) -> bool,
) -> bool {
    let of_those_up = |view: &[NodeView]| -> Vec<NodeView> {
        let up = view.iter().filter(|seen| is_up(seen.port));
        up.cloned().collect()
    };
    of_those_up(one) == of_those_up(other)
}

/// The identifier of a node.
pub(crate) fn id(node: &Server) -> Result<String, Error> {
    let id = run_command(node, &["CLUSTER", "MYID"])?;
    Ok(id.text().unwrap_or_default().to_owned())
}

/// All nodes as one sees them; `None` if it does not answer, or does not know one permanently yet.
fn view(node: &Server) -> Option<Vec<NodeView>> {
    let nodes = text(node, &["CLUSTER", "NODES"])?;
    nodes.lines().map(NodeView::parse).collect()
}

impl NodeView {
    /// Reads `ID HOST:PORT@BUS,… FLAGS PRIMARY|- … … … … RANGE…`.
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [id, address, flags, primary, _, _, _, _, slots @ ..] = words.as_slice() else {
            return None;
        };
        let (_, port) = address.split_once('@')?.0.rsplit_once(':')?;
        let is_known = !flags
            .split(',')
            .any(|flag| flag == "handshake" || flag == "noaddr");
        // Slots on the move are in brackets, and belong to their old owner.
        let ranges = slots.iter().filter(|slots| !slots.starts_with('['));
        let slots = ranges.map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some((first.parse().ok()?, last.parse().ok()?))
        });
        Some(Self {
            port: port.parse().ok()?,
            id: (*id).to_owned(),
            primary: (*primary != "-").then(|| (*primary).to_owned()),
            slots: slots.collect::<Option<_>>()?,
        })
        .filter(|_| is_known)
    }
}

//! The slot map of a cluster: the owner of each slot.

use std::collections::{BTreeSet, HashSet};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::command::key_slots::SLOTS;
use crate::config::Address;
use crate::connection::Connection;
use crate::{Reply, Result};

/// The owners of all slots.
#[derive(Debug, Clone, Default)]
pub(super) struct SlotMap {
    /// The number of the shard of each slot; empty while nothing is known.
    slots: Vec<u16>,
    shards: Vec<Shard>,
    /// The identifiers of all nodes, as far as the servers tell them.
    ids: HashSet<String>,
    learned_at: Option<Instant>,
}

/// A primary with its replicas.
#[derive(Debug, Clone)]
pub(super) struct Shard {
    pub(super) primary: Address,
    /// The identifier of the primary. A node may have other addresses in the eyes of other nodes.
    id: Option<String>,
    pub(super) replicas: Vec<Address>,
    /// The connection to the primary, once it is needed.
    pub(super) connection: OnceLock<Connection>,
}

const NOBODY: u16 = u16::MAX;

impl SlotMap {
    /// Reads the reply of CLUSTER SLOTS that the node at `from` gave.
    ///
    /// Each range is its first and last slot, its primary, and its replicas; a node is its host,
    /// its port, its identifier, and more. An empty host is that of the node that was asked.
    pub(super) fn parse(reply: Reply, from: &Address) -> Result<Self> {
        let mut map = Self {
            slots: vec![NOBODY; usize::from(SLOTS)],
            shards: Vec::new(),
            ids: HashSet::new(),
            learned_at: Some(Instant::now()),
        };
        for range in reply.into_list()? {
            let mut items = range.into_list()?.into_iter();
            let (Some(first), Some(last)) = (items.next(), items.next()) else {
                continue;
            };
            let (first, last) = (first.into_count()?, last.into_count()?);
            let mut nodes = items.filter_map(|node| self::node(node, from));
            let Some((primary, id)) = nodes.next() else {
                continue;
            };
            map.ids.extend(id.clone());
            let mut replicas = Vec::new();
            for (replica, id) in nodes {
                replicas.push(replica);
                map.ids.extend(id);
            }
            let shard = map.shard_of(primary, id, replicas);
            for slot in first..=last.min(u64::from(SLOTS) - 1) {
                if let Ok(slot) = usize::try_from(slot) {
                    map.slots[slot] = shard;
                }
            }
        }
        Ok(map)
    }

    fn shard_of(&mut self, primary: Address, id: Option<String>, replicas: Vec<Address>) -> u16 {
        let known = self
            .shards
            .iter()
            .position(|shard| shard.primary == primary);
        let index = known.unwrap_or(self.shards.len());
        if known.is_none() {
            self.shards.push(Shard {
                primary,
                id,
                replicas,
                connection: OnceLock::new(),
            });
        }
        // A cluster has a thousand nodes at most.
        u16::try_from(index).unwrap_or(NOBODY)
    }

    pub(super) fn shard(&self, slot: u16) -> Option<&Shard> {
        let shard = *self.slots.get(usize::from(slot))?;
        self.shards.get(usize::from(shard))
    }

    /// Returns some shard: one whose primary is connected if there is one.
    pub(super) fn any_shard(&self, is_up: impl Fn(&Address) -> bool) -> Option<&Shard> {
        let mut shards = self.shards.iter();
        shards
            .find(|shard| is_up(&shard.primary))
            .or(self.shards.first())
    }

    /// Returns whether a node told the map longer ago than `age`.
    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        self.learned_at.is_none_or(|at| at.elapsed() > age)
    }

    /// Returns whether no slot has an owner.
    pub(super) fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    /// Returns whether all slots have the same owners in both maps.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let mut last = None;
        (0..usize::from(SLOTS)).all(|slot| {
            let owners = (self.slots.get(slot), other.slots.get(slot));
            let same = last == Some(owners) || self.owner_id(slot) == other.owner_id(slot);
            last = Some(owners);
            same
        })
    }

    /// Returns the identifier of the owner of a slot, or its address if it has none.
    fn owner_id(&self, slot: usize) -> Option<Result<&str, &Address>> {
        let shard = self.shards.get(usize::from(*self.slots.get(slot)?))?;
        Some(shard.id.as_deref().ok_or(&shard.primary))
    }

    /// Returns whether a map of the same cluster may look like this after `before`: whether they
    /// share a node, as far as the nodes have identifiers.
    pub(super) fn may_follow(&self, before: &Self) -> bool {
        before.ids.is_empty() || self.ids.is_empty() || !self.ids.is_disjoint(&before.ids)
    }

    /// Returns the same map with another owner of one slot.
    pub(super) fn with_owner(&self, slot: u16, owner: &Address) -> Self {
        let mut map = self.clone();
        if map.slots.is_empty() {
            map.slots = vec![NOBODY; usize::from(SLOTS)];
        }
        let shard = map.shard_of(owner.clone(), None, Vec::new());
        if let Some(of_slot) = map.slots.get_mut(usize::from(slot)) {
            *of_slot = shard;
        }
        map
    }

    /// Returns the primaries that own slots here, and not all of them in `next`.
    pub(super) fn losers(&self, next: &Self) -> BTreeSet<Address> {
        let mut losers = BTreeSet::new();
        for slot in 0..SLOTS {
            if let Some(shard) = self.shard(slot)
                && next.shard(slot).map(|shard| &shard.primary) != Some(&shard.primary)
            {
                losers.insert(shard.primary.clone());
            }
        }
        losers
    }

    /// Returns whether both know a node in common. The identifier of a node is random.
    pub(super) fn shares_node(&self, other: &Self) -> bool {
        !self.ids.is_disjoint(&other.ids)
    }

    pub(super) fn primaries(&self) -> Vec<Address> {
        self.shards
            .iter()
            .map(|shard| shard.primary.clone())
            .collect()
    }

    pub(super) fn addresses(&self) -> BTreeSet<Address> {
        let of_shard = |shard: &Shard| {
            let replicas = shard.replicas.iter().cloned();
            replicas.chain([shard.primary.clone()]).collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(of_shard).collect()
    }
}

/// Reads a node: its address and its identifier.
fn node(node: Reply, from: &Address) -> Option<(Address, Option<String>)> {
    let mut items = node.into_list().ok()?.into_iter();
    let host = items.next()?.non_nil();
    let host = match host {
        Some(host) => String::from_utf8(host.into_bytes().ok()?.to_vec()).ok()?,
        None => String::new(),
    };
    let port = u16::try_from(items.next()?.into_count().ok()?).ok()?;
    let address = match host.as_str() {
        "" | "?" => Address::new(&from.host, port),
        host => Address::new(host, port),
    };
    // Servers before 4 tell no identifier.
    let id = items.next().and_then(|id| id.into_bytes().ok());
    let id = id.and_then(|id| String::from_utf8(id.to_vec()).ok());
    Some((address, id.filter(|id| !id.is_empty())))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::resp::Value;

    fn node(host: Option<&'static str>, port: i64) -> Value {
        let host = host.map_or(Value::Nil, |host| {
            Value::Bytes(Bytes::from_static(host.as_bytes()))
        });
        Value::List(vec![host, Value::Int(port), Value::Status(Bytes::new())])
    }

    fn range(first: i64, last: i64, nodes: impl IntoIterator<Item = Value>) -> Value {
        let slots = [Value::Int(first), Value::Int(last)];
        Value::List(slots.into_iter().chain(nodes).collect())
    }

    fn map(ranges: Vec<Value>) -> SlotMap {
        let from = Address::new("10.0.0.9", 1);
        SlotMap::parse(Reply(Value::List(ranges)), &from).expect("slots")
    }

    #[test]
    fn slots_have_owners_and_empty_host_is_the_asked_node() {
        let map = map(vec![
            range(0, 5, [node(Some("a"), 1), node(Some("b"), 2)]),
            range(7, 16_383, [node(None, 3)]),
            range(6, 6, [node(Some("a"), 1)]),
        ]);
        let owner = |slot| map.shard(slot).map(|shard| shard.primary.to_string());
        assert_eq!(owner(0).as_deref(), Some("a:1"));
        assert_eq!(owner(6).as_deref(), Some("a:1"));
        assert_eq!(owner(16_383).as_deref(), Some("10.0.0.9:3"));
        assert_eq!(map.primaries().len(), 2);
        assert_eq!(map.addresses().len(), 3);
    }

    #[test]
    fn maps_agree_if_the_owners_have_the_same_identifiers() {
        let with_id = |host, port, id: &'static str| {
            let Value::List(mut node) = node(Some(host), port) else {
                unreachable!("a node is a list");
            };
            node[2] = Value::Bytes(Bytes::from_static(id.as_bytes()));
            Value::List(node)
        };
        let one = map(vec![range(0, 99, [with_id("a", 1, "x")])]);
        let elsewhere = map(vec![
            range(0, 49, [with_id("b", 2, "x")]),
            range(50, 99, [with_id("b", 2, "x")]),
        ]);
        assert!(one.agrees(&elsewhere) && one.may_follow(&elsewhere));
        let shorter = map(vec![range(0, 98, [with_id("a", 1, "x")])]);
        assert!(!one.agrees(&shorter));
        let other = map(vec![range(0, 99, [with_id("a", 1, "y")])]);
        assert!(!one.agrees(&other) && !other.may_follow(&one));
        let unnamed = map(vec![range(0, 99, [node(Some("a"), 1)])]);
        assert!(unnamed.agrees(&unnamed.clone()) && unnamed.may_follow(&one));
    }

    #[test]
    fn shard_with_a_connected_primary_is_preferred() {
        let map = map(vec![
            range(0, 9, [node(Some("a"), 1)]),
            range(10, 19, [node(Some("b"), 2)]),
        ]);
        let any = |up: &str| {
            let shard = map.any_shard(|address| address.to_string() == up);
            shard.map(|shard| shard.primary.to_string())
        };
        assert_eq!(any("b:2").as_deref(), Some("b:2"));
        assert_eq!(any("nobody").as_deref(), Some("a:1"));
        assert!(SlotMap::default().any_shard(|_| true).is_none());
    }

    #[test]
    fn node_that_gave_a_slot_away_is_a_loser() {
        let before = map(vec![
            range(0, 9, [node(Some("a"), 1)]),
            range(10, 19, [node(Some("b"), 2)]),
        ]);
        let after = before.with_owner(3, &Address::new("b", 2));
        let losers = before.losers(&after);
        assert_eq!(
            losers.into_iter().collect::<Vec<_>>(),
            [Address::new("a", 1)]
        );
        assert!(after.losers(&after).is_empty());
    }
}

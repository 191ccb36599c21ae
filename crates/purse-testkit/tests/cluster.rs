//! A cluster that is settled, changes, and settles again.

#![allow(
    clippy::unwrap_used,
    reason = "what helps a test may do what a test may"
)]

mod common;

use common::eventually;
use purse_testkit::{Cluster, Error, Reply, Server};

fn ports(servers: &[&Server]) -> Vec<u16> {
    servers.iter().map(|server| server.port()).collect()
}

fn set(node: &Server, key: &str, value: &str) {
    assert_eq!(
        node.command(&["SET", key, value]).unwrap(),
        Reply::Simple("OK".into())
    );
}

fn get(node: &Server, key: &str) -> Reply {
    node.command(&["GET", key]).unwrap()
}

#[test]
fn nodes_have_their_parts_from_the_start() {
    let cluster = Cluster::start(3, 1).unwrap();
    let nodes = cluster.nodes();
    assert_eq!(nodes.len(), 6);
    for (slot, node) in [
        (0, 0),
        (5_460, 0),
        (5_461, 1),
        (10_921, 1),
        (10_922, 2),
        (16_383, 2),
    ] {
        let primary = cluster.primary_of_slot(slot).unwrap();
        assert_eq!(primary.port(), nodes[node].port(), "{slot}");
    }
    for n in 0..3 {
        let replicas = cluster.replicas_of(&nodes[n]).unwrap();
        assert_eq!(ports(&replicas), [nodes[n + 3].port()]);
    }
    assert!(cluster.replicas_of(&nodes[3]).unwrap().is_empty());
    let address = |node: &Server| format!("127.0.0.1:{}", node.port());
    let others: Vec<_> = nodes[1..]
        .iter()
        .map(|node| format!("node={}", address(node)))
        .collect();
    let expected = format!(
        "redis-cluster://{}?{}",
        address(&nodes[0]),
        others.join("&")
    );
    assert_eq!(cluster.url(), expected);

    assert_eq!(cluster.slot("foo").unwrap(), 12_182);
    let owner = cluster.primary_of("foo").unwrap();
    assert_eq!(owner.port(), nodes[2].port());
    set(owner, "foo", "bar");
    eventually("the replica has it", || {
        nodes[5].command(&["DBSIZE"]).unwrap().int() == Some(1)
    });
    assert!(get(&nodes[5], "foo").error().unwrap().starts_with("MOVED "));
}

#[test]
fn a_replica_takes_the_place_of_a_primary_that_runs_or_not() {
    let cluster = Cluster::start_with(3, 1, &Server::builder().password("secret")).unwrap();
    assert!(
        cluster
            .url()
            .starts_with("redis-cluster://:secret@127.0.0.1:")
    );
    let [old, new] = [&cluster.nodes()[0], &cluster.nodes()[3]];
    assert_eq!(cluster.fail_over(old).unwrap().port(), new.port());
    assert_eq!(cluster.primary_of_slot(0).unwrap().port(), new.port());
    assert_eq!(ports(&cluster.replicas_of(new).unwrap()), [old.port()]);

    new.kill().unwrap();
    assert_eq!(cluster.fail_over(new).unwrap().port(), old.port());
    assert_eq!(cluster.primary_of_slot(0).unwrap().port(), old.port());
    new.restart().unwrap();
    cluster.settle().unwrap();
    assert_eq!(ports(&cluster.replicas_of(old).unwrap()), [new.port()]);

    old.kill().unwrap();
    cluster.settle().unwrap();
    assert_eq!(
        cluster.primary_of_slot(0).unwrap().port(),
        new.port(),
        "by itself"
    );
}

#[test]
fn a_slot_moves_in_steps_and_back() {
    let settings = Server::builder().password("se\"cret");
    let mut cluster = Cluster::start_with(2, 1, &settings).unwrap();
    let spare = cluster.add_node().unwrap().port();
    let keys: Vec<_> = (0..250).map(|n| format!("{{foo}}{n}")).collect();
    let slot = cluster.slot("{foo}").unwrap();
    let [from, to] = [&cluster.nodes()[1], &cluster.nodes()[4]];
    assert_eq!(to.port(), spare);
    for key in &keys {
        set(from, key, key);
    }
    let count = |node: &Server| {
        let slot = slot.to_string();
        node.command(&["CLUSTER", "COUNTKEYSINSLOT", &slot])
            .unwrap()
            .int()
    };

    let moving = cluster.move_slot(slot, to).unwrap();
    assert_eq!(
        (moving.slot(), moving.from().port(), moving.to().port()),
        (slot, from.port(), spare)
    );
    assert_eq!(moving.move_keys(7).unwrap(), 7);
    assert_eq!((count(from), count(to)), (Some(243), Some(7)));
    moving.undo().unwrap();
    assert_eq!((count(from), count(to)), (Some(250), Some(0)));
    assert_eq!(cluster.primary_of_slot(slot).unwrap().port(), from.port());
    for key in &keys {
        assert_eq!(get(from, key).text(), Some(key.as_str()));
    }

    let moving = cluster.move_slot(slot, to).unwrap();
    moving.move_keys(1).unwrap();
    moving.finish().unwrap();
    assert_eq!((count(from), count(to)), (Some(0), Some(250)));
    for node in cluster.nodes() {
        let owner = get(node, "{foo}0");
        match node.port() == spare {
            true => assert_eq!(owner.text(), Some("{foo}0")),
            false => {
                let there = format!("MOVED {slot} 127.0.0.1:{spare}");
                assert_eq!(owner.error(), Some(there.as_str()));
            }
        }
    }
    let error = cluster.move_slot(slot, &cluster.nodes()[2]).unwrap_err();
    assert!(
        matches!(error, Error::Refused { .. }),
        "to a replica: {error}"
    );
}

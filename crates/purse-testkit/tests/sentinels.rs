//! A primary that is watched, and replaced.

#![allow(
    clippy::unwrap_used,
    reason = "what helps a test may do what a test may"
)]

use purse_testkit::{Sentinels, Server};

fn role(server: &Server) -> String {
    let role = server.command(&["ROLE"]).unwrap();
    role.items()[0].text().unwrap().to_owned()
}

#[test]
fn a_primary_that_runs_becomes_a_replica() {
    let group = Sentinels::start_with(1, &Server::builder().password("se\"cret")).unwrap();
    let [old, new] = group.servers() else {
        panic!("a primary and a replica");
    };
    assert_eq!(group.primary().unwrap().port(), old.port());
    assert_eq!([role(old), role(new)], ["master", "slave"]);
    let [first, second, third] = group.sentinels() else {
        panic!("three sentinels");
    };
    let expected = format!(
        "redis-sentinel://:se%22cret@127.0.0.1:{}?sentinelServiceName={}&node=127.0.0.1:{}&node=127.0.0.1:{}",
        first.port(),
        Sentinels::NAME,
        second.port(),
        third.port()
    );
    assert_eq!(group.url(), expected);
    old.command(&["SET", "key", "value"]).unwrap();

    assert_eq!(group.fail_over().unwrap().port(), new.port());
    assert_eq!(group.primary().unwrap().port(), new.port());
    assert_eq!([role(old), role(new)], ["slave", "master"]);
    assert_eq!(new.command(&["GET", "key"]).unwrap().text(), Some("value"));
}

#[test]
fn killed_primary_is_replaced_with_one_sentinel_down() {
    let group = Sentinels::start(1).unwrap();
    let [old, new] = group.servers() else {
        panic!("a primary and a replica");
    };
    group.sentinels()[0].kill().unwrap();
    old.kill().unwrap();
    assert_eq!(group.fail_over().unwrap().port(), new.port());
    assert_eq!(role(new), "master");

    let sentinel = &group.sentinels()[1];
    sentinel.restart().unwrap();
    let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Sentinels::NAME];
    let named = sentinel.command(&ask).unwrap();
    assert_eq!(
        named.items()[1].text(),
        Some(new.port().to_string().as_str()),
        "remembers"
    );
    group.settle().unwrap();
}

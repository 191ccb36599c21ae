//! Every pinned release is what it says, and runs.

#![allow(
    clippy::unwrap_used,
    reason = "what helps a test may do what a test may"
)]

use purse_testkit::{Error, Release, Server};

fn check(release: Release) {
    if !release.is_prebuilt_here() {
        let error = release.locate().unwrap_err();
        assert!(matches!(error, Error::NotForThisMachine { .. }), "{error}");
        return;
    }
    let server = Server::builder()
        .release(release)
        .append_only()
        .start()
        .unwrap();
    let binary = server.binary();
    assert_eq!(
        release.pinned_version(),
        Some((binary.flavour(), binary.version()))
    );
    assert_eq!(
        server.command(&["SET", "key", "1"]).unwrap().text(),
        Some("OK")
    );
    assert_eq!(
        server.command(&["DEBUG", "SLEEP", "0"]).unwrap().text(),
        Some("OK")
    );
    server.kill().unwrap();
    server.restart().unwrap();
    assert_eq!(server.command(&["GET", "key"]).unwrap().text(), Some("1"));
}

#[test]
fn valkey_9_1() {
    check(Release::Valkey9_1);
}

#[test]
fn valkey_8_1() {
    check(Release::Valkey8_1);
}

#[test]
fn redis_8_2() {
    check(Release::Redis8_2);
}

#[test]
fn redis_6_2_14() {
    check(Release::Redis6_2_14);
}

#[test]
fn redis_6_2_5() {
    check(Release::Redis6_2_5);
}

#[test]
fn redis_6_0_9() {
    check(Release::Redis6_0_9);
}

#[test]
fn these_are_all() {
    assert_eq!(Release::ALL.len(), 6);
    assert!(
        Release::ALL
            .iter()
            .all(|release| release.pinned_version().is_some())
    );
    assert_eq!(Release::Default.pinned_version(), None);
    assert_eq!(Release::Redis6_2_5.to_string(), "Redis 6.2.5");
}

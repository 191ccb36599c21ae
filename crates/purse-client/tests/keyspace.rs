//! Scans over all keys of a server.

mod support;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse_client::{Command, Pattern};
use purse_testkit::Server;
use support::{calls, client};

#[tokio::test]
async fn a_scan_of_keys_sees_everything_and_stops_when_it_is_dropped() {
    let server = Server::start().expect("a server");
    for keys in (0..5_000).collect::<Vec<_>>().chunks(500) {
        let pairs = keys.iter().flat_map(|n| [format!("key:{n}"), "v".into()]);
        let set: Vec<_> = std::iter::once("MSET".into()).chain(pairs).collect();
        server.command(&set).expect("MSET");
    }
    let client = client(&server).await;
    let pages: Vec<Vec<Bytes>> = client
        .scan_keys(None, 10)
        .try_collect()
        .await
        .expect("pages");
    let mut keys = pages.concat();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5_000);

    let before = calls(&server, "scan");
    let mut pages = client.scan_keys(None, 10).boxed();
    for _ in 0..3 {
        pages.next().await.expect("a page").expect("no error");
    }
    drop(pages);
    // Requests of the dropped stream would be sent before this one on the same connection.
    client.run(Command::read("PING")).await.expect("PING");
    let sent = calls(&server, "scan") - before;
    assert_eq!(sent, 4, "three pages, and the one that was on its way");
}

#[tokio::test]
async fn scan_of_keys_filters_by_pattern() {
    let server = Server::start().expect("a server");
    server
        .command(&["MSET", "a*b", "1", "axb", "2", "a*c", "3", "[x]", "4"])
        .expect("MSET");
    let client = client(&server).await;
    let keys = async |pattern: Pattern| {
        let pages: Vec<Vec<Bytes>> = client
            .scan_keys(Some(pattern), 0)
            .try_collect()
            .await
            .expect("pages");
        let mut keys = pages.concat();
        keys.sort();
        keys
    };
    assert_eq!(keys(Pattern::glob("a*b")).await, ["a*b", "axb"]);
    assert_eq!(keys(Pattern::prefix("a*")).await, ["a*b", "a*c"]);
    let after = Pattern::glob("?").after("a*");
    assert_eq!(keys(after).await, ["a*b", "a*c"]);
    assert_eq!(keys(Pattern::literal("[x]")).await, ["[x]"]);
}

#[tokio::test]
async fn get_and_set_go_through_freds_methods_and_answer_as_any_other() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let get = async || {
        let get = Command::read("GET").key("k");
        client.run(get).await.expect("GET")
    };
    assert!(get().await.is_nil());
    for value in ["", "v", "\u{0}\r\n"] {
        let set = Command::write("SET").key("k").arg(value);
        assert!(client.run(set).await.expect("SET").into_bool().expect("OK"));
        assert_eq!(get().await.into_bytes().expect("a value"), value);
    }
    let set = Command::write("SET").key("k").arg("w").arg("NX");
    assert!(client.run(set).await.expect("SET").is_nil());
}

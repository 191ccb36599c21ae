//! Lists that keep their last elements.

use purse::{Client, ErrorKind, RedisList};
use purse_testkit::{Release, Server};
use purse_tests::calls;

use super::{Strings, letters, text};

#[tokio::test]
async fn capped_push_keeps_the_last_elements() {
    let list = letters("ab").await;
    assert_eq!(list.push_capped("c", 4).await.unwrap(), 3);
    assert_eq!(list.push_capped("d", 4).await.unwrap(), 4);
    assert_eq!(list.push_capped("e", 4).await.unwrap(), 4);
    assert_eq!(text(&list).await, "bcde");
    assert_eq!(list.push_capped("f", 2).await.unwrap(), 2);
    assert_eq!(text(&list).await, "ef");
    for most in [1 << 53, u64::MAX] {
        list.push_capped("g", most).await.unwrap();
    }
    assert_eq!(text(&list).await, "efgg");
    assert_eq!(list.push_capped("h", 0).await.unwrap(), 0);
    assert!(!list.exists().await.unwrap());
}

#[tokio::test]
async fn capped_extend_keeps_the_last_elements() {
    let list = letters("abc").await;
    assert_eq!(list.extend_capped(["d", "e"], 4).await.unwrap(), 4);
    assert_eq!(text(&list).await, "bcde");
    assert_eq!(list.extend_capped(["1", "2", "3"], 2).await.unwrap(), 2);
    assert_eq!(text(&list).await, "23");
    assert_eq!(
        list.extend_capped(Vec::<String>::new(), 1).await.unwrap(),
        2
    );
    assert_eq!(text(&list).await, "23", "nothing is removed for nothing");
}

#[tokio::test]
async fn capped_extend_goes_in_chunks() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    assert_eq!(list.extend_capped(0..5_000, 1_500).await.unwrap(), 1_500);
    assert_eq!(calls(&server, "rpush"), 5);
    let all = list.to_vec().await.unwrap();
    assert_eq!(all, (3_500..5_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_capped_pushes_never_exceed_the_cap() {
    let list = letters("").await;
    let pushes = (0..64).map(|n| {
        let list = list.clone();
        tokio::spawn(async move {
            let length = list.push_capped(n.to_string(), 10).await.unwrap();
            assert!(length <= 10 && list.len().await.unwrap() <= 10);
        })
    });
    futures::future::try_join_all(pushes).await.unwrap();
    assert_eq!(list.len().await.unwrap(), 10);
}

#[tokio::test]
async fn capped_push_refused_halfway_changes_nothing() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        server.user("app", "pw", "~* +@all -ltrim").unwrap();
        let client = Client::connect(&server.url_of("app", "pw")).await.unwrap();
        let list = Strings::new(&client, "list");
        list.extend(["a", "b"]).await.unwrap();
        let error = list.extend_capped(["c", "d"], 3).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        assert_eq!(list.to_vec().await.unwrap(), ["a", "b"]);
    }
}

#[tokio::test]
async fn full_server_refuses_capped_push_unchanged() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let list = Strings::new(&client, "list");
    list.extend(["a", "b"]).await.unwrap();
    server
        .command(&["CONFIG", "SET", "maxmemory", "1"])
        .unwrap();
    let error = list.push_capped("c", 2).await.unwrap_err();
    assert_eq!(error.code(), Some("OOM"), "{error}");
    assert_eq!(list.to_vec().await.unwrap(), ["a", "b"]);
}

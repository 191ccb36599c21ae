//! Elements that leave their place: removals by index, and moves to another list.

use purse::{Client, End, ErrorKind, RedisHash, RedisList};
use purse_testkit::{Release, Server};
use purse_tests::{calls, client, cluster_of_one, fresh};

use super::{Strings, letters, text};

#[tokio::test]
async fn removal_by_index_takes_that_element_alone() {
    for (index, removed, rest) in [
        (0, Some("a"), "abaa"),
        (1, Some("a"), "abaa"),
        (2, Some("b"), "aaaa"),
        (3, Some("a"), "aaba"),
        (4, Some("a"), "aaba"),
        (-1, Some("a"), "aaba"),
        (-3, Some("b"), "aaaa"),
        (-5, Some("a"), "abaa"),
        (5, None, "aabaa"),
        (-6, None, "aabaa"),
        (1 << 32, None, "aabaa"),
        (i64::MAX, None, "aabaa"),
        (i64::MIN, None, "aabaa"),
    ] {
        let list = letters("aabaa").await;
        let element = list.remove(index).await.unwrap();
        assert_eq!(element.as_deref(), removed, "{index}");
        assert_eq!(text(&list).await, rest, "{index}");
    }
    let list = letters("a").await;
    assert_eq!(list.remove(0).await.unwrap().as_deref(), Some("a"));
    assert!(!list.exists().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_removals_take_each_element_once() {
    let list: RedisList<u32> = RedisList::new(&client().await, fresh("list"));
    list.extend(0..200).await.unwrap();
    let removals = (0..100_u32).map(|n| {
        let list = list.clone();
        tokio::spawn(async move { list.remove(n % 7).await.unwrap().unwrap() })
    });
    let mut all = futures::future::try_join_all(removals).await.unwrap();
    all.extend(list.to_vec().await.unwrap());
    all.sort_unstable();
    assert_eq!(all, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn full_server_lets_elements_be_removed_by_index() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = Client::connect(&server.url()).await.unwrap();
        let list = Strings::new(&client, "list");
        list.extend(["a", "b", "c"]).await.unwrap();
        server
            .command(&["CONFIG", "SET", "maxmemory", "1"])
            .unwrap();
        assert_eq!(list.remove(1).await.unwrap().as_deref(), Some("b"));
        assert_eq!(list.to_vec().await.unwrap(), ["a", "c"]);
    }
}

#[tokio::test]
async fn removal_refused_halfway_changes_nothing() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        server.user("app", "pw", "~* +@all -lrem").unwrap();
        let client = Client::connect(&server.url_of("app", "pw")).await.unwrap();
        let list = Strings::new(&client, "list");
        list.extend(["a", "b", "c"]).await.unwrap();
        let error = list.remove(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        assert_eq!(list.to_vec().await.unwrap(), ["a", "b", "c"]);
    }
}

/// Checks all moves on a server.
async fn check_moves(client: &Client) -> purse::Result<()> {
    use End::{Back, Front};
    for (from, to, element, rest, moved) in [
        (Front, Front, "a", "bc", "axy"),
        (Front, Back, "a", "bc", "xya"),
        (Back, Front, "c", "ab", "cxy"),
        (Back, Back, "c", "ab", "xyc"),
    ] {
        let [source, target] = ["{move}source", "{move}target"].map(|key| {
            let key = [key, &fresh("list")].concat();
            Strings::new(client, key)
        });
        source.extend(["a", "b", "c"]).await?;
        target.extend(["x", "y"]).await?;
        let answer = source.move_to(&target, from, to).await?;
        assert_eq!(answer.as_deref(), Some(element), "{from:?} {to:?}");
        assert_eq!(text(&source).await, rest, "{from:?} {to:?}");
        assert_eq!(text(&target).await, moved, "{from:?} {to:?}");
        source.clear().await?;
        assert_eq!(source.move_to(&target, from, to).await?, None);
        assert_eq!(text(&target).await, moved, "nothing to move");

        target.clear().await?;
        source.push_back("z").await?;
        source.move_to(&target, from, to).await?;
        assert_eq!(text(&target).await, "z", "a list that did not exist");
        assert!(!source.exists().await?);
    }
    let ring = Strings::new(client, fresh("list"));
    ring.extend(["a", "b", "c"]).await?;
    ring.move_to(&ring, Front, Back).await?;
    assert_eq!(text(&ring).await, "bca");
    ring.move_to(&ring, Back, Front).await?;
    ring.move_to(&ring, Back, Back).await?;
    assert_eq!(text(&ring).await, "abc");

    let hash: RedisHash<String, String> = RedisHash::new(client, fresh("list"));
    hash.set("f", "v").await?;
    let other = Strings::new(client, hash.key().name());
    for error in [
        ring.move_to(&other, Front, Back)
            .await
            .expect_err("refused"),
        other
            .move_to(&ring, Front, Back)
            .await
            .expect_err("refused"),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(text(&ring).await, "abc");
    Ok(())
}

#[tokio::test]
async fn elements_move_from_either_end_to_either_end() {
    check_moves(&client().await).await.unwrap();
}

#[tokio::test]
async fn servers_before_6_2_move_elements_as_well() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let builder = Server::builder().release(release);
        let builder = builder.config("rename-command", "LMOVE \"\"");
        let server = builder.start().unwrap();
        let client = Client::connect(&server.url()).await.unwrap();
        check_moves(&client).await.unwrap();
        assert!(calls(&server, "rpush") > 0);

        server.user("app", "pw", "~* +@all -rpush").unwrap();
        let limited = Client::connect(&server.url_of("app", "pw")).await.unwrap();
        let list = Strings::new(&limited, "list");
        list.extend_front(["b", "a"]).await.unwrap();
        let error = list.move_to(&list, End::Front, End::Back).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        assert_eq!(list.to_vec().await.unwrap(), ["a", "b"], "it is back");
    }
}

#[tokio::test]
async fn element_that_cannot_be_decoded_has_moved() {
    let list = letters("").await;
    list.extend(["two", "3"]).await.unwrap();
    let numbers: RedisList<u32> = RedisList::new(&client().await, list.key().name());
    let error = numbers.move_to(&numbers, End::Front, End::Back).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert_eq!(error.bytes().unwrap(), "two");
    assert!(error.removed().is_empty() && error.index().is_none());
    assert_eq!(list.to_vec().await.unwrap(), ["3", "two"]);
}

#[tokio::test]
async fn lists_of_several_slots_are_refused_unsent() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    let [a, b, far] = ["{t}a", "{t}b", "far"].map(|key| Strings::new(&client, key));
    a.extend(["x", "y"]).await.unwrap();
    let error = a.move_to(&far, End::Front, End::Back).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CrossSlot, "{error}");
    let says = error.to_string();
    assert!(
        says.contains("in different slots of"),
        "it is the server that says: {says}"
    );
    assert_eq!(calls(&cluster.nodes()[0], "lmove"), 0);
    let moved = a.move_to(&b, End::Front, End::Back).await.unwrap();
    assert_eq!(moved.as_deref(), Some("x"));
}

//! `RedisList` on a real server.

use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use purse::{Client, ErrorKind, Json, Occurrences, Raw, RedisHash, RedisList};
use purse_testkit::{Release, Server};
use purse_tests::plant::{Plant, carrot};
use purse_tests::{calls, client, fresh};

#[path = "list/bad_input.rs"]
mod bad_input;
#[path = "list/capped.rs"]
mod capped;
#[path = "list/moves.rs"]
mod moves;

type Strings = RedisList<String>;

async fn letters(letters: &str) -> Strings {
    let list = Strings::new(&client().await, fresh("list"));
    list.extend(letters.chars().map(String::from))
        .await
        .expect("a reply");
    list
}

async fn text(list: &Strings) -> String {
    list.to_vec().await.expect("a reply").concat()
}

#[tokio::test]
async fn an_absent_list_is_an_empty_one() {
    let list = letters("").await;
    assert!(list.is_empty().await.unwrap() && !list.exists().await.unwrap());
    assert_eq!(list.len().await.unwrap(), 0);
    assert_eq!(list.get(0).await.unwrap(), None);
    assert_eq!(list.front().await.unwrap(), None);
    assert_eq!(list.back().await.unwrap(), None);
    assert_eq!(list.pop_front().await.unwrap(), None);
    assert_eq!(list.pop_back().await.unwrap(), None);
    assert!(list.pop_front_n(3).await.unwrap().is_empty());
    assert!(list.pop_back_n(3).await.unwrap().is_empty());
    assert!(list.to_vec().await.unwrap().is_empty());
    assert_eq!(list.position("a").await.unwrap(), None);
    assert!(!list.contains("a").await.unwrap());
    assert_eq!(list.remove_value("a", Occurrences::All).await.unwrap(), 0);
    assert!(
        list.positions("a", Occurrences::All)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(list.count("a").await.unwrap(), 0);
    assert_eq!(list.remove(0).await.unwrap(), None);
    assert!(list.stream().next().await.is_none());
    assert!(list.stream().rev().next().await.is_none());
    list.trim(..).await.unwrap();
    assert!(!list.clear().await.unwrap());
}

#[tokio::test]
async fn both_ends_are_pushed_to_and_popped_from() {
    let list = letters("bc").await;
    assert_eq!(list.push_front("a").await.unwrap(), 3);
    assert_eq!(list.push_back("d").await.unwrap(), 4);
    assert_eq!(text(&list).await, "abcd");
    assert_eq!(list.extend(["e", "f"]).await.unwrap(), 6);
    assert_eq!(list.extend_front(["0", "1"]).await.unwrap(), 8);
    assert_eq!(text(&list).await, "10abcdef");
    assert_eq!(list.front().await.unwrap().as_deref(), Some("1"));
    assert_eq!(list.back().await.unwrap().as_deref(), Some("f"));
    assert_eq!(list.pop_front().await.unwrap().as_deref(), Some("1"));
    assert_eq!(list.pop_back().await.unwrap().as_deref(), Some("f"));
    assert_eq!(list.pop_front_n(2).await.unwrap(), ["0", "a"]);
    assert_eq!(list.pop_back_n(2).await.unwrap(), ["e", "d"]);
    assert!(list.pop_front_n(0).await.unwrap().is_empty());
    assert_eq!(list.pop_back_n(99).await.unwrap(), ["c", "b"]);
    assert!(!list.exists().await.unwrap());
}

#[tokio::test]
async fn elements_are_read_and_set_by_index_from_either_end() {
    let list = letters("abc").await;
    for (index, expected) in [(0, "a"), (2, "c"), (-1, "c"), (-3, "a")] {
        assert_eq!(list.get(index).await.unwrap().as_deref(), Some(expected));
    }
    for index in [3, -4, i64::MAX, i64::MIN] {
        assert_eq!(list.get(index).await.unwrap(), None);
        let error = list.set(index, "x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{index}: {error}");
    }
    assert_eq!(text(&list).await, "abc");
    list.set(0, "A").await.unwrap();
    list.set(-1, "C").await.unwrap();
    assert_eq!(text(&list).await, "AbC");
    let absent = letters("").await;
    assert_eq!(
        absent.set(0, "x").await.unwrap_err().kind(),
        ErrorKind::OutOfRange
    );
}

#[tokio::test]
async fn insert_places_before_the_index() {
    for (index, expected) in [
        (0, "xaaba"),
        (1, "axaba"),
        (2, "aaxba"),
        (3, "aabxa"),
        (4, "aabax"),
        (-1, "aabxa"),
        (-4, "xaaba"),
    ] {
        let list = letters("aaba").await;
        assert_eq!(list.insert(index, "x").await.unwrap(), 5);
        assert_eq!(text(&list).await, expected, "at {index}");
    }
    let list = letters("").await;
    assert_eq!(list.insert(0, "x").await.unwrap(), 1);
    for index in [2, -2, i64::MAX, i64::MIN] {
        let error = list.insert(index, "y").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{index}: {error}");
    }
    assert_eq!(text(&list).await, "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn inserts_that_race_all_land_and_none_shows_its_marker() {
    let list = letters("ab").await;
    let reader = tokio::spawn({
        let list = list.clone();
        async move {
            while list.len().await.unwrap() < 66 {
                assert!(
                    list.to_vec()
                        .await
                        .unwrap()
                        .iter()
                        .all(|element| element.len() <= 2)
                );
            }
        }
    });
    let inserts = (0..64).map(|n| {
        let list = list.clone();
        tokio::spawn(async move { list.insert(1, format!("{n}")).await.unwrap() })
    });
    let mut lengths: Vec<_> = futures::future::try_join_all(inserts).await.unwrap();
    lengths.sort_unstable();
    assert_eq!(lengths, (3..=66).collect::<Vec<_>>());
    reader.await.unwrap();
    let mut all = list.to_vec().await.unwrap();
    assert_eq!(
        (all.remove(0).as_str(), all.pop().as_deref()),
        ("a", Some("b"))
    );
    all.sort_by_key(|n| n.parse::<u32>().unwrap());
    assert_eq!(all, (0..64).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn ranges_are_those_of_std_with_negative_indices() {
    let list = letters("abcdef").await;
    let range = async |range: (Bound<i64>, Bound<i64>)| list.range(range).await.unwrap().concat();
    assert_eq!(range((Included(2), Excluded(5))).await, "cde");
    assert_eq!(range((Included(2), Included(5))).await, "cdef");
    assert_eq!(range((Included(-3), Unbounded)).await, "def");
    assert_eq!(range((Unbounded, Excluded(-1))).await, "abcde");
    assert_eq!(range((Unbounded, Excluded(0))).await, "");
    assert_eq!(range((Excluded(0), Included(-2))).await, "bcde");
    assert_eq!(range((Excluded(-1), Unbounded)).await, "");
    assert_eq!(range((Included(4), Excluded(99))).await, "ef");
    assert_eq!(range((Included(5), Excluded(2))).await, "");
    assert_eq!(range((Included(99), Unbounded)).await, "");
    assert_eq!(list.range(2..5).await.unwrap(), ["c", "d", "e"]);
    assert_eq!(list.range(..).await.unwrap().len(), 6);
}

#[tokio::test]
async fn trim_keeps_the_range_and_an_empty_one_keeps_nothing() {
    let list = letters("abcdef").await;
    list.trim((Included(1), Included(-2))).await.unwrap();
    assert_eq!(text(&list).await, "bcde");
    list.trim(..2).await.unwrap();
    assert_eq!(text(&list).await, "bc");
    list.trim(..0).await.unwrap();
    assert!(!list.exists().await.unwrap());
}

#[tokio::test]
async fn indices_are_integers_of_any_type() {
    let list = letters("abcdef").await;
    let count: usize = 2;
    assert_eq!(list.range(..count).await.unwrap(), ["a", "b"]);
    assert_eq!(list.range(4_u64..).await.unwrap(), ["e", "f"]);
    assert_eq!(list.range(5..=u64::MAX).await.unwrap(), ["f"]);
    assert_eq!(list.range(-1_i8..).await.unwrap(), ["f"]);
    let length = list.len().await.unwrap();
    let last = list.get(length - 1).await.unwrap();
    assert_eq!(last.as_deref(), Some("f"));
    assert_eq!(list.get(u64::MAX).await.unwrap(), None);
    assert_eq!(list.get(usize::MAX).await.unwrap(), None);
    list.set(count, "C").await.unwrap();
    assert_eq!(list.insert(length, "g").await.unwrap(), 7);
    list.trim(count..4_usize).await.unwrap();
    assert_eq!(text(&list).await, "Cd");
}

#[tokio::test]
async fn positions_are_counted_from_the_end_that_is_named() {
    let list = letters("abcabca").await;
    for (which, expected) in [
        (Occurrences::All, &[0, 3, 6][..]),
        (Occurrences::First(0), &[]),
        (Occurrences::First(1), &[0]),
        (Occurrences::First(2), &[0, 3]),
        (Occurrences::First(u32::MAX), &[0, 3, 6]),
        (Occurrences::Last(0), &[]),
        (Occurrences::Last(2), &[6, 3]),
        (Occurrences::Last(9), &[6, 3, 0]),
    ] {
        let positions = list.positions("a", which).await.unwrap();
        assert_eq!(positions, expected, "{which:?}");
    }
    assert_eq!(list.count("a").await.unwrap(), 3);
    assert_eq!(list.count("b").await.unwrap(), 2);
    assert_eq!(list.count("x").await.unwrap(), 0);
    let many: RedisList<u32> = RedisList::new(&client().await, fresh("list"));
    many.extend(std::iter::repeat_n(7, 10_000)).await.unwrap();
    assert_eq!(many.count(7).await.unwrap(), 10_000);
}

#[tokio::test]
async fn values_are_found_and_removed() {
    let list = letters("abcabca").await;
    assert!(
        list.contains("a").await.unwrap(),
        "at index 0, which is no reason to say no"
    );
    assert!(!list.contains("x").await.unwrap());
    assert_eq!(list.position("a").await.unwrap(), Some(0));
    assert_eq!(list.position("c").await.unwrap(), Some(2));
    assert_eq!(
        list.remove_value("a", Occurrences::First(0)).await.unwrap(),
        0
    );
    assert_eq!(
        list.remove_value("a", Occurrences::Last(0)).await.unwrap(),
        0
    );
    assert_eq!(
        list.remove_value("a", Occurrences::First(1)).await.unwrap(),
        1
    );
    assert_eq!(text(&list).await, "bcabca");
    assert_eq!(
        list.remove_value("c", Occurrences::Last(1)).await.unwrap(),
        1
    );
    assert_eq!(text(&list).await, "bcaba");
    assert_eq!(list.remove_value("a", Occurrences::All).await.unwrap(), 2);
    assert_eq!(text(&list).await, "bcb");
}

#[tokio::test]
async fn empty_extend_returns_the_length_without_a_push() {
    let list = letters("ab").await;
    assert_eq!(list.extend(Vec::<String>::new()).await.unwrap(), 2);
    assert_eq!(list.extend_front(Vec::<String>::new()).await.unwrap(), 2);
    assert_eq!(text(&list).await, "ab");
}

#[tokio::test]
async fn bulk_goes_in_chunks_and_streams_in_pages() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    assert_eq!(list.extend(0..5_000_u32).await.unwrap(), 5_000);
    assert_eq!(calls(&server, "rpush"), 5);
    let all: Vec<u32> = list.stream().try_collect().await.unwrap();
    assert_eq!(all, (0..5_000).collect::<Vec<_>>());
    assert_eq!(calls(&server, "lrange"), 20, "5000 / 256, rounded up");
    let all: Vec<u32> = list.stream().page_size(1_000).try_collect().await.unwrap();
    assert_eq!(all.len(), 5_000);
    assert_eq!(calls(&server, "lrange"), 25, "none behind the end");
    let all: Vec<u32> = list.stream().rev().try_collect().await.unwrap();
    assert_eq!(all, (0..5_000).rev().collect::<Vec<_>>());
    assert_eq!(calls(&server, "lrange"), 45, "none before the start");
    assert_eq!(list.extend_front([7, 8, 9]).await.unwrap(), 5_003);
    assert_eq!(list.range(..4).await.unwrap(), [9, 8, 7, 0]);
}

#[tokio::test]
async fn a_dropped_stream_sends_nothing_more() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    list.extend(0..1_000_u32).await.unwrap();
    let mut stream = list.stream().page_size(10);
    for expected in 0..25 {
        assert_eq!(stream.next().await.unwrap().unwrap(), expected);
    }
    drop(stream);
    list.len().await.unwrap();
    let sent = calls(&server, "lrange");
    assert_eq!(sent, 5, "three pages, and the two that were on their way");
}

#[tokio::test]
async fn elements_may_be_of_any_serde_type() {
    let client = client().await;
    let plants: RedisList<Plant> = RedisList::new(&client, fresh("list"));
    let plant = carrot();
    plants.push_back(&plant).await.unwrap();
    plants
        .push_back(Plant {
            tasty: true,
            ..plant.clone()
        })
        .await
        .unwrap();
    assert_eq!(plants.get(0).await.unwrap(), Some(plant.clone()));
    assert_eq!(plants.position(&plant).await.unwrap(), Some(0));

    let bytes: RedisList<Vec<u8>, Raw> = RedisList::new(&client, fresh("list"));
    for element in [&b""[..], b"*?[]{}", b"\x00\xff\r\n"] {
        bytes.push_back(element).await.unwrap();
        assert!(bytes.contains(element).await.unwrap());
        assert_eq!(bytes.back().await.unwrap().unwrap(), element);
    }
    let json: RedisList<String, Json> = RedisList::new(&client, fresh("list"));
    json.push_back("quoted").await.unwrap();
    let plain: Strings = Strings::new(&client, json.key().name());
    assert_eq!(plain.front().await.unwrap().as_deref(), Some("\"quoted\""));
}

/// fred takes some arrays for messages, drops them, and hands each later reply to the wrong caller.
#[tokio::test]
async fn elements_that_look_like_messages_are_elements() {
    let client = client().await;
    let private: RedisHash<String, String> = RedisHash::new(&client, fresh("list"));
    private.set("a", "secret").await.unwrap();
    for word in [
        "message",
        "smessage",
        "pmessage",
        "subscribe",
        "punsubscribe",
        "pubsub",
    ] {
        let list = Strings::new(&client, fresh(word));
        let words = [word, "message", "c", "d"];
        list.extend(words).await.unwrap();
        let (all, secret) = tokio::join!(list.to_vec(), private.get("a"));
        assert_eq!(all.unwrap(), words);
        assert_eq!(secret.unwrap().as_deref(), Some("secret"));
        let (three, secret) = tokio::join!(list.range(..3), private.get("a"));
        assert_eq!(three.unwrap(), words[..3]);
        assert_eq!(secret.unwrap().as_deref(), Some("secret"));
        let streamed: Vec<String> = list.stream().page_size(3).try_collect().await.unwrap();
        assert_eq!(streamed, words);
        assert_eq!(list.pop_front_n(3).await.unwrap(), words[..3]);
        assert_eq!(list.pop_back().await.unwrap().as_deref(), Some("d"));
    }
}

#[tokio::test]
async fn an_insert_that_is_refused_halfway_changes_nothing() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        server
            .command(&[
                "ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-linsert",
            ])
            .unwrap();
        let url = format!("redis://app:pw@127.0.0.1:{}", server.port());
        let client = Client::connect(&url).await.unwrap();
        let list = Strings::new(&client, "list");
        list.extend(["a", "b", "c"]).await.unwrap();
        let error = list.insert(1, "x").await.unwrap_err();
        assert!(!error.is_ambiguous(), "{error:?}");
        assert_eq!(list.to_vec().await.unwrap(), ["a", "b", "c"]);
    }
}

#[tokio::test]
async fn any_page_size_will_do() {
    let list = letters("abc").await;
    for size in [0, 1, 2, usize::MAX] {
        let all: Vec<String> = list.stream().page_size(size).try_collect().await.unwrap();
        assert_eq!(all, ["a", "b", "c"], "{size}");
        let reversed = list.stream().rev().page_size(size);
        let all: Vec<String> = reversed.try_collect().await.unwrap();
        assert_eq!(all, ["c", "b", "a"], "{size}");
        let twice = list.stream().rev().page_size(size).rev();
        let all: Vec<String> = twice.try_collect().await.unwrap();
        assert_eq!(all, ["a", "b", "c"], "{size}");
    }
}

#[tokio::test]
async fn operations_own_what_they_need() {
    let length = {
        let list = letters("abc").await;
        list.len()
    };
    assert_eq!(tokio::spawn(length).await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn pops_wait_at_either_end() {
    let client = client().await;
    let list: Strings = RedisList::new(&client, fresh("list"));
    let none = Some(Duration::from_millis(1));
    assert_eq!(list.pop_front_wait(none).await.unwrap(), None);
    assert_eq!(list.pop_back_wait(none).await.unwrap(), None);
    list.extend(["a", "b", "c"]).await.unwrap();
    assert_eq!(
        list.pop_front_wait(None).await.unwrap().as_deref(),
        Some("a")
    );
    assert_eq!(
        list.pop_back_wait(None).await.unwrap().as_deref(),
        Some("c")
    );
    assert_eq!(
        list.pop_back_wait(None).await.unwrap().as_deref(),
        Some("b")
    );
    for at_front in [true, false] {
        let wait = async {
            match at_front {
                true => list.pop_front_wait(None).await,
                false => list.pop_back_wait(None).await,
            }
        };
        let push = async {
            tokio::task::yield_now().await;
            list.push_back("d").await
        };
        let (popped, pushed) = tokio::join!(wait, push);
        assert_eq!(pushed.unwrap(), 1);
        assert_eq!(popped.unwrap().as_deref(), Some("d"));
    }
    // An element that cannot be decoded is removed, and in the error.
    list.push_back("x").await.unwrap();
    let numbers: RedisList<u32> = RedisList::new(&client, list.key().name());
    let error = numbers.pop_front_wait(none).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.removed(), ["x"]);
    assert!(list.is_empty().await.unwrap());
}

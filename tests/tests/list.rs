//! `RedisList` on a real server.

use std::ops::Bound::{self, Excluded, Included, Unbounded};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse::{Client, ErrorKind, Json, Occurrences, Raw, RedisHash, RedisList};
use purse_testkit::{Release, Server};
use purse_tests::plant::{Plant, carrot};
use purse_tests::{calls, client, fresh};

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
    assert!(list.stream().next().await.is_none());
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

/// A list of numbers, the second of which is none.
async fn create_undecodable() -> RedisList<u32> {
    let list = letters("").await;
    list.extend(["1", "two", "3"]).await.expect("a reply");
    RedisList::new(&client().await, list.key().name())
}

#[tokio::test]
async fn undecodable_value_is_an_error_with_its_bytes() {
    let list = create_undecodable().await;
    let two = Bytes::from("two");
    for error in [
        list.get(1).await.unwrap_err(),
        list.range(..).await.unwrap_err(),
        list.to_vec().await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.bytes()),
            (ErrorKind::Decode, Some(&two)),
            "{error}"
        );
        assert!(error.removed().is_empty());
        let cause = std::error::Error::source(&error)
            .expect("a cause")
            .to_string();
        assert!(
            cause.contains("u32") && cause.contains("Plain") && cause.contains("two"),
            "{cause}"
        );
    }
    assert_eq!(list.len().await.unwrap(), 3);

    let elements: Vec<_> = list.stream().collect().await;
    assert!(
        matches!(elements[..], [Ok(1), Err(_), Ok(3)]),
        "{elements:?}"
    );
    let error = elements.into_iter().nth(1).unwrap().unwrap_err();
    assert_eq!(error.bytes(), Some(&two));
}

#[tokio::test]
async fn undecodable_popped_value_is_in_the_error() {
    let list = create_undecodable().await;
    assert_eq!(list.pop_front().await.unwrap(), Some(1));
    let error = list.pop_front().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.bytes(), Some(&Bytes::from("two")));
    assert_eq!(error.removed(), [Bytes::from("two")]);
    assert_eq!(list.to_vec().await.unwrap(), [3]);

    let list = create_undecodable().await;
    let error = list.pop_back_n(3).await.unwrap_err();
    assert_eq!(error.bytes(), Some(&Bytes::from("two")));
    assert_eq!(
        error.removed(),
        ["3", "two", "1"].map(Bytes::from),
        "the good ones, too"
    );
    assert!(list.is_empty().await.unwrap());
}

#[tokio::test]
async fn unencodable_value_is_not_sent() {
    let list: RedisList<f64> = RedisList::new(&client().await, fresh("list"));
    for error in [
        list.push_back(f64::NAN).await.unwrap_err(),
        list.extend([1.0, f64::INFINITY]).await.unwrap_err(),
        list.contains(f64::NAN).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    }
    assert!(!list.exists().await.unwrap());
}

#[tokio::test]
async fn failed_later_chunk_reports_done_elements() {
    let list: RedisList<f64> = RedisList::new(&client().await, fresh("list"));
    let values = (0..3_000).map(|n| if n == 2_500 { f64::NAN } else { f64::from(n) });
    let error = list.extend(values).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert!(error.to_string().contains("2048"), "{error}");
    assert_eq!(error.done(), 2_048);
    assert_eq!(list.len().await.unwrap(), 2_048);
}

#[tokio::test]
async fn partly_done_extend_is_not_retryable() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    // Of the third chunk, which is made before the second one goes out: this runtime has one thread.
    let numbers = (0..3_000_u32).inspect(|n| {
        if *n == 2_500 {
            server
                .command(&["CONFIG", "SET", "maxmemory", "1"])
                .unwrap();
        }
    });
    let error = list.extend(numbers).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Server, Some("OOM")),
        "{error}"
    );
    assert_eq!(error.done(), 1_024);
    assert!(!error.is_retryable());
    let message = error.to_string();
    assert!(
        message.contains("RPUSH") && message.contains("\"list\""),
        "{message}"
    );
    assert_eq!(list.len().await.unwrap(), 1_024);
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
    }
}

#[tokio::test]
async fn errors_made_before_sending_name_command_key_and_server() {
    let client = client().await;
    let list: RedisList<f64> = RedisList::new(&client, fresh("list"));
    let error = list.push_back(f64::NAN).await.unwrap_err().to_string();
    for word in ["RPUSH", "test:list:", client.server()] {
        assert!(error.contains(word), "{error}");
    }
}

#[tokio::test]
async fn key_of_another_type_is_refused_unchanged() {
    let client = client().await;
    let hash: RedisHash<String, String> = RedisHash::new(&client, fresh("list"));
    hash.set("f", "v").await.unwrap();
    let list = Strings::new(&client, hash.key().name());
    for error in [
        list.len().await.unwrap_err(),
        list.push_back("x").await.unwrap_err(),
        list.insert(0, "x").await.unwrap_err(),
        list.to_vec().await.unwrap_err(),
        list.extend(["x"]).await.unwrap_err(),
        list.pop_front().await.unwrap_err(),
        list.stream().try_collect::<Vec<_>>().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
        assert!(
            error
                .to_string()
                .contains(std::str::from_utf8(hash.key().name()).unwrap()),
            "{error}"
        );
    }
    assert_eq!(hash.get("f").await.unwrap().as_deref(), Some("v"));
}

#[tokio::test]
async fn operations_own_what_they_need() {
    let length = {
        let list = letters("abc").await;
        list.len()
    };
    assert_eq!(tokio::spawn(length).await.unwrap().unwrap(), 3);
}

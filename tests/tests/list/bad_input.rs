//! What no list takes, and what it leaves as it was.

use std::ops::Bound::Included;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse::{Client, ErrorKind, Occurrences, RedisHash, RedisList};
use purse_testkit::Server;
use purse_tests::{client, fresh};

use super::{Strings, letters};

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
async fn undecodable_value_is_named_by_its_index() {
    let client = client().await;
    let key = create_undecodable().await.key().name().to_vec();
    let list: RedisList<u32> = RedisList::new(&client, key);
    let index = |error: purse::Error| {
        let index = error.index().unwrap_or_else(|| panic!("{error:?}"));
        let text = error.to_string();
        assert!(text.contains(&format!(", index {index} at ")), "{text}");
        index
    };
    assert_eq!(index(list.get(1).await.unwrap_err()), 1);
    assert_eq!(index(list.get(-2).await.unwrap_err()), -2);
    assert_eq!(index(list.to_vec().await.unwrap_err()), 1);
    assert_eq!(index(list.range(1..9).await.unwrap_err()), 1);
    assert_eq!(index(list.range(-2..).await.unwrap_err()), -2);
    assert_eq!(index(list.range(-9..-1).await.unwrap_err()), -2);
    let mut batch = client.batch();
    let (one, all) = (batch.add(list.get(1)), batch.add(list.range(0..)));
    batch.send().await.unwrap();
    assert_eq!(index(one.take().unwrap_err()), 1);
    assert_eq!(index(all.take().unwrap_err()), 1);
    for size in [1, 2, 9] {
        let all: Vec<_> = list.stream().page_size(size).collect().await;
        let mut errors = all.into_iter().filter_map(Result::err);
        assert_eq!(index(errors.next().unwrap()), 1);
        let all: Vec<_> = list.stream().rev().page_size(size).collect().await;
        let mut errors = all.into_iter().filter_map(Result::err);
        assert_eq!(index(errors.next().unwrap()), -2);
    }
    // The list may be shorter than the range, so the index is unknown.
    let clamped = list.range((Included(-9), Included(2))).await.unwrap_err();
    assert_eq!((clamped.kind(), clamped.index()), (ErrorKind::Decode, None));
    let removed = list.remove(1).await.unwrap_err();
    assert_eq!(removed.removed(), ["two"]);
    assert_eq!(index(removed), 1);
    assert_eq!(list.to_vec().await.unwrap(), [1, 3]);
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
        list.count(f64::NAN).await.unwrap_err(),
        list.positions(f64::NAN, Occurrences::All)
            .await
            .unwrap_err(),
        list.push_capped(f64::NAN, 9).await.unwrap_err(),
        list.extend_capped([f64::NAN], 9).await.unwrap_err(),
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
        list.remove(0).await.unwrap_err(),
        list.count("x").await.unwrap_err(),
        list.positions("x", Occurrences::All).await.unwrap_err(),
        list.push_capped("x", 1).await.unwrap_err(),
        list.extend_capped(["x"], 1).await.unwrap_err(),
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
async fn errors_made_before_sending_name_command_key_and_server() {
    let client = client().await;
    let list: RedisList<f64> = RedisList::new(&client, fresh("list"));
    let error = list.push_back(f64::NAN).await.unwrap_err().to_string();
    for word in ["RPUSH", "test:list:", client.server()] {
        assert!(error.contains(word), "{error}");
    }
}

//! Pops at both ends, also such that wait.

use std::future::Future;
use std::time::{Duration, Instant};

use bytes::Bytes;
use purse::{Client, ErrorKind, RedisSortedSet};
use purse_testkit::Server;
use purse_tests::{calls, client, fresh, until};

use super::{Strings, create_undecodable, five, pair, pairs};

#[tokio::test]
async fn both_ends_are_popped() {
    let set = five().await;
    assert_eq!(set.pop_min().await.unwrap(), pair("a", 1.0));
    assert_eq!(set.pop_max().await.unwrap(), pair("e", 5.0));
    set.extend([("a", 1.0), ("e", 5.0)]).await.unwrap();
    assert!(set.pop_min_n(0).await.unwrap().is_empty());
    assert_eq!(
        set.pop_min_n(2).await.unwrap(),
        pairs([("a", 1.0), ("b", 2.0)])
    );
    assert_eq!(set.pop_max_n(1).await.unwrap(), pairs([("e", 5.0)]));
    assert_eq!(
        set.pop_max_n(99).await.unwrap(),
        pairs([("d", 3.5), ("c", 2.0)])
    );
    assert!(!set.exists().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_pops_return_different_elements() {
    let set: RedisSortedSet<u32> = RedisSortedSet::new(&client().await, fresh("sorted"));
    set.extend((0..256_u32).map(|n| (n, f64::from(n))))
        .await
        .unwrap();
    let pops = (0..64).map(|_| {
        let set = set.clone();
        tokio::spawn(async move {
            let mut popped = set.pop_max_n(1).await.unwrap();
            popped.extend(set.pop_min().await.unwrap());
            popped.extend(set.pop_max().await.unwrap());
            popped.extend(set.pop_min_wait(None).await.unwrap());
            popped
        })
    });
    let popped = futures::future::try_join_all(pops).await.unwrap();
    let mut popped: Vec<_> = popped.into_iter().flatten().collect();
    assert!(
        popped
            .iter()
            .all(|(element, score)| f64::from(*element) == *score)
    );
    popped.sort_unstable_by_key(|(element, _)| *element);
    let elements: Vec<_> = popped.into_iter().map(|(element, _)| element).collect();
    assert_eq!(elements, (0..256).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_pop_waits_for_an_element_and_no_longer() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set = Strings::new(&client, "set");
    for highest in [false, true] {
        let before = calls(&server, "zcard");
        let waiting = tokio::spawn({
            let set = set.clone();
            async move {
                if highest {
                    set.pop_max_wait(None).await
                } else {
                    set.pop_min_wait(Some(Duration::from_secs(30))).await
                }
            }
        });
        until("the pop waits", async || calls(&server, "zcard") > before).await;
        set.extend([("a", -1.5), ("b", 2.0), ("c", 3.0)])
            .await
            .unwrap();
        let expected = if highest {
            pair("c", 3.0)
        } else {
            pair("a", -1.5)
        };
        assert_eq!(waiting.await.unwrap().unwrap(), expected);
        assert_eq!(set.len().await.unwrap(), 2);
        set.clear().await.unwrap();
    }
    let (started, wait) = (Instant::now(), Duration::from_millis(50));
    assert_eq!(set.pop_min_wait(Some(wait)).await.unwrap(), None);
    assert!(started.elapsed() >= wait);
}

/// Polls `future` up to `polls` times, letting other tasks run in between; `None` if it is not
/// done by then, and dropped.
async fn poll_and_drop<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    tokio::pin!(future);
    for _ in 0..polls {
        if let std::task::Poll::Ready(output) = futures::poll!(&mut future) {
            return Some(output);
        }
        // Not a synchronization: it spreads the drops over the pop's whole course.
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_pop_dropped_at_any_poll_loses_no_element() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set: RedisSortedSet<u32> = RedisSortedSet::new(&client, "set");
    let other = Client::connect(&server.url()).await.unwrap();
    let there: RedisSortedSet<u32> = RedisSortedSet::new(&other, "set");
    let mut elements = Vec::new();
    for round in 0..300_u32 {
        let insert = there.insert(round, f64::from(round) / 8.0);
        let popped = if round % 2 == 0 {
            let (popped, inserted) =
                tokio::join!(poll_and_drop(set.pop_min_wait(None), round % 30), insert);
            (popped, inserted)
        } else {
            let (popped, inserted) =
                tokio::join!(poll_and_drop(set.pop_max_wait(None), round % 30), insert);
            (popped, inserted)
        };
        assert!(popped.1.unwrap());
        elements.extend(
            popped
                .0
                .map(|popped| popped.unwrap().expect("it waits for ever")),
        );
    }
    let taken = elements.len();
    client.close().await;
    elements.extend(there.by_rank(..).with_scores().await.unwrap());
    elements.sort_unstable_by_key(|(element, _)| *element);
    let expected: Vec<_> = (0..300).map(|n| (n, f64::from(n) / 8.0)).collect();
    assert_eq!(elements, expected, "with their scores");
    assert!(
        (1..300).contains(&taken),
        "{taken} were taken: not all cases were met"
    );
}

#[tokio::test]
async fn undecodable_popped_value_and_score_are_in_the_error() {
    let set = create_undecodable().await;
    let error = set.pop_min_n(3).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.bytes()),
        (ErrorKind::Decode, Some(&Bytes::from("two")))
    );
    assert_eq!(
        error.removed(),
        ["1", "1", "two", "2.5", "3", "3"].map(Bytes::from)
    );
    assert!(!set.exists().await.unwrap());

    for pop in 0..4 {
        let set = create_undecodable().await;
        set.remove_many([1, 3]).await.unwrap();
        let error = match pop {
            0 => set.pop_min().await.unwrap_err(),
            1 => set.pop_max().await.unwrap_err(),
            2 => set.pop_min_wait(None).await.unwrap_err(),
            _ => set.pop_max_wait(None).await.unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert_eq!(error.removed(), ["two", "2.5"].map(Bytes::from));
        let key = String::from_utf8(set.key().name().to_vec()).unwrap();
        assert!(error.to_string().contains(&key), "{error}");
        assert!(!set.exists().await.unwrap());
    }
}

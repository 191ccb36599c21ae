//! `RedisSet` on a real server.

use std::collections::{BTreeSet, HashSet};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse::{Client, ErrorKind, Json, Pattern, Raw, RedisHash, RedisSet};
use purse_testkit::Server;
use purse_tests::{calls, client, cluster_of_one, fresh, has_redis};
use serde::{Deserialize, Serialize};

#[path = "set/comparison.rs"]
mod comparison;

type Strings = RedisSet<String>;

async fn letters(letters: &str) -> Strings {
    let set = Strings::new(&client().await, fresh("set"));
    set.extend(letters.chars().map(String::from))
        .await
        .expect("a reply");
    set
}

fn text(elements: impl IntoIterator<Item = String>) -> String {
    elements
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

async fn all(set: &Strings) -> String {
    text(set.to_set().await.expect("a reply"))
}

#[tokio::test]
async fn an_absent_set_is_an_empty_one() {
    let set = letters("").await;
    assert!(set.is_empty().await.unwrap() && !set.exists().await.unwrap());
    assert_eq!(set.len().await.unwrap(), 0);
    assert!(!set.contains("a").await.unwrap());
    assert_eq!(set.contains_many(["a", "b"]).await.unwrap(), [false, false]);
    assert!(set.sample(3).await.unwrap().is_empty());
    assert!(set.to_set().await.unwrap().is_empty());
    assert!(set.stream().next().await.is_none());
    assert!(!set.remove("a").await.unwrap());
    assert_eq!(set.remove_many(["a", "b"]).await.unwrap(), 0);
    assert_eq!(set.pop().await.unwrap(), None);
    assert!(set.pop_n(3).await.unwrap().is_empty());
    let other = letters("a").await;
    assert!(!set.move_to(&other, "a").await.unwrap());
    assert!(set.is_subset(&other).await.unwrap());
    assert!(!set.is_superset(&other).await.unwrap());
    assert!(set.is_disjoint(&other).await.unwrap());
    assert!(
        set.intersection([&other])
            .to_set()
            .await
            .unwrap()
            .is_empty()
    );
    assert!(set.difference([&other]).to_set().await.unwrap().is_empty());
    assert!(set.intersection([&other]).stream().next().await.is_none());
    assert_eq!(set.difference([&other]).store_into(&set).await.unwrap(), 0);
    assert!(!set.clear().await.unwrap());
}

#[tokio::test]
async fn elements_are_added_once_and_removed_once() {
    let set = letters("ab").await;
    assert!(set.add("c").await.unwrap());
    assert!(!set.add("c").await.unwrap());
    assert_eq!(set.extend(["c", "d", "d", "e"]).await.unwrap(), 2);
    assert_eq!(all(&set).await, "abcde");
    assert_eq!(set.len().await.unwrap(), 5);
    assert!(set.contains("a").await.unwrap());
    let answers = set.contains_many(["e", "x", "a", "e"]).await.unwrap();
    assert_eq!(answers, [true, false, true, true]);
    assert!(set.remove("a").await.unwrap());
    assert!(!set.remove("a").await.unwrap());
    assert_eq!(set.remove_many(["b", "x", "c", "c"]).await.unwrap(), 2);
    assert_eq!(all(&set).await, "de");
    assert_eq!(set.contains_many(["d"]).await.unwrap(), [true]);
}

#[tokio::test]
async fn samples_stay_in_the_set_and_pops_do_not() {
    let set = letters("abcdef").await;
    for count in [0, 1, 4, 6, 99] {
        let sample = set.sample(count).await.unwrap();
        let distinct: HashSet<_> = sample.iter().collect();
        assert_eq!(sample.len(), distinct.len(), "{sample:?}");
        assert_eq!(sample.len(), 6.min(count as usize));
        assert!(text(sample).chars().all(|letter| "abcdef".contains(letter)));
    }
    let mut popped = vec![set.pop().await.unwrap().expect("one of six")];
    assert!(set.pop_n(0).await.unwrap().is_empty());
    popped.extend(set.pop_n(1).await.unwrap());
    popped.extend(set.pop_n(3).await.unwrap());
    assert_eq!(set.len().await.unwrap(), 1);
    popped.extend(set.pop_n(99).await.unwrap());
    assert_eq!((popped.len(), text(popped).as_str()), (6, "abcdef"));
    assert!(!set.exists().await.unwrap());
}

#[tokio::test]
async fn an_element_moves_to_another_set() {
    let from = letters("ab").await;
    let to = letters("bc").await;
    assert!(from.move_to(&to, "a").await.unwrap());
    assert!(!from.move_to(&to, "a").await.unwrap());
    assert!(from.move_to(&to, "b").await.unwrap(), "it is there already");
    assert!(!from.exists().await.unwrap());
    assert_eq!(all(&to).await, "abc");
    assert!(to.move_to(&to, "a").await.unwrap());
    assert_eq!(all(&to).await, "abc");
}

#[tokio::test]
async fn sets_are_united_intersected_and_subtracted() {
    let [a, b, c] = [
        letters("abcd").await,
        letters("cdef").await,
        letters("dfg").await,
    ];
    let into = letters("old").await;
    let others = vec![b.clone(), c.clone()];
    for (combined, expected) in [
        (a.union([&b, &c]), "abcdefg"),
        (a.union(&others), "abcdefg"),
        (a.union([&a]), "abcd"),
        (a.union(Vec::<Strings>::new()), "abcd"),
        (a.intersection([&b]), "cd"),
        (a.intersection(&others), "d"),
        (b.intersection([&into]), "d"),
        (a.intersection(Vec::<Strings>::new()), "abcd"),
        (a.difference([&b]), "ab"),
        (a.difference(others), "ab"),
        (c.difference([&a, &b]), "g"),
        (a.difference([&a]), ""),
        (a.difference(Vec::<Strings>::new()), "abcd"),
    ] {
        let streamed: Vec<String> = combined.stream().try_collect().await.unwrap();
        assert_eq!(streamed.len(), expected.len(), "{combined:?}: {streamed:?}");
        assert_eq!(text(streamed), expected, "{combined:?}");
        let values = combined.to_set().await.unwrap();
        assert_eq!(text(values), expected, "{combined:?}");
        let stored = combined.store_into(&into).await.unwrap();
        assert_eq!(stored, expected.len() as u64, "{combined:?}");
        assert_eq!(all(&into).await, expected, "{combined:?}");
        into.clear().await.unwrap();
        into.add("d").await.unwrap();
    }
    assert_eq!(a.difference([&b]).store_into(&a).await.unwrap(), 2);
    assert_eq!(all(&a).await, "ab", "in its own place");
}

#[tokio::test]
async fn any_number_of_sets_is_combined() {
    let client = client().await;
    let set = letters("ab").await;
    let stored = letters("").await;
    for others in [6_999, 8_000] {
        let others: Vec<_> = (0..others)
            .map(|n| Strings::new(&client, format!("absent:{n}")))
            .collect();
        let union = set.union(&others);
        assert_eq!(union.to_set().await.unwrap().len(), 2);
        assert_eq!(union.store_into(&stored).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn sets_are_compared() {
    let sets = [
        letters("").await,
        letters("ab").await,
        letters("abc").await,
        letters("x").await,
    ];
    for one in &sets {
        for other in &sets {
            let (left, right) = (one.to_set().await.unwrap(), other.to_set().await.unwrap());
            assert_eq!(one.is_subset(other).await.unwrap(), left.is_subset(&right));
            assert_eq!(
                one.is_superset(other).await.unwrap(),
                left.is_superset(&right)
            );
            assert_eq!(
                one.is_disjoint(other).await.unwrap(),
                left.is_disjoint(&right)
            );
        }
    }
    let overlapping = letters("bx").await;
    assert!(
        !overlapping.is_subset(&sets[1]).await.unwrap(),
        "of equal length"
    );
}

#[tokio::test]
async fn nothing_is_sent_for_nothing() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set = Strings::new(&client, "set");
    let none: [&str; 0] = [];
    assert_eq!(set.extend(none).await.unwrap(), 0);
    assert_eq!(set.remove_many(none).await.unwrap(), 0);
    assert!(set.contains_many(none).await.unwrap().is_empty());
    for command in ["sadd", "srem", "smismember"] {
        assert_eq!(calls(&server, command), 0, "{command}");
    }
}

#[tokio::test]
async fn bulk_goes_in_chunks_and_streams_in_pages() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set: RedisSet<u32> = RedisSet::new(&client, "set");
    assert_eq!(set.extend(0..5_000_u32).await.unwrap(), 5_000);
    assert_eq!(calls(&server, "sadd"), 5);
    let answers = set.contains_many((0..5_000).map(|n| n * 2)).await.unwrap();
    assert!(
        answers
            .iter()
            .enumerate()
            .all(|(n, has)| *has == (n < 2_500))
    );
    let command = if has_redis(6, 2) {
        "smismember"
    } else {
        "sismember"
    };
    let commands = if has_redis(6, 2) { 5 } else { 5_000 };
    assert_eq!(calls(&server, command), commands);

    let elements: HashSet<u32> = set.stream().try_collect().await.unwrap();
    assert_eq!(elements, (0..5_000).collect());
    let pages = calls(&server, "sscan");
    assert!((10..=30).contains(&pages), "{pages}");
    let mut stream = set.stream().page_size(10);
    assert!(stream.next().await.unwrap().unwrap() < 5_000);
    drop(stream);
    set.len().await.unwrap();
    assert_eq!(calls(&server, "sscan") - pages, 1, "one page was asked for");

    let odd: RedisSet<u32> = RedisSet::new(&client, "odd");
    odd.extend((0..6_000).filter(|n| n % 2 == 1)).await.unwrap();
    for (combined, expected) in [
        (set.union([&odd]), 5_500),
        (set.intersection([&odd]), 2_500),
        (odd.difference([&set]), 500),
    ] {
        let elements: HashSet<u32> = combined.stream().try_collect().await.unwrap();
        assert_eq!(elements.len(), expected, "{combined:?}");
        assert_eq!(elements, combined.to_set().await.unwrap(), "{combined:?}");
    }
    let before = calls(&server, "sscan");
    let mut stream = set.union([&odd]).stream();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    set.len().await.unwrap();
    assert_eq!(
        calls(&server, "sscan") - before,
        1,
        "one page was asked for"
    );

    assert_eq!(set.remove_many(0..5_000).await.unwrap(), 5_000);
    assert_eq!(calls(&server, "srem"), 5);
    assert!(!set.exists().await.unwrap());
}

#[tokio::test]
async fn streams_filter_by_pattern() {
    let set = letters("").await;
    set.extend(["a*1", "a*2", "ab3", "[x]{}?"]).await.unwrap();
    let matching = async |pattern: Pattern| {
        let elements = set.stream().matching(pattern).try_collect::<BTreeSet<_>>();
        elements.await.unwrap().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(matching(Pattern::glob("a*")).await, ["a*1", "a*2", "ab3"]);
    assert_eq!(matching(Pattern::prefix("a*")).await, ["a*1", "a*2"]);
    assert_eq!(matching(Pattern::literal("[x]{}?")).await, ["[x]{}?"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_add_remove_and_move_succeed_once() {
    let (set, other) = (letters("").await, letters("").await);
    for _ in 0..10 {
        let race = async |what: fn(&Strings, &Strings) -> purse::Op<bool>| {
            let tasks = (0..64).map(|_| tokio::spawn(what(&set, &other)));
            let done = futures::future::try_join_all(tasks).await.unwrap();
            done.into_iter()
                .filter(|done| *done.as_ref().unwrap())
                .count()
        };
        assert_eq!(race(|set, _| set.add("x")).await, 1);
        assert_eq!(race(|set, other| set.move_to(other, "x")).await, 1);
        assert_eq!(race(|_, other| other.remove("x")).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_pops_return_different_elements() {
    let set: RedisSet<u32> = RedisSet::new(&client().await, fresh("set"));
    set.extend(0..192_u32).await.unwrap();
    let pops = (0..64).map(|_| {
        let set = set.clone();
        tokio::spawn(async move {
            let mut popped = set.pop_n(2).await.unwrap();
            popped.extend(set.pop().await.unwrap());
            popped
        })
    });
    let popped = futures::future::try_join_all(pops).await.unwrap();
    let mut popped: Vec<_> = popped.into_iter().flatten().collect();
    popped.sort_unstable();
    assert_eq!(popped, (0..192).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn combinations_of_sets_are_atomic() {
    let (here, there) = (letters("abx").await, letters("cd").await);
    let mover = tokio::spawn({
        let (here, there) = (here.clone(), there.clone());
        async move {
            for _ in 0..500 {
                assert!(here.move_to(&there, "x").await.unwrap());
                assert!(there.move_to(&here, "x").await.unwrap());
            }
        }
    });
    let readers = (0..63).map(|_| {
        let (here, there) = (here.clone(), there.clone());
        tokio::spawn(async move {
            let stored = Strings::new(&client().await, fresh("set"));
            for _ in 0..20 {
                assert!(here.is_disjoint(&there).await.unwrap());
                assert!(!here.is_subset(&there).await.unwrap());
                let union = here.union([&there]);
                assert_eq!(text(union.to_set().await.unwrap()), "abcdx");
                assert_eq!(union.store_into(&stored).await.unwrap(), 5);
                let both = here.intersection([&there]).to_set().await.unwrap();
                assert!(both.is_empty(), "{both:?}");
            }
        })
    });
    futures::future::try_join_all(readers).await.unwrap();
    mover.await.unwrap();
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Place {
    row: u32,
    name: String,
}

#[tokio::test]
async fn elements_may_be_of_any_serde_type() {
    let client = client().await;
    let places: RedisSet<Place> = RedisSet::new(&client, fresh("set"));
    let place = Place {
        row: 1,
        name: "x".into(),
    };
    assert!(places.add(&place).await.unwrap());
    assert!(!places.add(place.clone()).await.unwrap());
    assert_eq!(places.to_set().await.unwrap(), HashSet::from([place]));

    let bytes: RedisSet<Vec<u8>, Raw> = RedisSet::new(&client, fresh("set"));
    for element in [&b""[..], b"*?[]{}", b"\x00\xff\r\n"] {
        assert!(bytes.add(element).await.unwrap());
        assert!(bytes.contains(element).await.unwrap());
    }
    assert_eq!(bytes.len().await.unwrap(), 3);
    assert_eq!(
        bytes.stream().try_collect::<Vec<_>>().await.unwrap().len(),
        3
    );

    let json: RedisSet<String, Json> = RedisSet::new(&client, fresh("set"));
    json.add("quoted").await.unwrap();
    let plain = Strings::new(&client, json.key().name());
    assert_eq!(all(&plain).await, "\"quoted\"");
}

/// A set of numbers in which one is none.
async fn create_undecodable() -> RedisSet<u32> {
    let set = letters("").await;
    set.extend(["1", "two", "3"]).await.expect("a reply");
    RedisSet::new(&client().await, set.key().name())
}

#[tokio::test]
async fn undecodable_value_is_an_error_with_its_bytes() {
    let set = create_undecodable().await;
    let none: RedisSet<u32> = RedisSet::new(&client().await, fresh("set"));
    let two = Bytes::from("two");
    for error in [
        set.to_set().await.unwrap_err(),
        set.sample(3).await.unwrap_err(),
        set.difference([&none]).to_set().await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.bytes()),
            (ErrorKind::Decode, Some(&two)),
            "{error}"
        );
        assert!(error.removed().is_empty());
    }
    for stream in [set.stream().boxed(), none.union([&set]).stream()] {
        let (good, bad): (Vec<_>, Vec<_>) = stream
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .partition(Result::is_ok);
        let good: BTreeSet<_> = good.into_iter().flatten().collect();
        assert_eq!(good, BTreeSet::from([1, 3]), "the others are seen");
        let [Err(error)] = &bad[..] else {
            panic!("{bad:?}")
        };
        assert_eq!(error.bytes(), Some(&two));
    }
    assert_eq!(set.len().await.unwrap(), 3);
}

#[tokio::test]
async fn undecodable_popped_value_is_in_the_error() {
    let set = create_undecodable().await;
    let error = set.pop_n(3).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.bytes()),
        (ErrorKind::Decode, Some(&Bytes::from("two")))
    );
    let removed: BTreeSet<_> = error.removed().iter().cloned().collect();
    assert_eq!(
        removed,
        ["1", "two", "3"].map(Bytes::from).into(),
        "the good ones, too"
    );
    assert!(!set.exists().await.unwrap());

    let set = create_undecodable().await;
    set.remove_many([1, 3]).await.unwrap();
    let error = set.pop().await.unwrap_err();
    assert_eq!(error.removed(), [Bytes::from("two")]);
    assert!(!set.exists().await.unwrap());
}

#[tokio::test]
async fn unencodable_value_is_not_sent() {
    let set: RedisSet<f64> = RedisSet::new(&client().await, fresh("set"));
    let other: RedisSet<f64> = RedisSet::new(&client().await, fresh("set"));
    for error in [
        set.add(f64::NAN).await.unwrap_err(),
        set.extend([1.0, f64::NAN]).await.unwrap_err(),
        set.contains(f64::NAN).await.unwrap_err(),
        set.contains_many([1.0, f64::NAN]).await.unwrap_err(),
        set.remove(f64::NAN).await.unwrap_err(),
        set.remove_many([f64::NAN]).await.unwrap_err(),
        set.move_to(&other, f64::NAN).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    }
    assert!(!set.exists().await.unwrap());
    let values = (0..3_000).map(|n| if n == 2_500 { f64::NAN } else { f64::from(n) });
    let error = set.extend(values).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.done()),
        (ErrorKind::Encode, 2_048),
        "{error}"
    );
    assert_eq!(set.len().await.unwrap(), 2_048);
}

#[tokio::test]
async fn key_of_another_type_is_refused_unchanged() {
    let client = client().await;
    let hash: RedisHash<String, String> = RedisHash::new(&client, fresh("set"));
    hash.set("f", "v").await.unwrap();
    let set = Strings::new(&client, hash.key().name());
    let other = letters("ab").await;
    for error in [
        set.len().await.unwrap_err(),
        set.add("x").await.unwrap_err(),
        set.extend(["x"]).await.unwrap_err(),
        set.to_set().await.unwrap_err(),
        set.pop().await.unwrap_err(),
        set.contains_many(["x"]).await.unwrap_err(),
        set.stream().try_collect::<Vec<_>>().await.unwrap_err(),
        set.is_subset(&other).await.unwrap_err(),
        other.is_disjoint(&set).await.unwrap_err(),
        other.move_to(&set, "a").await.unwrap_err(),
        other.union([&set]).to_set().await.unwrap_err(),
        other.union([&set]).store_into(&other).await.unwrap_err(),
        other
            .intersection([&set])
            .stream()
            .try_collect::<Vec<_>>()
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    let union: Vec<_> = other.union([&set, &other]).stream().collect().await;
    assert!(
        matches!(union[..], [Ok(_), Ok(_), Err(_)]),
        "an error ends it: {union:?}"
    );
    assert_eq!(hash.get("f").await.unwrap().as_deref(), Some("v"));
    assert_eq!(all(&other).await, "ab");
}

#[tokio::test]
async fn sets_of_several_slots_are_refused_unsent() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    let [a, b, far] = ["{t}a", "{t}b", "far"].map(|key| Strings::new(&client, key));
    a.extend(["x", "y"]).await.unwrap();
    b.extend(["y", "z"]).await.unwrap();
    far.add("y").await.unwrap();
    for error in [
        a.move_to(&far, "x").await.unwrap_err(),
        a.is_subset(&far).await.unwrap_err(),
        a.is_disjoint(&far).await.unwrap_err(),
        a.union([&b, &far]).to_set().await.unwrap_err(),
        a.union([&b]).store_into(&far).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::CrossSlot, "{error}");
        for words in ["in different slots of", " on key ", "127.0.0.1"] {
            let says = error.to_string();
            assert!(says.contains(words), "it is the server that says: {says}");
        }
    }
    for command in ["smove", "sunion", "sunionstore", "evalsha", "eval"] {
        assert_eq!(calls(&cluster.nodes()[0], command), 0, "{command}");
    }
    assert_eq!(text(a.union([&b]).to_set().await.unwrap()), "xyz");
    assert!(!a.is_subset(&b).await.unwrap());
    assert!(a.move_to(&b, "x").await.unwrap());
    let streamed: Vec<String> = b.difference([&far]).stream().try_collect().await.unwrap();
    assert_eq!(text(streamed), "xz", "streams may cross slots");
}

//! `RedisBitSet` on a real server.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use futures::{StreamExt, TryStreamExt};
use purse::{Client, CombinedBits, Command, ErrorKind, RedisBitSet, RedisList};
use purse_testkit::Server;
use purse_tests::{calls, client, cluster_of_one, fresh};

const CAPACITY: u32 = 100_000;

async fn bits(bits: &[u32]) -> RedisBitSet {
    let set = RedisBitSet::new(&client().await, fresh("bits"), CAPACITY);
    set.extend(bits).await.expect("a reply");
    set
}

async fn all(set: &RedisBitSet) -> Vec<u32> {
    set.stream().try_collect().await.expect("a reply")
}

#[tokio::test]
async fn absent_bit_set_is_empty() {
    let set = bits(&[]).await;
    assert!(set.is_empty().await.unwrap() && !set.exists().await.unwrap());
    assert_eq!(set.len().await.unwrap(), 0);
    assert_eq!(set.count(..).await.unwrap(), 0);
    assert!(!set.contains(7).await.unwrap());
    assert_eq!(set.contains_many([7, 8]).await.unwrap(), [false, false]);
    assert_eq!(set.first().await.unwrap(), None);
    assert_eq!(set.first_absent().await.unwrap(), Some(0));
    assert!(set.stream().next().await.is_none());
    assert!(!set.clear().await.unwrap());
}

#[tokio::test]
async fn bits_are_inserted_removed_and_toggled_once() {
    let set = bits(&[1, 9]).await;
    assert!(set.insert(0).await.unwrap());
    assert!(!set.insert(0).await.unwrap());
    assert_eq!(set.extend([0, 2, 2, 99_999]).await.unwrap(), 2);
    assert_eq!(all(&set).await, [0, 1, 2, 9, 99_999]);
    assert_eq!(set.len().await.unwrap(), 5);
    assert!(set.contains(99_999).await.unwrap());
    let answers = set.contains_many([9, 3, 0, 9]).await.unwrap();
    assert_eq!(answers, [true, false, true, true]);
    assert!(set.remove(0).await.unwrap());
    assert!(!set.remove(0).await.unwrap());
    assert_eq!(set.remove_many([1, 3, 1, 9]).await.unwrap(), 2);
    assert!(!set.toggle(2).await.unwrap());
    assert!(set.toggle(2).await.unwrap());
    assert!(set.toggle(5).await.unwrap());
    assert_eq!(all(&set).await, [2, 5, 99_999]);
    set.remove_many([2, 5, 99_999]).await.unwrap();
    assert!(set.is_empty().await.unwrap());
    assert!(set.exists().await.unwrap(), "the zeros stay");
}

#[tokio::test]
async fn integers_of_a_range_are_counted() {
    let elements = [0, 1, 6, 7, 8, 9, 15, 16, 31, 32, 33, 63, 64, 100];
    let set = bits(&elements).await;
    for first in 0..40_u32 {
        for last in first..70 {
            let expected = elements.iter().filter(|n| (first..=last).contains(n));
            let count = set.count(first..=last).await.unwrap();
            assert_eq!(count, expected.count() as u64, "{first}..={last}");
        }
    }
    assert_eq!(set.count(..).await.unwrap(), 14);
    assert_eq!(set.count(64..).await.unwrap(), 2);
    assert_eq!(set.count(..8).await.unwrap(), 4);
    assert_eq!(set.count(100..u32::MAX).await.unwrap(), 1);
    assert_eq!(set.count((Excluded(64), Unbounded)).await.unwrap(), 1);
    assert_eq!(set.count(5..5).await.unwrap(), 0);
    assert_eq!(set.count(CAPACITY..).await.unwrap(), 0);
}

#[tokio::test]
async fn first_bits_are_found_below_the_capacity() {
    let set = bits(&[]).await;
    set.extend(0..24).await.unwrap();
    assert_eq!(set.first().await.unwrap(), Some(0));
    assert_eq!(set.first_absent().await.unwrap(), Some(24));
    set.remove(17).await.unwrap();
    assert_eq!(set.first_absent().await.unwrap(), Some(17));
    set.remove_many(0..8).await.unwrap();
    assert_eq!(set.first().await.unwrap(), Some(8));

    let client = client().await;
    let small = RedisBitSet::new(&client, fresh("bits"), 12);
    small.extend(0..12).await.unwrap();
    assert_eq!(small.first_absent().await.unwrap(), None);
    let larger = RedisBitSet::new(&client, small.key().name(), 13);
    assert_eq!(larger.first_absent().await.unwrap(), Some(12));
    larger.insert(12).await.unwrap();
    assert_eq!(small.len().await.unwrap(), 13, "reads return all bits");
    let none = RedisBitSet::new(&client, fresh("bits"), 0);
    assert_eq!(none.first_absent().await.unwrap(), None);
    assert_eq!(none.count(..).await.unwrap(), 0);
}

#[tokio::test]
async fn stream_skips_the_zeros() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set = RedisBitSet::new(&client, "bits", u32::MAX);
    let elements = [
        0, 32_767, 32_768, 32_769, 65_535, 65_536, 1_000_000, 40_000_000,
    ];
    set.extend(elements).await.unwrap();
    let before = calls(&server, "getrange");
    assert_eq!(all(&set).await, elements);
    assert_eq!(calls(&server, "getrange") - before, 5, "one per page");
    let mut stream = set.stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), 0);
    drop(stream);
    set.len().await.unwrap();
    assert_eq!(calls(&server, "getrange") - before, 6);

    set.clear().await.unwrap();
    set.extend((0..100_000).filter(|n| n % 3 == 0))
        .await
        .unwrap();
    let expected: Vec<_> = (0..100_000).filter(|n| n % 3 == 0).collect();
    assert_eq!(all(&set).await, expected);
}

type Combine = fn(&RedisBitSet, &[RedisBitSet]) -> CombinedBits;
/// Computes what a combination has.
type Expected = fn(&BTreeSet<u32>, &BTreeSet<u32>) -> BTreeSet<u32>;

#[tokio::test]
async fn bit_sets_are_combined_into_any_destination() {
    let ways: [(Combine, Expected); 4] = [
        (|set, others| set.union(others), |a, b| a | b),
        (|set, others| set.intersection(others), |a, b| a & b),
        (|set, others| set.difference(others), |a, b| a - b),
        (|set, others| set.symmetric_difference(others), |a, b| a ^ b),
    ];
    let elements: [&[u32]; 4] = [&[1, 2, 3, 50_000], &[2, 9], &[3, 99_999], &[]];
    // The indexes of the others, of which `0` is the set itself.
    let others: [&[usize]; 7] = [&[], &[1], &[1, 2], &[0], &[1, 0, 2], &[3], &[1, 1]];
    for (combine, expect) in ways {
        for others in others {
            // The destination is one of the sets, or a new one, which holds something.
            for into in 0..5 {
                let mut sets = Vec::new();
                for elements in elements {
                    sets.push(bits(elements).await);
                }
                sets.push(bits(&[7, 8]).await);
                let model = |index: usize| elements[index].iter().copied().collect();
                let expected = others
                    .iter()
                    .fold(model(0), |so_far, &other| expect(&so_far, &model(other)));
                let list: Vec<_> = others.iter().map(|&other| sets[other].clone()).collect();
                let combined = combine(&sets[0], &list);
                let stored = combined.store_into(&sets[into]).await.unwrap();
                let context = format!("{combined:?} of {others:?} into {into}");
                assert_eq!(stored, expected.len() as u64, "{context}");
                assert!(all(&sets[into]).await.into_iter().eq(expected), "{context}");
                for (index, elements) in elements.iter().enumerate() {
                    if index != into {
                        assert_eq!(all(&sets[index]).await, *elements, "{context}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn destination_of_another_type_is_replaced() {
    let set = bits(&[1, 2]).await;
    let list: RedisList<String> = RedisList::new(&client().await, fresh("bits"));
    list.push_back("old").await.unwrap();
    let into = RedisBitSet::new(&client().await, list.key().name(), CAPACITY);
    assert_eq!(set.union([&set]).store_into(&into).await.unwrap(), 2);
    assert_eq!(all(&into).await, [1, 2]);
    list.clear().await.unwrap();
    list.push_back("old").await.unwrap();
    let other = bits(&[2]).await;
    let difference = set.difference([&other]);
    assert_eq!(difference.store_into(&into).await.unwrap(), 1);
}

#[tokio::test]
async fn combination_takes_a_thousand_other_sets() {
    let set = bits(&[1]).await;
    let into = bits(&[]).await;
    let mut others = vec![set.clone(); 1_000];
    for combined in [set.union(&others), set.intersection(&others)] {
        assert_eq!(combined.store_into(&into).await.unwrap(), 1);
    }
    assert_eq!(set.difference(&others).store_into(&into).await.unwrap(), 0);
    others.push(set.clone());
    let error = set.union(&others).store_into(&into).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

#[tokio::test]
async fn integer_at_the_capacity_is_refused_unsent() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set = RedisBitSet::new(&client, "bits", 12);
    let before = client.stats().commands;
    for bit in [12, 13, u32::MAX] {
        for error in [
            set.insert(bit).await.unwrap_err(),
            set.remove(bit).await.unwrap_err(),
            set.toggle(bit).await.unwrap_err(),
            set.contains(bit).await.unwrap_err(),
            set.extend([1, bit]).await.unwrap_err(),
            set.remove_many([1, bit]).await.unwrap_err(),
            set.contains_many([1, bit]).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
            assert_eq!(error.key().map(|key| &**key), Some(b"bits".as_slice()));
            let says = error.to_string();
            assert!(
                says.contains(&format!("{bit} is not below the capacity 12")),
                "{says}"
            );
        }
    }
    let small = RedisBitSet::new(&client, "small", 11);
    for combined in [set.union([&small]), small.union([&set])] {
        let error = combined.store_into(&small).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(client.stats().commands, before, "nothing is sent");
    let set = RedisBitSet::new(&client, "bits", 3_000);
    let error = set.extend((0..2_500).chain([3_000])).await.unwrap_err();
    assert_eq!((error.kind(), error.done()), (ErrorKind::OutOfRange, 2_048));
    assert_eq!(set.len().await.unwrap(), 2_048);
}

#[tokio::test]
async fn nothing_is_sent_for_no_bits() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set = RedisBitSet::new(&client, "bits", 12);
    let before = client.stats().commands;
    let none: [u32; 0] = [];
    assert_eq!(set.extend(none).await.unwrap(), 0);
    assert_eq!(set.remove_many(none).await.unwrap(), 0);
    assert!(set.contains_many(none).await.unwrap().is_empty());
    assert_eq!(set.count(3..3).await.unwrap(), 0);
    assert_eq!(client.stats().commands, before);
}

#[tokio::test]
async fn key_of_another_type_is_refused_unchanged() {
    let client = client().await;
    let list: RedisList<String> = RedisList::new(&client, fresh("bits"));
    list.push_back("v").await.unwrap();
    let set = RedisBitSet::new(&client, list.key().name(), CAPACITY);
    // They share an integer, so that a combination which is done in part would show.
    let (other, into) = (bits(&[1, 2]).await, bits(&[2, 5]).await);
    for error in [
        set.insert(1).await.unwrap_err(),
        set.extend([1]).await.unwrap_err(),
        set.remove(1).await.unwrap_err(),
        set.toggle(1).await.unwrap_err(),
        set.contains(1).await.unwrap_err(),
        set.contains_many([1]).await.unwrap_err(),
        set.len().await.unwrap_err(),
        set.is_empty().await.unwrap_err(),
        set.count(1..9).await.unwrap_err(),
        set.first().await.unwrap_err(),
        set.first_absent().await.unwrap_err(),
        set.stream().try_collect::<Vec<_>>().await.unwrap_err(),
        other.union([&set]).store_into(&into).await.unwrap_err(),
        set.union([&other]).store_into(&into).await.unwrap_err(),
        other
            .difference([&into, &set])
            .store_into(&other)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(list.to_vec().await.unwrap(), ["v"]);
    assert_eq!(all(&other).await, [1, 2]);
    assert_eq!(all(&into).await, [2, 5]);
}

#[tokio::test]
async fn bit_sets_of_several_slots_are_refused_unsent() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    let [a, b, far] = ["{t}a", "{t}b", "far"].map(|key| RedisBitSet::new(&client, key, 99));
    a.extend([1, 2]).await.unwrap();
    for error in [
        a.union([&b, &far]).store_into(&a).await.unwrap_err(),
        a.union([&b]).store_into(&far).await.unwrap_err(),
        far.difference([&b]).store_into(&a).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::CrossSlot, "{error}");
        let says = error.to_string();
        assert!(
            says.contains("in different slots of"),
            "the server says: {says}"
        );
    }
    for command in ["bitop", "eval", "evalsha"] {
        assert_eq!(calls(&cluster.nodes()[0], command), 0, "{command}");
    }
    assert_eq!(a.union([&b]).store_into(&b).await.unwrap(), 2);
}

#[tokio::test]
async fn batches_take_the_operations() {
    let client = client().await;
    let [set, into] = [(); 2].map(|()| RedisBitSet::new(&client, fresh("bits"), CAPACITY));
    set.insert(1).await.unwrap();
    for atomic in [false, true] {
        set.remove(2).await.unwrap();
        let mut batch = client.batch();
        if atomic {
            batch = batch.atomic();
        }
        let inserted = batch.add(set.insert(2));
        let toggled = batch.add(set.toggle(3));
        let count = batch.add(set.count(2..));
        let stored = batch.add(set.difference([&into]).store_into(&into));
        let absent = batch.add(set.first_absent());
        batch.send().await.unwrap();
        assert!(inserted.take().unwrap());
        assert_eq!(toggled.take().unwrap(), !atomic);
        assert_eq!(count.take().unwrap(), if atomic { 1 } else { 2 });
        assert!(stored.take().is_ok());
        assert_eq!(absent.take().unwrap(), Some(0));
    }
}

#[tokio::test]
async fn bit_beyond_what_a_handle_can_name_is_a_protocol_error() {
    let server = Server::builder()
        .config("proto-max-bulk-len", "600mb")
        .start()
        .unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set = RedisBitSet::new(&client, "bits", 12);
    let beyond = Command::write("SETBIT").key("bits").arg(1_i64 << 32).arg(1);
    // Servers before Redis 7 have a limit of their own.
    if client.run(beyond).await.is_ok() {
        let error = set.first().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        let error = set.stream().try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
}

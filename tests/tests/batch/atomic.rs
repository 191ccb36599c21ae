//! Atomic batches: an operation returns the same in a script as on its own.

use std::collections::HashSet;
use std::time::Duration;

use purse::{
    Aggregate, Client, Condition, ErrorKind, RedisHash, RedisKeySpace, RedisList, RedisSet,
    RedisSortedSet, SetOptions, SetOutcome, Ttl,
};
use purse_testkit::{Release, Server};
use purse_tests::{has_redis, until};

/// The first number that a double cannot tell from the one before it.
const BEYOND: i64 = (1 << 53) + 1;

async fn client(server: &Server) -> Client {
    let client = Client::connect(&server.url()).await;
    client.expect("a server that runs")
}

#[tokio::test]
async fn a_number_of_64_bits_comes_back_as_it_is() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = client(&server).await;
        let hash: RedisHash<String, i64> = RedisHash::new(&client, "hash");
        for sum in [BEYOND - 1, BEYOND, i64::MAX - 1, i64::MIN + 1, -BEYOND] {
            hash.clear().await.unwrap();
            let mut batch = client.batch().atomic();
            let first = batch.add(hash.increment("n", sum));
            let again = batch.add(hash.increment("n", 0));
            batch.send().await.unwrap();
            assert_eq!(first.take().unwrap(), sum);
            assert_eq!(again.take().unwrap(), sum);
            assert_eq!(hash.get("n").await.unwrap(), Some(sum));
        }
    }
}

#[tokio::test]
async fn sets_answer_the_same_in_an_atomic_batch() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = client(&server).await;
        let set: RedisSet<String> = RedisSet::new(&client, "set");
        let other: RedisSet<String> = RedisSet::new(&client, "other");
        let stored: RedisSet<String> = RedisSet::new(&client, "stored");
        let mut batch = client.batch().atomic();
        let new = ["message", "b", ""].map(|value| batch.add(set.add(value)));
        let old = batch.add(set.add("b"));
        let len = batch.add(set.len());
        let empty = batch.add(other.is_empty());
        let has = ["b", "c"].map(|value| batch.add(set.contains(value)));
        let all = batch.add(set.to_set());
        let none = batch.add(other.to_set());
        let moved = batch.add(set.move_to(&other, "b"));
        let not_moved = batch.add(set.move_to(&other, "z"));
        let subset = batch.add(other.is_subset(&set));
        let disjoint = batch.add(other.is_disjoint(&set));
        let union = batch.add(set.union([&other]).to_set());
        let count = batch.add(set.difference([&other]).store_into(&stored));
        let sample = batch.add(other.sample(5));
        let no_sample = batch.add(other.sample(0));
        let popped = batch.add(other.pop());
        let nothing = batch.add(other.pop());
        let rest = batch.add(stored.pop_n(9));
        let no_rest = batch.add(stored.pop_n(9));
        batch.send().await.unwrap();
        assert!(new.into_iter().all(|new| new.take().unwrap()));
        assert!(!old.take().unwrap());
        assert_eq!(len.take().unwrap(), 3);
        assert!(empty.take().unwrap());
        assert_eq!(has.map(|has| has.take().unwrap()), [true, false]);
        let set_of = |values: &[&str]| -> HashSet<String> {
            values.iter().map(|&value| value.to_owned()).collect()
        };
        assert_eq!(all.take().unwrap(), set_of(&["message", "b", ""]));
        assert!(none.take().unwrap().is_empty());
        assert!(moved.take().unwrap());
        assert!(!not_moved.take().unwrap());
        assert!(!subset.take().unwrap());
        assert!(disjoint.take().unwrap());
        assert_eq!(union.take().unwrap(), set_of(&["message", "b", ""]));
        assert_eq!(count.take().unwrap(), 2);
        assert_eq!(sample.take().unwrap(), ["b"]);
        assert!(no_sample.take().unwrap().is_empty());
        assert_eq!(popped.take().unwrap().as_deref(), Some("b"));
        assert_eq!(nothing.take().unwrap(), None);
        let rest: HashSet<String> = rest.take().unwrap().into_iter().collect();
        assert_eq!(rest, set_of(&["message", ""]));
        assert!(no_rest.take().unwrap().is_empty());
    }
}

#[tokio::test]
async fn sorted_sets_answer_the_same_in_an_atomic_batch() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = client(&server).await;
        let set: RedisSortedSet<String> = RedisSortedSet::new(&client, "set");
        let other: RedisSortedSet<String> = RedisSortedSet::new(&client, "other");
        // The smallest, the largest, one without an end in binary, and what is no number in JSON.
        let scores = [5e-324, f64::MAX, 0.1, f64::INFINITY, f64::NEG_INFINITY];
        let named = || scores.iter().map(|score| (score.to_string(), *score));
        let mut batch = client.batch().atomic();
        let new: Vec<_> = named()
            .map(|(name, score)| batch.add(set.insert(name, score)))
            .collect();
        let read: Vec<_> = named()
            .map(|(name, _)| batch.add(set.score(name)))
            .collect();
        let none = batch.add(set.score("none"));
        let ranks = [
            batch.add(set.rank("inf")),
            batch.add(set.rank_from_top("inf")),
        ];
        let no_rank = batch.add(set.rank("none"));
        // Redis 6.0 has no GT and LT.
        let (greater, less) = match release == Release::Default && !has_redis(6, 2) {
            true => (Condition::OnlyNew, Condition::OnlyExisting),
            false => (Condition::OnlyGreater, Condition::OnlyLess),
        };
        let greater = batch.add(set.insert_if("0.1", 0.0, greater));
        let less = batch.add(set.insert_if("0.1", -0.5, less));
        let sum = batch.add(set.increment("0.1", 0.25));
        let no_number = batch.add(set.increment("inf", f64::NEG_INFINITY));
        let all = batch.add(set.by_rank(..).with_scores());
        let lowest = batch.add(set.peek_min());
        let exclusive = batch.add(set.by_score(-0.25..f64::INFINITY).rev().to_vec());
        let count = batch.add(set.by_score(5e-324..).count());
        let stored = batch.add(
            set.union([&set])
                .weights([2.0, f64::INFINITY])
                .aggregate(Aggregate::Min)
                .store_into(&other),
        );
        let popped = [batch.add(set.pop_max()), batch.add(set.pop_min())];
        let rest = batch.add(set.pop_max_n(9));
        let nothing = [batch.add(set.pop_max()), batch.add(set.peek_max())];
        batch.send().await.unwrap();
        assert!(new.into_iter().all(|new| new.take().unwrap()));
        let read: Vec<_> = read.into_iter().map(|read| read.take().unwrap()).collect();
        assert_eq!(read, scores.map(Some));
        assert_eq!(none.take().unwrap(), None);
        assert_eq!(ranks.map(|rank| rank.take().unwrap()), [Some(4), Some(0)]);
        assert_eq!(no_rank.take().unwrap(), None);
        assert!(!greater.take().unwrap());
        assert!(less.take().unwrap());
        assert_eq!(sum.take().unwrap(), -0.25);
        assert_eq!(no_number.take().unwrap_err().kind(), ErrorKind::Server);
        let all = all.take().unwrap();
        assert_eq!(all.len(), 5);
        assert_eq!(all[1], ("0.1".to_owned(), -0.25));
        assert_eq!(all[2].1, 5e-324);
        assert_eq!(all[3].1, f64::MAX);
        assert_eq!(lowest.take().unwrap().unwrap().1, f64::NEG_INFINITY);
        let names = [f64::MAX, 5e-324, 0.1].map(|score| score.to_string());
        assert_eq!(exclusive.take().unwrap(), names);
        assert_eq!(count.take().unwrap(), 3);
        assert_eq!(stored.take().unwrap(), 5);
        let [highest, lowest] = popped.map(|popped| popped.take().unwrap().unwrap().1);
        assert_eq!([highest, lowest], [f64::INFINITY, f64::NEG_INFINITY]);
        let rest: Vec<f64> = rest.take().unwrap().into_iter().map(|one| one.1).collect();
        assert_eq!(rest, [f64::MAX, 5e-324, -0.25]);
        assert_eq!(nothing.map(|nothing| nothing.take().unwrap()), [None, None]);
    }
}

#[tokio::test]
async fn key_spaces_answer_the_same_in_an_atomic_batch() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = client(&server).await;
        let space: RedisKeySpace<String> = RedisKeySpace::new(&client, "space:");
        let hour = Duration::from_secs(3600);
        let mut batch = client.batch().atomic();
        let set = batch.add(space.set("a", "message"));
        let some = batch.add(space.get("a"));
        let none = batch.add(space.get("b"));
        let options = SetOptions::new().return_old();
        let replaced = batch.add(space.set_with("a", "2", options.ttl(hour)));
        let kept = batch.add(space.set_with("a", "3", options.keep_ttl().if_absent()));
        let absent = batch.add(space.set_with("b", "4", options.keep_ttl().if_present()));
        let plain = batch.add(space.set_with("a", "5", SetOptions::new().keep_ttl()));
        let not = batch.add(space.set_with("a", "6", SetOptions::new().if_absent()));
        let ttls = ["a", "b"].map(|key| batch.add(space.ttl(key)));
        let inserted = batch.add(space.get_or_insert_with_ttl("b", "7", hour));
        let there = batch.add(space.get_or_insert("b", "8"));
        let persisted = batch.add(space.persist("b"));
        let forever = batch.add(space.ttl("b"));
        let refused = batch.add(space.extend_if_none_exist([("c", "1"), ("a", "1")]));
        let all = batch.add(space.extend_if_none_exist([("c", "1"), ("d", "1")]));
        let popped = batch.add(space.pop("c"));
        let nothing = batch.add(space.pop("c"));
        let has = batch.add(space.contains("d"));
        let deleted = ["d", "d"].map(|key| batch.add(space.delete(key)));
        batch.send().await.unwrap();
        set.take().unwrap();
        assert_eq!(some.take().unwrap().as_deref(), Some("message"));
        assert_eq!(none.take().unwrap(), None);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(replaced.take().unwrap(), SetOutcome::Set(text("message")));
        assert_eq!(kept.take().unwrap(), SetOutcome::NotSet(text("2")));
        assert_eq!(absent.take().unwrap(), SetOutcome::NotSet(None));
        assert_eq!(plain.take().unwrap(), SetOutcome::Set(None));
        assert_eq!(not.take().unwrap(), SetOutcome::NotSet(None));
        let [kept, missing] = ttls.map(|ttl| ttl.take().unwrap());
        assert!(kept.remaining().is_some() && missing == Ttl::Missing);
        assert_eq!(inserted.take().unwrap(), "7");
        assert_eq!(there.take().unwrap(), "7");
        assert!(persisted.take().unwrap());
        assert_eq!(forever.take().unwrap(), Ttl::Persistent);
        assert!(!refused.take().unwrap());
        assert!(all.take().unwrap());
        assert_eq!(popped.take().unwrap().as_deref(), Some("1"));
        assert_eq!(nothing.take().unwrap(), None);
        assert!(has.take().unwrap());
        assert_eq!(
            deleted.map(|deleted| deleted.take().unwrap()),
            [true, false]
        );
    }
}

#[tokio::test]
async fn command_unknown_to_an_older_server_is_unsupported() {
    let server = Server::builder().release(Release::Redis6_2_5);
    let server = server.start().unwrap();
    let client = client(&server).await;
    let hash: RedisHash<String, i64> = RedisHash::new(&client, "hash");
    hash.set("n", 1).await.unwrap();
    let mut batch = client.batch().atomic();
    let ttl = batch.add(hash.field_ttl("n"));
    batch.send().await.unwrap();
    let error = ttl.take().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_answers_an_atomic_batch_is_left() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = client(&server).await;
        let list: RedisList<u32> = RedisList::new(&client, "list");
        list.len().await.unwrap();
        let connections = || {
            let info = server.command(&["INFO", "stats"]).unwrap();
            let line = |line: &str| {
                let count = line.strip_prefix("total_connections_received:")?;
                count.parse::<u64>().ok()
            };
            // Those that ask are counted as well.
            info.text().unwrap().lines().find_map(line).unwrap()
        };
        server.command(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
        let mut batch = client.batch().atomic();
        let pushed = batch.add(list.push_back(1));
        let before = connections();
        batch.send().await.unwrap();
        let error = pushed.take().unwrap_err();
        assert_eq!(error.code(), Some("READONLY"), "{error}");
        assert!(error.is_retryable());
        let mut asked = 0;
        until("the client connects anew", async || {
            asked += 1;
            connections() > before + asked
        })
        .await;
    }
}

#[tokio::test]
async fn the_order_of_operations_makes_no_other_script() {
    let server = Server::start().unwrap();
    let client = client(&server).await;
    let hash: RedisHash<String, u32> = RedisHash::new(&client, "hash");
    for scripts in [["insert", "remove", "take"], ["take", "remove", "insert"]] {
        let mut batch = client.batch().atomic();
        let results = scripts.map(|script| match script {
            "insert" => batch.add(hash.insert("n", 1)),
            "remove" => batch.add(hash.remove("n")),
            _ => batch.add(hash.get("n")),
        });
        batch.send().await.unwrap();
        for result in results {
            result.take().unwrap();
        }
    }
    let info = server.command(&["INFO", "memory"]).unwrap();
    let cached = "number_of_cached_scripts:1\r\n";
    assert!(info.text().unwrap().contains(cached));
}

#[tokio::test]
async fn batch_of_a_closed_client_is_closed_at_once() {
    let server = Server::start().unwrap();
    let client = client(&server).await;
    let list: RedisList<u32> = RedisList::new(&client, "list");
    client.close().await;
    for atomic in [false, true] {
        let mut batch = client.batch();
        if atomic {
            batch = batch.atomic();
        }
        let pushed = batch.add(list.push_back(1));
        assert_eq!(batch.send().await.is_err(), atomic);
        assert_eq!(pushed.take().unwrap_err().kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn an_operation_of_more_arguments_than_lua_takes_is_refused() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = client(&server).await;
        let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
        for (entries, expected) in [(3_501, None), (3_500, Some(3_500))] {
            let mut batch = client.batch().atomic();
            let entries = (0..entries).map(|n| (n.to_string(), n));
            let set = batch.add(space.extend_if_none_exist(entries));
            let sent = batch.send().await.map_err(|error| error.kind());
            match expected {
                Some(_) => assert!(sent.is_ok() && set.take().unwrap()),
                None => assert_eq!(sent, Err(ErrorKind::InvalidInput)),
            }
            assert_eq!(space.len().await.unwrap(), expected.unwrap_or(0));
        }
    }
}

#[tokio::test]
async fn batch_over_the_servers_limit_is_refused_and_others_run() {
    let server = Server::builder().release(Release::Redis6_2_5);
    let server = server.start().unwrap();
    let client = client(&server).await;
    let list: RedisList<u32> = RedisList::new(&client, "list");
    let mut batch = client.batch().atomic();
    let pushes: Vec<_> = (0..220_000).map(|n| batch.add(list.push_back(n))).collect();
    let error = batch.send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    for push in pushes {
        assert_eq!(push.take().unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert!(!list.exists().await.unwrap());
}

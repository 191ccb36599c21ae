//! What each write does to the time to live, with and without a default.

use std::time::{Duration, Instant};

use purse::{Client, ErrorKind, RedisKeySpace, SetOptions, Ttl};
use purse_testkit::{Release, Server};
use purse_tests::calls;

use super::{MINUTE, numbers};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A time to live, as far as the tests distinguish it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    None,
    Forever,
    /// Up to a minute.
    Short,
    /// Up to an hour: the default.
    Default,
    /// Up to a day.
    Long,
}

async fn left(space: &RedisKeySpace<i64>, key: &str) -> Left {
    match space.ttl(key).await.expect("a reply") {
        Ttl::Missing => Left::None,
        Ttl::Persistent => Left::Forever,
        Ttl::Expires(left) if left <= MINUTE => Left::Short,
        Ttl::Expires(left) if left <= HOUR => Left::Default,
        Ttl::Expires(_) => Left::Long,
    }
}

/// The times to live after a write: of an absent key, of a persistent one, and of one that expires in a
/// minute.
type Outcome = [Left; 3];

/// Runs `write` on each of the three keys.
async fn outcome(
    space: &RedisKeySpace<i64>,
    write: impl AsyncFn(RedisKeySpace<i64>, &'static str),
) -> Outcome {
    let plain: RedisKeySpace<i64> = space.clone().sub("");
    plain
        .delete_many(["absent", "forever", "short"])
        .await
        .expect("a reply");
    let persistent = SetOptions::new().persist();
    assert!(
        plain
            .set_with("forever", 5, persistent)
            .await
            .expect("a reply")
            .is_set()
    );
    plain
        .set_with_ttl("short", 5, MINUTE)
        .await
        .expect("a reply");
    let mut outcome = [Left::None; 3];
    for (n, key) in ["absent", "forever", "short"].into_iter().enumerate() {
        write(space.clone(), key).await;
        outcome[n] = left(space, key).await;
    }
    outcome
}

#[tokio::test]
async fn each_write_does_what_the_table_says() {
    use Left::{Default as D, Forever as F, Long as L, None as N, Short as S};
    let space = numbers(&[]).await;
    let with_default = space.clone().with_ttl(HOUR);
    macro_rules! check {
        ($without:expr, $with:expr, |$space:ident, $key:ident| $call:expr) => {
            for (space, expected) in [(&space, $without), (&with_default, $with)] {
                let got = outcome(space, async |$space: RedisKeySpace<i64>, $key| {
                    $call.await.map(drop).expect("a reply");
                })
                .await;
                assert_eq!(got, expected, "{} with {space:?}", stringify!($call));
            }
        };
    }
    let new = SetOptions::new;
    check!([F, F, F], [D, D, D], |s, k| s.set(k, 1));
    check!([F, F, F], [D, D, D], |s, k| s.set_with(k, 1, new()));
    check!([F, F, F], [D, D, D], |s, k| s.set_with(
        k,
        1,
        new().return_old()
    ));
    check!([F, F, F], [D, D, D], |s, k| s.extend([(k, 1)]));
    check!([L, L, L], [L, L, L], |s, k| s.set_with_ttl(k, 1, DAY));
    check!([L, L, L], [L, L, L], |s, k| s.set_with(
        k,
        1,
        new().ttl(DAY)
    ));
    check!([L, L, L], [L, L, L], |s, k| s
        .extend_with_ttl([(k, 1)], DAY));
    check!([F, F, F], [F, F, F], |s, k| s.set_with(
        k,
        1,
        new().persist()
    ));
    check!([F, F, S], [D, F, S], |s, k| s.set_with(
        k,
        1,
        new().keep_ttl()
    ));
    check!([F, F, S], [D, F, S], |s, k| s.set_with(
        k,
        1,
        new().keep_ttl().return_old()
    ));
    check!([F, F, S], [D, F, S], |s, k| s.set_with(
        k,
        1,
        new().keep_ttl().if_absent()
    ));
    check!([N, F, S], [N, F, S], |s, k| s.set_with(
        k,
        1,
        new().keep_ttl().if_present()
    ));
    check!([F, F, S], [D, F, S], |s, k| s.set_with(
        k,
        1,
        new().if_absent()
    ));
    check!([N, F, F], [N, D, D], |s, k| s.set_with(
        k,
        1,
        new().if_present()
    ));
    check!([F, F, S], [D, F, S], |s, k| s.get_or_insert(k, 1));
    check!([L, F, S], [L, F, S], |s, k| s
        .get_or_insert_with_ttl(k, 1, DAY));
    check!([F, F, S], [D, F, S], |s, k| s
        .extend_if_none_exist([(k, 1)]));
    check!([F, F, S], [D, F, S], |s, k| s.increment(k, 1));
    check!([F, F, S], [D, F, S], |s, k| s.decrement(k, 1));
    check!([N, F, S], [N, D, D], |s, k| s.compare_and_set(k, 5, 1));
    check!([N, L, L], [N, L, L], |s, k| s.get_and_expire(k, DAY));
    check!([N, L, L], [N, L, L], |s, k| s.expire(k, DAY));
    check!([N, F, F], [N, F, F], |s, k| s.persist(k));
    check!([N, F, S], [N, F, S], |s, k| s.get(k));
    check!([N, F, S], [N, F, S], |s, k| s.get_many([k]));
    let touched = outcome(&with_default, async |space: RedisKeySpace<i64>, key| {
        let value = space.get_and_touch(key).await.expect("a reply");
        assert_eq!(value, (key != "absent").then_some(5));
    });
    assert_eq!(touched.await, [N, D, D]);

    let floats: RedisKeySpace<f64> =
        RedisKeySpace::new(&purse_tests::client().await, space.prefix());
    for (floats, expected) in [(floats.clone(), F), (floats.with_ttl(HOUR), D)] {
        floats.delete("float").await.unwrap();
        assert_eq!(floats.increment_float("float", 1.5).await.unwrap(), 1.5);
        assert_eq!(left(&space, "float").await, expected);
        assert_eq!(floats.increment_float("float", 1.5).await.unwrap(), 3.0);
        assert_eq!(left(&space, "float").await, expected);
    }
}

#[tokio::test]
async fn handles_of_a_space_inherit_the_default() {
    let space = numbers(&[]).await.with_ttl(HOUR);
    assert_eq!(space.default_ttl(), Some(HOUR));
    space.clone().set("a", 1).await.unwrap();
    space.sub("b").set("c", 1).await.unwrap();
    space.lenient().set("d", 1_i64).await.unwrap();
    for key in ["a", "bc", "d"] {
        assert_eq!(left(&space, key).await, Left::Default, "{key}");
    }
    let text = format!("{space:?}");
    assert!(text.contains("3600s"), "{text}");
}

#[tokio::test]
async fn touch_without_a_default_is_refused() {
    let space = numbers(&[("a", 1)]).await;
    let error = space.get_and_touch("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains("with_ttl"), "{error}");
}

#[tokio::test]
async fn default_that_would_delete_or_overflow_changes_nothing() {
    let space = numbers(&[("a", 1)]).await;
    for ttl in [Duration::ZERO, Duration::from_micros(999), Duration::MAX] {
        let bad = space.clone().with_ttl(ttl);
        for error in [
            bad.set("a", 2).await.unwrap_err(),
            bad.set_with_ttl("a", 2, ttl).await.unwrap_err(),
            bad.set_with("a", 2, SetOptions::new().keep_ttl())
                .await
                .map(drop)
                .unwrap_err(),
            bad.get_or_insert("b", 2).await.map(drop).unwrap_err(),
            bad.extend([("a", 2)]).await.unwrap_err(),
            bad.extend_with_ttl([("a", 2)], ttl).await.unwrap_err(),
            bad.extend_if_none_exist([("b", 2)])
                .await
                .map(drop)
                .unwrap_err(),
            bad.increment("b", 2).await.map(drop).unwrap_err(),
            bad.compare_and_set("a", 1, 2).await.map(drop).unwrap_err(),
            bad.get_and_touch("a").await.map(drop).unwrap_err(),
            bad.get_and_expire("a", ttl).await.map(drop).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{ttl:?}: {error}");
            assert!(error.server().is_some(), "{error}");
        }
    }
    assert_eq!(space.get("a").await.unwrap(), Some(1));
    assert_eq!(left(&space, "a").await, Left::Forever);
    assert!(!space.contains("b").await.unwrap());
}

#[tokio::test]
async fn entries_of_an_extend_expire() {
    let space = numbers(&[]).await.with_ttl(Duration::from_millis(1));
    let entries = (0..2_000).map(|n| (n.to_string(), n));
    space.extend(entries).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !space.is_empty().await.unwrap() {
        assert!(Instant::now() < deadline, "the keys stay");
    }
}

#[tokio::test]
async fn all_or_none_with_a_default_is_one_step() {
    let space = numbers(&[("a", 1)]).await.with_ttl(HOUR);
    let entries = [("b", 2), ("a", 3)];
    assert!(!space.extend_if_none_exist(entries).await.unwrap());
    assert!(!space.contains("b").await.unwrap());
    let none: [(&str, i64); 0] = [];
    assert!(space.extend_if_none_exist(none).await.unwrap());
    let entries = (0..65_536).map(|n| (format!("many{n}"), n));
    assert!(space.extend_if_none_exist(entries).await.unwrap());
    assert_eq!(left(&space, "many65535").await, Left::Default);
    assert_eq!(space.sub("many").clear().await.unwrap(), 65_536);
    // Of a key that comes twice, the last value counts, as in MSETNX.
    assert!(
        space
            .extend_if_none_exist([("c", 1), ("c", 2)])
            .await
            .unwrap()
    );
    assert_eq!(space.get("c").await.unwrap(), Some(2));
}

/// A full server stores no entry, and leaves the others as they are.
#[tokio::test]
async fn full_server_changes_nothing() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let space: RedisKeySpace<i64> = RedisKeySpace::new(&client, "space:");
    space.set("a", 1).await.unwrap();
    let space = space.with_ttl(HOUR);
    server
        .command(&["CONFIG", "SET", "maxmemory", "1"])
        .unwrap();
    for error in [
        space.set("b", 1).await.unwrap_err(),
        space.extend([("a", 2), ("b", 1)]).await.unwrap_err(),
        space
            .extend_if_none_exist([("b", 1), ("c", 1)])
            .await
            .map(drop)
            .unwrap_err(),
        space.increment("b", 1).await.map(drop).unwrap_err(),
        space.increment("a", 1).await.map(drop).unwrap_err(),
        space
            .compare_and_set("a", 1, 2)
            .await
            .map(drop)
            .unwrap_err(),
        space.get_or_insert("b", 1).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.code(), Some("OOM"), "{error}");
    }
    assert_eq!(space.get_and_touch("a").await.unwrap(), Some(1));
    assert!(space.compare_and_delete("a", 1).await.unwrap());
    assert!(space.is_empty().await.unwrap());
}

/// A server that has GETEX gets the command, and an older one the script.
#[tokio::test]
async fn touch_is_one_command_where_the_server_has_it() {
    for (release, command) in [
        (Release::Valkey9_1, "getex"),
        (Release::Redis6_2_5, "getex"),
        (Release::Redis6_0_9, "eval"),
    ] {
        let server = Server::builder().release(release).start().unwrap();
        let client = Client::connect(&server.url()).await.unwrap();
        let space: RedisKeySpace<i64> = RedisKeySpace::new(&client, "space:").with_ttl(HOUR);
        space.set("a", 1).await.unwrap();
        assert_eq!(space.get_and_touch("a").await.unwrap(), Some(1));
        assert_eq!(calls(&server, command), 1, "{release}");
        let mut batch = client.batch();
        let one = batch.add(space.get_and_touch("a"));
        batch.send().await.unwrap();
        assert_eq!(one.take().unwrap(), Some(1), "{release}");
        let mut batch = client.batch().atomic();
        let (one, two) = (
            batch.add(space.get_and_touch("a")),
            batch.add(space.ttl("a")),
        );
        batch.send().await.unwrap();
        assert_eq!(one.take().unwrap(), Some(1), "{release}");
        assert!(two.take().unwrap().remaining().is_some());
    }
}

//! Operations on several objects: they must be in one database.

use futures::StreamExt;
use purse::{
    Client, Distance, End, ErrorKind, GeoPoint, GeoShape, RedisBitSet, RedisGeo, RedisHyperLogLog,
    RedisKey, RedisList, RedisSet, RedisSortedSet,
};
use purse_testkit::{Cluster, Server};

/// Runs every operation on two objects; returns the kind of the error of each, if there is one.
async fn kinds(one: &Client, other: &Client) -> Vec<(&'static str, Option<ErrorKind>)> {
    let a: RedisSet<String> = RedisSet::new(one, "{x}a");
    let b: RedisSet<String> = RedisSet::new(other, "{x}b");
    let s: RedisSortedSet<String> = RedisSortedSet::new(one, "{x}s");
    let t: RedisSortedSet<String> = RedisSortedSet::new(other, "{x}t");
    let l: RedisList<String> = RedisList::new(one, "{x}l");
    let m: RedisList<String> = RedisList::new(other, "{x}m");
    let [f, g] = [(one, "{x}f"), (other, "{x}g")].map(|(c, key)| RedisBitSet::new(c, key, 9));
    let [h, i] = [(one, "{x}h"), (other, "{x}i")].map(|(c, key)| RedisHyperLogLog::new(c, key));
    let (h, i): (RedisHyperLogLog<u32>, RedisHyperLogLog<u32>) = (h, i);
    let [p, q] = [(one, "{x}p"), (other, "{x}q")].map(|(c, key)| RedisGeo::<String>::new(c, key));
    let here = GeoPoint {
        longitude: 0.0,
        latitude: 0.0,
    };
    let circle = GeoShape::circle(Distance::meters(1.0));
    macro_rules! kinds {
        ($($operation:expr),+ $(,)?) => {
            vec![$((stringify!($operation), $operation.await.err().map(|error| {
                let text = error.to_string();
                assert!(text.contains(" at "), "{text}");
                error.kind()
            }))),+]
        };
    }
    let mut kinds = kinds![
        a.move_to(&b, "1"),
        a.is_subset(&b),
        a.is_superset(&b),
        a.is_disjoint(&b),
        a.union([&b]).to_set(),
        a.intersection([&b]).to_set(),
        a.difference([&b]).to_set(),
        a.symmetric_difference(&b).to_set(),
        a.symmetric_difference(&b).store_into(&a),
        a.symmetric_difference(&a).store_into(&b),
        a.union([&b]).count(),
        a.intersection([&b]).count_up_to(1),
        a.union([&a, &b]).store_into(&a),
        a.union([&a]).store_into(&b),
        a.difference([] as [&RedisSet<String>; 0]).store_into(&b),
        s.union([&t]).store_into(&s),
        s.union([&s]).store_into(&t),
        s.intersection([&t]).store_into(&s),
        t.union([] as [&RedisSortedSet<String>; 0]).store_into(&s),
        s.difference([&t]).store_into(&s),
        s.union([&t]).to_vec(),
        s.intersection([&s, &t]).with_scores(),
        t.difference([&s]).to_vec(),
        l.move_to(&m, End::Front, End::Back),
        m.move_to(&l, End::Back, End::Back),
        f.union([&g]).store_into(&f),
        f.intersection([&f]).store_into(&g),
        g.difference([&f]).store_into(&g),
        f.symmetric_difference([&f, &g]).store_into(&f),
        h.count_union([&i]),
        i.count_union([&i, &h]),
        h.merge([&i]),
        p.search(here, circle).store_into(&q),
        q.search(here, circle).store_into(&p),
        RedisKey::new(one, "{x}k").copy(&RedisKey::new(other, "{x}l")),
        RedisKey::new(one, "{x}k").copy_replace(&RedisKey::new(other, "{x}l")),
    ];
    for combined in [
        a.union([&b]),
        a.intersection([&b]),
        a.difference([&b]),
        a.symmetric_difference(&b),
    ] {
        let results: Vec<_> = combined.stream().collect().await;
        let error = results.into_iter().find_map(Result::err);
        kinds.push(("stream", error.map(|error| error.kind())));
    }
    kinds
}

async fn assert_refused(one: &Client, other: &Client) {
    for (operation, kind) in kinds(one, other).await {
        assert_eq!(kind, Some(ErrorKind::InvalidInput), "{operation}");
    }
    let a: RedisSet<String> = RedisSet::new(one, "{x}a");
    let b: RedisSet<String> = RedisSet::new(other, "{x}b");
    let mut batch = one.batch();
    let results = [
        batch.add(a.is_disjoint(&b)),
        batch.add(b.is_disjoint(&a)),
        batch.add(b.contains("1")),
    ];
    batch.send().await.expect("the batch");
    for result in results {
        assert_eq!(
            result.take().expect_err("refused").kind(),
            ErrorKind::InvalidInput
        );
    }
}

async fn assert_accepted(one: &Client, other: &Client) {
    for (operation, kind) in kinds(one, other).await {
        assert_eq!(kind, None, "{operation}");
    }
}

#[tokio::test]
async fn objects_of_another_database_are_refused_unsent() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let other = Client::connect(&server.url_db(3)).await.unwrap();
    // What was destroyed when the key alone counted.
    server.command(&["RPUSH", "{x}b", "precious"]).unwrap();
    let before = client.stats().commands + other.stats().commands;
    assert_refused(&client, &other).await;
    assert_refused(&other, &client).await;
    let after = client.stats().commands + other.stats().commands;
    assert_eq!(after, before, "nothing is sent");
    assert_eq!(server.command(&["LLEN", "{x}b"]).unwrap().int(), Some(1));
    assert_eq!(server.command(&["DBSIZE"]).unwrap().int(), Some(1));
}

#[tokio::test]
async fn objects_of_another_server_are_refused() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    let one = Client::connect(&server.url()).await.unwrap();
    let two = Client::connect(&other.url()).await.unwrap();
    let error = one.same_database(&two).unwrap_err().to_string();
    assert!(
        error.contains(one.server()) && error.contains(two.server()),
        "{error}"
    );
    assert_refused(&one, &two).await;
    assert_eq!(server.command(&["DBSIZE"]).unwrap().int(), Some(0));
    assert_eq!(other.command(&["DBSIZE"]).unwrap().int(), Some(0));
}

#[tokio::test]
async fn two_clients_of_one_database_are_accepted() {
    let server = Server::start().unwrap();
    server.user("app", "secret", "~* +@all").unwrap();
    let client = Client::connect(&server.url_db(3)).await.unwrap();
    assert_accepted(&client, &client.clone()).await;
    let same = Client::connect(&server.url_db(3)).await.unwrap();
    assert_accepted(&client, &same).await;
    let lazy = Client::builder(&server.url_db(3)).connect_lazy().unwrap();
    assert_accepted(&client, &lazy).await;
    let url = format!("{}/3", server.url_of("app", "secret"));
    let as_user = Client::connect(&url).await.unwrap();
    assert_accepted(&client, &as_user).await;
}

#[tokio::test]
async fn other_name_of_the_server_counts_once_it_is_connected() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let url = format!("redis://LocalHost:{}", server.port());
    let lazy = Client::builder(&url).connect_lazy().unwrap();
    assert!(client.same_database(&lazy).is_err(), "it may be any server");
    lazy.ping().await.unwrap();
    assert_accepted(&client, &lazy).await;
    let other = Client::connect(&format!("{url}/3")).await.unwrap();
    assert_refused(&lazy, &other).await;
    let lower = url.to_lowercase();
    let lower = Client::builder(&lower).connect_lazy().unwrap();
    assert!(lower.same_database(&lazy).is_ok(), "a host has no case");
}

#[tokio::test]
async fn clients_of_one_cluster_are_accepted() {
    let (cluster, other) = (Cluster::start(3, 0).unwrap(), purse_tests::cluster_of_one());
    let seed = |node: usize| format!("redis-cluster://127.0.0.1:{}", cluster.nodes()[node].port());
    let one = Client::connect(&seed(0)).await.unwrap();
    let two = Client::connect(&seed(1)).await.unwrap();
    assert_accepted(&one, &two).await;
    let stranger = Client::connect(&other.url()).await.unwrap();
    assert_refused(&one, &stranger).await;
    let node = Client::connect(&cluster.nodes()[0].url()).await.unwrap();
    assert!(
        one.same_database(&node).is_err(),
        "a node is not the cluster"
    );
}

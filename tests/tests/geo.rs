//! `RedisGeo` on a real server.

use futures::FutureExt;
use purse::{
    Client, Distance, ErrorKind, GeoPoint, GeoShape, Json, RedisGeo, RedisHash, RedisSortedSet,
};
use purse_testkit::Server;
use purse_tests::{calls, client, cluster_of_one, fresh};

type Places = RedisGeo<String>;

const fn at(longitude: f64, latitude: f64) -> GeoPoint {
    GeoPoint {
        longitude,
        latitude,
    }
}

const BERLIN: GeoPoint = at(13.40, 52.52);
const POTSDAM: GeoPoint = at(13.06, 52.40);
const PARIS: GeoPoint = at(2.35, 48.86);
const SYDNEY: GeoPoint = at(151.21, -33.87);

async fn cities() -> Places {
    let cities = Places::new(&client().await, fresh("geo"));
    let points = [
        ("Berlin", BERLIN),
        ("Potsdam", POTSDAM),
        ("Paris", PARIS),
        ("Sydney", SYDNEY),
    ];
    assert_eq!(cities.extend(points).await.expect("a reply"), 4);
    cities
}

const fn circle(kilometers: f64) -> GeoShape {
    GeoShape::circle(Distance::kilometers(kilometers))
}

const fn rectangle(width: f64, height: f64) -> GeoShape {
    GeoShape::rectangle(Distance::kilometers(width), Distance::kilometers(height))
}

#[track_caller]
fn assert_near(point: GeoPoint, expected: GeoPoint) {
    let (x, y) = (
        point.longitude - expected.longitude,
        point.latitude - expected.latitude,
    );
    assert!(x.abs() < 1e-5 && y.abs() < 1e-5, "{point:?}, {expected:?}");
}

#[tokio::test]
async fn absent_map_is_empty() {
    let places = Places::new(&client().await, fresh("geo"));
    assert!(places.is_empty().await.unwrap() && !places.exists().await.unwrap());
    assert_eq!(places.len().await.unwrap(), 0);
    assert!(!places.contains("a").await.unwrap());
    assert_eq!(places.point("a").await.unwrap(), None);
    assert_eq!(places.points(["a", "b"]).await.unwrap(), [None, None]);
    assert_eq!(places.distance("a", "b").await.unwrap(), None);
    assert!(!places.remove("a").await.unwrap());
    assert_eq!(places.remove_many(["a", "b"]).await.unwrap(), 0);
    let search = || places.search(BERLIN, circle(100.0));
    assert!(search().to_vec().await.unwrap().is_empty());
    assert!(search().to_matches().await.unwrap().is_empty());
    assert_eq!(search().store_into(&places).await.unwrap(), 0);
    let around = places.search_around("a", circle(100.0));
    assert!(around.to_vec().await.unwrap().is_empty());
    assert!(!places.clear().await.unwrap());
}

#[tokio::test]
async fn points_are_stored_changed_and_removed() {
    let cities = cities().await;
    assert!(!cities.insert("Berlin", SYDNEY).await.unwrap());
    assert_near(cities.point("Berlin").await.unwrap().unwrap(), SYDNEY);
    assert!(!cities.insert("Berlin", BERLIN).await.unwrap());
    assert!(cities.insert("Bonn", at(7.1, 50.73)).await.unwrap());
    assert_eq!(
        cities
            .extend([("Bonn", PARIS), ("Rome", PARIS)])
            .await
            .unwrap(),
        1
    );
    let points = cities.points(["Rome", "Oslo", "Berlin"]).await.unwrap();
    assert_near(points[0].unwrap(), PARIS);
    assert_eq!(points[1], None);
    assert_near(points[2].unwrap(), BERLIN);
    assert_eq!(cities.len().await.unwrap(), 6);
    assert!(cities.contains("Bonn").await.unwrap());
    assert!(cities.remove("Bonn").await.unwrap());
    assert!(!cities.contains("Bonn").await.unwrap());
    assert_eq!(
        cities.remove_many(["Rome", "Rome", "Oslo"]).await.unwrap(),
        1
    );
    // What the documentation says about sorted sets.
    let sorted: RedisSortedSet<String> = RedisSortedSet::new(&client().await, cities.key().name());
    assert!(sorted.contains("Sydney").await.unwrap());
}

#[tokio::test]
async fn distances_have_units() {
    let cities = cities().await;
    let distance = cities.distance("Berlin", "Paris").await.unwrap().unwrap();
    assert!(
        (distance.as_kilometers() - 877.9).abs() < 1.0,
        "{distance:?}"
    );
    assert!((distance.as_miles() - 545.5).abs() < 1.0, "{distance:?}");
    let same = cities.distance("Berlin", "Berlin").await.unwrap().unwrap();
    assert_eq!(same, Distance::meters(0.0));
    assert_eq!(cities.distance("Berlin", "Oslo").await.unwrap(), None);
    assert_eq!(Distance::feet(5_280.0).as_miles(), 1.0);
    // Potsdam is 26.6 km away.
    for (short, long) in [
        (Distance::meters(26_000.0), Distance::meters(27_000.0)),
        (Distance::kilometers(26.0), Distance::kilometers(27.0)),
        (Distance::miles(16.2), Distance::miles(16.8)),
        (Distance::feet(85_300.0), Distance::feet(88_600.0)),
    ] {
        for (distance, expected) in [(short, 1), (long, 2)] {
            let found = cities.search(BERLIN, GeoShape::circle(distance)).to_vec();
            assert_eq!(found.await.unwrap().len(), expected, "{distance:?}");
        }
    }
}

#[tokio::test]
async fn elements_in_a_shape_are_found() {
    let cities = cities().await;
    for (shape, expected) in [
        (circle(0.01), vec!["Berlin"]),
        (circle(30.0), vec!["Berlin", "Potsdam"]),
        (circle(1_000.0), vec!["Berlin", "Potsdam", "Paris"]),
        (
            circle(20_000.0),
            vec!["Berlin", "Potsdam", "Paris", "Sydney"],
        ),
        (rectangle(60.0, 60.0), vec!["Berlin", "Potsdam"]),
        (rectangle(60.0, 10.0), vec!["Berlin"]),
        (rectangle(10.0, 60.0), vec!["Berlin"]),
    ] {
        let found = cities.search(BERLIN, shape).nearest_first().to_vec();
        assert_eq!(found.await.unwrap(), expected, "{shape:?}");
        let around = cities.search_around("Berlin", shape).nearest_first();
        assert_eq!(around.to_vec().await.unwrap(), expected, "{shape:?}");
    }
    let near = || cities.search(PARIS, circle(1_000.0));
    let farthest = near().farthest_first().to_vec().await.unwrap();
    assert_eq!(farthest, ["Berlin", "Potsdam", "Paris"]);
    assert_eq!(
        near().limit(2).to_vec().await.unwrap(),
        ["Paris", "Potsdam"]
    );
    let farthest = near().farthest_first().limit(1).to_vec().await.unwrap();
    assert_eq!(farthest, ["Berlin"]);
    assert_eq!(near().limit_any(2).to_vec().await.unwrap().len(), 2);
    assert_eq!(near().limit(u32::MAX).to_vec().await.unwrap().len(), 3);
    let nowhere = cities.search(at(-150.0, 0.0), circle(10.0));
    assert!(nowhere.to_vec().await.unwrap().is_empty());
}

#[tokio::test]
async fn matches_have_distances_and_points() {
    let cities = cities().await;
    let search = cities.search_around("Berlin", circle(30.0));
    let found = search.nearest_first().to_matches().await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((&*found[0].value, &*found[1].value), ("Berlin", "Potsdam"));
    assert_eq!(found[0].distance, Distance::meters(0.0));
    assert!((found[1].distance.as_kilometers() - 26.6).abs() < 0.5);
    assert_near(found[0].point, BERLIN);
    assert_near(found[1].point, POTSDAM);
}

#[tokio::test]
async fn found_elements_are_stored() {
    let cities = cities().await;
    let into = Places::new(&client().await, fresh("geo"));
    into.insert("old", SYDNEY).await.unwrap();
    let search = || cities.search(BERLIN, circle(30.0));
    assert_eq!(search().store_into(&into).await.unwrap(), 2);
    assert!(!into.contains("old").await.unwrap());
    assert_near(into.point("Potsdam").await.unwrap().unwrap(), POTSDAM);
    assert_eq!(search().limit(1).store_into(&into).await.unwrap(), 1);
    let nothing = cities.search(at(-150.0, 0.0), circle(1.0));
    assert_eq!(nothing.store_into(&into).await.unwrap(), 0);
    assert!(!into.exists().await.unwrap());
    let hash: RedisHash<String, String> = RedisHash::new(&client().await, into.key().name());
    hash.set("f", "v").await.unwrap();
    assert_eq!(search().store_into(&into).await.unwrap(), 2, "of any type");
    let absent = Places::new(&client().await, fresh("geo"));
    let nothing = absent.search(BERLIN, circle(1.0));
    assert_eq!(nothing.store_into(&into).await.unwrap(), 0);
    assert!(!into.exists().await.unwrap(), "of a map without elements");
    assert_eq!(search().store_into(&cities).await.unwrap(), 2);
    assert_eq!(cities.len().await.unwrap(), 2, "in its own place");
}

#[tokio::test]
async fn coordinates_out_of_range_are_refused_unsent() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let places = Places::new(&client, "places");
    let before = client.stats().commands;
    for point in [
        at(180.1, 0.0),
        at(-180.1, 0.0),
        at(0.0, 85.052),
        at(0.0, -85.052),
        at(f64::NAN, 0.0),
        at(0.0, f64::NAN),
        at(f64::INFINITY, 0.0),
    ] {
        for error in [
            places.insert("a", point).await.unwrap_err(),
            places
                .extend([("b", BERLIN), ("a", point)])
                .await
                .unwrap_err(),
            places
                .search(point, circle(1.0))
                .to_vec()
                .await
                .unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains("places"), "{error}");
        }
    }
    let shapes = [-1.0, f64::NAN, f64::INFINITY];
    let shapes = shapes
        .into_iter()
        .flat_map(|size| [circle(size), rectangle(size, 1.0), rectangle(1.0, size)]);
    for shape in shapes {
        for error in [
            places.search(BERLIN, shape).to_matches().await.unwrap_err(),
            places
                .search_around("a", shape)
                .store_into(&places)
                .await
                .unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
    }
    let search = || places.search(BERLIN, circle(1.0));
    for search in [search().limit(0), search().limit_any(0)] {
        let error = search.to_vec().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(client.stats().commands, before, "nothing is sent");
    for point in [at(180.0, 85.05112878), at(-180.0, -85.05112878)] {
        places.insert("corner", point).await.unwrap();
    }
}

#[tokio::test]
async fn search_around_an_absent_element_is_an_error() {
    let cities = cities().await;
    let around = || cities.search_around("Oslo", circle(1.0));
    for error in [
        around().to_vec().await.unwrap_err(),
        around().store_into(&cities).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    }
    assert_eq!(cities.len().await.unwrap(), 4);
}

#[tokio::test]
async fn unencodable_value_is_not_sent() {
    let places: RedisGeo<f64> = RedisGeo::new(&client().await, fresh("geo"));
    let nan = f64::NAN;
    for error in [
        places.insert(nan, BERLIN).await.unwrap_err(),
        places
            .extend([(1.0, BERLIN), (nan, BERLIN)])
            .await
            .unwrap_err(),
        places.contains(nan).await.unwrap_err(),
        places.point(nan).await.unwrap_err(),
        places.points([1.0, nan]).await.unwrap_err(),
        places.distance(1.0, nan).await.unwrap_err(),
        places.remove(nan).await.unwrap_err(),
        places.remove_many([nan]).await.unwrap_err(),
        places
            .search_around(nan, circle(1.0))
            .to_vec()
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    }
    assert!(!places.exists().await.unwrap());
}

#[tokio::test]
async fn key_of_another_type_is_refused_unchanged() {
    let client = client().await;
    let hash: RedisHash<String, String> = RedisHash::new(&client, fresh("geo"));
    hash.set("f", "v").await.unwrap();
    let places = Places::new(&client, hash.key().name());
    let cities = cities().await;
    for error in [
        places.len().await.unwrap_err(),
        places.contains("a").await.unwrap_err(),
        places.insert("a", BERLIN).await.unwrap_err(),
        places.extend([("a", BERLIN)]).await.unwrap_err(),
        places.point("a").await.unwrap_err(),
        places.points(["a"]).await.unwrap_err(),
        places.distance("a", "b").await.unwrap_err(),
        places.remove("a").await.unwrap_err(),
        places
            .search(BERLIN, circle(1.0))
            .to_vec()
            .await
            .unwrap_err(),
        places
            .search(BERLIN, circle(1.0))
            .to_matches()
            .await
            .unwrap_err(),
        places
            .search(BERLIN, circle(1.0))
            .store_into(&cities)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(hash.get("f").await.unwrap().as_deref(), Some("v"));
    assert_eq!(cities.len().await.unwrap(), 4);
}

#[tokio::test]
async fn server_without_the_command_is_named() {
    let server = Server::builder()
        .config("rename-command", "GEOSEARCH \"\"")
        .config("rename-command", "GEOSEARCHSTORE \"\"")
        .start()
        .unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let places = Places::new(&client, "places");
    places.insert("a", BERLIN).await.unwrap();
    let search = || places.search(BERLIN, circle(1.0));
    for error in [
        search().to_vec().map(Result::err).await.unwrap(),
        search().store_into(&places).map(Result::err).await.unwrap(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let source = std::error::Error::source(&error).expect("a source");
        assert!(source.to_string().contains("the server is"), "{source}");
    }
    assert_eq!(places.len().await.unwrap(), 1);
}

#[tokio::test]
async fn maps_of_several_slots_are_refused_unsent() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    let [a, b, far] = ["{t}a", "{t}b", "far"].map(|key| Places::new(&client, key));
    a.insert("Berlin", BERLIN).await.unwrap();
    for error in [
        a.search(BERLIN, circle(1.0))
            .store_into(&far)
            .await
            .unwrap_err(),
        far.search(BERLIN, circle(1.0))
            .store_into(&a)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::CrossSlot, "{error}");
        let says = error.to_string();
        assert!(
            says.contains("in different slots of"),
            "the server says: {says}"
        );
    }
    for command in ["geosearchstore", "eval", "evalsha"] {
        assert_eq!(calls(&cluster.nodes()[0], command), 0, "{command}");
    }
    assert_eq!(
        a.search(BERLIN, circle(1.0)).store_into(&b).await.unwrap(),
        1
    );
}

#[tokio::test]
async fn bulk_goes_in_chunks() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let places: RedisGeo<u32, Json> = RedisGeo::new(&client, "places");
    let none: [u32; 0] = [];
    assert_eq!(places.extend(none.map(|n| (n, BERLIN))).await.unwrap(), 0);
    assert_eq!(places.remove_many(none).await.unwrap(), 0);
    assert!(places.points(none).await.unwrap().is_empty());
    let point = |n: u32| at(f64::from(n) / 100.0, 10.0);
    let all = (0..5_000).map(|n| (n, point(n)));
    assert_eq!(places.extend(all).await.unwrap(), 5_000);
    assert_eq!(calls(&server, "geoadd"), 5);
    let points = places.points(0..5_000).await.unwrap();
    for (n, stored) in (0..).zip(&points) {
        assert_near(stored.unwrap(), point(n));
    }
    assert_eq!(calls(&server, "geopos"), 5);
    let all = places.search(at(25.0, 10.0), circle(9_000.0)).to_vec();
    assert_eq!(all.await.unwrap().len(), 5_000);
    let error = places
        .extend((0..3_000).map(|n| (n, at(f64::from(n), 0.0))))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.done()), (ErrorKind::InvalidInput, 0));
    assert_eq!(places.remove_many(0..5_000).await.unwrap(), 5_000);
}

#[tokio::test]
async fn batches_take_the_operations() {
    let client = client().await;
    for atomic in [false, true] {
        let cities = Places::new(&client, cities().await.key().name());
        let mut batch = client.batch();
        if atomic {
            batch = batch.atomic();
        }
        let inserted = batch.add(cities.insert("Bonn", PARIS));
        let point = batch.add(cities.point("Bonn"));
        let absent = batch.add(cities.point("Oslo"));
        let distance = batch.add(cities.distance("Bonn", "Paris"));
        let found = batch.add(cities.search_around("Berlin", circle(30.0)).to_matches());
        batch.send().await.unwrap();
        assert!(inserted.take().unwrap());
        assert_near(point.take().unwrap().unwrap(), PARIS);
        assert_eq!(absent.take().unwrap(), None);
        assert_eq!(distance.take().unwrap(), Some(Distance::meters(0.0)));
        assert_eq!(found.take().unwrap().len(), 2);
    }
}

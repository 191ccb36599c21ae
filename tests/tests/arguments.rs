//! Arguments in all the forms that stand for a value, and types that are inferred.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use purse::{
    Client, GeoPoint, RedisGeo, RedisHash, RedisKeySpace, RedisList, RedisMultimap,
    RedisPriorityQueue, RedisSet, RedisSortedSet,
};
use purse_tests::{client, fresh};

#[tokio::test]
async fn pairs_may_be_references() {
    let client = client().await;
    let stock = [("tea", 2), ("milk", 5)];
    let owned: Vec<(String, u32)> = stock.map(|(name, n)| (name.to_owned(), n)).into();
    let map: HashMap<String, u32> = owned.iter().cloned().collect();
    let hash: RedisHash<String, u32> = RedisHash::new(&client, fresh("pairs"));
    hash.extend(stock).await.unwrap();
    let expected = hash.to_map().await.unwrap();
    assert_eq!(expected, map);
    for way in 0..4 {
        hash.clear().await.unwrap();
        let new = match way {
            0 => hash.extend(&stock).await,
            1 => hash.extend(&owned).await,
            2 => hash.extend(owned.as_slice()).await,
            _ => hash.extend(&map).await,
        };
        assert_eq!(new.unwrap(), 2);
        assert_eq!(hash.to_map().await.unwrap(), expected, "{way}");
    }
    let sums: RedisHash<String, i64> = RedisHash::new(&client, fresh("pairs"));
    let by = [("tea", 2_i64), ("milk", -5)];
    assert_eq!(sums.increment_many(&by).await.unwrap(), [2, -5]);
    let prices: RedisHash<String, f64> = RedisHash::new(&client, fresh("pairs"));
    let by = [("tea", 0.5), ("milk", 1.5)];
    assert_eq!(prices.increment_float_many(&by).await.unwrap(), [0.5, 1.5]);

    let board: RedisSortedSet<String> = RedisSortedSet::new(&client, fresh("pairs"));
    assert_eq!(board.extend(&stock).await.unwrap(), 2);
    assert_eq!(board.increment_many(&owned).await.unwrap(), [4.0, 10.0]);
    let always = purse::Condition::Always;
    assert_eq!(board.extend_if(&stock, always).await.unwrap().updated, 2);

    let tags: RedisMultimap<String, u32> = RedisMultimap::new(&client, fresh("pairs"));
    assert_eq!(tags.extend(&owned).await.unwrap(), 2);
    assert_eq!(tags.remove_many(&stock).await.unwrap(), 2);

    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, fresh("pairs"));
    assert!(space.extend_if_none_exist(&owned).await.unwrap());
    space.extend(&stock).await.unwrap();
    assert_eq!(space.get("milk").await.unwrap(), Some(5));

    let here = GeoPoint {
        longitude: 0.0,
        latitude: 50.0,
    };
    let stops: RedisGeo<String> = RedisGeo::new(&client, fresh("pairs"));
    assert_eq!(
        stops
            .extend(&[("tea", here), ("milk", here)])
            .await
            .unwrap(),
        2
    );
    let points = stops.points(["tea", "milk"]).await.unwrap();
    assert_eq!(points.into_iter().flatten().count(), 2);

    let jobs: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, fresh("pairs"));
    assert_eq!(
        jobs.push_many(&[("tea", 2.0), ("milk", 1.0)])
            .await
            .unwrap(),
        2
    );
    assert_eq!(jobs.pop().await.unwrap(), ("milk".to_owned(), 1.0));
}

#[tokio::test]
async fn every_form_of_a_text_is_the_same_element() {
    let client = client().await;
    let set: RedisSet<String> = RedisSet::new(&client, fresh("forms"));
    assert!(set.add("tea").await.unwrap());
    let (boxed, counted): (Box<str>, Arc<str>) = ("tea".into(), "tea".into());
    let (cow, owned): (Cow<'_, str>, _) = ("tea".into(), Box::new("tea".to_owned()));
    let forms = [
        set.add(Cow::Owned("tea".to_owned())),
        set.add(&cow),
        set.add(cow),
        set.add(&boxed),
        set.add(boxed),
        set.add(&counted),
        set.add(Rc::<str>::from("tea")),
        set.add(Arc::new("tea".to_owned())),
        set.add(&owned),
        set.add(owned),
    ];
    assert_eq!(client.batch().run(forms).await.unwrap(), [false; 10]);
    assert_eq!(set.extend([counted.clone(), counted]).await.unwrap(), 0);
    assert_eq!(set.to_set().await.unwrap(), ["tea".to_owned()].into());
}

#[tokio::test]
async fn slices_and_options_are_elements() {
    let client = client().await;
    let rows: RedisList<Vec<u32>> = RedisList::new(&client, fresh("forms"));
    let row = &[1, 2];
    let pushes = (
        rows.push_back(&row[..]),
        rows.push_back(row),
        rows.push_back([1, 2]),
        rows.push_back(Arc::new(row.to_vec())),
    );
    client.batch().run(pushes).await.unwrap();
    assert_eq!(rows.to_vec().await.unwrap(), [[1, 2]; 4]);
    let notes: RedisList<Option<String>> = RedisList::new(&client, fresh("forms"));
    notes.extend([Some("tea"), None]).await.unwrap();
    assert_eq!(
        notes.to_vec().await.unwrap(),
        [Some("tea".to_owned()), None]
    );
}

struct Shop {
    stock: RedisHash<String, u32>,
    orders: RedisList<u64>,
}

/// The forms that docs/src/collections.md names.
#[tokio::test]
async fn types_are_inferred_from_what_is_read() {
    let client = client().await;
    // From a field, parameter or return type.
    let shop = Shop {
        stock: RedisHash::new(&client, fresh("infer")),
        orders: RedisList::new(&client, fresh("infer")),
    };
    shop.stock.set("tea", 2).await.unwrap();
    shop.orders.push_back(7).await.unwrap();
    // From a read, with the default codec.
    let numbers = RedisList::<_>::new(&client, fresh("infer"));
    numbers.push_back(1).await.unwrap();
    let all: Vec<u64> = numbers.to_vec().await.unwrap();
    assert_eq!(all, [1]);
    let ages = RedisHash::<_, _>::new(&client, fresh("infer"));
    ages.extend([("Ada", 36)]).await.unwrap();
    let map: HashMap<String, u32> = ages.to_map().await.unwrap();
    let sorted: BTreeMap<_, _> = map.into_iter().collect();
    assert_eq!(sorted, [("Ada".to_owned(), 36)].into());
}

/// Never called: it compiles only if the operation does not borrow the handle.
#[allow(dead_code, reason = "compiling it is the test")]
fn spawn_bulk(client: &Client, values: Vec<String>) {
    let list: RedisList<String> = RedisList::new(client, "list");
    tokio::spawn(list.extend(values));
    tokio::spawn(list.extend(["a"]));
    drop(list);
}

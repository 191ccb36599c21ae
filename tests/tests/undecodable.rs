//! Elements that cannot be decoded: what their errors name, and how the others are read.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt};
use purse::{
    Client, Decoded, Distance, Error, ErrorKind, GeoPoint, GeoShape, Lenient, OnPoison, Plain,
    RedisCell, RedisCounter, RedisGeo, RedisHash, RedisKeySpace, RedisList, RedisLruMap,
    RedisMultimap, RedisPriorityQueue, RedisQueue, RedisSet, RedisSortedSet, RedisVersioned,
    Result, SetOptions, sibling_key,
};
use purse_tests::{client, fresh};

const ORIGIN: GeoPoint = GeoPoint {
    longitude: 0.0,
    latitude: 0.0,
};

/// The context that an error must have.
struct Named<'a> {
    client: &'a Client,
    command: &'static str,
    key: String,
    field: Option<&'static str>,
}

impl Named<'_> {
    fn check(&self, error: &Error) {
        let (command, text) = (self.command, error.to_string());
        assert_eq!(error.kind(), ErrorKind::Decode, "{command}: {error:?}");
        assert_eq!(error.command(), Some(command), "{text}");
        assert_eq!(
            error.key().map(|key| &**key),
            Some(self.key.as_bytes()),
            "{text}"
        );
        let field = error.field().map(|field| &**field);
        assert_eq!(field, self.field.map(str::as_bytes), "{text}");
        assert_eq!(error.server(), Some(self.client.server()), "{text}");
        assert!(error.bytes().is_some(), "{text}");
        let names = [
            command,
            &self.key,
            self.field.unwrap_or_default(),
            self.client.server(),
        ];
        assert!(names.iter().all(|name| text.contains(name)), "{text}");
    }

    async fn is_named<R>(&self, operation: impl Future<Output = Result<R>>) {
        let error = operation.await.err();
        self.check(&error.unwrap_or_else(|| panic!("{} on {}", self.command, self.key)));
    }

    /// The stream has one error, and continues after it.
    async fn is_named_among<R>(&self, good: usize, stream: impl Stream<Item = Result<R>>) {
        let items: Vec<_> = stream.collect().await;
        assert_eq!(items.iter().filter(|item| item.is_ok()).count(), good);
        let errors: Vec<_> = items.into_iter().filter_map(Result::err).collect();
        assert_eq!(errors.len(), 1, "{errors:?}");
        self.check(&errors[0]);
    }
}

fn names<'a>(
    client: &'a Client,
    key: &str,
    field: Option<&'static str>,
) -> impl Fn(&'static str) -> Named<'a> + use<'a> {
    let key = key.to_owned();
    move |command| Named {
        client,
        command,
        key: key.clone(),
        field,
    }
}

#[tokio::test]
async fn errors_of_a_hash_name_the_field() {
    let client = client().await;
    let key = fresh("hash");
    let texts: RedisHash<String, String> = RedisHash::new(&client, &key);
    let hash: RedisHash<String, u32> = RedisHash::new(&client, &key);
    texts
        .extend([("a", "1"), ("b", "two"), ("c", "3")])
        .await
        .unwrap();
    let by = names(&client, &key, Some("b"));
    by("HGET").is_named(hash.get("b")).await;
    by("HMGET").is_named(hash.get_many(["a", "b", "c"])).await;
    by("HGETALL").is_named(hash.to_map()).await;
    by("HSCAN").is_named_among(2, hash.iter()).await;
    by("HSCAN").is_named_among(2, hash.values()).await;
    by("HRANDFIELD").is_named(hash.sample(3)).await;
    by("HASH GET OR INSERT")
        .is_named(hash.get_or_insert("b", 2))
        .await;
    let mut batch = client.batch();
    let pending = batch.add(hash.get("b"));
    batch.send().await.unwrap();
    by("HGET").check(&pending.take().unwrap_err());

    by("HASH INSERT").is_named(hash.insert("b", 2)).await;
    texts.set("b", "two").await.unwrap();
    by("HASH REMOVE").is_named(hash.remove("b")).await;

    let hash: RedisHash<u32, String> = RedisHash::new(&client, &key);
    texts.clear().await.unwrap();
    texts.extend([("1", "x"), ("b", "x")]).await.unwrap();
    by("HGETALL").is_named(hash.to_map()).await;
    by("HSCAN").is_named_among(1, hash.iter()).await;
    by("HSCAN").is_named_among(1, hash.keys()).await;
    by("HRANDFIELD").is_named(hash.sample_keys(2)).await;
}

#[tokio::test]
async fn errors_of_multimaps_name_the_key_of_the_entry() {
    let client = client().await;
    let key = fresh("multimap");
    let texts: RedisMultimap<String, String> = RedisMultimap::new(&client, &key);
    let map: RedisMultimap<String, u32> = RedisMultimap::new(&client, &key);
    texts
        .extend([("a", "1"), ("b", "two"), ("b", "2")])
        .await
        .unwrap();
    let by = names(&client, &key, Some("b"));
    by("ZRANGEBYLEX").is_named(map.get("b")).await;
    by("ZRANGE").is_named(map.to_map()).await;
    by("ZRANGEBYLEX").is_named_among(2, map.iter()).await;
    by("ZRANGEBYLEX")
        .is_named_among(1, map.values_of("b"))
        .await;
    let names_key = names(&client, &key, None);
    names_key("MULTIMAP REMOVE ALL")
        .is_named(map.remove_all("b"))
        .await;

    let map: RedisMultimap<u32, String> = RedisMultimap::new(&client, &key);
    texts.extend([("1", "x"), ("b", "x")]).await.unwrap();
    texts.delete_all("a").await.unwrap();
    by("ZRANGE").is_named(map.to_map()).await;
    by("ZRANGEBYLEX").is_named_among(1, map.iter()).await;
    by("MULTIMAP KEYS").is_named_among(1, map.keys()).await;
}

#[tokio::test]
async fn errors_of_an_lru_map_name_the_field() {
    let client = client().await;
    let key = fresh("lru");
    let texts: RedisLruMap<String, String> = RedisLruMap::new(&client, &key, 9).unwrap();
    texts.insert("a", "1").await.unwrap();
    texts.insert("b", "two").await.unwrap();
    let map: RedisLruMap<String, u32> = RedisLruMap::new(&client, &key, 9).unwrap();
    let map = map.note_uses(1);
    let by = names(&client, &key, Some("b"));
    by("HGET").is_named(map.peek("b")).await;
    by("LRU MAP GET").is_named(map.get("b")).await;
    by("LRU MAP INSERT")
        .is_named(map.get_or_insert("b", 2))
        .await;
    by("HGETALL").is_named(map.to_map()).await;
    by("HSCAN").is_named_among(1, map.iter()).await;
    by("LRU MAP INSERT").is_named(map.insert("b", 2)).await;
    texts.insert("b", "two").await.unwrap();
    by("LRU MAP REMOVE").is_named(map.remove("b")).await;
    // Beside the map is nothing that a program reads.
    let uses = sibling_key(key.as_bytes(), "uses");
    assert!(purse::RedisKey::new(&client, uses).exists().await.unwrap());
}

#[tokio::test]
async fn errors_of_a_key_space_name_the_key() {
    let client = client().await;
    let prefix = fresh("space");
    let texts: RedisKeySpace<String> = RedisKeySpace::new(&client, &prefix);
    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, &prefix);
    texts
        .extend([("a", "1"), ("b", "two"), ("c", "3")])
        .await
        .unwrap();
    let by = names(&client, &format!("{prefix}b"), None);
    by("GET").is_named(space.get("b")).await;
    by("MGET").is_named(space.get_many(["a", "b", "c"])).await;
    by("MGET").is_named_among(2, space.items()).await;
    by("MGET").is_named_among(2, space.values()).await;
    by("KEYSPACE GET OR INSERT")
        .is_named(space.get_or_insert("b", 2))
        .await;
    let old = SetOptions::new().if_absent().return_old();
    by("KEYSPACE SET")
        .is_named(space.set_with("b", 2, old))
        .await;
    let kept = space.clone().with_ttl(Duration::from_secs(3600));
    by("GETEX").is_named(kept.get_and_touch("b")).await;
    by("GETEX")
        .is_named(space.get_and_expire("b", Duration::from_secs(60)))
        .await;
    by("KEYSPACE POP").is_named(space.pop("b")).await;
    assert!(!space.contains("b").await.unwrap());

    let raw = [prefix.as_bytes(), b"\xff"].concat();
    client
        .run(purse::Command::write("SET").key(raw).arg("4"))
        .await
        .unwrap();
    let errors: Vec<_> = space
        .keys()
        .filter_map(async |key| key.err())
        .collect()
        .await;
    let text = errors[0].to_string();
    assert!(text.contains("SCAN") && text.contains("\\xff"), "{text}");

    let prefix = fresh("space");
    let texts: RedisKeySpace<u32> = RedisKeySpace::new(&client, &prefix);
    let numbers: RedisKeySpace<u32, u8> = RedisKeySpace::new(&client, &prefix);
    texts.extend([("1", 1), ("256", 2)]).await.unwrap();
    let by = names(&client, &format!("{prefix}256"), None);
    by("SCAN").is_named_among(1, numbers.keys()).await;
    by("MGET").is_named_among(1, numbers.items()).await;
}

#[tokio::test]
async fn errors_of_lists_and_sets_name_command_and_key() {
    let client = client().await;
    let key = fresh("list");
    let texts: RedisList<String> = RedisList::new(&client, &key);
    let list: RedisList<u32> = RedisList::new(&client, &key);
    texts.extend(["1", "two", "3"]).await.unwrap();
    let by = names(&client, &key, None);
    by("LINDEX").is_named(list.get(1)).await;
    by("LRANGE").is_named(list.range(..)).await;
    by("LRANGE").is_named_among(2, list.stream()).await;
    by("LRANGE")
        .is_named_among(2, list.stream().page_size(1))
        .await;
    by("LRANGE").is_named_among(2, list.stream().rev()).await;
    by("LIST REMOVE").is_named(list.remove(1)).await;
    list.insert(1, 2).await.unwrap();
    texts.set(1, "two").await.unwrap();
    by("LPOP").is_named(list.pop_front_n(3)).await;

    let (key, other) = (fresh("set"), fresh("set"));
    let texts: RedisSet<String> = RedisSet::new(&client, &other);
    let [set, bad]: [RedisSet<u32>; 2] = [&key, &other].map(|key| RedisSet::new(&client, key));
    texts.extend(["1", "two"]).await.unwrap();
    set.extend([5, 6]).await.unwrap();
    let by = names(&client, &other, None);
    by("SMEMBERS").is_named(bad.to_set()).await;
    by("SRANDMEMBER").is_named(bad.sample(2)).await;
    by("SSCAN").is_named_among(1, bad.stream()).await;
    // The element comes from the other set.
    by("SSCAN")
        .is_named_among(3, set.union([&bad]).stream())
        .await;
    by("SUNION").is_named(bad.union([&set]).to_set()).await;
    by("SPOP").is_named(bad.pop_n(2)).await;

    let key = fresh("sorted");
    let texts: RedisSortedSet<String> = RedisSortedSet::new(&client, &key);
    let sorted: RedisSortedSet<u32> = RedisSortedSet::new(&client, &key);
    texts.extend([("two", 1.0), ("1", 2.0)]).await.unwrap();
    let by = names(&client, &key, None);
    by("ZRANGE").is_named(sorted.peek_min()).await;
    by("ZRANGE")
        .is_named(sorted.by_rank(..).with_scores())
        .await;
    by("ZRANGEBYSCORE")
        .is_named(sorted.by_score(..).to_vec())
        .await;
    by("ZREVRANGEBYSCORE")
        .is_named(sorted.by_score(..).top(2).to_vec())
        .await;
    by("SORTED SET AROUND").is_named(sorted.around(1, 1)).await;
    by("ZUNION")
        .is_named(sorted.union([&sorted]).to_vec())
        .await;
    by("ZRANDMEMBER").is_named(sorted.sample(2)).await;
    by("ZSCAN").is_named_among(1, sorted.stream()).await;
    by("ZPOPMIN").is_named(sorted.pop_min()).await;
    texts.insert("two", 1.0).await.unwrap();
    by("ZPOPMIN").is_named(sorted.pop_min_wait(None)).await;
}

#[tokio::test]
async fn errors_of_a_geo_search_name_command_and_key() {
    let client = client().await;
    let key = fresh("geo");
    let (here, circle) = (ORIGIN, GeoShape::circle(Distance::meters(1.0)));
    let texts: RedisGeo<String> = RedisGeo::new(&client, &key);
    texts.extend([("1", here), ("two", here)]).await.unwrap();
    let geo: RedisGeo<u32> = RedisGeo::new(&client, &key);
    let by = names(&client, &key, None);
    let search = || geo.search(here, circle);
    by("GEOSEARCH").is_named(search().to_vec()).await;
    by("GEOSEARCH").is_named(search().to_matches()).await;
    assert_eq!(search().store_into(&geo).await.unwrap(), 2);
}

#[tokio::test]
async fn errors_of_queues_name_command_and_key() {
    let client = client().await;
    let key = fresh("queue");
    let texts: RedisQueue<String> = RedisQueue::new(&client, &key);
    let queue: RedisQueue<u32> = RedisQueue::new(&client, &key);
    texts.push_many(["a", "b", "c", "d"]).await.unwrap();
    let by = names(&client, &key, None);
    by("LINDEX").is_named(queue.peek()).await;
    by("RPOP").is_named(queue.pop()).await;
    by("RPOP").is_named(queue.try_pop()).await;
    by("RPOP")
        .is_named(queue.pop_timeout(Duration::from_secs(9)))
        .await;
    let requeue = queue.clone().on_poison(OnPoison::Requeue);
    let error = requeue.pop().await.unwrap_err();
    by("RPOP").check(&error);
    assert!(
        !error.to_string().contains("removed"),
        "it is back: {error}"
    );
    let error = queue.pop().await.unwrap_err();
    assert!(error.to_string().contains("removed"), "{error}");

    let key = fresh("queue");
    let texts: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, &key);
    let queue: RedisPriorityQueue<u32> = RedisPriorityQueue::new(&client, &key);
    texts.push_many([("a", 1.0), ("b", 2.0)]).await.unwrap();
    let by = names(&client, &key, None);
    by("ZRANGE").is_named(queue.peek()).await;
    by("ZPOPMIN").is_named(queue.pop()).await;
    let stream = queue.into_stream().take(1);
    by("ZPOPMIN").is_named_among(0, stream).await;
}

/// Returns the values, sorted, and the number of errors.
fn split<T: Ord>(decoded: impl IntoIterator<Item = Decoded<T>>) -> (Vec<T>, usize) {
    let (good, bad): (Vec<_>, Vec<_>) = decoded
        .into_iter()
        .map(Decoded::into_result)
        .partition(Result::is_ok);
    let mut good: Vec<T> = good.into_iter().filter_map(Result::ok).collect();
    good.sort_unstable();
    (good, bad.len())
}

#[tokio::test]
async fn errors_of_cells_and_counters_name_command_and_key() {
    let client = client().await;
    let key = fresh("cell");
    let text: RedisCell<String> = RedisCell::new(&client, &key);
    let cell: RedisCell<u32> = RedisCell::new(&client, &key);
    let counter: RedisCounter<u32> = RedisCounter::new(&client, &key);
    text.store("many").await.unwrap();
    let by = names(&client, &key, None);
    by("GET").is_named(cell.load()).await;
    by("GET").is_named(cell.update(|_| 1)).await;
    by("GET").is_named(counter.get()).await;
    by("CELL COMPARE EXCHANGE")
        .is_named(cell.compare_exchange(1, 2))
        .await;
    by("CELL SWAP").is_named(cell.swap(1)).await;
    text.store("many").await.unwrap();
    by("CELL TAKE").is_named(cell.take()).await;
    text.store("many").await.unwrap();
    by("COUNTER TAKE").is_named(counter.take()).await;

    let key = fresh("versioned");
    let text: RedisVersioned<String> = RedisVersioned::new(&client, &key);
    let value: RedisVersioned<u32> = RedisVersioned::new(&client, &key);
    text.update(|_| "many".to_owned()).await.unwrap();
    let by = names(&client, &key, None);
    by("HMGET").is_named(value.load()).await;
    by("HMGET").is_named(value.update(|_| 1)).await;
    by("VERSIONED STORE")
        .is_named(value.store_if(None, 1))
        .await;
}

#[tokio::test]
async fn lenient_handles_return_the_elements_around_a_bad_one() {
    let client = client().await;
    let words = ["1", "two", "3"];
    let expected = (vec![1, 3], 1);

    let key = fresh("lenient");
    RedisList::<String>::new(&client, &key)
        .extend(words)
        .await
        .unwrap();
    let list = RedisList::<u32>::new(&client, &key).lenient();
    assert_eq!(split(list.range(..).await.unwrap()), expected);
    assert_eq!(
        split(list.stream().try_collect::<Vec<_>>().await.unwrap()),
        expected
    );
    assert_eq!(list.get(0).await.unwrap(), Some(Decoded::Value(1)));
    assert!(list.contains(3).await.unwrap(), "a plain argument");
    let bad = list.get(1).await.unwrap().unwrap();
    assert_eq!(
        list.position(&bad).await.unwrap(),
        Some(1),
        "its bytes are kept"
    );
    assert_eq!(split(list.pop_front_n(3).await.unwrap()), expected);

    let key = fresh("lenient");
    let texts: RedisHash<String, String> = RedisHash::new(&client, &key);
    texts
        .extend([("1", "1"), ("2", "two"), ("x", "3")])
        .await
        .unwrap();
    let hash = RedisHash::<u32, u32>::new(&client, &key).lenient();
    let map: HashMap<_, _> = hash.to_map().await.unwrap();
    let good = map
        .into_iter()
        .filter_map(|(field, value)| Some((field.ok()?, value.ok()?)));
    assert_eq!(good.collect::<Vec<_>>(), [(1, 1)]);
    let many = hash.get_many([1, 2, 4]).await.unwrap();
    assert_eq!(many.iter().filter(|value| value.is_some()).count(), 2);
    assert_eq!(split(many.into_iter().flatten()), (vec![1], 1));

    let key = fresh("lenient");
    RedisSet::<String>::new(&client, &key)
        .extend(words)
        .await
        .unwrap();
    let set = RedisSet::<u32>::new(&client, &key).lenient();
    assert_eq!(split(set.to_set().await.unwrap()), expected);
    assert_eq!(split(set.union([&set]).to_set().await.unwrap()), expected);

    let key = fresh("lenient");
    let texts: RedisSortedSet<String> = RedisSortedSet::new(&client, &key);
    texts.extend(words.map(|word| (word, 1.0))).await.unwrap();
    let sorted = RedisSortedSet::<u32>::new(&client, &key).lenient();
    assert_eq!(split(sorted.by_rank(..).to_vec().await.unwrap()), expected);
    let popped = sorted.pop_min_n(9).await.unwrap();
    assert_eq!(
        split(popped.into_iter().map(|(element, _)| element)),
        expected
    );

    let key = fresh("lenient");
    let texts: RedisGeo<String> = RedisGeo::new(&client, &key);
    texts
        .extend(words.map(|word| (word, ORIGIN)))
        .await
        .unwrap();
    let geo = RedisGeo::<u32>::new(&client, &key).lenient();
    let circle = GeoShape::circle(Distance::meters(1.0));
    let found = geo.search(ORIGIN, circle).to_matches().await.unwrap();
    let found = found.into_iter().map(|found| found.value);
    assert_eq!(split(found), expected);

    let prefix = fresh("lenient");
    let texts: RedisKeySpace<String> = RedisKeySpace::new(&client, &prefix);
    texts
        .extend([("a", "1"), ("b", "two"), ("c", "3")])
        .await
        .unwrap();
    let space = RedisKeySpace::<u32>::new(&client, &prefix).lenient();
    let many = space.get_many(["a", "b", "c", "d"]).await.unwrap();
    assert_eq!(split(many.into_iter().flatten()), expected);
    let items: Vec<_> = space.items().try_collect().await.unwrap();
    assert_eq!(split(items.into_iter().map(|(_, value)| value)), expected);

    let key = fresh("lenient");
    RedisQueue::<String>::new(&client, &key)
        .push_many(words)
        .await
        .unwrap();
    let queue: RedisQueue<Decoded<u32>, Lenient<Plain>> = RedisQueue::new(&client, &key);
    let popped = [queue.pop().await, queue.pop().await, queue.pop().await];
    assert_eq!(split(popped.map(Result::unwrap)), expected);
}

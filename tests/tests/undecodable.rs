//! Elements that cannot be decoded: what their errors name, and how the others are read.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt};
use purse::{
    Client, Decoded, Error, ErrorKind, Lenient, OnPoison, Plain, RedisHash, RedisKeySpace,
    RedisList, RedisPriorityQueue, RedisQueue, RedisSet, RedisSortedSet, Result, SetOptions,
};
use purse_tests::{client, fresh};

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
    by("ZSCAN").is_named_among(1, sorted.stream()).await;
    by("ZPOPMIN").is_named(sorted.pop_min()).await;
    texts.insert("two", 1.0).await.unwrap();
    by("ZPOPMIN").is_named(sorted.pop_min_wait(None)).await;
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

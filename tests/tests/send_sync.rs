//! Everything can be sent to and shared with other tasks, and so can what methods return.

use futures::Stream;
use purse::redlock::{
    Election, FencedGuard, FencedMulti, FencedMutex, FencedRedlock, Leader, Leadership,
    LeaseInstant, MasterState, MasterStatus, QuarantinePolicy, RedlockBuilder, RedlockMulti,
};
use purse::{
    Aggregate, BoundedCounter, BulkOp, ByRank, ByScore, ByValue, Changes, Client, ClientBuilder,
    Combined, CombinedBits, CombinedSorted, Condition, Distance, End, Entries, Error, GeoMatch,
    GeoPoint, GeoSearch, GeoShape, Json, KeyType, LimitedRange, Occurrences, OnPoison, Op, Paged,
    Pattern, Pending, Plain, Ranked, Raw, RedisBitSet, RedisBloomFilter, RedisCell, RedisCounter,
    RedisGeo, RedisHash, RedisHyperLogLog, RedisIdGenerator, RedisKey, RedisKeySpace,
    RedisLifoQueue, RedisList, RedisLruMap, RedisMultimap, RedisPriorityQueue, RedisQueue,
    RedisSet, RedisSortedSet, RedisVersioned, RedisWindowCounter, Redlock, RedlockGuard,
    RedlockMutex, Result, Scan, Scanned, SetOptions, SetOutcome, SortedRange, Tie, Ttl, Version,
};

/// An element that is neither `Send` nor `Sync`: handles hold none, so they do not care.
type Local = std::rc::Rc<()>;

fn assert_send_sync<T: Send + Sync + 'static>() {}
fn assert_send_unpin<T: Send + Unpin + 'static>() {}
fn assert_send_future<F: Future + Send>(_: F) {}
fn assert_stream<T>(_: impl Stream<Item = Result<T>> + Send + Unpin + 'static) {}

#[test]
fn handles_are_shared() {
    assert_send_sync::<Client>();
    assert_send_sync::<ClientBuilder>();
    assert_send_sync::<Error>();
    assert_send_sync::<Pattern>();
    assert_send_sync::<Ttl>();
    assert_send_sync::<KeyType>();
    assert_send_sync::<Occurrences>();
    assert_send_sync::<End>();
    assert_send_sync::<Tie>();
    assert_send_sync::<Ranked<String>>();
    assert_send_sync::<RedisKey>();
    assert_send_sync::<RedisKeySpace<Local, Local, Json>>();
    assert_send_sync::<SetOptions>();
    assert_send_sync::<SetOutcome<String>>();
    assert_send_sync::<RedisList<Local>>();
    assert_send_sync::<RedisList<String, Json>>();
    assert_send_sync::<RedisHash<Local, Local, Raw>>();
    assert_send_sync::<RedisQueue<Local>>();
    assert_send_sync::<RedisLifoQueue<Local>>();
    assert_send_sync::<RedisPriorityQueue<Local>>();
    assert_send_sync::<OnPoison>();
    assert_send_sync::<RedisHash<String, String, Plain>>();
    assert_send_sync::<RedisSet<Local>>();
    assert_send_sync::<Combined<Local, Json>>();
    assert_send_sync::<RedisMultimap<Local, Local>>();
    assert_send_sync::<RedisLruMap<Local, Local, Json>>();
    assert_send_sync::<RedisSortedSet<Local>>();
    assert_send_sync::<CombinedSorted<Local, Json>>();
    assert_send_sync::<SortedRange<Local, Plain, ByRank>>();
    assert_send_sync::<SortedRange<Local, Plain, ByScore>>();
    assert_send_sync::<LimitedRange<Local, Plain, ByValue>>();
    assert_send_sync::<RedisCell<Local, Json>>();
    assert_send_sync::<RedisVersioned<Local>>();
    assert_send_sync::<Version>();
    assert_send_sync::<RedisCounter<i64>>();
    assert_send_sync::<BoundedCounter<i64>>();
    assert_send_sync::<RedisWindowCounter>();
    assert_send_sync::<RedisIdGenerator>();
    assert_send_sync::<RedisBitSet>();
    assert_send_sync::<CombinedBits>();
    assert_send_sync::<RedisHyperLogLog<Local>>();
    assert_send_sync::<RedisBloomFilter<Local, Json>>();
    assert_send_sync::<RedisGeo<Local>>();
    assert_send_sync::<GeoSearch<Local, Json>>();
    assert_send_sync::<GeoMatch<String>>();
    assert_send_sync::<GeoPoint>();
    assert_send_sync::<GeoShape>();
    assert_send_sync::<Distance>();
    assert_send_sync::<Aggregate>();
    assert_send_sync::<Changes>();
    assert_send_sync::<Condition>();
    assert_send_sync::<Redlock>();
    assert_send_sync::<RedlockBuilder>();
    assert_send_sync::<RedlockMutex>();
    assert_send_sync::<RedlockGuard>();
    assert_send_sync::<FencedRedlock>();
    assert_send_sync::<RedlockMulti>();
    assert_send_sync::<FencedMutex>();
    assert_send_sync::<FencedMulti>();
    assert_send_sync::<FencedGuard>();
    assert_send_sync::<Election>();
    assert_send_sync::<Leader>();
    assert_send_sync::<Leadership>();
    assert_send_sync::<LeaseInstant>();
    assert_send_sync::<MasterState>();
    assert_send_sync::<MasterStatus>();
    assert_send_sync::<QuarantinePolicy>();
    assert_send_sync::<purse::redlock::Error>();
}

#[test]
fn operations_and_streams_are_sent_and_need_no_pinning() {
    assert_send_unpin::<Op<String>>();
    assert_send_unpin::<Scanned<(String, String)>>();
    assert_send_unpin::<Entries<(String, String)>>();
    assert_send_unpin::<Paged<String>>();
    assert_send_unpin::<BulkOp<'static, Vec<String>>>();
    assert_send_unpin::<Pending<String>>();
}

/// Never called: it compiles only if a stream can be polled where it is.
#[allow(dead_code, reason = "compiling it is the test")]
fn assert_streams_need_no_pinning(client: &Client, bits: &RedisBitSet, geo: &RedisGeo<String>) {
    let list: RedisList<String> = RedisList::new(client, "l");
    assert_stream(list.stream());
    assert_stream(list.stream().rev());
    let hash: RedisHash<String, u32> = RedisHash::new(client, "h");
    assert_stream(hash.iter());
    assert_stream(hash.keys());
    assert_stream(hash.values());
    let set: RedisSet<String> = RedisSet::new(client, "s");
    assert_stream(set.stream());
    assert_stream(set.union([&set]).stream());
    assert_stream(RedisSortedSet::<String>::new(client, "z").stream());
    let multimap: RedisMultimap<String, u32> = RedisMultimap::new(client, "m");
    assert_stream(multimap.iter());
    assert_stream(multimap.keys());
    assert_stream(multimap.values_of("a"));
    if let Ok(lru) = RedisLruMap::<String, u32>::new(client, "l", 1) {
        assert_stream(lru.iter());
    }
    let space: RedisKeySpace<u32> = RedisKeySpace::new(client, "k:");
    assert_stream(space.keys());
    assert_stream(space.items());
    assert_stream(space.values());
    assert_stream(bits.stream());
    drop(geo.clone());
    assert_stream(RedisQueue::<String>::new(client, "q").into_stream());
    assert_stream(RedisLifoQueue::<String>::new(client, "q").into_stream());
    assert_stream(RedisPriorityQueue::<String>::new(client, "p").into_stream());
    assert_stream(client.scan(Scan::new("SSCAN", "s")));
    assert_stream(client.scan_keys(None, 100));
    assert_stream(purse::prefetch_pages(
        1,
        |page| async move { Ok((page, None)) },
    ));
}

/// Never called: it compiles only if the futures of async functions can be sent.
#[allow(dead_code, reason = "compiling it is the test")]
fn assert_async_functions(
    client: &Client,
    list: &RedisList<String>,
    mutex: &RedlockMutex,
    fenced: &FencedMutex,
    multi: &RedlockMulti,
) {
    let hash: RedisHash<String, u32> = RedisHash::new(client, "h");
    assert_send_future(Client::connect("redis://localhost"));
    assert_send_future(client.close());
    assert_send_future(list.extend(["a"]));
    assert_send_future(list.extend_front(vec![String::new()]));
    assert_send_future(list.extend_capped(["a"], 3));
    assert_send_future(hash.extend([("a", 1)]));
    assert_send_future(hash.get_many(["a"]));
    assert_send_future(hash.remove_many(["a"]));
    assert_send_future(hash.expire_fields(["a"], std::time::Duration::ZERO));
    assert_send_future(hash.field_ttls(["a"]));
    assert_send_future(hash.persist_fields(["a"]));
    assert_send_future(hash.extend_with_ttl([("a", 1)], std::time::Duration::ZERO));
    let sums: RedisHash<String, u32> = RedisHash::new(client, "h");
    assert_send_future(sums.increment_many([("a", 1)]));
    let floats: RedisHash<String, f64> = RedisHash::new(client, "h");
    assert_send_future(floats.increment_float_many([("a", 1.0)]));
    let multimap: RedisMultimap<String, u32> = RedisMultimap::new(client, "m");
    assert_send_future(multimap.extend([("a", 1)]));
    assert_send_future(multimap.remove_many([("a", 1)]));
    assert_send_future(multimap.count_keys());
    if let Ok(lru) = RedisLruMap::<String, u32>::new(client, "l", 1) {
        assert_send_future(lru.shrink());
    }
    let queue: RedisQueue<u32> = RedisQueue::new(client, "q");
    assert_send_future(queue.pop());
    assert_send_future(queue.try_pop());
    assert_send_future(queue.pop_timeout(std::time::Duration::ZERO));
    assert_send_future(queue.push_many([1]));
    let ranked: RedisPriorityQueue<u32> = RedisPriorityQueue::new(client, "p");
    assert_send_future(ranked.pop());
    assert_send_future(ranked.try_pop());
    assert_send_future(ranked.push_many([(1, 1.0)]));
    let space: RedisKeySpace<u32> = RedisKeySpace::new(client, "s:");
    assert_send_future(space.extend([("a", 1)]));
    assert_send_future(space.extend_with_ttl([("a", 1)], std::time::Duration::ZERO));
    assert_send_future(space.get_many(["a"]));
    assert_send_future(space.delete_many(["a"]));
    assert_send_future(space.len());
    assert_send_future(space.is_empty());
    assert_send_future(space.clear());
    let set: RedisSet<String> = RedisSet::new(client, "s");
    assert_send_future(set.extend(["a"]));
    assert_send_future(set.remove_many(["a"]));
    assert_send_future(set.contains_many(["a"]));
    assert_send_future(set.is_subset_of(["a"]));
    assert_send_future(set.is_superset_of(["a"]));
    assert_send_future(set.is_disjoint_from(["a"]));
    assert_send_future(set.equals(["a"]));
    let sorted: RedisSortedSet<String> = RedisSortedSet::new(client, "z");
    assert_send_future(sorted.extend([("a", 1.0)]));
    assert_send_future(sorted.extend_if([("a", 1.0)], Condition::OnlyNew));
    assert_send_future(sorted.increment_many([("a", 1.0)]));
    assert_send_future(sorted.remove_many(["a"]));
    assert_send_future(sorted.scores(["a"]));
    assert_send_future(sorted.pop_min_wait(None));
    assert_send_future(sorted.pop_max_wait(None));
    let cell: RedisCell<String> = RedisCell::new(client, "c");
    assert_send_future(cell.update(|_| String::new()));
    let versioned: RedisVersioned<String> = RedisVersioned::new(client, "v");
    assert_send_future(versioned.store_if(None, "a"));
    assert_send_future(versioned.update(|_| String::new()));
    assert_send_future(versioned.fetch_update(|_| None));
    let counter: RedisCounter<u32> = RedisCounter::new(client, "n");
    assert_send_future(counter.add_once(1));
    assert_send_future(counter.bounded(0..9).checked_add_once(1));
    let floats: RedisCounter<f64> = RedisCounter::new(client, "n");
    assert_send_future(floats.add_float_once(1.0));
    let ids = RedisIdGenerator::new(client, "i");
    assert_send_future(async move { ids.next_id().await });
    let bits = RedisBitSet::new(client, "b", 9);
    assert_send_future(bits.extend([1]));
    assert_send_future(bits.remove_many([1]));
    assert_send_future(bits.contains_many([1]));
    let sketch: RedisHyperLogLog<String> = RedisHyperLogLog::new(client, "c");
    assert_send_future(sketch.extend(["a"]));
    if let Ok(filter) = RedisBloomFilter::<String>::new(client, "f", 100, 0.5) {
        assert_send_future(filter.add_many(["a"]));
        assert_send_future(filter.contains_many(["a"]));
    }
    if let Ok(filter) = RedisBloomFilter::<String>::new(client, "f", 100, 0.5) {
        assert_send_future(async move { filter.replace(["a"]).await });
    }
    let geo: RedisGeo<String> = RedisGeo::new(client, "g");
    assert_send_future(geo.points(["a"]));
    assert_send_future(geo.remove_many(["a"]));
    assert_send_future(mutex.lock());
    assert_send_future(fenced.lock());
    assert_send_future(multi.lock_timeout(std::time::Duration::ZERO));
    assert_send_future(mutex.try_lock());
    assert_send_future(mutex.lock_timeout(std::time::Duration::ZERO));
}

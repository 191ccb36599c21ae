//! Everything can be sent to and shared with other tasks, and so can what methods return.

use purse::redlock::{
    Election, FencedGuard, FencedMulti, FencedMutex, FencedRedlock, Leader, Leadership,
    LeaseInstant, MasterState, MasterStatus, Quarantine, RedlockBuilder, RedlockMulti,
};
use purse::{
    Aggregate, ByRank, ByScore, ByValue, Changes, Client, ClientBuilder, Combined, CombinedSorted,
    Condition, Entries, Error, Json, KeyType, Occurrences, OnPoison, Op, Paged, Pattern, Plain,
    Raw, RedisHash, RedisKey, RedisKeySpace, RedisLifoQueue, RedisList, RedisPriorityQueue,
    RedisQueue, RedisSet, RedisSortedSet, Redlock, RedlockGuard, RedlockMutex, Scanned, SetOptions,
    SetOutcome, SortedPage, SortedRange, Ttl,
};

/// An element that is neither `Send` nor `Sync`: handles hold none, so they do not care.
type Local = std::rc::Rc<()>;

fn shared<T: Send + Sync + 'static>() {}
fn sent<T: Send + Unpin + 'static>() {}
fn future<F: Future + Send>(_: F) {}

#[test]
fn handles_are_shared() {
    shared::<Client>();
    shared::<ClientBuilder>();
    shared::<Error>();
    shared::<Pattern>();
    shared::<Ttl>();
    shared::<KeyType>();
    shared::<Occurrences>();
    shared::<RedisKey>();
    shared::<RedisKeySpace<Local, Json>>();
    shared::<SetOptions>();
    shared::<SetOutcome<String>>();
    shared::<RedisList<Local>>();
    shared::<RedisList<String, Json>>();
    shared::<RedisHash<Local, Local, Raw>>();
    shared::<RedisQueue<Local>>();
    shared::<RedisLifoQueue<Local>>();
    shared::<RedisPriorityQueue<Local>>();
    shared::<OnPoison>();
    shared::<RedisHash<String, String, Plain>>();
    shared::<RedisSet<Local>>();
    shared::<Combined<Local, Json>>();
    shared::<RedisSortedSet<Local>>();
    shared::<CombinedSorted<Local, Json>>();
    shared::<SortedRange<Local, Plain, ByRank>>();
    shared::<SortedRange<Local, Plain, ByScore>>();
    shared::<SortedPage<Local, Plain, ByValue>>();
    shared::<Aggregate>();
    shared::<Changes>();
    shared::<Condition>();
    shared::<Redlock>();
    shared::<RedlockBuilder>();
    shared::<RedlockMutex>();
    shared::<RedlockGuard>();
    shared::<FencedRedlock>();
    shared::<RedlockMulti>();
    shared::<FencedMutex>();
    shared::<FencedMulti>();
    shared::<FencedGuard>();
    shared::<Election>();
    shared::<Leader>();
    shared::<Leadership>();
    shared::<LeaseInstant>();
    shared::<MasterState>();
    shared::<MasterStatus>();
    shared::<Quarantine>();
    shared::<purse::redlock::Error>();
}

#[test]
fn operations_and_streams_are_sent_and_need_no_pinning() {
    sent::<Op<String>>();
    sent::<Scanned<(String, String)>>();
    sent::<Entries<(String, String)>>();
    sent::<Paged<String>>();
}

/// Never called: it compiles only if the futures of async functions can be sent.
#[allow(dead_code, reason = "compiling it is the test")]
fn async_functions_are_sent(
    client: &Client,
    list: &RedisList<String>,
    mutex: &RedlockMutex,
    fenced: &FencedMutex,
    multi: &RedlockMulti,
) {
    let hash: RedisHash<String, u32> = RedisHash::new(client, "h");
    future(Client::connect("redis://localhost"));
    future(client.close());
    future(list.extend(["a"]));
    future(list.extend_front(vec![String::new()]));
    future(hash.extend([("a", 1)]));
    future(hash.get_many(["a"]));
    future(hash.remove_many(["a"]));
    let queue: RedisQueue<u32> = RedisQueue::new(client, "q");
    future(queue.pop());
    future(queue.try_pop());
    future(queue.pop_timeout(std::time::Duration::ZERO));
    future(queue.push_many([1]));
    let ranked: RedisPriorityQueue<u32> = RedisPriorityQueue::new(client, "p");
    future(ranked.pop());
    future(ranked.try_pop());
    future(ranked.push_many([(1, 1.0)]));
    let space: RedisKeySpace<u32> = RedisKeySpace::new(client, "s:");
    future(space.extend([("a", 1)]));
    future(space.get_many(["a"]));
    future(space.delete_many(["a"]));
    future(space.len());
    future(space.is_empty());
    future(space.clear());
    let set: RedisSet<String> = RedisSet::new(client, "s");
    future(set.extend(["a"]));
    future(set.remove_many(["a"]));
    future(set.contains_many(["a"]));
    let sorted: RedisSortedSet<String> = RedisSortedSet::new(client, "z");
    future(sorted.extend([("a", 1.0)]));
    future(sorted.extend_if([("a", 1.0)], Condition::OnlyNew));
    future(sorted.increment_many([("a", 1.0)]));
    future(sorted.remove_many(["a"]));
    future(sorted.scores(["a"]));
    future(sorted.pop_min_wait(None));
    future(sorted.pop_max_wait(None));
    future(mutex.lock());
    future(fenced.lock());
    future(multi.lock_timeout(std::time::Duration::ZERO));
    future(mutex.try_lock());
    future(mutex.lock_timeout(std::time::Duration::ZERO));
}

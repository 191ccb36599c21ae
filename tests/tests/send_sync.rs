//! Everything can be sent to and shared with other tasks, and so can what methods return.

use purse::redlock::{LockInstant, RedlockBuilder};
use purse::{
    Client, ClientBuilder, Error, Json, KeyType, Occurrences, Op, Paged, Pattern, Plain, Raw,
    RedisHash, RedisKey, RedisList, Redlock, RedlockGuard, RedlockMutex, Scanned, Ttl,
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
    shared::<RedisList<Local>>();
    shared::<RedisList<String, Json>>();
    shared::<RedisHash<Local, Local, Raw>>();
    shared::<RedisHash<String, String, Plain>>();
    shared::<Redlock>();
    shared::<RedlockBuilder>();
    shared::<RedlockMutex>();
    shared::<RedlockGuard>();
    shared::<LockInstant>();
    shared::<purse::redlock::Error>();
}

#[test]
fn operations_and_streams_are_sent_and_need_no_pinning() {
    sent::<Op<String>>();
    sent::<Scanned<(String, String)>>();
    sent::<Paged<String>>();
}

/// Never called: it compiles only if the futures of async functions can be sent.
#[allow(dead_code, reason = "compiling it is the test")]
fn async_functions_are_sent(client: &Client, list: &RedisList<String>, mutex: &RedlockMutex) {
    let hash: RedisHash<String, u32> = RedisHash::new(client, "h");
    future(Client::connect("redis://localhost"));
    future(client.close());
    future(list.extend(["a"]));
    future(list.extend_front(vec![String::new()]));
    future(hash.extend([("a", 1)]));
    future(hash.get_many(["a"]));
    future(hash.remove_many(["a"]));
    future(mutex.lock());
    future(mutex.try_lock());
    future(mutex.lock_timeout(std::time::Duration::ZERO));
}

//! Many locks acquired and released at the same moment: each has its own reply and its own error.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures::future::join_all;
use purse::redlock::{Error, Redlock, RedlockGuard, Release};
use purse_testkit::Server;
use purse_tests::{calls, cluster_of_one, until};
use tokio::runtime::Runtime;

use super::relay::Relay;

const COUNT: usize = 64;

async fn locks(url: &str, master_timeout: Duration) -> Redlock {
    Redlock::builder([url])
        .ttl(Duration::from_secs(120))
        .master_timeout(master_timeout)
        .build()
        .await
        .expect("a master that runs")
}

/// Of a server and its locks, with time for a busy machine.
async fn one() -> (Server, Redlock) {
    let server = Server::start().expect("a server");
    let redlock = locks(&server.url(), Duration::from_secs(10)).await;
    (server, redlock)
}

async fn take(redlock: &Redlock, key: &str) -> Result<RedlockGuard, Error> {
    redlock.mutex(key).try_lock().await
}

/// Takes locks of these names, all at once.
async fn take_all(redlock: &Redlock, keys: &[String]) -> Vec<Result<RedlockGuard, Error>> {
    join_all(keys.iter().map(|key| take(redlock, key))).await
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("lock:{number}")).collect()
}

async fn lock_all(redlock: &Redlock, keys: &[String]) -> Vec<RedlockGuard> {
    let taken = take_all(redlock, keys).await.into_iter();
    taken.map(|taken| taken.expect("a free lock")).collect()
}

async fn release_all(guards: Vec<RedlockGuard>) -> Vec<Result<Release, Error>> {
    join_all(guards.into_iter().map(RedlockGuard::release)).await
}

fn size(server: &Server) -> Option<i64> {
    server.command(&["DBSIZE"]).expect("a size").int()
}

fn run_command(server: &Server, command: &[&str]) {
    let reply = server.command(command).expect("an answer");
    assert!(reply.error().is_none(), "{command:?}: {reply:?}");
}

/// Returns the number of scripts that the server has run.
fn scripts(server: &Server) -> u64 {
    calls(server, "evalsha") + calls(server, "eval")
}

#[tokio::test]
async fn lock_is_one_set_and_release_is_one_script() {
    let (server, redlock) = one().await;
    for _ in 0..5 {
        let before = (scripts(&server), calls(&server, "set"));
        let guard = take(&redlock, "lock").await.expect("a free lock");
        let after = (scripts(&server), calls(&server, "set"));
        assert_eq!(after, (before.0, before.1 + 1));
        let released = guard.release().await.expect("an answer");
        assert_eq!(released, Release::Released);
        assert_eq!(scripts(&server), before.0 + 1);
    }
}

#[tokio::test]
async fn each_has_its_own_reply() {
    let (server, redlock) = one().await;
    let keys = keys(COUNT);
    run_command(&server, &["SET", &keys[50], "another", "PX", "60000"]);
    run_command(&server, &["RPUSH", &keys[51], "no lock"]);
    let mut guards = Vec::new();
    for (number, taken) in take_all(&redlock, &keys).await.into_iter().enumerate() {
        match (number, taken) {
            (50, Err(Error::Held { retry_after, .. })) => {
                let after = retry_after.expect("the holder's time");
                assert!(after > Duration::from_secs(30), "{after:?}");
            }
            (51, Err(error @ Error::WrongType { .. })) => {
                assert!(error.to_string().contains("lock:51"), "{error}");
            }
            (_, Ok(guard)) => guards.push((number, guard)),
            (_, Err(error)) => panic!("{number}: {error}"),
        }
    }
    assert_eq!(guards.len(), COUNT - 2);

    // While they are held: one is lost, one is another's, and one is no lock any more.
    run_command(&server, &["DEL", &keys[40]]);
    run_command(&server, &["SET", &keys[41], "another"]);
    run_command(&server, &["DEL", &keys[42]]);
    run_command(&server, &["RPUSH", &keys[42], "no lock"]);
    let (numbers, guards): (Vec<_>, Vec<_>) = guards.into_iter().unzip();
    for (number, released) in numbers.iter().zip(release_all(guards).await) {
        let expected = match number {
            40..=42 => Release::AlreadyExpired,
            _ => Release::Released,
        };
        assert_eq!(released.expect("an answer"), expected, "{number}");
    }
    assert_eq!(size(&server), Some(4), "those of others");
}

#[tokio::test]
async fn each_of_many_failures_names_its_own_key() {
    let (server, redlock) = one().await;
    let keys = keys(32);
    for key in &keys {
        run_command(&server, &["RPUSH", key, "no lock"]);
    }
    for (key, taken) in keys.iter().zip(take_all(&redlock, &keys).await) {
        let error = taken.expect_err("no lock");
        assert!(matches!(error, Error::WrongType { .. }), "{error}");
        assert!(error.to_string().contains(key), "{error}");
    }

    run_command(&server, &["FLUSHALL"]);
    run_command(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    for taken in take_all(&redlock, &keys).await {
        let error = taken.expect_err("no memory");
        assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
        assert!(error.to_string().contains("OOM"), "{error}");
    }
}

#[test]
fn a_runtime_may_end_while_many_wait() {
    let server = Server::start().expect("a server");
    let runtime = Runtime::new().expect("a runtime");
    let redlock = runtime.block_on(locks(&server.url(), Duration::from_secs(10)));
    server.pause().expect("a signal");
    let keys = keys(COUNT);
    runtime.block_on(async {
        let takes = take_all(&redlock, &keys);
        let ended = tokio::time::timeout(Duration::from_millis(200), takes).await;
        assert!(ended.is_err(), "no server answers");
    });
    drop(runtime);
    server.resume().expect("a signal");
}

#[tokio::test]
async fn forbidden_key_does_not_affect_others() {
    let server = Server::start().expect("a server");
    run_command(
        &server,
        &["ACL", "SETUSER", "locker", "on", ">pw", "~lock:*", "+@all"],
    );
    let url = format!("redis://locker:pw@{}:{}", server.host(), server.port());
    let redlock = locks(&url, Duration::from_secs(10)).await;
    let mut keys = keys(32);
    keys.insert(20, "other".to_owned());
    let mut guards = Vec::new();
    for (number, taken) in take_all(&redlock, &keys).await.into_iter().enumerate() {
        match taken {
            Ok(guard) => guards.push(guard),
            Err(error) => {
                assert_eq!(number, 20, "{error}");
                assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
                assert!(error.to_string().contains("NOPERM"), "{error}");
            }
        }
    }
    assert_eq!(guards.len(), 32);
    for released in release_all(guards).await {
        assert_eq!(released.expect("an answer"), Release::Released);
    }
    assert_eq!(size(&server), Some(0));
}

#[tokio::test]
async fn cluster_node_works_as_master_for_keys_of_any_slot() {
    let cluster = cluster_of_one();
    let server = &cluster.nodes()[0];
    // By the address of a single server, which is what a proxy before a cluster looks like.
    let redlock = locks(&server.url(), Duration::from_secs(10)).await;
    let guards = lock_all(&redlock, &keys(COUNT)).await;
    assert_eq!(size(server), Some(64));
    for released in release_all(guards).await {
        assert_eq!(released.expect("an answer"), Release::Released);
    }
    assert_eq!(size(server), Some(0));
}

#[tokio::test]
async fn lost_replies_leave_no_key_in_the_end() {
    let server = Server::start().expect("a server");
    let relay = Relay::to(Some(server.port())).await;
    let redlock = locks(&relay.url, Duration::from_millis(500)).await;
    let keys = keys(COUNT);
    let guards = lock_all(&redlock, &keys).await;

    relay.lose_replies(true);
    for released in release_all(guards).await {
        let error = released.expect_err("no reply");
        assert!(is_ambiguous(&error), "{error}");
    }
    until("all ran", async || size(&server) == Some(0)).await;

    // Over a new connection.
    relay.lose_replies(false);
    until("it can be asked again", async || {
        let guard = take(&redlock, "probe").await;
        match guard {
            Ok(guard) => guard.release().await.is_ok(),
            Err(_) => false,
        }
    })
    .await;
    relay.lose_replies(true);
    for taken in take_all(&redlock, &keys).await {
        let error = taken.expect_err("no reply");
        assert!(is_ambiguous(&error), "{error}");
    }
    relay.lose_replies(false);
    until("no key is left", async || size(&server) == Some(0)).await;
}

fn is_ambiguous(error: &Error) -> bool {
    match error {
        Error::NoQuorum {
            votes: 0, errors, ..
        } => errors.iter().all(|(_, error)| error.is_ambiguous()),
        _ => false,
    }
}

#[tokio::test]
async fn dropped_request_does_not_affect_others() {
    let (server, redlock) = one().await;
    for polls in 0..8 {
        let guards = lock_all(&redlock, &keys(COUNT)).await;
        let releases = guards.into_iter().map(|guard| Box::pin(guard.release()));
        let mut releases: Vec<_> = releases.collect();
        let kept = releases.split_off(COUNT / 2);
        // Half of them are dropped after `polls` polls, the others wait for their replies.
        let (_, kept) = tokio::join!(drop_after_polls(releases, polls), join_all(kept));
        for released in kept {
            assert_eq!(released.expect("an answer"), Release::Released);
        }
        until("no key is left", async || size(&server) == Some(0)).await;

        let keys = keys(COUNT);
        let takes = keys.iter().map(|key| Box::pin(take(&redlock, key)));
        let mut takes: Vec<_> = takes.collect();
        let kept = takes.split_off(COUNT / 2);
        let (_, kept) = tokio::join!(drop_after_polls(takes, polls), join_all(kept));
        let kept: Vec<_> = kept.into_iter().collect::<Result<_, _>>().expect("locks");
        until("half of them are left", async || size(&server) == Some(32)).await;
        drop(kept);
        until("no key is left", async || size(&server) == Some(0)).await;
    }
}

/// Polls all futures whenever one is woken, `polls` times, and drops them.
async fn drop_after_polls<F: Future>(mut futures: Vec<Pin<Box<F>>>, polls: usize) {
    let mut done = 0;
    poll_fn(|cx| {
        if done == polls {
            return Poll::Ready(());
        }
        done += 1;
        // What has ended is not polled again.
        futures.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        match futures.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

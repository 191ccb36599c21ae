//! Pops: each element goes to one who wants it, whoever stops waiting and whenever.

mod support;

use std::future::Future;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::select_all;
use purse_client::{Client, Command, ErrorKind, Pop, Result, Taken};
use purse_testkit::{Release, Server};
use support::{SOON, calls, client, connections, until};
use tokio::task::JoinHandle;

fn pop() -> Pop {
    Pop::back("queue")
}

/// The element, taken for good.
fn element(taken: Result<Option<Taken>>) -> Option<String> {
    let taken = taken.expect("no failure")?;
    let element = text(&taken.element());
    taken.keep();
    Some(element)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn push(server: &Server, element: &str) {
    server.command(&["LPUSH", "queue", element]).expect("LPUSH");
}

/// The elements of a list, the next one to be popped first.
fn list(server: &Server, key: &str) -> Vec<String> {
    let list = server.command(&["LRANGE", key, "0", "-1"]);
    let list = list.expect("LRANGE");
    let items = list.items().iter().rev();
    items
        .map(|item| item.text().expect("text").to_owned())
        .collect()
}

fn left(server: &Server) -> Vec<String> {
    list(server, "queue")
}

fn keys(server: &Server) -> i64 {
    let size = server.command(&["DBSIZE"]).expect("DBSIZE");
    size.int().expect("a number")
}

async fn until_no_receipt_is_left(server: &Server) {
    until("no receipt is left", async || {
        let receipts = server.command(&["KEYS", "*:taken:*"]).expect("KEYS");
        receipts.items().is_empty()
    })
    .await;
}

/// A task whose pop waits, watching.
async fn waiting(server: &Server, client: &Client) -> JoinHandle<Result<Option<Taken>>> {
    let before = calls(server, "llen");
    let client = client.clone();
    let wait = tokio::spawn(async move { client.take_wait(&pop(), None).await });
    until("the pop waits", async || calls(server, "llen") > before).await;
    wait
}

#[tokio::test]
async fn each_end_gives_its_element_and_score() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let push = Command::write("RPUSH")
        .key("list")
        .arg("a")
        .arg("b c")
        .arg("");
    client.run(push).await.expect("RPUSH");
    let add = Command::write("ZADD").key("set").arg("-inf").arg("low");
    let add = add.arg("1.5").arg("").arg("17e3").arg("high");
    client.run(add).await.expect("ZADD");
    for (pop, element, score) in [
        (Pop::front("list"), "a", None),
        (Pop::back("list"), "", None),
        (Pop::back("list"), "b c", None),
        (Pop::lowest("set"), "low", Some("-inf")),
        (Pop::highest("set"), "high", Some("17000")),
        (Pop::lowest("set"), "", Some("1.5")),
    ] {
        let taken = client.take(&pop).await.expect("a reply").expect("one");
        assert_eq!(text(&taken.element()), element, "{pop:?}");
        assert_eq!(taken.score(), score.map(Bytes::from), "{pop:?}");
        // It goes back to where it was, with its score, and comes again.
        taken.put_back().await.expect("put back");
        let taken = client
            .take_wait(&pop, None)
            .await
            .expect("a reply")
            .expect("one");
        assert_eq!(text(&taken.element()), element, "{pop:?}");
        assert_eq!(taken.score(), score.map(Bytes::from), "{pop:?}");
        taken.keep();
    }
    for pop in [Pop::front("list"), Pop::highest("set")] {
        assert!(client.take(&pop).await.expect("a reply").is_none());
    }
    until("nothing is left, no receipt either", async || {
        keys(&server) == 0
    })
    .await;
}

#[tokio::test]
async fn the_receipt_has_a_copy_until_the_element_is_kept_or_back() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    push(&server, "a b");
    let receipt = || {
        let receipts = server
            .command(&["KEYS", "queue{queue}:taken:*"])
            .expect("KEYS");
        let name = receipts.items().first()?.text()?.to_owned();
        let ttl = server.command(&["TTL", &name]).expect("TTL").int()?;
        assert!((1..=600).contains(&ttl), "{ttl}");
        server
            .command(&["GET", &name])
            .expect("GET")
            .text()
            .map(str::to_owned)
    };
    let taken = client.take(&pop()).await.expect("a reply").expect("one");
    assert_eq!(receipt().as_deref(), Some(" a b"));
    drop(taken);
    until("it is back", async || left(&server) == ["a b"]).await;
    assert_eq!(receipt(), None);
    let taken = client.take(&pop()).await.expect("a reply").expect("one");
    assert_eq!(receipt().as_deref(), Some(" a b"));
    taken.keep();
    until_no_receipt_is_left(&server).await;
    assert!(left(&server).is_empty());
}

#[tokio::test]
async fn an_element_is_moved_to_another_list_or_stays_in_hand() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    push(&server, "a");
    let take = async || client.take(&pop()).await.expect("a reply").expect("one");
    take()
        .await
        .move_to(Bytes::from("dead"))
        .await
        .expect("moved");
    assert_eq!(list(&server, "dead"), ["a"]);
    until_no_receipt_is_left(&server).await;

    push(&server, "b");
    server.command(&["SET", "text", "x"]).expect("SET");
    let (error, taken) = take()
        .await
        .move_to(Bytes::from("text"))
        .await
        .expect_err("no list");
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    taken
        .expect("it was not moved")
        .put_back()
        .await
        .expect("back");
    assert_eq!(left(&server), ["b"]);
    until_no_receipt_is_left(&server).await;
}

#[tokio::test]
async fn an_element_that_can_never_be_put_back_is_not_tried_for_ever() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    push(&server, "a");
    push(&server, "b");
    let take = async || client.take(&pop()).await.expect("a reply").expect("one");
    let (first, second) = (take().await, take().await);
    server
        .command(&["SET", "queue", "another type"])
        .expect("SET");
    let error = first.put_back().await.expect_err("no list");
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    drop(second);
    drop(client);
    until("no connection is left", async || connections(&server) == 0).await;
    let receipts = server.command(&["KEYS", "*:taken:*"]).expect("KEYS");
    assert_eq!(receipts.items().len(), 2, "they have the copies");
    for receipt in receipts.items() {
        let ttl = server.command(&["TTL", receipt.text().expect("text")]);
        assert!(ttl.expect("TTL").int().is_some_and(|ttl| ttl > 0));
    }
}

#[tokio::test]
async fn the_end_of_the_wait_is_none_and_no_error() {
    for release in [Release::Valkey9_1, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start();
        let server = server.expect("a server");
        let client = client(&server).await;
        for wait in [0, 1, 1_000_000, 30_000_000, 2_200_000_000].map(Duration::from_nanos) {
            let started = Instant::now();
            let none = client.take_wait(&pop(), Some(wait)).await;
            assert!(none.expect("no failure").is_none());
            assert!(started.elapsed() >= wait && started.elapsed() < wait + SOON);
            push(&server, "a");
            let popped = element(client.take_wait(&pop(), Some(wait)).await);
            assert_eq!(
                popped.as_deref(),
                Some("a"),
                "{wait:?}: it looks at least once"
            );
        }
        let wait = waiting(&server, &client).await;
        let none = client.take_wait(&pop(), Some(Duration::ZERO)).await;
        assert!(none.expect("no failure").is_none(), "others wait, too");
        push(&server, "a");
        let popped = element(wait.await.expect("no panic"));
        assert_eq!(popped.as_deref(), Some("a"));
        push(&server, "b");
        let popped = client.take_wait(&pop(), Some(Duration::MAX)).await;
        assert_eq!(element(popped).as_deref(), Some("b"));
    }
}

#[tokio::test]
async fn who_waits_longest_is_served_first() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let pop = pop();
    let mut waits: Vec<_> = (0..6)
        .map(|n| {
            client
                .take_wait(&pop, None)
                .map(move |taken| (n, element(taken)))
                .boxed()
        })
        .collect();
    until("the first one waits", async || {
        assert!(futures::poll!(&mut waits[0]).is_pending());
        calls(&server, "llen") > 0
    })
    .await;
    for wait in &mut waits[1..] {
        assert!(futures::poll!(wait).is_pending());
    }
    // One that is gone is passed over.
    drop(waits.remove(2));
    for n in [0, 1, 3, 4, 5] {
        push(&server, &n.to_string());
        let (served, _, others) = select_all(waits).await;
        assert_eq!(served, (n, Some(n.to_string())));
        waits = others;
    }
}

#[tokio::test]
async fn who_was_called_and_is_gone_does_not_keep_the_next_one_waiting() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let pop = pop();
    let started = Instant::now();
    for _ in 0..10 {
        let mut waits = [0, 1].map(|_| client.take_wait(&pop, None).boxed());
        let before = calls(&server, "llen");
        for wait in &mut waits {
            until("it waits", async || {
                assert!(futures::poll!(&mut *wait).is_pending());
                calls(&server, "llen") > before
            })
            .await;
        }
        let before = calls(&server, "llen");
        push(&server, "a");
        until("somebody is called", async || {
            calls(&server, "llen") > before
        })
        .await;
        let [first, second] = waits;
        drop(first);
        assert_eq!(element(second.await).as_deref(), Some("a"));
    }
    let took = started.elapsed();
    assert!(
        took < SOON,
        "{took:?}: each time a call every two seconds came first"
    );
}

#[tokio::test]
async fn one_who_was_called_and_does_not_come_holds_the_next_one_up_for_a_while_only() {
    let server = Server::start().expect("a server");
    let watches = client(&server).await;
    let only_looks = restricted(&server, "~queue* +@all -client").await;
    for client in [watches, only_looks] {
        held_up(&server, &client).await;
    }
}

async fn held_up(server: &Server, client: &Client) {
    let pop = pop();
    let before = calls(server, "llen");
    let mut first = client.take_wait(&pop, None).boxed();
    until("it waits", async || {
        assert!(futures::poll!(&mut first).is_pending());
        calls(server, "llen") > before
    })
    .await;
    let second = waiting_second(client);
    push(server, "a");
    let served = tokio::time::timeout(SOON, second).await;
    let served = served.expect("in a while").expect("no panic");
    assert_eq!(element(served).as_deref(), Some("a"));
    drop(first);
}

/// A task whose pop waits behind another one.
fn waiting_second(client: &Client) -> JoinHandle<Result<Option<Taken>>> {
    let client = client.clone();
    tokio::spawn(async move { client.take_wait(&pop(), None).await })
}

#[tokio::test]
async fn while_there_is_nothing_only_the_length_is_looked_at() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let wait = waiting(&server, &client).await;
    let (scripts, looks) = (calls(&server, "evalsha"), calls(&server, "llen"));
    until("it looks every two seconds", async || {
        calls(&server, "llen") >= looks + 2
    })
    .await;
    assert_eq!(calls(&server, "evalsha"), scripts);
    wait.abort();
}

#[tokio::test]
async fn many_wait_on_one_connection_and_other_commands_go_on() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let first = waiting(&server, &client).await;
    let mut waits: Vec<_> = (0..49)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.take_wait(&pop(), None).await })
        })
        .collect();
    waits.push(first);
    client
        .run(Command::write("SET").key("k").arg("v"))
        .await
        .expect("SET");
    client
        .run(Command::read("GET").key("k"))
        .await
        .expect("GET");
    assert_eq!(
        connections(&server),
        3,
        "one for reads, one for writes, one that watches"
    );
    let elements: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let all = [
        &["LPUSH", "queue"][..],
        &elements.iter().map(String::as_str).collect::<Vec<_>>(),
    ]
    .concat();
    server.command(&all).expect("LPUSH");
    let mut popped = Vec::new();
    for wait in waits {
        popped.push(element(wait.await.expect("no panic")).expect("an element"));
    }
    popped.sort_by_key(|n| n.parse::<u32>().expect("a number"));
    assert_eq!(popped, elements);
    until_no_receipt_is_left(&server).await;
}

/// A client as a user with these rights.
async fn restricted(server: &Server, rights: &str) -> Client {
    let rights: Vec<_> = ["ACL", "SETUSER", "me", "on", ">secret"]
        .into_iter()
        .chain(rights.split(' '))
        .collect();
    let set = server.command(&rights).expect("ACL SETUSER");
    assert_eq!(set.text(), Some("OK"));
    let url = server.url().replace("redis://", "redis://me:secret@");
    Client::connect(&url).await.expect("a user who may connect")
}

#[tokio::test]
async fn where_it_may_not_watch_it_looks_until_nobody_waits() {
    let server = Server::start().expect("a server");
    let client = restricted(&server, "~queue* +@all -client").await;
    let wait = waiting(&server, &client).await;
    push(&server, "a");
    assert_eq!(element(wait.await.expect("no panic")).as_deref(), Some("a"));

    let wait = waiting(&server, &client).await;
    let before = calls(&server, "llen");
    until("it looks again and again", async || {
        calls(&server, "llen") > before + 3
    })
    .await;
    wait.abort();
    until("nobody looks any more", async || {
        let before = calls(&server, "llen");
        tokio::time::sleep(Duration::from_millis(200)).await;
        calls(&server, "llen") == before
    })
    .await;
}

#[tokio::test]
async fn nothing_runs_once_nobody_waits() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for _ in 0..5 {
        let wait = waiting(&server, &client).await;
        wait.abort();
        assert!(wait.await.expect_err("aborted").is_cancelled());
    }
    until("nobody looks any more, whatever happens", async || {
        let asked = calls(&server, "llen");
        push(&server, "a");
        server.command(&["DEL", "queue"]).expect("DEL");
        tokio::time::sleep(Duration::from_millis(100)).await;
        calls(&server, "llen") == asked
    })
    .await;
    let asked = calls(&server, "evalsha") + calls(&server, "eval");
    assert_eq!(
        asked,
        5 + 1,
        "each looked once; the first script was sent whole as well"
    );
    until("no connection watches", async || connections(&server) == 2).await;
}

#[tokio::test]
async fn a_user_of_the_keys_prefix_may_pop_and_one_who_may_not_note_it_takes_nothing() {
    for release in [Release::Valkey9_1, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start();
        let server = server.expect("a server");
        push(&server, "a");
        server.command(&["ZADD", "set", "1.5", "b"]).expect("ZADD");
        let client = restricted(&server, "~queue* ~set* +@all -set").await;
        for pop in [pop(), Pop::lowest("set")] {
            let error = client.take(&pop).await.expect_err("no SET");
            assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        }
        assert_eq!(left(&server), ["a"]);
        let score = server.command(&["ZSCORE", "set", "b"]).expect("ZSCORE");
        assert_eq!(score.text(), Some("1.5"));
        server
            .command(&["ACL", "SETUSER", "me", "+set"])
            .expect("ACL");
        assert_eq!(element(client.take(&pop()).await).as_deref(), Some("a"));
    }
}

#[tokio::test]
async fn a_server_that_is_out_of_memory_gives_and_takes_back() {
    for release in [Release::Valkey9_1, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start();
        let server = server.expect("a server");
        let client = client(&server).await;
        push(&server, "a");
        server
            .command(&["CONFIG", "SET", "maxmemory", "1"])
            .expect("CONFIG");
        let refused = client
            .run(Command::write("LPUSH").key("queue").arg("b"))
            .await;
        assert_eq!(refused.expect_err("full").code(), Some("OOM"));
        let taken = client.take(&pop()).await.expect("a reply").expect("one");
        taken.put_back().await.expect("back");
        assert_eq!(left(&server), ["a"]);
        assert_eq!(element(client.take(&pop()).await).as_deref(), Some("a"));
        until("nothing is left", async || keys(&server) == 0).await;
    }
}

/// Polls `future` up to `polls` times, letting other tasks run in between; `None` if it is not
/// done by then, and dropped.
async fn poll_and_drop<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    tokio::pin!(future);
    for _ in 0..polls {
        if let std::task::Poll::Ready(output) = futures::poll!(&mut future) {
            return Some(output);
        }
        // Not a synchronization: it spreads the drops over the pop's whole course.
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_after_any_number_of_polls_no_element_is_lost() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let other = support::client(&server).await;
    let mut popped = Vec::new();
    let rounds = 300_usize;
    let pop = pop();
    for round in 0..rounds {
        let wait = async {
            match round % 2 {
                0 => client.take(&pop).await,
                _ => client.take_wait(&pop, None).await,
            }
        };
        let push = Command::write("LPUSH").key("queue").arg(round);
        let (taken, pushed) = tokio::join!(poll_and_drop(wait, round / 2 % 30), other.run(push));
        pushed.expect("LPUSH");
        popped.extend(taken.and_then(element));
    }
    client.close().await;
    let mut all = left(&server);
    assert!(!popped.is_empty(), "not all cases were met");
    all.extend(popped);
    all.sort_by_key(|n| n.parse::<u32>().expect("a number"));
    assert_eq!(all, (0..rounds).map(|n| n.to_string()).collect::<Vec<_>>());
    until_no_receipt_is_left(&server).await;
}

#[tokio::test]
async fn an_element_that_nobody_took_before_the_close_is_put_back() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    // The server knows the script from here on, so that one trip takes an element.
    assert!(client.take(&pop()).await.expect("a reply").is_none());
    push(&server, "a");
    {
        let pop = pop();
        let take = client.take(&pop);
        tokio::pin!(take);
        assert!(futures::poll!(&mut take).is_pending());
        until("it is popped", async || left(&server).is_empty()).await;
        client.close().await;
    }
    until("it is put back", async || left(&server) == ["a"]).await;
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn a_wait_that_is_cancelled_while_it_connects_leaves_no_connection() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for micros in 0..60 {
        let bound = Duration::from_micros(100 * micros);
        let pop = pop();
        let wait = client.take_wait(&pop, None);
        assert!(tokio::time::timeout(bound, wait).await.is_err());
    }
    client.close().await;
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn a_closed_client_pops_nothing() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    client.close().await;
    push(&server, "a");
    for outcome in [
        client.take(&pop()).await,
        client.take_wait(&pop(), None).await,
    ] {
        assert_eq!(outcome.expect_err("closed").kind(), ErrorKind::Closed);
    }
    assert_eq!(left(&server), ["a"]);
    assert_eq!(connections(&server), 0);
}

#[tokio::test]
async fn closing_ends_the_waits_and_loses_nothing() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let wait = waiting(&server, &client).await;
    client.close().await;
    let error = wait.await.expect("no panic").expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    until("no connection is left", async || connections(&server) == 0).await;
    push(&server, "a");
    assert_eq!(left(&server), ["a"]);
}

#[tokio::test]
async fn a_key_of_another_type_is_refused() {
    let server = Server::start().expect("a server");
    server.command(&["SET", "queue", "text"]).expect("SET");
    let client = client(&server).await;
    for outcome in [
        client.take(&pop()).await,
        client.take_wait(&pop(), None).await,
    ] {
        let error = outcome.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
        assert!(
            error.to_string().starts_with("RPOP on key \"queue\""),
            "{error}"
        );
    }
    assert_eq!(keys(&server), 1);
}

#[tokio::test]
async fn the_receipts_of_many_pops_go_together() {
    const POPS: usize = 500;
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for n in 0..POPS {
        push(&server, &n.to_string());
    }
    let pop = pop();
    let takes = (0..POPS).map(|_| client.take(&pop));
    let mut taken: Vec<_> = futures::future::join_all(takes).await;
    for taken in taken.drain(..) {
        assert!(element(taken).is_some());
    }
    until_no_receipt_is_left(&server).await;
    let unlinks = calls(&server, "unlink");
    assert!((1..50).contains(&unlinks), "{unlinks} for {POPS} receipts");
    client.close().await;
    until("no connection is left", async || connections(&server) == 0).await;
}

#[test]
fn a_pop_on_another_runtime_than_the_client_s_is_put_back_when_that_one_ends() {
    let server = Server::start().expect("a server");
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let home = runtime();
    let client = home.block_on(client(&server));
    // The server knows the script from here on.
    let none = home.block_on(client.take(&pop()));
    assert!(none.expect("a reply").is_none());
    for n in 0..20 {
        let queue = format!("queue:{n}");
        server.command(&["LPUSH", &queue, "a"]).expect("LPUSH");
        let other = runtime();
        let pop = Pop::back(queue.clone());
        let mut take = Box::pin(client.take(&pop));
        // What is there already is dropped at once.
        let is_pending = other.block_on(async { futures::poll!(&mut take).is_pending() });
        if is_pending && n % 2 == 0 {
            let is_popped = async || list(&server, &queue).is_empty();
            home.block_on(until("it is popped", is_popped));
        }
        other.shutdown_background();
        drop(take);
        home.block_on(async {
            until("it is put back", async || list(&server, &queue) == ["a"]).await;
            until_no_receipt_is_left(&server).await;
        });
    }
}

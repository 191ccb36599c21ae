//! Pops whose replies are lost, whose connections break and whose servers die: nothing is lost, and
//! nothing is there twice.

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use purse_client::{Client, Command, Error, ErrorKind, Pop};
use purse_testkit::Server;
use support::queue::{blocked, element, elements, pending, pop};
use support::{Proxy, SOON, calls, client, connections, until};

fn push(server: &Server, elements: &[&str]) {
    let push = [&["LPUSH", "queue"], elements].concat();
    server.command(&push).expect("LPUSH");
}

fn texts(server: &Server, command: &[&str]) -> Vec<String> {
    let reply = server.command(command).expect("a reply");
    let items = reply.items().iter();
    items
        .map(|item| item.text().expect("text").to_owned())
        .collect()
}

async fn connect_through(proxy: &Proxy, timeout: Duration) -> Client {
    let client = Client::builder(&proxy.url).command_timeout(timeout);
    client.connect().await.expect("through the proxy")
}

/// Returns the number of steps that the server has run.
fn steps(server: &Server) -> u64 {
    calls(server, "eval") + calls(server, "evalsha")
}

/// The timeout of commands in tests that wait for it.
const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn an_element_whose_reply_was_lost_is_the_one_that_is_delivered() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = connect_through(&proxy, SOON).await;
    for pops_wait in [false, true] {
        push(&server, &["a", "b"]);
        proxy.lose_next_reply();
        let delivery = match pops_wait {
            false => client.take(&pop()).await,
            true => client.take_wait(&pop(), None).await,
        };
        assert!(proxy.has_lost_reply());
        assert_eq!(element(delivery).as_deref(), Some("a"));
        assert_eq!(elements(&server), ["b"]);
        until("nothing is pending", async || pending(&server).is_empty()).await;
        server.command(&["DEL", "queue"]).expect("DEL");
    }
}

#[tokio::test]
async fn where_the_lost_reply_was_none_there_is_none() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = connect_through(&proxy, SOON).await;
    proxy.lose_next_reply();
    assert_eq!(element(client.take(&pop()).await), None);
    assert!(pending(&server).is_empty());
}

#[tokio::test]
async fn requeue_and_dead_letter_with_lost_reply_run_once() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = connect_through(&proxy, SOON).await;
    server.command(&["ZADD", "set", "1.5", "z"]).expect("ZADD");
    push(&server, &["a", "b"]);
    for pop in [pop(), Pop::front("queue"), Pop::lowest("set")] {
        let delivery = client.take(&pop).await.expect("a reply").expect("one");
        proxy.lose_next_reply();
        delivery.requeue().await.expect("back");
        assert!(proxy.has_lost_reply());
        assert_eq!(elements(&server), ["a", "b"], "{pop:?}");
        assert_eq!(
            texts(&server, &["ZRANGE", "set", "0", "-1", "WITHSCORES"]),
            ["z", "1.5"]
        );
    }
    let delivery = client.take(&pop()).await.expect("a reply").expect("one");
    proxy.lose_next_reply();
    delivery
        .dead_letter(Bytes::from("dead"))
        .await
        .expect("moved");
    assert!(proxy.has_lost_reply());
    assert_eq!(texts(&server, &["LRANGE", "dead", "0", "-1"]), ["a"]);
    assert_eq!(elements(&server), ["b"]);
}

#[tokio::test]
async fn a_request_that_arrives_late_takes_nothing() {
    for (before, after) in [(&["a", "b"][..], &["a", "b"][..]), (&[], &[])] {
        let server = Server::start().expect("a server");
        let proxy = Proxy::before(&server).await;
        let client = connect_through(&proxy, SHORT).await;
        // The script is known, so that the request is one.
        client.take(&pop()).await.expect("a reply");
        if !before.is_empty() {
            push(&server, before);
        }
        proxy.hold_next_request();
        let error = client.take(&pop()).await.expect_err("no reply");
        assert!(proxy.holds_one());
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
        assert!(is_honest(&error));
        until("another connection has done the step", async || {
            elements(&server) == before && steps(&server) > 1
        })
        .await;
        let asked = calls(&server, "evalsha");
        proxy.release();
        until("the late one is there", async || {
            calls(&server, "evalsha") > asked
        })
        .await;
        if before.is_empty() {
            push(&server, &["c"]);
            assert_eq!(elements(&server), ["c"]);
        }
        assert_eq!(&elements(&server)[..after.len()], after);
        assert!(pending(&server).is_empty(), "nothing was taken");
    }
}

#[tokio::test]
async fn a_request_that_arrives_after_none_was_answered_takes_nothing() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = connect_through(&proxy, SOON).await;
    client.take(&pop()).await.expect("a reply");
    proxy.hold_next_request_and_hang_up();
    assert_eq!(element(client.take(&pop()).await), None);
    assert!(proxy.holds_one());
    push(&server, &["a"]);
    let asked = calls(&server, "evalsha");
    proxy.release();
    until("the late one is there", async || {
        calls(&server, "evalsha") > asked
    })
    .await;
    assert_eq!(elements(&server), ["a"]);
    assert!(pending(&server).is_empty(), "nothing was taken");
}

/// Returns the number of consumers of the queue that the server knows.
fn consumers(server: &Server) -> usize {
    let names = texts(server, &["KEYS", "*:purse:consumers"]);
    let ids = names.iter().map(|name| texts(server, &["HKEYS", name]));
    ids.map(|ids| ids.len()).sum()
}

#[tokio::test]
async fn late_end_of_a_consumer_does_not_end_it_again() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = connect_through(&proxy, SOON).await;
    push(&server, &["a"]);
    assert_eq!(element(client.take(&pop()).await).as_deref(), Some("a"));
    until("it is acknowledged", async || pending(&server).is_empty()).await;
    // The next request ends the idle consumer.
    proxy.hold_next_request_and_hang_up();
    until("it ends", async || proxy.holds_one()).await;
    let wait = support::queue::spawn_waiting_pop(&server, &client).await;
    let asked = steps(&server);
    proxy.release();
    until("the late one is there", async || steps(&server) > asked).await;
    push(&server, &["b"]);
    let delivery = wait.await.expect("no panic").expect("no failure");
    assert_eq!(consumers(&server), 1, "others find what it holds");
    assert_eq!(element(Ok(delivery)).as_deref(), Some("b"));
}

/// Makes a consumer that has died, with elements in its hands.
fn plant_dead_consumer(server: &Server, id: &str, elements: &[&str]) {
    let key = |name: &str| {
        let key = purse_client::sibling_key(b"queue", name);
        String::from_utf8(key.to_vec()).expect("text")
    };
    let note = ["HSET", &key("consumers"), id, "1 1"];
    server.command(&note).expect("HSET");
    let pending = key(&format!("pending:{id}"));
    let push = [&["RPUSH", &pending], elements].concat();
    server.command(&push).expect("RPUSH");
}

#[tokio::test]
async fn consumer_that_cannot_be_reclaimed_hinders_nobody() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    plant_dead_consumer(&server, "of another version?", &["x"]);
    assert_eq!(element(client.take(&pop()).await), None);
    let wait = support::queue::spawn_waiting_pop(&server, &client).await;
    assert_eq!(element(client.take(&pop()).await), None);
    push(&server, &["a"]);
    assert_eq!(element(wait.await.expect("no panic")).as_deref(), Some("a"));
    until("its element stays", async || pending(&server) == ["x"]).await;
}

#[tokio::test]
async fn full_server_gives_back_what_a_dead_consumer_held() {
    for server in support::servers() {
        let client = client(&server).await;
        plant_dead_consumer(&server, "deadb", &["b", "a"]);
        let fill = ["CONFIG", "SET", "maxmemory", "1"];
        server.command(&fill).expect("CONFIG");
        for expected in ["a", "b"] {
            let taken = element(client.take(&pop()).await);
            assert_eq!(taken.as_deref(), Some(expected));
        }
        assert_eq!(element(client.take(&pop()).await), None);
    }
}

#[tokio::test]
async fn a_wait_outlives_its_connections() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let waiter = client.clone();
    let wait = tokio::spawn(async move { waiter.take_wait(&pop(), None).await });
    for _ in 0..3 {
        until("it waits", async || blocked(&server) > 0).await;
        server
            .command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
            .expect("CLIENT KILL");
    }
    push(&server, &["a", "b"]);
    assert_eq!(element(wait.await.expect("no panic")).as_deref(), Some("a"));
    assert_eq!(elements(&server), ["b"]);
}

#[tokio::test]
async fn hung_server_ends_the_wait_and_takes_nothing() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url()).command_timeout(SHORT);
    let client = client.connect().await.expect("a server that runs");
    for has_waited in [false, true] {
        let waiter = client.clone();
        let wait = async move { waiter.take_wait(&pop(), None).await };
        let wait = if has_waited {
            let wait = tokio::spawn(wait);
            until("it waits", async || blocked(&server) > 0).await;
            server.pause().expect("pause");
            wait
        } else {
            push(&server, &["a"]);
            server.pause().expect("pause");
            tokio::spawn(wait)
        };
        let ended = tokio::time::timeout(SOON, wait).await;
        let error = ended
            .expect("in bounded time")
            .expect("no panic")
            .expect_err("hung");
        assert!(is_honest(&error), "{error:?}");
        server.resume().expect("resume");
        if !has_waited {
            until("it is back, or was never taken", async || {
                elements(&server) == ["a"]
            })
            .await;
            until("and stays", async || pending(&server).is_empty()).await;
            assert_eq!(elements(&server), ["a"]);
            let delivery = client.take(&pop()).await;
            assert_eq!(element(delivery).as_deref(), Some("a"));
        }
    }
}

#[tokio::test]
async fn a_server_that_is_gone_ends_the_wait_and_leaves_no_connection() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url())
        .command_timeout(SHORT)
        .connect_timeout(SHORT)
        .connect_lazy()
        .expect("a URL that can work");
    client
        .run(Command::write("PING").timeout(SOON))
        .await
        .expect("connected");
    server.kill().expect("kill");
    for _ in 0..5 {
        let error = client
            .take_wait(&pop(), None)
            .await
            .expect_err("nobody is there");
        assert!(is_honest(&error), "{error:?}");
    }
    server.restart().expect("restart");
    for command in [Command::read("PING"), Command::write("PING")] {
        client.run(command.timeout(SOON)).await.expect("connected");
    }
    assert_eq!(connections(&server), 1, "the one of the client");
}

/// Returns true if the error says, as it should, that no element was taken.
fn is_honest(error: &Error) -> bool {
    error.is_retryable() && !error.is_ambiguous()
}

/// Returns the number of pops of each kind: 10,000 in all with `PURSE_SOAK`.
fn rounds() -> u32 {
    match std::env::var_os("PURSE_SOAK") {
        Some(_) => 2_500,
        None => 75,
    }
}

/// Elements by how often they are there.
fn count_each(elements: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for element in elements {
        *counted.entry(element).or_default() += 1;
    }
    counted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeatedly_lost_replies_deliver_each_element_once() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = connect_through(&proxy, SOON).await;
    let other = support::client(&server).await;
    let pops = [
        Pop::back("queue"),
        Pop::front("queue"),
        Pop::lowest("set"),
        Pop::highest("set"),
    ];
    let (mut pushed, mut popped) = (Vec::new(), Vec::new());
    for round in 0..4 * rounds() {
        let pop = &pops[round as usize % 4];
        let is_list = round % 4 < 2;
        let name = format!("{round}");
        let push = match is_list {
            true => Command::write("LPUSH").key("queue"),
            false => Command::write("ZADD").key("set").arg("1"),
        };
        other
            .run(push.arg(Bytes::from(name.clone())))
            .await
            .expect("a push");
        pushed.push(name);
        if round % 3 != 0 {
            proxy.lose_next_reply();
        }
        let bound = Duration::from_micros(u64::from(round % 40) * 300);
        let take = async {
            match round / 4 % 2 {
                0 => client.take(pop).await,
                _ => client.take_wait(pop, None).await,
            }
        };
        let outcome = match round % 5 {
            0 => tokio::time::timeout(Duration::from_secs(1), take).await,
            _ => tokio::time::timeout(bound, take).await,
        };
        match outcome {
            Ok(Ok(Some(delivery))) if round % 7 == 0 => delivery.requeue().await.expect("back"),
            Ok(Ok(delivery)) => popped.extend(element(Ok(delivery))),
            Ok(Err(error)) => assert!(is_honest(&error), "{error:?}"),
            Err(_) => {}
        }
    }
    assert!(!popped.is_empty(), "not all cases were met");
    let deadline = Instant::now() + SOON;
    loop {
        let members = texts(&server, &["ZRANGE", "set", "0", "-1"]);
        let all = count_each(
            popped
                .iter()
                .cloned()
                .chain(elements(&server))
                .chain(members),
        );
        let is_settled = pending(&server).is_empty();
        if is_settled && all == count_each(pushed.clone()) {
            return;
        }
        assert!(Instant::now() < deadline, "{is_settled}, {all:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn element_is_requeued_once_server_accepts_writes() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    push(&server, &["a"]);
    let want = |replicas| {
        let set = ["CONFIG", "SET", "min-replicas-to-write", replicas];
        server.command(&set).expect("CONFIG");
    };
    let delivery = client.take(&pop()).await.expect("a reply").expect("one");
    want("1");
    let refused = client
        .run(Command::write("LPUSH").key("queue").arg("b"))
        .await;
    assert_eq!(refused.expect_err("none").code(), Some("NOREPLICAS"));
    // The first use of a script is an EVAL, each later one an EVALSHA.
    let scripts = || calls(&server, "eval") + calls(&server, "evalsha");
    let asked = scripts();
    drop(delivery);
    until("it was tried", async || scripts() > asked).await;
    want("0");
    until("it is back", async || elements(&server) == ["a"]).await;
    assert!(pending(&server).is_empty());
}

#[test]
fn a_wait_ends_with_the_runtime_of_its_client() {
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let server = Server::start().expect("a server");
    let (of_client, of_wait) = (runtime(), runtime());
    let client = of_client.block_on(client(&server));
    let waits = [0, 1].map(|_| {
        let client = client.clone();
        of_wait.spawn(async move { client.take_wait(&pop(), None).await })
    });
    of_wait.block_on(until("they wait", async || blocked(&server) > 0));
    of_client.shutdown_background();
    for wait in waits {
        let ended = of_wait.block_on(async { tokio::time::timeout(SOON, wait).await });
        let outcome = ended.expect("it does not wait for ever").expect("no panic");
        outcome.expect_err("nobody asks the server any more");
    }
    let later = of_wait.block_on(client.take_wait(&pop(), None));
    later.expect_err("nobody asks the server any more");
}

#[tokio::test]
async fn unrepresentable_timeout_is_a_long_one() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url()).command_timeout(Duration::MAX);
    let client = client.connect().await.expect("a server that runs");
    push(&server, &["a", "b"]);
    assert_eq!(element(client.take(&pop()).await).as_deref(), Some("a"));
    let popped = client.take_wait(&pop(), Some(Duration::MAX)).await;
    assert_eq!(element(popped).as_deref(), Some("b"));
    let (_, watch) = client
        .watch(Command::read("LLEN").key("queue").timeout(Duration::MAX))
        .await
        .expect("a reply");
    drop(watch);
    let ping = client.run(Command::write("PING").timeout(Duration::MAX));
    ping.await.expect("a reply");
}

#[tokio::test]
async fn refused_repetition_of_a_lost_step_doubles_nothing() {
    let server = Server::start().expect("a server");
    let rights = |rights: &[&str]| {
        let set = [&["ACL", "SETUSER", "me"], rights].concat();
        server.command(&set).expect("ACL");
    };
    rights(&["on", ">secret", "~queue*", "+@all"]);
    let proxy = Proxy::before(&server).await;
    let url = proxy.url.replace("redis://", "redis://me:secret@");
    let client = Client::connect(&url).await.expect("through the proxy");
    push(&server, &["a", "b"]);
    let pop = pop();
    let first = client.take(&pop).await.expect("a reply").expect("one");
    let second = client.take(&pop).await.expect("a reply").expect("one");
    // The first confirmation is lost, and is refused when it is sent again.
    proxy.hold_next_request_and_hang_up();
    first.ack();
    until("it is held", async || proxy.holds_one()).await;
    rights(&["-eval", "-evalsha"]);
    until("it is denied", async || support::denied(&server) > 0).await;
    // It arrives late, and the next one has more to confirm.
    rights(&["+eval", "+evalsha"]);
    proxy.release();
    second.ack();
    support::queue::until_no_receipt_is_left(&server).await;
    assert!(elements(&server).is_empty(), "{:?}", elements(&server));
}

#[tokio::test]
async fn element_that_a_late_command_has_taken_is_found() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    push(&server, &["a"]);
    let held = client.take(&pop()).await.expect("a reply").expect("one");
    for element in ["b", "a"] {
        // As a blocking command of a connection does that was lost long ago.
        let copy = texts(&server, &["KEYS", "*:purse:pending:*"]);
        server
            .command(&["LPUSH", &copy[0], element])
            .expect("LPUSH");
        push(&server, &["c"]);
        let found = client.take(&pop()).await;
        assert_eq!(self::element(found).as_deref(), Some(element));
        let next = client.take(&pop()).await;
        assert_eq!(self::element(next).as_deref(), Some("c"));
    }
    assert_eq!(client.take(&pop()).await.expect("a reply").map(drop), None);
    held.requeue().await.expect("back");
    assert_eq!(elements(&server), ["a"]);
}

#[tokio::test]
async fn late_requeue_is_not_found() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    push(&server, &["a"]);
    let delivery = client.take(&pop()).await.expect("a reply").expect("one");
    let copy = texts(&server, &["KEYS", "*:purse:pending:*"]);
    server.command(&["DEL", &copy[0]]).expect("DEL");
    let error = delivery.requeue().await.expect_err("the copy is gone");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

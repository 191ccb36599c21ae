//! Against a cluster of two: what fred's router does with redirections.

mod support;

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Client, Command, Delivery, ErrorKind, Pop, Reply, Script};
use purse_testkit::{Cluster, Server};
use support::{SOON, calls, incr, until, waits};

static COUNT: Script = Script::write("COUNT", "return redis.call('INCR', KEYS[1])");

/// Two nodes; the slot of `bar` is on the first one, that of `foo` on the second one.
fn two() -> Cluster {
    let settings = Server::builder().config("cluster-require-full-coverage", "no");
    Cluster::start_with(2, 0, &settings).expect("a cluster")
}

async fn client(cluster: &Cluster) -> Client {
    Client::builder(&cluster.url())
        .command_timeout(Duration::from_secs(1))
        .connect()
        .await
        .expect("a cluster")
}

#[tokio::test]
async fn commands_and_scripts_find_their_node() {
    let cluster = two();
    let client = client(&cluster).await;
    for key in ["foo", "bar", "{bar}foo", ""] {
        client
            .run(Command::write("SET").key(key).arg(1_i64))
            .await
            .expect(key);
        client
            .run(Command::script(&COUNT).key(key))
            .await
            .expect(key);
        let reply = client.run(Command::read("GET").key(key)).await.expect(key);
        assert_eq!(reply.into_int().expect("a number"), 2, "{key}");
    }
    let error = client
        .run(Command::write("RENAME").key("foo").key("bar"))
        .await
        .expect_err("slots");
    assert_eq!(error.kind(), ErrorKind::CrossSlot, "{error}");
}

async fn set(client: &Client, key: &str, value: i64) {
    let set = Command::write("SET").key(key.to_owned()).arg(value);
    client.run(set).await.expect(key);
}

async fn number(client: &Client, command: Command) -> i64 {
    let (name, reply) = (command.name(), client.run(command).await);
    reply.expect(name).into_int().expect("a number")
}

fn of_bar(n: i64) -> String {
    format!("{{bar}}{n}")
}

#[tokio::test]
async fn a_write_follows_its_slot_to_another_node() {
    let cluster = two();
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    for (round, to) in [(1, 1), (2, 0), (3, 1)] {
        for key in ["foo", "bar"] {
            assert_eq!(number(&client, incr(key)).await, round, "{key}");
        }
        let moving = cluster.move_slot(slot, &cluster.nodes()[to]);
        moving.expect("a move").finish().expect("moved");
    }
    let get = Command::read("GET").key("bar");
    assert_eq!(number(&client, get).await, 3);
}

#[tokio::test]
async fn a_slot_on_the_move_is_found_on_either_node() {
    let mut cluster = two();
    cluster.add_node().expect("a third node");
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    // To a node that has connections already, and to one without slots, that has none.
    for (to, new) in [(1, "{bar}a"), (2, "{bar}b")] {
        for n in 0..10 {
            set(&client, &of_bar(n), n).await;
        }
        let moving = cluster.move_slot(slot, &cluster.nodes()[to]);
        let moving = moving.expect("a move");
        assert_eq!(moving.move_keys(5).expect("some keys"), 5);
        for n in 0..10 {
            let incr = Command::write("INCR").key(of_bar(n));
            assert_eq!(number(&client, incr).await, n + 1, "{to} {n}");
            let count = Command::script(&COUNT).key(of_bar(n));
            assert_eq!(number(&client, count).await, n + 2, "{to} {n}");
            let get = Command::read("GET").key(of_bar(n));
            assert_eq!(number(&client, get).await, n + 2, "{to} {n}");
        }
        assert_eq!(number(&client, incr(new)).await, 1);
        moving.finish().expect("moved");
        for n in 0..10 {
            let incr = Command::write("INCR").key(of_bar(n));
            assert_eq!(number(&client, incr).await, n + 3, "{to} {n}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_on_both_nodes_are_waited_for() {
    let cluster = two();
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    for n in 0..2 {
        set(&client, &of_bar(n), n).await;
    }
    let moving = cluster.move_slot(slot, &cluster.nodes()[1]);
    let moving = moving.expect("a move");
    assert_eq!(moving.move_keys(1).expect("a key"), 1);
    let both = Command::write("UNLINK").key(of_bar(0)).key(of_bar(1));
    let error = client
        .run(both.clone().timeout(Duration::from_millis(50)))
        .await
        .expect_err("on two nodes");
    assert!(error.is_retryable(), "{error}");
    let unlink = tokio::spawn(async move { number(&client, both).await });
    moving.finish().expect("moved");
    let unlinked = unlink.await.expect("no panic");
    assert_eq!(unlinked, 2);
}

fn pop() -> Pop {
    Pop::back("bar")
}

fn ack_element(delivery: Option<Delivery>) -> Option<String> {
    let element = String::from_utf8(delivery.as_ref()?.element().to_vec());
    delivery?.ack();
    element.ok()
}

/// Returns a number that has grown by 3 once another pop of the node waits.
fn count_looks(node: &Server) -> u64 {
    // While a slot moves, pops are sent without a script.
    waits(node) + calls(node, "rpop") + calls(node, "lpop")
}

/// Returns the sum of [`count_looks`] of all nodes.
fn count_waits(cluster: &Cluster) -> u64 {
    cluster.nodes().iter().map(count_looks).sum()
}

async fn pop_and_push(cluster: &Cluster, client: &Client, element: &'static str) {
    let (waiter, before) = (client.clone(), count_waits(cluster));
    let wait = tokio::spawn(async move { waiter.take_wait(&pop(), None).await });
    until("the pop waits", async || count_waits(cluster) >= before + 3).await;
    let push = Command::write("LPUSH").key("bar").arg(element);
    client.run(push).await.expect("LPUSH");
    let delivery = wait.await.expect("no panic").expect("no failure");
    assert_eq!(ack_element(delivery).as_deref(), Some(element));
}

#[tokio::test]
async fn pop_waits_on_any_node() {
    let mut cluster = two();
    cluster.add_node().expect("a third node");
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    pop_and_push(&cluster, &client, "before").await;
    for to in [1, 2] {
        let moving = cluster.move_slot(slot, &cluster.nodes()[to]);
        let moving = moving.expect("a move");
        pop_and_push(&cluster, &client, "on the move").await;
        moving.finish().expect("moved");
        pop_and_push(&cluster, &client, "after").await;
    }
}

#[tokio::test]
async fn a_pop_that_waits_follows_its_slot() {
    let cluster = two();
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    let waiter = client.clone();
    let wait = tokio::spawn(async move { waiter.take_wait(&pop(), None).await });
    until("the pop waits", async || count_waits(&cluster) >= 3).await;
    let new = &cluster.nodes()[1];
    let moving = cluster.move_slot(slot, new).expect("a move");
    moving.finish().expect("moved");
    let push = new.command(&["LPUSH", "bar", "x"]).expect("LPUSH");
    assert_eq!(push.int(), Some(1));
    assert!(wait.await.expect("no panic").expect("an element").is_some());
}

#[tokio::test]
async fn while_the_slot_moves_a_pop_gives_and_takes_back() {
    let cluster = two();
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    let push = Command::write("LPUSH")
        .key("bar")
        .arg("a")
        .arg("b")
        .arg("c")
        .arg("d");
    client.run(push).await.expect("LPUSH");
    let check = async |element: &str| {
        let delivery = client.take(&pop()).await.expect("a reply").expect("one");
        delivery.requeue().await.expect("back");
        drop(client.take(&pop()).await.expect("a reply"));
        until("it is back", async || {
            let last = Command::read("LINDEX").key("bar").arg(-1_i64);
            let last = client.run(last).await.expect("LINDEX");
            last.non_nil().is_some_and(|last| {
                last.into_bytes()
                    .is_ok_and(|last| *last == *element.as_bytes())
            })
        })
        .await;
        let delivery = client.take(&pop()).await.expect("a reply");
        assert_eq!(ack_element(delivery).as_deref(), Some(element));
    };
    let moving = cluster
        .move_slot(slot, &cluster.nodes()[1])
        .expect("a move");
    check("a").await;
    assert_eq!(moving.move_keys(1).expect("the list"), 1);
    check("b").await;
    // A receipt from before the move stays with its element wherever each of them is.
    moving.finish().expect("moved");
    let delivery = client.take(&pop()).await.expect("a reply").expect("one");
    let moving = cluster
        .move_slot(slot, &cluster.nodes()[0])
        .expect("a move");
    drop(delivery);
    moving.finish().expect("moved");
    until("it is back", async || {
        let length = client.run(Command::read("LLEN").key("bar")).await;
        length
            .expect("LLEN")
            .into_int()
            .is_ok_and(|length| length == 2)
    })
    .await;
    check("c").await;
    check("d").await;
}

#[tokio::test]
async fn element_dropped_after_its_slot_moved_is_put_back() {
    let cluster = two();
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    let push = Command::write("LPUSH").key("bar").arg("a").arg("b");
    client.run(push).await.expect("LPUSH");
    let moving = cluster
        .move_slot(slot, &cluster.nodes()[1])
        .expect("a move");
    let delivery = client.take(&pop()).await.expect("a reply").expect("one");
    assert_eq!(delivery.element(), "a", "it is in no pending list");
    moving.finish().expect("moved");
    drop(delivery);
    until("it is back", async || {
        let length = client.run(Command::read("LLEN").key("bar")).await;
        length.expect("LLEN").into_int().ok() == Some(2)
    })
    .await;
    for expected in ["a", "b"] {
        let delivery = client.take(&pop()).await.expect("a reply");
        assert_eq!(ack_element(delivery).as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn odd_keys_have_receipts_in_their_slots() {
    let cluster = two();
    let client = Client::builder(&cluster.url()).command_timeout(SOON);
    let client = client.connect().await.expect("a cluster");
    for key in [
        "jobs",
        "{tag}jobs",
        "a{b",
        "a{",
        "}",
        "a}b",
        "{}",
        "{}{a}",
        "",
        "{{a}}",
        "é{}b",
    ] {
        let push = Command::write("LPUSH").key(key).arg("a").arg("b");
        client.run(push).await.expect("LPUSH");
        let take = async || client.take(&Pop::back(key)).await.expect(key).expect("one");
        take().await.requeue().await.expect("back");
        take().await.ack();
        let delivery = client
            .take_wait(&Pop::back(key), None)
            .await
            .expect("a reply");
        assert_eq!(ack_element(delivery).as_deref(), Some("b"), "{key}");
        let dead = Bytes::from(format!("{key}:dead"));
        let push = Command::write("LPUSH").key(key).arg("c");
        client.run(push).await.expect("LPUSH");
        take().await.dead_letter(dead.clone()).await.expect("moved");
        let letters = client.run(Command::write("DEL").key(dead)).await;
        assert_eq!(letters.expect("DEL").into_int().ok(), Some(1));
    }
    until("nothing is left", async || {
        let sizes = cluster.nodes().iter().map(|node| node.command(&["DBSIZE"]));
        sizes
            .into_iter()
            .all(|size| size.expect("DBSIZE").int() == Some(0))
    })
    .await;
}

#[tokio::test]
async fn an_atomic_batch_follows_its_slot() {
    let cluster = two();
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    let twice = async |expected: i64| {
        let mut batch = client.batch().atomic();
        let incr = || client.op(incr("bar"), Reply::into_int);
        let (one, two) = (batch.add(incr()), batch.add(incr()));
        batch.send().await.expect("a batch");
        assert_eq!(one.take().expect("INCR"), expected - 1);
        assert_eq!(two.take().expect("INCR"), expected);
    };
    twice(2).await;
    let moving = cluster.move_slot(slot, &cluster.nodes()[1]);
    let moving = moving.expect("a move");
    moving.move_keys(1).expect("the key");
    twice(4).await;
    moving.finish().expect("moved");
    twice(6).await;
}

#[tokio::test]
async fn a_batch_follows_its_slots_in_order() {
    let cluster = two();
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    let mut lengths = 0;
    let mut push = async || {
        let mut batch = client.batch();
        let pushes: Vec<_> = (0..20)
            .flat_map(|_| ["bar", "foo"])
            .map(|key| {
                let push = Command::write("RPUSH").key(key).arg("x");
                batch.add(client.op(push, Reply::into_count))
            })
            .collect();
        batch.send().await.expect("a batch");
        for (n, push) in pushes.into_iter().enumerate() {
            let length = push.take().expect("RPUSH");
            assert_eq!(length, lengths + n as u64 / 2 + 1);
        }
        lengths += 20;
    };
    push().await;
    let moving = cluster.move_slot(slot, &cluster.nodes()[1]);
    let moving = moving.expect("a move");
    push().await;
    moving.move_keys(1).expect("the key");
    push().await;
    moving.finish().expect("moved");
    push().await;
}

#[tokio::test]
async fn a_batch_runs_nothing_after_what_came_later_in_its_slot() {
    let cluster = two();
    let client = client(&cluster).await;
    set(&client, &of_bar(0), 0).await;
    let slot = cluster.slot("bar").expect("a slot");
    let moving = cluster.move_slot(slot, &cluster.nodes()[1]);
    let moving = moving.expect("a move");
    // One is where the slot was, the other is looked for where it goes.
    for (first, last, in_order) in [(0, 1, true), (2, 0, false)] {
        let mut batch = client.batch();
        let [first, last] = [first, last].map(|n| {
            let incr = Command::write("INCR").key(of_bar(n));
            batch.add(client.op(incr, Reply::into_int))
        });
        batch.send().await.expect("a batch");
        last.take().expect("INCR");
        match (first.take(), in_order) {
            (Ok(_), true) => {}
            (Err(error), false) => assert_eq!(error.kind(), ErrorKind::NotSent, "{error}"),
            (other, _) => panic!("{other:?}"),
        }
    }
    moving.finish().expect("moved");
    let exists = Command::read("EXISTS").key(of_bar(2));
    assert_eq!(number(&client, exists).await, 0);
}

#[tokio::test]
async fn silent_node_costs_no_more_than_the_timeout() {
    let cluster = two();
    let client = Client::builder(&cluster.url())
        .command_timeout(Duration::from_millis(500))
        .connect_timeout(Duration::from_secs(60))
        .connect()
        .await
        .expect("a cluster");
    let slot = cluster.slot("bar").expect("a slot");
    let moving = cluster.move_slot(slot, &cluster.nodes()[1]);
    let _moving = moving.expect("a move");
    cluster.nodes()[1].pause().expect("paused");
    let waited = tokio::time::timeout(Duration::from_secs(30), client.run(incr("bar"))).await;
    cluster.nodes()[1].resume().expect("resumed");
    let error = waited.expect("in its time").expect_err("elsewhere");
    // It was sent to a node that hangs, which may run it later.
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error:?}");
}

#[tokio::test]
async fn redirections_do_not_affect_other_replies() {
    let cluster = two();
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    let of_foo = |n| format!("{{foo}}{n}");
    for n in 0..20 {
        set(&client, &of_foo(n), 100 + n).await;
        set(&client, &of_bar(n), 200 + n).await;
    }
    let moving = cluster.move_slot(slot, &cluster.nodes()[1]);
    let moving = moving.expect("a move");
    moving.move_keys(20).expect("all keys");
    for _ in 0..10 {
        let reads = (0..20).flat_map(|n| [(of_foo(n), 100 + n), (of_bar(n), 200 + n)]);
        let reads = reads.map(async |(key, expected)| {
            let get = Command::read("GET").key(key.clone());
            assert_eq!(number(&client, get).await, expected, "{key}");
        });
        futures::future::join_all(reads).await;
    }
    moving.undo().expect("moved back");
}

#[tokio::test]
async fn a_value_that_looks_like_a_redirection_is_a_value() {
    let cluster = two();
    let client = client(&cluster).await;
    for value in [
        "MOVED 5061 127.0.0.1:1",
        "ASK 5061 127.0.0.1:1",
        "MOVED",
        "CLUSTERDOWN x",
    ] {
        let value = Bytes::from(value);
        let set = Command::write("HSET")
            .key("bar")
            .arg(Bytes::from("f"))
            .arg(value.clone());
        client.run(set).await.expect("HSET");
        let get = client
            .run(Command::read("HGET").key("bar").arg(Bytes::from("f")))
            .await;
        assert_eq!(get.expect("HGET").into_bytes().expect("bytes"), value);

        let set = Command::write("SET").key("{bar}s").arg(value.clone());
        client.run(set).await.expect("SET");
        for length in [1, 2, 3, 6] {
            let fields = vec![Bytes::from("f"); length];
            let keys = std::iter::repeat_n("{bar}s", length);
            for command in [
                Command::read("HMGET").key("bar").args(fields),
                keys.fold(Command::read("MGET"), Command::key),
            ] {
                let name = command.name();
                let reply = client.run(command).await.expect(name);
                let reply = reply.into_list().expect("a list").into_iter();
                let reply: Vec<_> = reply.map(|item| item.into_bytes().expect(name)).collect();
                assert_eq!(reply, vec![value.clone(); length], "{name}");
            }
        }

        let key = "{bar}list";
        client
            .run(Command::write("RPUSH").key(key).arg(value.clone()))
            .await
            .expect("RPUSH");
        let first = client
            .run(Command::read("LINDEX").key(key).arg(0_i64))
            .await;
        assert_eq!(first.expect("LINDEX").into_bytes().expect("bytes"), value);
        let popped = client.run(Command::write("LPOP").key(key)).await;
        assert_eq!(popped.expect("LPOP").into_bytes().expect("bytes"), value);
    }
}

#[tokio::test]
async fn write_beside_a_down_slot_runs_or_is_ambiguous() {
    let cluster = two();
    let client = client(&cluster).await;
    for node in cluster.nodes() {
        let reply = node.command(&["CLUSTER", "DELSLOTS", "12182"]);
        assert_eq!(reply.expect("DELSLOTS").text(), Some("OK"));
    }
    let (down, one, two) = tokio::join!(
        client.run(incr("foo")),
        client.run(incr("bar")),
        client.run(incr("bar"))
    );
    assert!(down.is_err());
    for result in [one, two] {
        if let Err(error) = result {
            assert!(error.is_ambiguous() && !error.is_retryable(), "{error:?}");
        }
    }
}

#[tokio::test]
async fn paused_node_is_replaced_by_its_replica() {
    let cluster = Cluster::start(3, 1).expect("a cluster");
    let client = Client::builder(&cluster.url())
        .command_timeout(Duration::from_millis(200))
        // So long fred may try the one that stands still, before it asks another one.
        .connect_timeout(Duration::from_secs(1))
        .connect()
        .await
        .expect("a cluster");
    for key in ["foo", "bar"] {
        assert_eq!(number(&client, incr(key)).await, 1, "{key}");
    }
    let others = client.clone();
    let busy = tokio::spawn(async move {
        loop {
            for command in [incr("foo"), Command::read("GET").key("foo")] {
                // What they are answered is not the question.
                let _ = others.run(command).await;
            }
        }
    });
    let old = cluster.primary_of("bar").expect("a primary");
    old.pause().expect("paused");
    cluster.fail_over(old).expect("a failover");
    for command in [incr("bar"), Command::read("GET").key("bar")] {
        until("the replica answers", async || {
            client.run(command.clone()).await.is_ok()
        })
        .await;
    }
    busy.abort();
    old.resume().expect("resumed");
}

//! What pops give, note, put back and refuse.

mod support;

use bytes::Bytes;
use purse_client::{Command, ErrorKind, Pop};
use purse_testkit::Server;
use support::queue::{
    element, elements, keys, list, pending, pop, push, text, until_no_receipt_is_left,
};
use support::{calls, client, connect_restricted, connections, servers, until};

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
        let delivery = client.take(&pop).await.expect("a reply").expect("one");
        assert_eq!(text(&delivery.element()), element, "{pop:?}");
        assert_eq!(delivery.score(), score.map(Bytes::from), "{pop:?}");
        // It goes back to where it was, with its score, and comes again.
        delivery.requeue().await.expect("put back");
        let delivery = client
            .take_wait(&pop, None)
            .await
            .expect("a reply")
            .expect("one");
        assert_eq!(text(&delivery.element()), element, "{pop:?}");
        assert_eq!(delivery.score(), score.map(Bytes::from), "{pop:?}");
        delivery.ack();
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
async fn element_is_pending_until_it_is_acknowledged_or_back() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    push(&server, "a b");
    let take = async || client.take(&pop()).await.expect("a reply").expect("one");
    let delivery = take().await;
    assert_eq!(pending(&server), ["a b"]);
    drop(delivery);
    until("it is back", async || elements(&server) == ["a b"]).await;
    assert!(pending(&server).is_empty());
    let delivery = take().await;
    assert_eq!(pending(&server), ["a b"]);
    delivery.ack();
    until_no_receipt_is_left(&server).await;
    assert!(elements(&server).is_empty());
}

#[tokio::test]
async fn an_element_is_moved_to_another_list_or_stays_in_hand() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    push(&server, "a");
    let take = async || client.take(&pop()).await.expect("a reply").expect("one");
    take()
        .await
        .dead_letter(Bytes::from("dead"))
        .await
        .expect("moved");
    assert_eq!(list(&server, "dead"), ["a"]);
    until_no_receipt_is_left(&server).await;

    push(&server, "b");
    server.command(&["SET", "text", "x"]).expect("SET");
    let (error, delivery) = take()
        .await
        .dead_letter(Bytes::from("text"))
        .await
        .expect_err("no list");
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    delivery
        .expect("it was not moved")
        .requeue()
        .await
        .expect("back");
    assert_eq!(elements(&server), ["b"]);
    until_no_receipt_is_left(&server).await;
}

#[tokio::test]
async fn permanent_requeue_failure_is_not_retried() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    push(&server, "a");
    push(&server, "b");
    let take = async || client.take(&pop()).await.expect("a reply").expect("one");
    let (first, second) = (take().await, take().await);
    server
        .command(&["SET", "queue", "another type"])
        .expect("SET");
    let error = first.requeue().await.expect_err("no list");
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    drop(second);
    drop(client);
    until("no connection is left", async || connections(&server) == 0).await;
    assert_eq!(pending(&server), ["a", "b"], "they are not lost");
}

#[tokio::test]
async fn pop_without_a_right_takes_nothing() {
    for server in servers() {
        push(&server, "a");
        server.command(&["ZADD", "set", "1.5", "b"]).expect("ZADD");
        let (list, set) = (pop(), Pop::lowest("set"));
        let both = [&list, &set];
        let rights: [(&str, &[&Pop]); 10] = [
            ("hset", &both),
            ("persist", &both),
            ("hget", &both),
            ("lrem", &both),
            ("lpos", &both),
            ("lrange", &both),
            ("rpush", &both[..1]),
            ("lpush", &both[1..]),
            ("zadd", &both[1..]),
            ("zrem", &both[1..]),
        ];
        for (right, pops) in rights {
            let rules = format!("~queue* ~set* +@all -{right}");
            let client = connect_restricted(&server, &rules).await;
            for pop in pops {
                let error = client.take(pop).await.expect_err(right);
                assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
            }
            assert_eq!(elements(&server), ["a"]);
            let score = server.command(&["ZSCORE", "set", "b"]).expect("ZSCORE");
            assert_eq!(score.text(), Some("1.5"));
            let allow = ["ACL", "SETUSER", "me", &format!("+{right}")];
            server.command(&allow).expect("ACL");
            assert_eq!(element(client.take(&pop()).await).as_deref(), Some("a"));
            push(&server, "a");
            client.close().await;
        }
    }
}

#[tokio::test]
async fn a_server_that_is_out_of_memory_gives_and_takes_back() {
    for server in servers() {
        let client = client(&server).await;
        push(&server, "a");
        server
            .command(&["CONFIG", "SET", "maxmemory", "1"])
            .expect("CONFIG");
        let refused = client
            .run(Command::write("LPUSH").key("queue").arg("b"))
            .await;
        assert_eq!(refused.expect_err("full").code(), Some("OOM"));
        let delivery = client.take(&pop()).await.expect("a reply").expect("one");
        delivery.requeue().await.expect("back");
        assert_eq!(elements(&server), ["a"]);
        assert_eq!(element(client.take(&pop()).await).as_deref(), Some("a"));
        until("nothing is left", async || keys(&server) == 0).await;
    }
}

/// Polls `future` up to `polls` times, letting other tasks run in between; `None` if it is not

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
async fn many_pops_share_steps() {
    const POPS: usize = 500;
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for n in 0..POPS {
        push(&server, &n.to_string());
    }
    let pop = pop();
    let takes = (0..POPS).map(|_| client.take(&pop));
    let mut deliveries: Vec<_> = futures::future::join_all(takes).await;
    for delivery in deliveries.drain(..) {
        assert!(element(delivery).is_some());
    }
    until_no_receipt_is_left(&server).await;
    let steps = calls(&server, "evalsha") + calls(&server, "eval");
    assert!((1..50).contains(&steps), "{steps} for {POPS} elements");
    client.close().await;
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn tokens_of_a_sorted_set_expire() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let add = Command::write("ZADD").key("set").arg("1").arg("a");
    client.run(add.arg("2").arg("b")).await.expect("ZADD");
    let pop = Pop::lowest("set");
    let delivery = client.take_wait(&pop, None).await.expect("a reply");
    delivery.expect("one").ack();
    let tokens = server
        .command(&["KEYS", "set*:purse:wake:*"])
        .expect("KEYS");
    let token = tokens.items().first().expect("it left an element");
    let ttl = ["PTTL", token.text().expect("a name")];
    let ttl = server.command(&ttl).expect("PTTL").int().expect("a number");
    assert!((1..=5_000).contains(&ttl), "{ttl} ms");
}

#[tokio::test]
async fn last_element_that_goes_back_keeps_the_time_to_live() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let ttl = |key: &str| {
        let ttl = server.command(&["PTTL", key]).expect("PTTL");
        ttl.int().expect("a number")
    };
    server.command(&["RPUSH", "list", "a"]).expect("RPUSH");
    server.command(&["ZADD", "set", "1", "a"]).expect("ZADD");
    for (key, pop) in [
        ("list", Pop::front("list")),
        ("list", Pop::back("list")),
        ("set", Pop::lowest("set")),
    ] {
        server
            .command(&["PEXPIRE", key, "600000"])
            .expect("PEXPIRE");
        let take = async || client.take(&pop).await.expect("a reply").expect("one");
        take().await.requeue().await.expect("put back");
        assert!(
            (300_000..=600_000).contains(&ttl(key)),
            "{pop:?}: {}",
            ttl(key)
        );
        drop(take().await);
        until("it is back", async || ttl(key) != -2).await;
        assert!(
            (300_000..=600_000).contains(&ttl(key)),
            "{pop:?}: {}",
            ttl(key)
        );
        // A key without a time to live has none afterwards.
        server.command(&["PERSIST", key]).expect("PERSIST");
        take().await.requeue().await.expect("put back");
        assert_eq!(ttl(key), -1, "{pop:?}");
    }
}

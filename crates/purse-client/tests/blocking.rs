//! Blocking pops: nothing is lost, whoever stops waiting and whenever.

mod support;

use std::future::Future;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use purse_client::{BlockingPop, Client, Command, ErrorKind, Reply, Result};
use purse_testkit::{Release, Server};
use support::{Proxy, SOON, calls, client, connections, until};
use tokio::task::JoinHandle;

fn pop() -> BlockingPop {
    BlockingPop::new(Command::write("BRPOP").key("queue"), |reply| {
        let [key, element] = reply.clone().into_array()?;
        Ok(Command::write("RPUSH")
            .key(key.into_bytes()?)
            .arg(element.into_bytes()?))
    })
}

fn element(reply: Result<Option<Reply>>) -> Option<String> {
    let [_, element] = reply
        .expect("no failure")?
        .into_array()
        .expect("key and element");
    Some(String::from_utf8(element.into_bytes().expect("bytes").to_vec()).expect("text"))
}

fn push(server: &Server, element: &str) {
    server.command(&["LPUSH", "queue", element]).expect("LPUSH");
}

fn left(server: &Server) -> Vec<String> {
    let queue = server
        .command(&["LRANGE", "queue", "0", "-1"])
        .expect("LRANGE");
    queue
        .items()
        .iter()
        .rev()
        .map(|item| item.text().expect("text").to_owned())
        .collect()
}

fn blocked(server: &Server) -> bool {
    let info = server.command(&["INFO", "clients"]).expect("INFO");
    !info.text().expect("text").contains("blocked_clients:0\r\n")
}

/// A task whose pop waits on the server.
async fn waiting(server: &Server, client: &Client) -> JoinHandle<Result<Option<Reply>>> {
    let client = client.clone();
    let wait = tokio::spawn(async move { client.pop_blocking(pop(), None).await });
    until("the pop waits on the server", async || blocked(server)).await;
    wait
}

#[tokio::test]
async fn an_element_that_is_there_or_comes_is_popped() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    push(&server, "a");
    assert_eq!(
        element(client.pop_blocking(pop(), None).await).as_deref(),
        Some("a")
    );
    let waiting = waiting(&server, &client).await;
    push(&server, "b");
    assert_eq!(
        element(waiting.await.expect("no panic")).as_deref(),
        Some("b")
    );
}

#[tokio::test]
async fn the_end_of_the_wait_is_none_and_no_error() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    // Longer than the wait of one command, so that several follow each other.
    for wait in [
        Duration::ZERO,
        Duration::from_millis(30),
        Duration::from_millis(2_200),
    ] {
        let started = Instant::now();
        assert!(
            client
                .pop_blocking(pop(), Some(wait))
                .await
                .expect("no failure")
                .is_none()
        );
        let took = started.elapsed();
        assert!(
            took >= wait && took < wait + Duration::from_secs(2),
            "{wait:?} took {took:?}"
        );
    }
}

#[tokio::test]
async fn other_commands_go_on_while_many_pops_wait() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.pop_blocking(pop(), None).await })
        })
        .collect();
    until("all wait", async || {
        let info = server.command(&["INFO", "clients"]).expect("INFO");
        info.text()
            .expect("text")
            .contains("blocked_clients:20\r\n")
    })
    .await;
    let started = Instant::now();
    client
        .run(Command::write("SET").key("k").arg("v"))
        .await
        .expect("SET");
    client
        .run(Command::read("GET").key("k"))
        .await
        .expect("GET");
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "took {:?}",
        started.elapsed()
    );
    for n in 0..20 {
        push(&server, &n.to_string());
    }
    let mut popped = Vec::new();
    for pop in waiting {
        popped.push(element(pop.await.expect("no panic")).expect("an element"));
    }
    popped.sort_by_key(|n| n.parse::<u32>().expect("a number"));
    assert_eq!(popped, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_shortest_wait_looks_once_and_no_wait_is_for_ever() {
    for release in [Release::Valkey9_1, Release::Redis6_2_5] {
        let server = Server::builder()
            .release(release)
            .start()
            .expect("a server");
        let client = client(&server).await;
        for wait in [0, 1, 900_000, 1_000_000, 1_999_999].map(Duration::from_nanos) {
            push(&server, "a");
            let popped = element(client.pop_blocking(pop(), Some(wait)).await);
            assert_eq!(popped.as_deref(), Some("a"), "{wait:?}");
            let started = Instant::now();
            let none = client
                .pop_blocking(pop(), Some(wait))
                .await
                .expect("no failure");
            assert!(none.is_none(), "{wait:?}");
            assert!(started.elapsed() < Duration::from_secs(1), "{wait:?}");
        }
        push(&server, "a");
        let popped = client.pop_blocking(pop(), Some(Duration::MAX)).await;
        assert_eq!(element(popped).as_deref(), Some("a"));
    }
}

#[tokio::test]
async fn a_reply_that_fred_would_drop_is_refused_before_it_is_asked_for() {
    let server = Server::start().expect("a server");
    server
        .command(&["ZADD", "message", "1", "a"])
        .expect("ZADD");
    let client = client(&server).await;
    let pop = BlockingPop::new(Command::write("BZPOPMIN").key("message"), |_| {
        Ok(Command::read("PING"))
    });
    let error = client.pop_blocking(pop, None).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let left = server.command(&["ZCARD", "message"]).expect("ZCARD");
    assert_eq!(left.int(), Some(1));
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
    let mut popped = Vec::new();
    let rounds = 300;
    for round in 0..rounds {
        let pusher = tokio::task::spawn_blocking({
            let port = server.port();
            move || (port, round)
        });
        let wait = client.pop_blocking(pop(), None);
        let (reply, _) = tokio::join!(poll_and_drop(wait, round % 30), async {
            let (_, round) = pusher.await.expect("no panic");
            push(&server, &round.to_string());
        });
        popped.extend(reply.and_then(element));
    }
    client.close().await;
    let mut all = left(&server);
    all.extend(popped);
    all.sort_by_key(|n| n.parse::<u32>().expect("a number"));
    assert_eq!(all, (0..rounds).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_dropped_wait_ends_on_the_server_and_its_connection_is_used_again() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for _ in 0..5 {
        let wait = tokio::spawn({
            let client = client.clone();
            async move { client.pop_blocking(pop(), None).await }
        });
        until("the pop waits on the server", async || blocked(&server)).await;
        wait.abort();
        until("nothing waits there any more", async || !blocked(&server)).await;
    }
    assert_eq!(
        connections(&server),
        3,
        "one for reads, one for writes, one for pops"
    );
}

#[tokio::test]
async fn an_element_that_comes_between_the_drop_and_the_end_of_the_wait_is_put_back() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let wait = waiting(&server, &client).await;
    let mut pusher = std::net::TcpStream::connect(("127.0.0.1", server.port())).expect("a socket");
    // The server knows the socket, and will read from it before it accepts or reads what is newer.
    pusher.write_all(b"PING\r\n").expect("written");
    pusher.read_exact(&mut [0; 7]).expect("PONG");
    server.pause().expect("pause");
    pusher.write_all(b"LPUSH queue a\r\n").expect("written");
    wait.abort();
    assert!(wait.await.expect_err("aborted").is_cancelled());
    server.resume().expect("resume");
    until("the element is put back", async || {
        left(&server) == ["a"] && calls(&server, "rpush") == 1
    })
    .await;
}

#[tokio::test]
async fn an_element_that_nobody_took_before_the_close_is_put_back() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    {
        let wait = client.pop_blocking(pop(), None);
        tokio::pin!(wait);
        assert!(futures::poll!(&mut wait).is_pending());
        until("the pop waits on the server", async || blocked(&server)).await;
        push(&server, "a");
        until("it is popped", async || left(&server).is_empty()).await;
        client.close().await;
    }
    until("it is put back", async || left(&server) == ["a"]).await;
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn an_element_that_can_never_be_put_back_is_not_tried_for_ever() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    {
        let wait = client.pop_blocking(pop(), None);
        tokio::pin!(wait);
        assert!(futures::poll!(&mut wait).is_pending());
        until("the pop waits on the server", async || blocked(&server)).await;
        push(&server, "a");
        until("it is popped", async || left(&server).is_empty()).await;
        server
            .command(&["SET", "queue", "another type"])
            .expect("SET");
    }
    drop(client);
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn a_wait_that_is_cancelled_while_it_connects_leaves_no_connection() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for micros in 0..60 {
        let wait = client.pop_blocking(pop(), None);
        let bound = Duration::from_micros(100 * micros);
        assert!(tokio::time::timeout(bound, wait).await.is_err());
    }
    client.close().await;
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn a_wait_that_cannot_connect_leaves_no_connection_for_later() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url())
        .connect_timeout(Duration::from_millis(200))
        .connect_lazy()
        .expect("a URL that can work");
    client.run(Command::write("PING")).await.expect("connected");
    server.kill().expect("kill");
    for _ in 0..5 {
        let error = client
            .pop_blocking(pop(), None)
            .await
            .expect_err("nobody is there");
        assert!(
            matches!(error.kind(), ErrorKind::NotSent | ErrorKind::Timeout),
            "{error:?}"
        );
    }
    server.restart().expect("restart");
    until("connected", async || {
        client.run(Command::read("PING")).await.is_ok()
    })
    .await;
    client.run(Command::write("PING")).await.expect("connected");
    assert_eq!(connections(&server), 2, "one for reads and one for writes");
}

#[tokio::test]
async fn a_lease_whose_connection_broke_is_not_used_again() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let none = client
        .pop_blocking(pop(), Some(Duration::from_millis(1)))
        .await;
    assert!(none.expect("no failure").is_none());
    server
        .command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
        .expect("CLIENT KILL");
    until("connected", async || {
        client.run(Command::write("PING")).await.is_ok()
    })
    .await;
    let before = calls(&server, "client|unblock");
    let wait = waiting(&server, &client).await;
    wait.abort();
    until("nothing waits there any more", async || !blocked(&server)).await;
    let unblocks = calls(&server, "client|unblock") - before;
    assert!(
        unblocks <= 5,
        "{unblocks}: they went to a connection that is no more"
    );
}

#[tokio::test]
async fn a_closed_client_pops_nothing() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    client.close().await;
    push(&server, "a");
    let error = client.pop_blocking(pop(), None).await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
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
async fn a_killed_connection_is_ambiguous_and_pops_nothing_in_secret() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let wait = waiting(&server, &client).await;
    server
        .command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
        .expect("CLIENT KILL");
    let error = wait
        .await
        .expect("no panic")
        .expect_err("the connection broke");
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    push(&server, "a");
    push(&server, "b");
    until("connected", async || {
        client.run(Command::write("PING")).await.is_ok()
    })
    .await;
    assert_eq!(left(&server), ["a", "b"], "nobody waits, so nobody pops");
    assert_eq!(
        element(client.pop_blocking(pop(), None).await).as_deref(),
        Some("a")
    );
}

#[tokio::test]
async fn a_lost_reply_is_ambiguous_and_the_next_element_is_not_taken_for_it() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = Client::connect(&proxy.url)
        .await
        .expect("through the proxy");
    let wait = waiting(&server, &client).await;
    proxy.lose_next_reply();
    server
        .command(&["LPUSH", "queue", "a", "b"])
        .expect("LPUSH");
    let error = wait
        .await
        .expect("no panic")
        .expect_err("the reply was lost");
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    assert_eq!(left(&server), ["b"]);
}

#[tokio::test]
async fn a_hung_server_ends_the_wait_in_bounded_time() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let wait = waiting(&server, &client).await;
    server.pause().expect("pause");
    let ended = tokio::time::timeout(SOON, wait)
        .await
        .expect("in bounded time");
    assert_eq!(
        ended.expect("no panic").expect_err("hung").kind(),
        ErrorKind::Ambiguous
    );
    server.resume().expect("resume");
}

#[tokio::test]
async fn a_key_of_another_type_is_refused() {
    let server = Server::start().expect("a server");
    server.command(&["SET", "queue", "text"]).expect("SET");
    let error = client(&server)
        .await
        .pop_blocking(pop(), None)
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
}

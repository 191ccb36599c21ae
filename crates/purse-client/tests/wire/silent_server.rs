//! Servers that answer late, or not at all: deadlines are kept, and replies reach their callers.

use std::time::{Duration, Instant};

use futures::future::join_all;
use purse_client::{Client, Command, ErrorKind, Reply};
use purse_testkit::Server;

use crate::support::{calls, get, incr, until};
use crate::wire::{Wire, text};

const TIMEOUT: Duration = Duration::from_millis(300);
/// A command may return this much later on a loaded machine.
const TOLERANCE: Duration = Duration::from_secs(2);

const LATE: u64 = 32;

/// Asks for a value that no other call asks for, and checks that no other value comes.
async fn echo(client: &Client, value: String) -> Option<ErrorKind> {
    let started = Instant::now();
    let echo = Command::read("ECHO").arg(bytes::Bytes::from(value.clone()));
    let result = client.run(echo).await;
    assert!(
        started.elapsed() < TIMEOUT + TOLERANCE,
        "{:?}",
        started.elapsed()
    );
    match result {
        Ok(reply) => {
            assert_eq!(text(reply), value);
            None
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
            Some(error.kind())
        }
    }
}

async fn number_of_connection(client: &Client) -> Option<i64> {
    let reply = client.run(Command::read("CLIENT").arg("ID")).await;
    reply.ok()?.into_int().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_replies_reach_no_other_caller() {
    let wire = Wire::start_with(TIMEOUT).await;
    for round in 0..4 {
        // The replies arrive when their callers have given up, and others wait for theirs.
        let answered = calls(&wire.server, "echo");
        wire.proxy
            .delay_replies(TIMEOUT + Duration::from_millis(100));
        let late = (0..LATE).map(|n| echo(&wire.client, format!("late {round} {n}")));
        let late = join_all(late);
        let (late, ()) = tokio::join!(late, async {
            until("the server has answered the late ones", async || {
                calls(&wire.server, "echo") >= answered + LATE
            })
            .await;
            wire.proxy.delay_replies(Duration::ZERO);
            for n in 0..50 {
                echo(&wire.client, format!("next {round} {n}")).await;
            }
        });
        drop(late);
        until("replies are in time again", async || {
            echo(&wire.client, format!("last {round}")).await.is_none()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_server_that_answers_keeps_its_connection() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url()).command_timeout(TIMEOUT);
    let client = client.connect().await.expect("a client");
    let before = number_of_connection(&client).await.expect("a number");
    // The server sleeps for longer than the timeout, and then answers, again and again.
    for round in 0..3 {
        let sleep = Command::write("DEBUG").arg("SLEEP").arg("0.5");
        let (sleep, echoes) = tokio::join!(
            client.run(sleep),
            join_all((0..8).map(|n| echo(&client, format!("{round} {n}"))))
        );
        assert_eq!(sleep.expect_err("slow").kind(), ErrorKind::Ambiguous);
        assert!(echoes.iter().all(Option::is_some));
        until("the server answers", async || {
            echo(&client, format!("after {round}")).await.is_none()
        })
        .await;
    }
    assert_eq!(number_of_connection(&client).await, Some(before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_server_is_given_up_after_three_timeouts() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url()).command_timeout(TIMEOUT);
    let client = client.connect().await.expect("a client");
    for (timeouts, is_given_up) in [(1, false), (2, false), (3, true)] {
        until("connected", async || {
            number_of_connection(&client).await.is_some()
        })
        .await;
        let before = number_of_connection(&client).await.expect("a number");
        server.pause().expect("pause");
        for _ in 0..timeouts {
            let started = Instant::now();
            let error = client.run(incr("n")).await.expect_err("stopped");
            assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
            assert!((TIMEOUT..TIMEOUT + TOLERANCE).contains(&started.elapsed()));
        }
        if is_given_up {
            until("the connection was given up", async || {
                !client.is_connected()
            })
            .await;
        }
        assert_eq!(client.is_connected(), !is_given_up, "after {timeouts}");
        server.resume().expect("resume");
        until("connected", async || {
            number_of_connection(&client).await.is_some()
        })
        .await;
        let after = number_of_connection(&client).await.expect("a number");
        assert_eq!(after != before, is_given_up, "after {timeouts}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_not_sent_to_a_stopped_server_never_run() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url()).command_timeout(TIMEOUT);
    let client = client.connect().await.expect("a client");
    server.pause().expect("pause");
    let mut sent = 0;
    until("writes are not sent", async || {
        let error = client.run(incr("n")).await.expect_err("stopped");
        sent += usize::from(error.kind() == ErrorKind::Ambiguous);
        error.kind() == ErrorKind::NotSent
    })
    .await;
    assert_eq!(sent, 3);
    for _ in 0..3 {
        let error = client.run(incr("never")).await.expect_err("stopped");
        assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
    }
    server.resume().expect("resume");
    until("the client works", async || {
        client.run(incr("m")).await.is_ok()
    })
    .await;
    assert_eq!(get(&server, "never"), None);
}

#[tokio::test]
async fn batch_with_one_short_timeout_has_the_time_of_the_others() {
    let wire = Wire::start().await;
    wire.proxy.delay_replies(Duration::from_millis(300));
    for atomic in [false, true] {
        let batch = wire.client.batch();
        let mut batch = if atomic { batch.atomic() } else { batch };
        let incr = Command::write("INCR").key("counter");
        let hasty = incr.clone().timeout(Duration::from_millis(10));
        let pending = [incr.clone(), hasty, incr]
            .map(|incr| batch.add(wire.client.op(incr, Reply::into_int)));
        batch.send().await.expect("in the client's own time");
        for pending in pending {
            let result = pending.take();
            result.unwrap_or_else(|error| panic!("atomic: {atomic}: {error}"));
        }
    }
}

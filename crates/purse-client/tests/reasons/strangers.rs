//! Peers that close connections, speak something else, or reply to nothing.

use std::time::{Duration, Instant};

use purse_client::{Client, Command, ErrorKind};

use crate::fake::{Fake, HELLO, close, read, write};
use crate::support::{SOON, incr, until};
use crate::{Events, lazy, text_of};

const SHORT: Duration = Duration::from_millis(400);

#[tokio::test]
async fn http_server_at_the_port_is_named() {
    let fake = Fake::start(|mut socket, _| async move {
        read(&mut socket).await;
        write(
            &mut socket,
            b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        )
        .await;
        close(socket).await;
    })
    .await;
    let error = Client::connect(&fake.url).await.expect_err("HTTP");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    assert!(!error.is_retryable() && !error.is_ambiguous());
    let text = text_of(&error);
    assert!(text.contains("not a Redis or Valkey server"), "{text}");

    let client = lazy(Client::builder(&fake.url).command_timeout(SHORT));
    let error = client.run(incr("n")).await.expect_err("HTTP");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
    let text = text_of(&error);
    assert!(text.contains("not a Redis or Valkey server"), "{text}");
    assert!(!client.is_connected());
}

#[tokio::test]
async fn server_that_closes_after_hello_is_not_connected_to() {
    let fake = Fake::start(|mut socket, _| async move {
        read(&mut socket).await;
        close(socket).await;
    })
    .await;
    let error = Client::connect(&fake.url).await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
    let text = text_of(&error);
    assert!(
        text.contains("closed the connection") && text.contains("HELLO"),
        "{text}"
    );

    let events = Events::default();
    let before = fake.accepted_count();
    let started = Instant::now();
    let client = lazy(events.of(Client::builder(&fake.url).command_timeout(SHORT)));
    let error = client.run(incr("n")).await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
    assert!(
        text_of(&error).contains("closed the connection"),
        "{error:?}"
    );
    // Each attempt takes two connections, of which the second one is without HELLO; so the pauses
    // before the eighth attempt are 0, 20, 40, 80, 160, 320 and 640 ms.
    until("sixteen connections", async || {
        assert!(!client.is_connected());
        fake.accepted_count() >= before + 16
    })
    .await;
    let took = started.elapsed();
    assert!(took > Duration::from_secs(1), "eight attempts in {took:?}");
    assert_eq!(events.count("connected"), 0, "{:?}", events.all());
    assert_eq!(events.count("failed"), 1, "{:?}", events.all());
    assert!(client.stats().connect_failures >= 7);
}

#[tokio::test]
async fn server_that_closes_after_each_byte_is_not_connected_to() {
    let end = HELLO.len() - 1;
    for length in 0..=end {
        let fake = Fake::start(move |mut socket, _| async move {
            read(&mut socket).await;
            write(&mut socket, &HELLO[..length]).await;
            close(socket).await;
        })
        .await;
        let started = Instant::now();
        let error = Client::connect(&fake.url).await.expect_err("closed");
        assert_eq!(error.kind(), ErrorKind::NotSent, "{length}: {error:?}");
        let text = text_of(&error);
        assert!(text.contains("closed the connection"), "{length}: {text}");
        assert!(
            started.elapsed() < SOON,
            "{length}: {:?}",
            started.elapsed()
        );
    }
}

#[tokio::test]
async fn server_that_closes_after_the_handshake_is_retried_slowly() {
    let fake = Fake::start(|mut socket, _| async move {
        read(&mut socket).await;
        write(&mut socket, HELLO).await;
        close(socket).await;
    })
    .await;
    let eager = Client::builder(&fake.url).connect_timeout(SHORT);
    if let Err(error) = eager.connect().await {
        // It was connected for so short a time that nothing noticed.
        let text = text_of(&error);
        assert!(text.contains("closed the connection"), "{text}");
    }
    let before = fake.accepted_count();
    let started = Instant::now();
    let client = lazy(Client::builder(&fake.url).command_timeout(SHORT));
    let error = client.run(incr("n")).await.expect_err("closed");
    assert!(
        matches!(error.kind(), ErrorKind::NotSent | ErrorKind::Ambiguous),
        "{error:?}"
    );
    // The pauses before the ninth attempt are 0, 20, 40, 80, 160, 320, 640 and 1,280 ms.
    until("nine connections", async || {
        fake.accepted_count() >= before + 9
    })
    .await;
    let took = started.elapsed();
    assert!(took > Duration::from_secs(1), "nine attempts in {took:?}");
}

#[tokio::test]
async fn garbage_after_a_valid_reply_ends_the_connection_only() {
    let fake = Fake::start(|mut socket, _| async move {
        read(&mut socket).await;
        write(&mut socket, HELLO).await;
        while read(&mut socket).await {
            write(&mut socket, b"$5\r\nvalid\r\nSSH-2.0-OpenSSH\r\n").await;
        }
    })
    .await;
    let events = Events::default();
    let client = events.of(Client::builder(&fake.url)).connect().await;
    let client = client.expect("a handshake");
    for round in 1..=3 {
        let get = client.run(Command::read("GET").key("k")).await;
        let value = get.and_then(purse_client::Reply::into_bytes);
        assert_eq!(&value.expect("the reply came first")[..], b"valid");
        until("the loss is noticed", async || {
            events.count("lost") == round
        })
        .await;
        until("connected again", async || client.is_connected()).await;
    }
    let all = events.all();
    assert!(all[1].contains("what is not a reply"), "{all:?}");
}

#[tokio::test]
async fn unrequested_reply_reaches_no_caller() {
    let fake = Fake::start(|mut socket, number| async move {
        read(&mut socket).await;
        write(&mut socket, HELLO).await;
        if number == 0 {
            write(&mut socket, b"$8\r\nsurprise\r\n").await;
        }
        while read(&mut socket).await {
            write(&mut socket, b"$5\r\nasked\r\n").await;
        }
    })
    .await;
    let events = Events::default();
    let client = lazy(events.of(Client::builder(&fake.url)));
    until("the loss is noticed", async || events.count("lost") == 1).await;
    let get = client.run(Command::read("GET").key("k")).await;
    let value = get.and_then(purse_client::Reply::into_bytes);
    assert_eq!(&value.expect("a reply")[..], b"asked");
    let all = events.all();
    assert!(all[1].contains("without a command"), "{all:?}");
}

//! OperationOptions of one handle: a command's own come first, then the handle's, then the client's.

use std::time::{Duration, Instant};

use purse_client::{Client, Command, Error, ErrorKind, OperationOptions, Pop, Reply};
use purse_testkit::Server;

use crate::support::incr;

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_millis(1_500);

/// Waits for an error, and returns it with the time it took.
async fn time_to_error<T>(operation: impl Future<Output = Result<T, Error>>) -> (Error, Duration) {
    let started = Instant::now();
    let error = operation.await.err().expect("nobody answers");
    (error, started.elapsed())
}

/// Sends a batch of one command.
async fn batch(client: &Client, atomic: bool) -> Result<(), Error> {
    let batch = client.batch();
    let mut batch = if atomic { batch.atomic() } else { batch };
    let pending = batch.add(client.op(incr("n"), Reply::into_int));
    batch.send().await?;
    pending.take().map(drop)
}

/// Returns the time that each kind of operation takes to fail.
async fn times(client: &Client) -> Vec<Duration> {
    vec![
        time_to_error(client.run(incr("n"))).await.1,
        time_to_error(client.op(incr("n"), Reply::into_int)).await.1,
        time_to_error(batch(client, false)).await.1,
        time_to_error(batch(client, true)).await.1,
        time_to_error(client.take(&Pop::front("q"))).await.1,
    ]
}

#[tokio::test]
async fn timeout_of_a_handle_bounds_its_operations() {
    let server = Server::start().expect("a server");
    let client = Client::connect(&server.url()).await.expect("a server");
    let hasty = client.with(OperationOptions::new().timeout(SHORT));
    let patient = client.with(OperationOptions::new().timeout(LONG));
    server.pause().expect("pause");
    for took in times(&hasty).await {
        // The client's own limit is five seconds.
        assert!(took >= SHORT && took < Duration::from_secs(4), "{took:?}");
    }
    for took in times(&patient).await {
        assert!(took >= LONG, "{took:?}");
    }
    let own = incr("n").timeout(LONG);
    assert!(time_to_error(hasty.run(own)).await.1 >= LONG);
    // A handle changes no other one.
    assert_eq!(client.is_closed(), hasty.is_closed());
    server.resume().expect("resume");
}

#[tokio::test]
async fn fail_fast_of_client_handle_and_command_has_effect() {
    let fails = |fails| {
        let builder = Client::builder("redis://127.0.0.1:1").command_timeout(LONG);
        builder.fail_fast(fails).connect_lazy().expect("a URL")
    };
    let option = |client: &Client, fails| client.with(OperationOptions::new().fail_fast(fails));
    let (fast, slow) = (fails(true), fails(false));
    for client in [&fast, &option(&slow, true)] {
        for took in times(client).await {
            assert!(took < LONG, "{took:?}");
        }
    }
    for client in [&slow, &option(&fast, false)] {
        for took in times(client).await {
            assert!(took >= LONG, "{took:?}");
        }
    }
    let (error, took) = time_to_error(slow.run(incr("n").fail_fast())).await;
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
    assert!(error.is_retryable() && took < LONG, "{took:?}");
    let read = Command::read("GET").key("n").fail_fast();
    let (error, took) = time_to_error(option(&fast, false).run(read)).await;
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
    assert!(took < LONG, "{took:?}");
}

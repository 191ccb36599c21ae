//! Clients and the runtimes that they are made and used on: bounded, and without a panic.

#[path = "../support/mod.rs"]
mod support;

mod elsewhere;
mod ended;
mod undriven;

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use purse_client::{Client, Command, Pop, Reply, Result, Scan};
use tokio::runtime::{Builder, Runtime};

/// More than any operation may take whose bounds are a second or less.
pub(crate) const BOUND: Duration = Duration::from_secs(8);

pub(crate) fn current_thread() -> Runtime {
    let built = Builder::new_current_thread().enable_all().build();
    built.expect("a runtime")
}

/// A kind of operation, its name, and what becomes of it.
type Operation = (&'static str, fn(Client) -> BoxFuture<'static, Result<()>>);

/// One operation of each kind.
pub(crate) const OPERATIONS: [Operation; 10] = [
    ("read", |client| {
        Box::pin(async move { client.run(Command::read("GET").key("k")).await.map(drop) })
    }),
    ("write", |client| {
        Box::pin(async move { client.run(Command::write("INCR").key("n")).await.map(drop) })
    }),
    ("operation", |client| {
        Box::pin(async move {
            let incr = Command::write("INCR").key("n");
            client.op(incr, Reply::into_int).await.map(drop)
        })
    }),
    ("batch", |client| {
        Box::pin(async move {
            let mut batch = client.batch();
            let incr = Command::write("INCR").key("n");
            let pending = batch.add(client.op(incr, Reply::into_int));
            batch.send().await?;
            pending.take().map(drop)
        })
    }),
    ("atomic batch", |client| {
        Box::pin(async move {
            let mut batch = client.batch().atomic();
            let incr = Command::write("INCR").key("n");
            let pending = batch.add(client.op(incr, Reply::into_int));
            batch.send().await?;
            pending.take().map(drop)
        })
    }),
    ("scan", |client| {
        Box::pin(async move {
            let pages = client.scan(Scan::new("HSCAN", "h"));
            futures::TryStreamExt::try_collect::<Vec<_>>(pages)
                .await
                .map(drop)
        })
    }),
    ("keys", |client| {
        Box::pin(async move {
            let pages = client.scan_keys(None, 100);
            futures::TryStreamExt::try_collect::<Vec<_>>(pages)
                .await
                .map(drop)
        })
    }),
    ("take", |client| {
        Box::pin(async move { client.take(&Pop::front("q")).await.map(drop) })
    }),
    ("take with a wait", |client| {
        Box::pin(async move {
            let wait = Some(Duration::from_millis(300));
            client.take_wait(&Pop::front("q"), wait).await.map(drop)
        })
    }),
    ("watch", |client| {
        Box::pin(async move { client.watch(Command::read("GET").key("n")).await.map(drop) })
    }),
];

/// Waits for `future` on any executor, and panics after [`BOUND`].
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let future = std::pin::pin!(future);
    let limit = futures_timer::Delay::new(BOUND);
    match futures::future::select(future, limit).await {
        futures::future::Either::Left((output, _)) => output,
        futures::future::Either::Right(_) => panic!("{what}: not within {:?}", started.elapsed()),
    }
}

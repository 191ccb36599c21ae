//! Starts a replica: `cargo run --package service-example [redis://server]`.
//!
//! Without an address, it starts a server of its own. Ctrl-C stops the replica gracefully.

use std::error::Error;
use std::time::Duration;

use purse::{Client, Redlock};
use purse_testkit::Server;
use service_example::{App, report, worker};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

const WORKERS: usize = 4;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let (url, _server) = match std::env::args().nth(1) {
        Some(url) => (url, None),
        None => {
            let server = Server::start()?;
            (server.url(), Some(server))
        }
    };
    let client = Client::connect(&url).await?;
    let redlock = Redlock::builder([&*url]).build().await?;
    let app = App::new(client.clone());

    let (stop, stopped) = watch::channel(false);
    let mut tasks: Vec<_> = (0..WORKERS)
        .map(|_| tokio::spawn(worker::run(app.posts.clone(), stopped.clone())))
        .collect();
    let name = format!("replica-{}", std::process::id());
    let period = Duration::from_secs(10);
    tasks.push(tokio::spawn(report::run(
        client.clone(),
        app.posts.clone(),
        redlock.clone(),
        name,
        period,
        stopped,
    )));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let signal = async {
        // Without signals, the replica runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    // Requests first, then the work, then the locks, then the connections.
    axum::serve(listener, app.router())
        .with_graceful_shutdown(signal)
        .await?;
    stop.send(true)?;
    for task in tasks {
        task.await?;
    }
    redlock.shutdown().await;
    client.close().await;
    tracing::info!("stopped");
    Ok(())
}

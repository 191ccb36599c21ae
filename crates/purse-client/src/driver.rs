//! The task behind a fred client, kept alive.
//!
//! fred's task can end while the client is in use: after a redirection that it could not follow,
//! for one. Nothing would answer any more, and nothing would say so.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::error::Error as FredError;
use fred::interfaces::ClientLike;
use fred::types::ConnectHandle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How long a connection may take to say goodbye before it is cut.
const GOODBYE: Duration = Duration::from_secs(1);
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// fred's task; dropped, it ends, and its connections with it.
#[derive(Debug)]
pub(crate) struct Task(ConnectHandle);

impl Task {
    /// Connects `client` in the background.
    pub(crate) fn start(client: &FredClient) -> Self {
        Self(client.connect())
    }

    /// Connects `client`; fails with the first attempt if its configuration says so.
    pub(crate) async fn connected(client: &FredClient) -> Result<Self, FredError> {
        let mut outcome = pin!(client.wait_for_connect());
        // The first poll subscribes to what the task, started after it, will tell.
        let known = futures::poll!(&mut outcome);
        let task = Self::start(client);
        match known {
            std::task::Poll::Ready(_) => {}
            std::task::Poll::Pending => outcome.await?,
        }
        Ok(task)
    }

    /// Whether it ended: without a reconnect policy, with its connection.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    /// Resolves once it has ended; not to be called again then.
    pub(crate) async fn over(&mut self) {
        // Why shows in the commands that fail.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts fred's task again when it ends, until it is dropped.
#[derive(Debug)]
pub(crate) struct Driver {
    client: FredClient,
    closing: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Driver {
    /// Takes over `task`; `kick` makes it start anew whatever it is doing.
    pub(crate) fn new(client: &FredClient, task: Task, kick: Arc<Notify>) -> Self {
        let closing = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(drive(client.clone(), task, kick, closing.clone()));
        Self {
            client: client.clone(),
            closing,
            task,
        }
    }

    /// Lets the commands under way finish and says goodbye to the server.
    pub(crate) async fn goodbye(self) {
        self.closing.store(true, Ordering::Release);
        // A client that cannot reach its server cannot say goodbye; dropping ends it.
        let _ = timeout(GOODBYE, self.client.quit()).await;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn drive(client: FredClient, mut task: Task, kick: Arc<Notify>, closing: Arc<AtomicBool>) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        let started = Instant::now();
        tokio::select! {
            // Why it ended shows in the commands that fail.
            _ = &mut task.0 => {}
            () = kick.notified() => {}
        }
        if closing.load(Ordering::Acquire) {
            return;
        }
        drop(task);
        if started.elapsed() > 2 * LONGEST_PAUSE {
            pause = SHORTEST_PAUSE;
        }
        sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
        task = Task::start(&client);
    }
}

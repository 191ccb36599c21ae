//! Futures that are used again.
//!
//! A future of fred's takes some five kilobytes. Allocators are slow with pieces of that size, the
//! slower the more there are, and so is a copy from where it was made to where it stays. So a
//! future that sends one command after the other is made once, and waits in between.

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::mem::replace;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use fred::clients::Client as FredClient;
use fred::error::Error as FredError;
use fred::types::Value;
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::command::Command;
use crate::typed::{self, Typed};

/// So many of each connection are kept while they have nothing to do: a third of a megabyte.
const MOST_IDLE: usize = 64;

type Outcome = Result<Value, FredError>;

/// Runs commands of one fred client, as many at once as it is given.
pub(crate) struct Runners {
    client: FredClient,
    idle: Mutex<Vec<Runner>>,
}

/// Sends one command after the other.
struct Runner {
    desk: Arc<Desk>,
    running: BoxFuture<'static, Infallible>,
}

/// What lies between a runner and whoever uses it. Both have it in turn, and never wait for it.
#[derive(Default)]
pub(crate) struct Desk(Mutex<Paper>);

#[derive(Default)]
enum Paper {
    #[default]
    None,
    Command(Command),
    Outcome(Outcome),
}

/// A command under way; dropped, its runner goes with it.
pub(crate) struct Running(Option<Runner>);

impl Runners {
    pub(crate) const fn new(client: FredClient) -> Self {
        Self {
            client,
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(crate) const fn client(&self) -> &FredClient {
        &self.client
    }

    /// Takes `command` on, to be sent with the first poll.
    pub(crate) fn run(&self, command: Command) -> Running {
        let idle = self.idle().pop();
        let runner = idle.unwrap_or_else(|| Runner::new(self.client.clone()));
        runner.begin(command);
        Running(Some(runner))
    }

    /// Goes on with a command of these runners'; not to be called again once it is done.
    pub(crate) fn poll(&self, running: &mut Running, task: &mut Context<'_>) -> Poll<Outcome> {
        let Some(runner) = &mut running.0 else {
            panic!("a command was polled after it had completed");
        };
        let outcome = ready!(runner.poll(task));
        if let Some(runner) = running.0.take() {
            let mut idle = self.idle();
            if idle.len() < MOST_IDLE {
                idle.push(runner);
            }
        }
        Poll::Ready(outcome)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Runner>> {
        // No panic can leave it half-changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runner {
    fn new<C: Typed + 'static>(client: C) -> Self {
        let desk = Arc::new(Desk::default());
        let running = typed::serve(client, desk.clone());
        Self {
            desk,
            running: running.boxed(),
        }
    }

    fn begin(&self, command: Command) {
        *self.desk.paper() = Paper::Command(command);
    }

    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Outcome> {
        // It never ends.
        let Poll::Pending = self.running.poll_unpin(task);
        self.desk.outcome()
    }
}

/// Sends one command, as a runner does.
pub(crate) async fn run_once<C: Typed + 'static>(client: C, command: Command) -> Outcome {
    let mut runner = Runner::new(client);
    runner.begin(command);
    poll_fn(|task| runner.poll(task)).await
}

impl Desk {
    /// The command that lies there. Nobody is woken when one is put there: whoever does it polls.
    pub(crate) fn command(&self) -> Poll<Command> {
        let mut paper = self.paper();
        match replace(&mut *paper, Paper::None) {
            Paper::Command(command) => Poll::Ready(command),
            other => {
                *paper = other;
                Poll::Pending
            }
        }
    }

    pub(crate) fn answer(&self, outcome: Outcome) {
        *self.paper() = Paper::Outcome(outcome);
    }

    fn outcome(&self) -> Poll<Outcome> {
        let mut paper = self.paper();
        match replace(&mut *paper, Paper::None) {
            Paper::Outcome(outcome) => Poll::Ready(outcome),
            other => {
                *paper = other;
                Poll::Pending
            }
        }
    }

    fn paper(&self) -> MutexGuard<'_, Paper> {
        // No panic can leave it half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Runners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runners").finish_non_exhaustive()
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use futures::poll;
    use purse_testkit::Server;

    use super::*;
    use crate::Client;

    fn get(key: &'static str) -> Command {
        Command::read("GET").key(key)
    }

    async fn run(runners: &Runners, command: Command) -> Outcome {
        let mut running = runners.run(command);
        poll_fn(|task| runners.poll(&mut running, task)).await
    }

    async fn connected(server: &Server) -> Client {
        let client = Client::connect(&server.url()).await.expect("a client");
        for key in ["a", "b"] {
            let set = Command::write("SET").key(key).arg(key);
            client.run(set).await.expect("a value");
        }
        client
    }

    #[tokio::test]
    async fn one_runner_serves_one_command_after_the_other() {
        let server = Server::start().expect("a server");
        let client = connected(&server).await;
        let runners = Runners::new(client.fred().clone());
        for key in ["a", "b", "a"] {
            let outcome = run(&runners, get(key)).await.expect("a value");
            assert_eq!(outcome.as_bytes(), Some(key.as_bytes()));
            assert_eq!(runners.idle().len(), 1);
        }
    }

    #[tokio::test]
    async fn what_a_dropped_command_is_answered_is_nobodys() {
        let server = Server::start().expect("a server");
        let client = connected(&server).await;
        let runners = Runners::new(client.fred().clone());
        run(&runners, get("a")).await.expect("a value");
        let mut dropped = runners.run(get("a"));
        let polled = poll!(poll_fn(|task| runners.poll(&mut dropped, task)));
        assert!(polled.is_pending());
        drop(dropped);
        assert_eq!(runners.idle().len(), 0);
        let outcome = run(&runners, get("b")).await.expect("a value");
        assert_eq!(outcome.as_bytes(), Some(&b"b"[..]));
    }

    #[tokio::test]
    async fn after_many_at_once_only_some_are_kept() {
        let server = Server::start().expect("a server");
        let client = connected(&server).await;
        let runners = Runners::new(client.fred().clone());
        let all = (0..3 * MOST_IDLE).map(|_| run(&runners, get("a")));
        for outcome in join_all(all).await {
            assert_eq!(outcome.expect("a value").as_bytes(), Some(&b"a"[..]));
        }
        assert_eq!(runners.idle().len(), MOST_IDLE);
    }
}

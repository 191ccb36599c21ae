//! Blocking commands, each on a connection of its own for as long as it waits.
//!
//! A dropped fred future loses what its blocking command pops. So a task owns the wait: it asks in
//! slices, and when nobody waits any more it unblocks the connection, reads what came all the
//! same, and puts it back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::error::Error as FredError;
use fred::interfaces::{ClientInterface, ClientLike};
use fred::types::ClientUnblockFlag;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::command::{Command, Effect};
use crate::{Client, Error, ErrorKind, Reply, Result, convert, trace, wire};

/// The longest the server blocks for one command.
const SLICE: Duration = Duration::from_secs(2);
/// How long a reply may come after the server's own bound.
const MARGIN: Duration = Duration::from_secs(2);
/// Connections that wait for their next use.
const MOST_IDLE: usize = 16;

/// A command that waits on the server for an element and takes it out.
///
/// The command is given without its last argument, the time to wait (BLPOP, BRPOP, BZPOPMIN and
/// the like have it there).
#[derive(Debug, Clone)]
pub struct BlockingPop {
    command: Command,
    put_back: fn(&Reply) -> Result<Command>,
}

impl BlockingPop {
    /// A blocking pop by `command`, whose reply `put_back` turns into the command that undoes it.
    pub fn new(command: Command, put_back: fn(&Reply) -> Result<Command>) -> Self {
        Self { command, put_back }
    }

    fn slice(&self, wait: Duration) -> Command {
        self.command.clone().arg(wait.as_secs_f64())
    }
}

impl Client {
    /// Waits for an element and takes it out; `None` once `wait` is over, and never if it is `None`.
    ///
    /// Uses a connection of its own while it waits, from a pool of such.
    ///
    /// # Errors
    /// As [`run`](Self::run). [`Ambiguous`](ErrorKind::Ambiguous) where the connection breaks while
    /// it waits: an element may have been taken out.
    ///
    /// # Cancel safety
    /// Dropped at any point, no element is lost: one that was already taken is put back where it
    /// was. If the server cannot be reached just then, that is tried again until it succeeds or
    /// the client is closed.
    pub async fn pop_blocking(
        &self,
        pop: BlockingPop,
        wait: Option<Duration>,
    ) -> Result<Option<Reply>> {
        let (sender, reply) = oneshot::channel();
        let mut waiter = Waiter {
            reply,
            client: self.clone(),
            put_back: pop.put_back,
        };
        let (name, key) = (pop.command.name, pop.command.keys.first().cloned());
        let busy = self.leases().busy();
        let wait = Wait {
            client: self.clone(),
            pop,
            deadline: wait.map(|wait| Instant::now() + wait),
            sender,
        };
        self.runtime().spawn(async move {
            wait.run().await;
            drop(busy);
        });
        let result = (&mut waiter.reply).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Closed,
                "the runtime or the client is shutting down",
            ))
        });
        result.map_err(|error| {
            error
                .with_command(name, key)
                .with_server(self.server().into())
        })
    }
}

/// The caller's end: puts back what arrives between the last poll and the drop.
#[derive(Debug)]
struct Waiter {
    reply: oneshot::Receiver<Result<Option<Reply>>>,
    client: Client,
    put_back: fn(&Reply) -> Result<Command>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.reply.close();
        if let Ok(Ok(Some(reply))) = self.reply.try_recv() {
            let (client, put_back) = (self.client.clone(), self.put_back);
            let busy = client.leases().busy();
            self.client.runtime().spawn(async move {
                give_back(&client, None, put_back, &reply).await;
                drop(busy);
            });
        }
    }
}

/// The task's end.
#[derive(Debug)]
struct Wait {
    client: Client,
    pop: BlockingPop,
    deadline: Option<Instant>,
    sender: oneshot::Sender<Result<Option<Reply>>>,
}

impl Wait {
    async fn run(mut self) {
        let taken = tokio::select! {
            lease = self.client.leases().take() => lease,
            () = self.sender.closed() => return,
        };
        let lease = match taken {
            Ok(lease) => lease,
            Err(error) => return self.answer(Err(error)),
        };
        match self.pop(&lease).await {
            Ok(reply) => {
                if let Err(Ok(Some(reply))) = self.sender.send(Ok(reply)) {
                    give_back(&self.client, Some(&lease.client), self.pop.put_back, &reply).await;
                }
                self.client.leases().give(lease);
            }
            Err(error) => {
                lease.close();
                self.answer(Err(error));
            }
        }
    }

    /// Pops in slices until there is something, or nobody waits for it any more.
    async fn pop(&mut self, lease: &Lease) -> Result<Option<Reply>> {
        let mut closing = self.client.closing();
        loop {
            let left = self
                .deadline
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let wait = left.map_or(SLICE, |left| left.min(SLICE));
            if wait.is_zero() {
                return Ok(None);
            }
            // The server reads zero as "for ever", and rounds to milliseconds.
            let slice = self.pop.slice(wait.max(Duration::from_millis(1)));
            let reply = wire::send_blocking(&lease.client, slice, wait + MARGIN);
            tokio::pin!(reply);
            let given_up = tokio::select! {
                biased;
                reply = &mut reply => Ok(reply),
                () = self.sender.closed() => Err(()),
                () = closed(&mut closing) => Err(()),
            };
            let (reply, given_up) = match given_up {
                Ok(reply) => (reply, false),
                Err(()) => (lease.unblock_until(reply, &self.client).await, true),
            };
            match reply {
                Ok(reply) if !reply.is_nil() => return Ok(Some(reply)),
                Ok(_) if self.sender.is_closed() => return Ok(None),
                Ok(_) if given_up => {
                    return Err(Error::new(ErrorKind::Closed, "the client is closed"));
                }
                Ok(_) => {}
                Err(error) => {
                    let name = self.pop.command.name;
                    return Err(convert::command_error(error, name, Effect::Write));
                }
            }
        }
    }

    fn answer(self, result: Result<Option<Reply>>) {
        // Nobody waiting is no failure: an error holds no element.
        let _ = self.sender.send(result);
    }
}

/// Resolves once the client is closed, or gone.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closed| *closed).await;
}

/// Puts an element back, over the connection it came by if there is one, and else until it works.
async fn give_back(
    client: &Client,
    lease: Option<&FredClient>,
    put_back: fn(&Reply) -> Result<Command>,
    reply: &Reply,
) {
    let mut pause = Duration::from_millis(10);
    let mut lease = lease;
    loop {
        let result = match (put_back(reply), lease.take()) {
            (Ok(command), Some(lease)) => {
                let name = command.name;
                let sent = wire::send(lease, command, None).await;
                sent.map_err(|error| convert::command_error(error, name, Effect::Write))
            }
            (Ok(command), None) => client.run(command).await,
            (Err(error), _) => Err(error),
        };
        let Err(error) = result else { return };
        trace::give_back_failed(client.server(), &error, pause);
        if client.is_closed() {
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// A connection for one blocking command at a time.
#[derive(Debug)]
struct Lease {
    client: FredClient,
    task: JoinHandle<Result<(), FredError>>,
    /// The server's number for the connection; in a cluster there is one a node, and fred keeps them.
    id: Option<i64>,
}

impl Lease {
    /// Unblocks the connection, again and again in case the command was still on its way, until
    /// its reply is there; at worst its slice ends first.
    async fn unblock_until<F>(&self, mut reply: std::pin::Pin<&mut F>, client: &Client) -> F::Output
    where
        F: Future,
    {
        loop {
            self.unblock(client).await;
            if let Ok(reply) = timeout(Duration::from_millis(10), reply.as_mut()).await {
                return reply;
            }
        }
    }

    async fn unblock(&self, client: &Client) {
        // A failure leaves the connection blocked, and the caller tries again.
        let bounded = Duration::from_millis(500);
        if let Some(id) = self.id {
            let unblock = Command::write("CLIENT")
                .arg("UNBLOCK")
                .arg(id)
                .arg("TIMEOUT");
            let _ = wire::send(client.fred(), unblock, Some(bounded)).await;
        } else {
            let flag = Some(ClientUnblockFlag::Timeout);
            let _ = timeout(bounded, self.client.unblock_self(flag)).await;
        }
    }

    fn close(self) {
        tokio::spawn(async move {
            // One that cannot say goodbye is cut.
            let _ = timeout(Duration::from_secs(1), self.client.quit()).await;
            self.task.abort();
        });
    }
}

/// The connections for blocking commands: idle ones, and a count of the busy ones.
#[derive(Debug)]
pub(crate) struct Leases {
    pattern: FredClient,
    connect_timeout: Duration,
    idle: Mutex<Vec<Lease>>,
    busy: watch::Sender<usize>,
}

/// Counts as one wait under way until it is dropped.
#[derive(Debug)]
pub(crate) struct Busy(watch::Sender<usize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|busy| *busy -= 1);
    }
}

impl Leases {
    pub(crate) fn new(pattern: FredClient, connect_timeout: Duration) -> Self {
        Self {
            pattern,
            connect_timeout,
            idle: Mutex::default(),
            busy: watch::Sender::new(0),
        }
    }

    fn busy(&self) -> Busy {
        self.busy.send_modify(|busy| *busy += 1);
        Busy(self.busy.clone())
    }

    /// Resolves once no wait is under way.
    pub(crate) async fn settled(&self) {
        // The sender lives as long as `self`: it cannot fail.
        let _ = self.busy.subscribe().wait_for(|busy| *busy == 0).await;
    }

    async fn take(&self) -> Result<Lease> {
        while let Some(lease) = self.pop_idle() {
            if lease.client.is_connected() {
                return Ok(lease);
            }
            lease.close();
        }
        let client = self.pattern.clone_new();
        let connect = async {
            let task = client.init().await?;
            let id = if client.is_clustered() {
                None
            } else {
                Some(client.client_id().await?)
            };
            Ok(Lease {
                client: client.clone(),
                task,
                id,
            })
        };
        let tls = client.client_config().uses_tls();
        match timeout(self.connect_timeout, connect).await {
            Ok(lease) => lease.map_err(|error| convert::connect_error(error, tls)),
            Err(_) => Err(convert::connect_timeout(tls)),
        }
    }

    fn give(&self, lease: Lease) {
        let mut idle = self.lock();
        if idle.len() < MOST_IDLE && lease.client.is_connected() {
            idle.push(lease);
        } else {
            drop(idle);
            lease.close();
        }
    }

    fn pop_idle(&self) -> Option<Lease> {
        self.lock().pop()
    }

    /// Takes the idle connections away, for closing.
    pub(crate) fn drain(&self) -> Vec<(FredClient, JoinHandle<Result<(), FredError>>)> {
        self.lock()
            .drain(..)
            .map(|lease| (lease.client, lease.task))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Lease>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

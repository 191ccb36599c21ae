//! Connections to servers, one of which carries the commands of many callers.
//!
//! Callers encode commands into a buffer that they share (`queue`). One task per connection, the
//! driver, writes the buffer, and delivers the replies in the order of the commands (`driver`). The
//! queue knows the length of each command, so after a break the driver knows exactly which commands
//! the socket did not accept as a whole: those did not run.
//!
//! May import: `error`, `util`, `resp`, `telemetry`, `config`, `command`.

mod driver;
pub(crate) mod error_map;
mod failover_watcher;
mod handshake;
mod queue;
mod queue_entry;
mod reply_future;
mod sentinel;
mod settings;
mod stream;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::Error;
use crate::command::batch_script::ScriptBatch;
use crate::command::{Command, Script};
use crate::telemetry::Counters;
use crate::util::timer::timeout;

use crate::resp::Value;
use driver::Driver;
use queue::{DriverRequest, SharedQueue};

pub(crate) use failover_watcher::watch_for_failover;
pub(crate) use handshake::{Dialer, Endpoint, Purpose, ServerInfo};
pub(crate) use queue::{CommandTiming, KnownScripts, Status, Ticket};
pub(crate) use queue_entry::{Delivered, Ending, Failure, Outcome};
pub(crate) use reply_future::ReplyFuture;
pub use settings::ReadFrom;
pub(crate) use settings::{Provider, Settings};

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// A handle to a connection. The connection closes when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Owner>);

struct Owner {
    shared: Arc<SharedQueue>,
    id: u64,
}

/// A handle to a connection that does not keep it open.
#[derive(Clone)]
pub(crate) struct WeakConnection(Weak<Owner>);

impl WeakConnection {
    /// Returns the number of connections made so far, if the handle is still in use.
    pub(crate) fn generation(&self) -> Option<u64> {
        let owner = self.0.upgrade()?;
        let generation = owner.shared.lock().generation;
        Some(generation)
    }

    /// Drops the connection, if it is still in use, and makes another one.
    pub(crate) fn reset(&self) {
        if let Some(owner) = self.0.upgrade() {
            owner.shared.request_driver(DriverRequest::Reset);
        }
    }

    /// Fails what was not sent yet, as [`Connection::reroute`] does.
    pub(crate) fn reroute(&self) {
        if let Some(owner) = self.0.upgrade() {
            owner.shared.reroute();
        }
    }
}

/// Settings of one connection: whether it is made again, and what it calls.
#[derive(Default)]
pub(crate) struct ConnectionOptions {
    /// Connect only once. The connection then ends after three timeouts in a row.
    pub(crate) is_single: bool,
    /// Receives the messages that reply to no command.
    pub(crate) on_push: Option<Box<dyn FnMut(Vec<Value>) + Send>>,
    /// Is called after each loss and after each failed attempt to connect.
    pub(crate) on_loss: Option<Box<dyn Fn() + Send>>,
}

impl Connection {
    /// Starts the driver on `runtime`; it connects.
    pub(crate) fn start(
        runtime: &Handle,
        dialer: Dialer,
        options: ConnectionOptions,
        counters: Arc<Counters>,
    ) -> Self {
        let shared = SharedQueue::new(counters, options.is_single);
        runtime.spawn(Driver::new(shared.clone(), dialer, options).run());
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Owner { shared, id }))
    }

    /// Puts a command into the queue. With `asking`, the node runs it although it only imports the
    /// slot. Returns also whether a script is sent by its hash.
    pub(crate) fn send(
        &self,
        command: &Command,
        timing: CommandTiming,
        asking: bool,
        whole: bool,
    ) -> Result<(Ticket<Result<Delivered, Failure>>, bool), Failure> {
        let skip = usize::from(asking);
        let mut by_hash = false;
        let ticket = self.0.shared.put_one(timing, skip, |out, known, server| {
            if asking {
                Command::read("ASKING").put(out, false);
            }
            by_hash = encode(command, out, known, server, whole);
        })?;
        Ok((ticket, by_hash))
    }

    /// Puts an atomic batch into the queue.
    pub(crate) fn send_script_batch(
        &self,
        batch: &ScriptBatch,
        timing: CommandTiming,
        asking: bool,
    ) -> Result<Ticket<Result<Delivered, Failure>>, Failure> {
        let skip = usize::from(asking);
        self.0.shared.put_one(timing, skip, |out, _, _| {
            if asking {
                Command::read("ASKING").put(out, false);
            }
            batch.put(out);
        })
    }

    /// Queues several commands back to back; no other command is sent between them. Also returns one
    /// flag per command: true if the command is a script that is sent by its hash (`EVALSHA`).
    pub(crate) fn send_run<'a>(
        &self,
        commands: impl IntoIterator<Item = &'a Command>,
        timing: CommandTiming,
    ) -> Result<(Ticket<Vec<Outcome>>, Vec<bool>), Failure> {
        let commands = commands.into_iter();
        let mut by_hash = Vec::with_capacity(commands.size_hint().0);
        let ticket = self
            .0
            .shared
            .put_run(timing, |out, known, server, lengths| {
                for command in commands {
                    let before = out.len();
                    by_hash.push(encode(command, out, known, server, false));
                    lengths.push(out.len() - before);
                }
            })?;
        Ok((ticket, by_hash))
    }

    /// Takes a command out of the queue that was not sent yet. Returns whether it was there; if it
    /// was, it did not run and will not.
    pub(crate) fn cancel(&self, number: u64) -> bool {
        self.0.shared.cancel(number)
    }

    /// Returns a handle that does not keep the connection open.
    pub(crate) fn downgrade(&self) -> WeakConnection {
        WeakConnection(Arc::downgrade(&self.0))
    }

    /// Returns a number that no other connection of this process has.
    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    /// Returns whether there is a connection at this moment.
    pub(crate) fn is_up(&self) -> bool {
        self.0.shared.lock().is_up
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.shared.lock().ending.is_some()
    }

    /// Returns why the connection has ended permanently.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.0.shared.lock().ending
    }

    /// Returns why there is no connection.
    pub(crate) fn cause(&self) -> Option<Arc<Error>> {
        self.0.shared.lock().cause.clone()
    }

    /// Returns the number of commands that wait to be sent or for their replies.
    pub(crate) fn in_flight(&self) -> usize {
        let queue = self.0.shared.lock();
        queue.waiting.len() + queue.in_flight
    }

    /// Returns the number of the connection that was up last, which no other of the process has.
    pub(crate) fn generation(&self) -> u64 {
        self.0.shared.lock().generation
    }

    /// Returns whether the connection was up before.
    pub(crate) fn was_up(&self) -> bool {
        self.0.shared.lock().generation > 0
    }

    pub(crate) fn info(&self) -> Option<Arc<ServerInfo>> {
        self.0.shared.lock().info.clone()
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.0.shared.status.subscribe()
    }

    /// Drops the connection, and makes another one.
    pub(crate) fn reset(&self) {
        self.0.shared.request_driver(DriverRequest::Reset);
    }

    /// Drops the connection.
    pub(crate) fn end(&self) {
        self.0.shared.request_driver(DriverRequest::End);
    }

    /// Marks a script as unknown to the server.
    pub(crate) fn forget_script(&self, script: &'static Script) {
        self.0.shared.lock().known.remove(script);
    }

    /// Fails what was not sent yet because its slot may have another owner, unless the connection
    /// is up.
    ///
    /// Each caller then sends its command itself, also those whose slots stay with the node. The
    /// commands may therefore run in another order than that of their first polls.
    pub(crate) fn reroute(&self) {
        self.0.shared.reroute();
    }

    /// Closes the connection once everything is answered, or when the time is over.
    pub(crate) async fn finish(&self, limit: std::time::Duration) {
        self.0.shared.request_driver(DriverRequest::Finish);
        let mut status = self.status();
        let over = status.wait_for(|status| matches!(status, Status::Over));
        if timeout(limit, over).await.is_none() {
            self.end();
        }
    }
}

/// Encodes a command for `server`, as far as it is known; returns whether it is a script that is sent
/// by its hash.
fn encode(
    command: &Command,
    out: &mut Vec<u8>,
    known: &mut KnownScripts,
    server: Option<&ServerInfo>,
    whole: bool,
) -> bool {
    if !whole && server.is_some_and(|it| command.has_native(&it.product, &it.version)) {
        command.put_native(out);
        return false;
    }
    let was_known = command.script.is_some_and(|script| known.insert(script));
    let by_hash = was_known && !whole;
    command.put(out, !by_hash);
    by_hash
}

/// Waits until a connection is up; fails with the first attempt that fails.
pub(crate) async fn wait_up(connection: &Connection) -> Result<(), Error> {
    let mut status = connection.status();
    let ready = status.wait_for(|status| !matches!(status, Status::Connecting));
    match ready.await.map(|status| status.clone()) {
        Ok(Status::Up) => Ok(()),
        Ok(Status::Failed(error)) => Err(error.duplicate()),
        Ok(_) | Err(_) => Err(match connection.cause() {
            Some(error) => error.duplicate(),
            None => error_map::ended_error(connection.ending().unwrap_or(Ending::Closed)),
        }),
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.request_driver(DriverRequest::End);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("is_up", &self.is_up())
            .finish_non_exhaustive()
    }
}

//! Deliveries: pops that lose no element, although futures are dropped and replies are lost.
//!
//! A pop has a *receipt*, a key of its own beside the collection. A script takes the element out
//! and notes it in the receipt, in one step. If the reply is lost, the pop asks again, and gets
//! what the receipt says. If the caller's future is dropped, a task continues the exchange. Once
//! the caller has the element, the receipt is removed. If there is no caller any more, another
//! script puts back what the receipt holds, once. An earlier request that is still in flight finds
//! an empty receipt, and takes nothing.
//!
//! May import: `error`, `util`, `telemetry`, `command`, `core`, `tracking`.

mod confirm;
mod delivered;
mod detach;
mod pop_exchange;
mod receipt;
mod receipt_cleanup;
mod wait_queue;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use std::time::Instant;

use crate::core::{Caller, closed_error, wait_closed};
use crate::tracking::{Tracking, TrackingPool};
use crate::{Command, Error, ErrorKind, Result};
use detach::DetachOnDrop;
use pop_exchange::{Outcome, PopExchange};

pub use delivered::Delivery;
pub use receipt::is_internal_key;
use receipt_cleanup::ReceiptCleanup;
use wait_queue::WaitQueues;

/// A description of a pop: the collection, and the end of it from which the element is taken.
///
/// # Examples
/// ```
/// use purse::Pop;
///
/// assert_eq!(Pop::front("jobs").name(), "LPOP");
/// assert_eq!(Pop::highest("ranking").name(), "ZPOPMAX");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pop {
    key: Bytes,
    end: PopEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum PopEnd {
    Front,
    Back,
    Lowest,
    Highest,
}

impl Pop {
    /// Takes the first element of the list at `key`: `LPOP`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Pop};
    ///
    /// client.run(Command::write("RPUSH").key("jobs").arg("first").arg("second")).await?;
    /// let job = client.take(&Pop::front("jobs")).await?.expect("a job");
    /// assert_eq!(job.element(), "first");
    /// # Ok(()) }
    /// ```
    pub fn front(key: impl Into<Bytes>) -> Self {
        Self::new(key.into(), PopEnd::Front)
    }

    /// Takes the last element of the list at `key`: `RPOP`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Pop};
    ///
    /// client.run(Command::write("RPUSH").key("jobs").arg("first").arg("second")).await?;
    /// let job = client.take(&Pop::back("jobs")).await?.expect("a job");
    /// assert_eq!(job.element(), "second");
    /// # Ok(()) }
    /// ```
    pub fn back(key: impl Into<Bytes>) -> Self {
        Self::new(key.into(), PopEnd::Back)
    }

    /// Takes the element with the lowest score of the sorted set at `key`: `ZPOPMIN`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Pop};
    ///
    /// client.run(Command::write("ZADD").key("jobs").arg(9).arg("sweep").arg(1).arg("cook")).await?;
    /// let job = client.take(&Pop::lowest("jobs")).await?.expect("a job");
    /// assert_eq!(job.element(), "cook");
    /// # Ok(()) }
    /// ```
    pub fn lowest(key: impl Into<Bytes>) -> Self {
        Self::new(key.into(), PopEnd::Lowest)
    }

    /// Takes the element with the highest score of the sorted set at `key`: `ZPOPMAX`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Pop};
    ///
    /// client.run(Command::write("ZADD").key("jobs").arg(9).arg("sweep").arg(1).arg("cook")).await?;
    /// let job = client.take(&Pop::highest("jobs")).await?.expect("a job");
    /// assert_eq!(job.element(), "sweep");
    /// # Ok(()) }
    /// ```
    pub fn highest(key: impl Into<Bytes>) -> Self {
        Self::new(key.into(), PopEnd::Highest)
    }

    const fn new(key: Bytes, end: PopEnd) -> Self {
        Self { key, end }
    }

    /// Returns `script` on the key. Errors name the command that takes the element out.
    fn add_key(&self, script: Command) -> Command {
        let mut script = script.key(self.key.clone());
        script.name = self.name();
        script
    }

    /// Returns the name of the command that takes the element out.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.end.pop_command()
    }
}

impl PopEnd {
    const fn pop_command(self) -> &'static str {
        match self {
            Self::Front => "LPOP",
            Self::Back => "RPOP",
            Self::Lowest => "ZPOPMIN",
            Self::Highest => "ZPOPMAX",
        }
    }

    const fn requeue_command(self) -> &'static str {
        match self {
            Self::Front => "LPUSH",
            Self::Back => "RPUSH",
            Self::Lowest | Self::Highest => "ZADD",
        }
    }

    const fn len_command(self) -> &'static str {
        match self {
            Self::Front | Self::Back => "LLEN",
            Self::Lowest | Self::Highest => "ZCARD",
        }
    }
}

/// The deliveries of a client, with the options of one handle.
#[derive(Debug, Clone)]
pub(crate) struct Deliveries {
    pub(crate) caller: Caller,
    pub(crate) shared: Arc<DeliveryState>,
}

/// The state that all deliveries of a client share.
#[derive(Debug, Default)]
pub(crate) struct DeliveryState {
    pub(crate) tracking: Arc<TrackingPool>,
    wait_queues: WaitQueues,
    cleanup: ReceiptCleanup,
}

impl Deliveries {
    /// Takes an element out if there is one.
    pub(crate) async fn take(&self, pop: &Pop) -> Result<Option<Delivery>> {
        self.with_context(pop, self.attempt(pop, false).await)
    }

    /// Waits for an element and takes it out; `None` once `wait` is over.
    pub(crate) async fn take_wait(
        &self,
        pop: &Pop,
        wait: Option<Duration>,
    ) -> Result<Option<Delivery>> {
        self.with_context(pop, self.wait_for_element(pop, wait).await)
    }

    fn tracking(&self) -> Tracking {
        Tracking {
            caller: self.caller.clone(),
            pool: self.shared.tracking.clone(),
        }
    }

    async fn attempt(&self, pop: &Pop, retry_refusals: bool) -> Outcome {
        if self.caller.is_closed() {
            return Err(closed_error());
        }
        DetachOnDrop::new(self, PopExchange::new(self, pop, retry_refusals)).await
    }

    async fn wait_for_element(&self, pop: &Pop, wait: Option<Duration>) -> Outcome {
        // A deadline that an instant cannot represent is none.
        let deadline = wait.and_then(|wait| Instant::now().checked_add(wait));
        let mut closing = self.caller.close_signal();
        let mut has_looked = false;
        if !self.shared.wait_queues.has_waiting(pop) {
            if let Some(delivery) = self.attempt(pop, true).await? {
                return Ok(Some(delivery));
            }
            has_looked = true;
        }
        let mut waiter = self.shared.wait_queues.join(self, pop);
        loop {
            tokio::select! {
                biased;
                () = waiter.notified() => {}
                () = wait_closed(&mut closing) => return Err(closed_error()),
                () = sleep_until_deadline(deadline) => {
                    if has_looked {
                        return Ok(None);
                    }
                }
            }
            if let Some(delivery) = self.attempt(pop, true).await? {
                return Ok(Some(delivery));
            }
            has_looked = true;
            waiter.requeue();
        }
    }

    fn with_context(&self, pop: &Pop, outcome: Outcome) -> Outcome {
        outcome.map_err(|error| {
            error
                .with_command(pop.end.pop_command(), Some(pop.key.clone()))
                .with_server(self.caller.server_name())
        })
    }
}

fn runtime_ended_error() -> Error {
    let message = "the runtime of the client has ended: the command may have run, or not";
    Error::new(ErrorKind::Ambiguous, message)
}

/// Waits until the deadline; without a deadline, for ever.
async fn sleep_until_deadline(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => crate::util::timer::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

//! Deliveries: pops that lose no element, although futures are dropped and replies are lost.
//!
//! A [consumer] moves elements to a list of its own on the server, in which they stay until callers
//! have them. What no caller has goes back to where it was.
//!
//! May import: `error`, `util`, `telemetry`, `config`, `command`, `connection`, `core`, `tracking`.

mod confirm;
mod consumer;
mod delivered;
mod detach;
mod in_hand;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::connection::{Ending, error_map};
use crate::core::{Caller, CloseBlockers, closed_error};
use crate::tracking::TrackingPool;
use crate::util::sync::Mutex;
use crate::{Command, Error, Result};
use consumer::Consumer;

pub use delivered::Delivery;
pub use in_hand::InHand;

/// With more consumers than this, a client forgets those that are idle.
const MANY_CONSUMERS: usize = 64;

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

    /// Returns the name of the end in the scripts.
    const fn side(self) -> &'static str {
        match self {
            Self::Front => "LEFT",
            Self::Back => "RIGHT",
            Self::Lowest => "MIN",
            Self::Highest => "MAX",
        }
    }

    /// Returns the letter by which the id of a consumer tells the end.
    const fn letter(self) -> char {
        match self {
            Self::Front => 'f',
            Self::Back => 'b',
            Self::Lowest => 'l',
            Self::Highest => 'h',
        }
    }

    const fn of_letter(letter: char) -> Option<Self> {
        match letter {
            'f' => Some(Self::Front),
            'b' => Some(Self::Back),
            'l' => Some(Self::Lowest),
            'h' => Some(Self::Highest),
            _ => None,
        }
    }

    const fn is_of_set(self) -> bool {
        matches!(self, Self::Lowest | Self::Highest)
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
    consumers: Mutex<HashMap<Pop, Arc<Consumer>>>,
}

impl DeliveryState {
    fn consumer(&self, pop: &Pop, blockers: &CloseBlockers) -> Arc<Consumer> {
        let mut consumers = self.consumers.lock();
        if let Some(consumer) = consumers.get(pop) {
            return consumer.clone();
        }
        if consumers.len() >= MANY_CONSUMERS {
            consumers.retain(|_, consumer| !consumer.is_idle());
        }
        let consumer = Consumer::new(pop, blockers.clone());
        consumers.insert(pop.clone(), consumer.clone());
        consumer
    }

    /// Forgets the consumers that are not in use.
    fn forget_idle(&self) {
        // A caller that has just got one keeps it alive, and another one gets a new one: they are
        // two consumers to the server.
        let mut consumers = self.consumers.lock();
        consumers.retain(|_, consumer| Arc::strong_count(consumer) > 1 || !consumer.is_idle());
    }
}

impl Deliveries {
    /// Takes an element out if there is one.
    pub(crate) async fn take(&self, pop: &Pop) -> Result<Option<Delivery>> {
        self.take_within(pop, false, None).await
    }

    /// Waits for an element and takes it out; `None` once `wait` is over.
    pub(crate) async fn take_wait(
        &self,
        pop: &Pop,
        wait: Option<Duration>,
    ) -> Result<Option<Delivery>> {
        // A deadline that an instant cannot represent is none.
        let deadline = wait.and_then(|wait| Instant::now().checked_add(wait));
        self.take_within(pop, true, deadline).await
    }

    /// Takes up to `max` elements out. If an error follows elements, returns those.
    pub(crate) async fn take_many(&self, pop: &Pop, max: usize) -> Result<Vec<Delivery>> {
        let mut deliveries = Vec::new();
        while deliveries.len() < max {
            self.check_open(pop)?;
            let consumer = self.consumer(pop);
            let left = max - deliveries.len();
            let receive = |claim| {
                deliveries.push(Delivery::new(claim, pop)?);
                Ok(())
            };
            match consumer.take_many(self, left, receive).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) if !deliveries.is_empty() => break,
                Err(error) => return Err(self.about(pop, error)),
            }
        }
        Ok(deliveries)
    }

    async fn take_within(
        &self,
        pop: &Pop,
        waits: bool,
        deadline: Option<Instant>,
    ) -> Result<Option<Delivery>> {
        self.check_open(pop)?;
        let consumer = self.consumer(pop);
        let taken = consumer.take(self, waits, deadline).await;
        let delivery =
            taken.and_then(|claim| claim.map(|claim| Delivery::new(claim, pop)).transpose());
        delivery.map_err(|error| self.about(pop, error))
    }

    fn consumer(&self, pop: &Pop) -> Arc<Consumer> {
        self.shared.consumer(pop, self.caller.close_blockers())
    }

    fn check_open(&self, pop: &Pop) -> Result<()> {
        match self.caller.is_closed() {
            true => Err(self.about(pop, closed_error())),
            false => Ok(()),
        }
    }

    fn about(&self, pop: &Pop, error: Error) -> Error {
        error
            .with_command(pop.end.pop_command(), Some(pop.key.clone()))
            .with_server(self.caller.server_name())
    }
}

fn runtime_ended_error() -> Error {
    error_map::ended_error(Ending::RuntimeEnded)
}

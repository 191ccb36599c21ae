//! Pops that lose no element, and a look at what consumers hold.

use std::time::Duration;

use bytes::Bytes;

use super::Client;
use crate::Result;
use crate::delivery::{Deliveries, Delivery, InHand, Pop};

impl Client {
    /// Takes an element out if there is one.
    ///
    /// The first pop makes the client a *consumer* of the collection. Beside the collection, a
    /// consumer has a *pending list* of what it has taken, and a lease of 30 seconds, which a task
    /// of the client renews. A script moves elements to the pending list. It forgets those that
    /// were acknowledged ([`Delivery::ack`]), within a millisecond or with the next pop, and puts
    /// back those that were not, in one atomic step. If a connection breaks, the step is sent again
    /// under its number, and the server does it once.
    ///
    /// No element is lost or doubled while the process and its runtime live and the server keeps
    /// its data. If a process dies, or is away from the server for longer than its lease, the next
    /// pop of another client puts back what it held: those elements may be delivered twice.
    /// [`in_hand`](Self::in_hand) shows what consumers hold. A replica that takes over without the
    /// last writes has their elements once more. A process that ends right after it got an element
    /// may leave it pending too, unless it [closes](Self::close) its client.
    ///
    /// The names of the keys beside the collection are those of [`sibling_key`](crate::sibling_key):
    /// `consumers` and `pending:<id>`. A user with limited rights needs the commands that README.md
    /// lists, on all keys that start with `key`. While the slot of the key moves within a cluster,
    /// servers refuse to make new keys in it. Pops are then not pending, and a lost reply is
    /// [`Ambiguous`](crate::ErrorKind::Ambiguous).
    ///
    /// Redis: LMOVE, or ZRANGE and ZREM, in a script. Complexity: O(1) for a list, O(log n) for a
    /// sorted set. Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run), but never `Ambiguous` outside of such a move:
    /// [`Timeout`](crate::ErrorKind::Timeout) if there is no reply in time. What was taken for a
    /// call that failed is put back in the background.
    ///
    /// # Cancel safety
    /// If the future is dropped, the element stays where it was or is put back in the background.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use purse::{Client, Command, Pop};
    ///
    /// let client = Client::connect(&url).await?;
    /// client.run(Command::write("RPUSH").key("jobs").arg("first")).await?;
    /// if let Some(delivery) = client.take(&Pop::front("jobs")).await? {
    ///     assert_eq!(delivery.element(), "first");
    ///     delivery.ack();
    /// }
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[doc(alias = "LMOVE")]
    #[doc(alias = "RPOPLPUSH")]
    #[doc(alias = "LPOP")]
    #[doc(alias = "RPOP")]
    #[doc(alias = "ZPOPMIN")]
    #[doc(alias = "ZPOPMAX")]
    pub async fn take(&self, pop: &Pop) -> Result<Option<Delivery>> {
        self.deliveries().take(pop).await
    }

    /// Waits for an element and takes it out as [`take`](Self::take) does. Returns `None` once
    /// `wait` is over; without `wait` it waits until there is an element. It looks at least once, and
    /// takes up to the command timeout longer than `wait` if the server does not answer.
    ///
    /// While there is no element in a list, the server blocks one command of this client, on a
    /// connection of its own, for all calls that wait for the same key. The server serves blocked
    /// clients in the order in which they came, other programs that use `BRPOP` among them, so a
    /// push wakes one process. The call that has waited longest gets the first element. The
    /// connection ends a second after the last use of the consumer.
    ///
    /// For a sorted set, one of the clients that wait [watches](Self::watch) the length of the set, and
    /// wakes another one when it has enough. The others block in `BLPOP` on a list of tokens. If the
    /// one that watches dies, the others look every four seconds.
    ///
    /// If the server does not let this user block, each client watches the length of the collection,
    /// and reads it every two seconds in case a message was missed. If the server does not allow
    /// watching, the client reads the length every 50 milliseconds.
    ///
    /// Redis: the commands of [`take`](Self::take), and BLMOVE or BRPOPLPUSH; for a sorted set BLPOP
    /// and ZCARD.
    ///
    /// # Errors
    /// The errors of [`take`](Self::take).
    ///
    /// # Cancel safety
    /// If the future is dropped, the element stays where it was or is put back in the background.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::{Command, Pop};
    ///
    /// let other = client.clone();
    /// let producer = tokio::spawn(async move {
    ///     other.run(Command::write("RPUSH").key("jobs").arg("first")).await
    /// });
    /// let job = client.take_wait(&Pop::front("jobs"), Some(Duration::from_secs(10))).await?;
    /// assert_eq!(job.expect("in time").element(), "first");
    /// # producer.await.expect("no panic")?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZCARD")]
    #[doc(alias = "BLMOVE")]
    #[doc(alias = "BRPOPLPUSH")]
    #[doc(alias = "CLIENT TRACKING")]
    #[doc(alias = "BLPOP")]
    #[doc(alias = "BRPOP")]
    #[doc(alias = "BZPOPMIN")]
    #[doc(alias = "BZPOPMAX")]
    pub async fn take_wait(&self, pop: &Pop, wait: Option<Duration>) -> Result<Option<Delivery>> {
        self.deliveries().take_wait(pop, wait).await
    }

    /// Takes up to `max` elements out, in their order, without waiting for one.
    ///
    /// Redis: the commands of [`take`](Self::take). Complexity: O(1) per element of a list,
    /// O(log n) of a sorted set. Round trips: 1 per 256 elements.
    ///
    /// # Errors
    /// The errors of [`take`](Self::take). If an error occurs after elements were taken, those are
    /// returned instead.
    ///
    /// # Cancel safety
    /// If the future is dropped, the elements stay where they were or are put back.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Pop};
    ///
    /// client.run(Command::write("RPUSH").key("jobs").arg("a").arg("b").arg("c")).await?;
    /// let jobs = client.take_many(&Pop::front("jobs"), 2).await?;
    /// assert_eq!(jobs.len(), 2);
    /// jobs.into_iter().for_each(|job| job.ack());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LMOVE")]
    pub async fn take_many(&self, pop: &Pop, max: usize) -> Result<Vec<Delivery>> {
        self.deliveries().take_many(pop, max).await
    }

    /// Returns what consumers have taken from the collection at `key` and not acknowledged.
    ///
    /// The elements of a consumer whose lease is over go back with the next pop of another one. The
    /// reply is not a snapshot: elements move meanwhile.
    ///
    /// Redis: TIME, HGETALL, LRANGE. Complexity: O(c + n) for c consumers with n elements. Round
    /// trips: 2, and 1 for each consumer.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let client = purse::Client::connect(&url).await?;
    /// use purse::{Command, Pop};
    ///
    /// client.run(Command::write("RPUSH").key("jobs").arg("first")).await?;
    /// let job = client.take(&Pop::front("jobs")).await?;
    /// assert_eq!(client.in_hand(b"jobs").await?[0].entries, ["first"]);
    /// # drop(job);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[doc(alias = "HGETALL")]
    #[doc(alias = "LRANGE")]
    #[doc(alias = "XPENDING")]
    pub async fn in_hand(&self, key: &[u8]) -> Result<Vec<InHand>> {
        self.deliveries().in_hand(key).await
    }

    /// Returns the key of the list that has `element`: that at `key`, or the pending list of one of
    /// its consumers; `None` if none has it.
    ///
    /// Redis: HKEYS, LPOS in a script. Complexity: O(n). Round trips: 2.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let client = purse::Client::connect(&url).await?;
    /// use purse::Command;
    ///
    /// client.run(Command::write("RPUSH").key("jobs").arg("first")).await?;
    /// assert_eq!(client.find_in_hand(b"jobs", b"first").await?.as_deref(), Some(&b"jobs"[..]));
    /// assert_eq!(client.find_in_hand(b"jobs", b"second").await?, None);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[doc(alias = "HKEYS")]
    #[doc(alias = "LPOS")]
    pub async fn find_in_hand(&self, key: &[u8], element: &[u8]) -> Result<Option<Bytes>> {
        self.deliveries().find(key, element).await
    }

    fn deliveries(&self) -> Deliveries {
        Deliveries {
            caller: self.caller(),
            shared: self.inner.deliveries.clone(),
        }
    }
}

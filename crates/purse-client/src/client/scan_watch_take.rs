//! Scans, key watches and deliveries of a client.

use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use super::Client;
use crate::delivery::{Deliveries, Delivery, Pop};
use crate::scan::{self, Scan};
use crate::tracking::{Tracking, Watch};
use crate::{Command, Pattern, Reply, Result};

impl Client {
    /// Streams the pages of a scan, each the elements of one reply.
    ///
    /// Nothing is sent before the stream is polled, nor once it is dropped. From the second page
    /// on, the next page is in flight while a page is used
    /// ([`prefetch_pages`](crate::prefetch_pages)). The stream has the guarantees of the server's
    /// scan: an element that exists from start to end is returned at least once. An element that is
    /// added, removed or changed during the scan may or may not be returned. An element may be
    /// returned twice.
    ///
    /// Redis: HSCAN, SSCAN, ZSCAN. Complexity: O(n) in all. Round trips: 1 per page.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run), and
    /// [`ScanInvalidated`](crate::ErrorKind::ScanInvalidated) if the connection was made again
    /// since the page before. The stream ends after an error.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use futures::TryStreamExt;
    /// use purse::{Client, Command, Scan};
    ///
    /// let client = Client::connect(&url).await?;
    /// client.run(Command::write("SADD").key("set").arg("a").arg("b")).await?;
    /// let pages: Vec<_> = client.scan(Scan::new("SSCAN", "set")).try_collect().await?;
    /// assert_eq!(pages.concat().len(), 2);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[doc(alias = "HSCAN")]
    #[doc(alias = "SSCAN")]
    #[doc(alias = "ZSCAN")]
    pub fn scan(&self, scan: Scan) -> impl Stream<Item = Result<Vec<Reply>>> + Send + 'static {
        scan::pages(self.caller(), scan)
    }

    /// Streams the keys that match, in pages, each the keys of one reply. `count` is a hint: the
    /// number of keys that the server looks at for one page.
    ///
    /// Nothing is sent before the stream is polled, nor once it is dropped. From the second page
    /// on, the next page is in flight while a page is used
    /// ([`prefetch_pages`](crate::prefetch_pages)). In a cluster, the primaries are scanned one
    /// after the other. Before each primary, the client refreshes the list of primaries. The stream
    /// has the guarantees of the server's scan: a key that exists from start to end is returned at
    /// least once. A key that is added or removed during the scan may or may not be returned, and a
    /// key may be returned twice. A key that moves to another primary of a cluster during the scan
    /// may be missed.
    ///
    /// Redis: SCAN, and CLUSTER SLOTS in a cluster. Complexity: O(n) in all. Round trips: 1 per
    /// page.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run), and
    /// [`ScanInvalidated`](crate::ErrorKind::ScanInvalidated) if a connection was made again since
    /// the page before. The stream ends after an error.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::{Command, Pattern};
    ///
    /// client.run(Command::write("SET").key("session:1").arg("Ada")).await?;
    /// client.run(Command::write("SET").key("user:1").arg("Ada")).await?;
    /// let mut pages = std::pin::pin!(client.scan_keys(Some(Pattern::prefix("session:")), 1_000));
    /// while let Some(page) = pages.try_next().await? {
    ///     for key in page {
    ///         assert_eq!(key, "session:1");
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCAN")]
    #[doc(alias = "CLUSTER SLOTS")]
    #[doc(alias = "KEYS")]
    #[doc(alias = "scan_match")]
    pub fn scan_keys(
        &self,
        pattern: Option<Pattern>,
        count: usize,
    ) -> impl Stream<Item = Result<Vec<Bytes>>> + Send + 'static {
        scan::pages_of_keys(self.caller(), pattern, count)
    }

    /// Runs `read`, a command or script that reads one key, and watches the key from that moment.
    ///
    /// `read` should change nothing, or be idempotent. All watches share one connection; in a
    /// cluster, all watches on one node share one. The connection is made when it is first needed,
    /// and closes some seconds after the last watch. While it is open, the client sends `PING` over
    /// it every two seconds, or `CLUSTER NODES` in a cluster.
    ///
    /// Redis: CLIENT TRACKING ON, once per connection, and `read`. Complexity: that of `read`.
    /// Round trips: 1, and those of connecting if there is no such connection.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run), within the command's timeout and the connect timeout.
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a command of no key, or of several.
    /// [`Auth`](crate::ErrorKind::Auth) or [`Unsupported`](crate::ErrorKind::Unsupported) if the
    /// server refuses to track keys, as a server that speaks only RESP2 does. The client asks such
    /// a server again after half a minute.
    ///
    /// # Cancel safety
    /// If the future is dropped, the command may run or not, and nothing is watched.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// // A local copy, which is dropped when another client changes the key.
    /// client.run(Command::write("SET").key("motd").arg("hello")).await?;
    /// let (reply, mut watch) = client.watch(Command::read("GET").key("motd")).await?;
    /// let copy = reply.into_bytes()?;
    ///
    /// client.run(Command::write("SET").key("motd").arg("goodbye")).await?;
    /// watch.changed().await;
    /// drop(copy); // read it again
    /// # Ok(()) }
    /// ```
    #[doc(alias = "CLIENT TRACKING")]
    #[doc(alias = "invalidation")]
    pub async fn watch(&self, read: Command) -> Result<(Reply, Watch)> {
        let tracking = Tracking {
            caller: self.caller(),
            pool: self.inner.deliveries.tracking.clone(),
        };
        tracking.watch(read).await
    }

    /// Takes an element out if there is one.
    ///
    /// A script takes the element and notes it at a key beside the collection, its receipt, in one
    /// atomic step. If the connection breaks, the pop asks again within the time of a command.
    /// [`Delivery::ack`] removes the receipt in the background.
    ///
    /// No element is lost or doubled while this process and its runtime live, and the server keeps
    /// its data and is not away for more than ten minutes. A replica that takes over without the
    /// last writes has their elements once more. If the process dies between the pop and its use of
    /// the element, the receipt keeps a copy for these ten minutes, under `key{key}:taken:<id>`, or
    /// `key:taken:<id>` if the key has a hash tag of its own. Its value is the score (empty for a
    /// list), a space, and the element; an empty value means that nothing was taken. A process that
    /// ends right after it got the element may leave the receipt too, unless it
    /// [closes](Self::close) its client.
    ///
    /// A user with limited rights also needs, on keys that start with `key`: `GET`, `SET`,
    /// `PEXPIRE`, `UNLINK`, and `LPUSH`, `RPUSH` or `ZADD`, by which the element is put back. While
    /// the slot of the key moves within a cluster, servers refuse to make new keys in it. Pops then
    /// have no receipt, and a lost reply is [`Ambiguous`](crate::ErrorKind::Ambiguous).
    ///
    /// Redis: LPOP, RPOP, ZPOPMIN or ZPOPMAX in a script. Complexity: O(1) for a list, O(log n) for
    /// a sorted set. Round trips: 1.
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
    #[doc(alias = "LPOP")]
    #[doc(alias = "RPOP")]
    #[doc(alias = "ZPOPMIN")]
    #[doc(alias = "ZPOPMAX")]
    pub async fn take(&self, pop: &Pop) -> Result<Option<Delivery>> {
        self.deliveries().take(pop).await
    }

    /// Waits for an element and takes it out as [`take`](Self::take) does. Returns `None` once
    /// `wait` is over; without `wait` it waits until there is an element. It looks at least once.
    ///
    /// While there is no element, the client [watches](Self::watch) the length of the collection,
    /// once for all calls of this client that wait for the same key. The call that has waited
    /// longest gets the first element. The client also reads the length every two seconds, in case
    /// a message was missed. If the server does not allow watching, it reads the length every 50
    /// milliseconds.
    ///
    /// Redis: the commands of [`take`](Self::take), LLEN or ZCARD, and CLIENT TRACKING.
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
    #[doc(alias = "LLEN")]
    #[doc(alias = "ZCARD")]
    #[doc(alias = "CLIENT TRACKING")]
    #[doc(alias = "BLPOP")]
    #[doc(alias = "BRPOP")]
    #[doc(alias = "BZPOPMIN")]
    #[doc(alias = "BZPOPMAX")]
    pub async fn take_wait(&self, pop: &Pop, wait: Option<Duration>) -> Result<Option<Delivery>> {
        self.deliveries().take_wait(pop, wait).await
    }

    fn deliveries(&self) -> Deliveries {
        Deliveries {
            caller: self.caller(),
            shared: self.inner.deliveries.clone(),
        }
    }
}

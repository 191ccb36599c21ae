//! Scans and key watches of a client.

use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use super::Client;
use crate::core::{closed_error, wait_closed};
use crate::scan::{self, Scan};
use crate::tracking::{Tracking, Watch};
use crate::util::timer::{sleep, timeout};
use crate::{Command, ErrorKind, Pattern, Reply, Result};

/// The time between two runs of [`Client::run_until`] if the key is watched, and if it is not.
const WATCH_BACKSTOP: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(50);

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
    pub fn scan(
        &self,
        scan: Scan,
    ) -> impl Stream<Item = Result<Vec<Reply>>> + Send + Unpin + 'static {
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
    /// let mut pages = client.scan_keys(Some(Pattern::prefix("session:")), 1_000);
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
    ) -> impl Stream<Item = Result<Vec<Bytes>>> + Send + Unpin + 'static {
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

    /// Runs `read`, a command that reads one key, until `is_reached` accepts the reply. Returns that
    /// reply.
    ///
    /// Between two runs, the client [watches](Self::watch) the key, and runs the command every two
    /// seconds in case a message was missed. If the server does not allow watching, it runs the
    /// command every 50 milliseconds.
    ///
    /// Redis: `read`, and CLIENT TRACKING. Round trips: 1, and 1 per change of the key.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run) of one run. [`Closed`](crate::ErrorKind::Closed) if the
    /// client is closed meanwhile.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Reply};
    ///
    /// let exists = Command::read("GET").key("ready");
    /// let wait = client.run_until(exists, |reply| !reply.is_nil());
    /// let set = client.run(Command::write("SET").key("ready").arg("yes"));
    /// let (reply, set) = tokio::join!(wait, set);
    /// set?;
    /// assert_eq!(reply?.into_bytes()?, "yes");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "CLIENT TRACKING")]
    pub async fn run_until(
        &self,
        read: Command,
        is_reached: impl Fn(&Reply) -> bool,
    ) -> Result<Reply> {
        let mut closing = self.caller().close_signal();
        loop {
            let (reply, watch) = match self.watch(read.clone()).await {
                Ok((reply, watch)) => (reply, Some(watch)),
                Err(error) if matches!(error.kind(), ErrorKind::Auth | ErrorKind::Unsupported) => {
                    (self.run(read.clone()).await?, None)
                }
                Err(error) => return Err(error),
            };
            if is_reached(&reply) {
                return Ok(reply);
            }
            let change = async {
                match watch {
                    Some(mut watch) => {
                        timeout(WATCH_BACKSTOP, watch.changed()).await;
                    }
                    None => sleep(POLL).await,
                }
            };
            tokio::select! {
                () = change => {}
                () = wait_closed(&mut closing) => return Err(closed_error()),
            }
        }
    }
}

//! Scans, key watches and deliveries of a client.

use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use super::Client;
use crate::delivery::{Deliveries, Pop, Taken};
use crate::scan::{self, Scan};
use crate::tracking::{Tracking, Watch};
use crate::{Command, Pattern, Reply, Result};

impl Client {
    /// Streams the pages of a scan, each the elements of one reply.
    ///
    /// One round trip a page. The next one is on its way while a page is used, from the second one
    /// on ([`prefetch_pages`](crate::prefetch_pages)); nothing is sent once the stream is dropped. The guarantees are the server's:
    /// what is there from start to end is seen at least once; what comes, goes or changes meanwhile
    /// may be seen or not, and the same element may be seen twice.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`Interrupted`](crate::ErrorKind::Interrupted) where the connection was
    /// made again since the start; the stream ends after an error.
    pub fn scan(&self, scan: Scan) -> impl Stream<Item = Result<Vec<Reply>>> + Send + 'static {
        scan::pages(self.caller(), scan)
    }

    /// Streams the keys that match, in pages, each the keys of one reply; `count` is how much the
    /// server looks at for one page, a hint.
    ///
    /// One round trip (SCAN) a page. The next one is on its way while a page is used, from the
    /// second one on ([`prefetch_pages`](crate::prefetch_pages)); nothing is sent once the stream is dropped. A cluster's primaries
    /// are scanned one after the other, after CLUSTER SLOTS has told before each of them which
    /// there are. The guarantees are the server's: a key that is there from start to end is seen at
    /// least once; one that comes or goes meanwhile may be seen or not, and the same key may be
    /// seen twice. A key that moves to another primary of a cluster during the scan may be missed.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`Interrupted`](crate::ErrorKind::Interrupted) where a connection was made
    /// again since the start; the stream ends after an error.
    pub fn scan_keys(
        &self,
        pattern: Option<Pattern>,
        count: usize,
    ) -> impl Stream<Item = Result<Vec<Bytes>>> + Send + 'static {
        scan::pages_of_keys(self.caller(), pattern, count)
    }

    /// Runs `read`, a command or script that reads one key, and watches the key from that moment.
    ///
    /// It should change nothing, or be idempotent. All watches share one connection (in a cluster
    /// one for each node), which is made on demand and closes some seconds after the last watch; a
    /// second watch of the same key costs nothing more.
    ///
    /// Redis: `CLIENT TRACKING ON`, once for each connection, and the command. One round trip, and
    /// those of connecting where there is no such connection. Every two seconds `PING` (in a
    /// cluster `CLUSTER NODES`) while there are watches.
    ///
    /// # Errors
    /// As [`run`](Self::run), within the command's timeout and, where it has to connect, the
    /// connect timeout. [`InvalidInput`](crate::ErrorKind::InvalidInput) for a command of no key, or of
    /// several. [`Auth`](crate::ErrorKind::Auth) or [`Unsupported`](crate::ErrorKind::Unsupported) where the
    /// server refuses to track; it is asked again only after half a minute.
    ///
    /// # Cancel safety
    /// Dropped, the command may run or not, and nothing is watched.
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
    /// `LPOP`, `RPOP`, `ZPOPMIN` or `ZPOPMAX` in a script, which notes the element at a key beside
    /// the collection: its receipt. One round trip, and `UNLINK` of the receipt, together with
    /// others of the same collection, which nobody waits for; atomic. Where the connection breaks,
    /// it asks again as long as a command may take.
    ///
    /// No element is lost or doubled, whatever breaks, as long as this process and its runtime
    /// live, and the server is not away for more than ten minutes and keeps what it did: a replica
    /// that takes over without the last writes has their elements once more. If the process dies
    /// between the pop and what it does with the element, the receipt has a copy for these ten
    /// minutes, under `key{key}:taken:<id>`, or `key:taken:<id>` where the key has a hash tag of
    /// its own: a score (nothing for a list), a space, and the element; an empty one stands for
    /// nothing. (A process that ends right after it got the element may leave the receipt as well,
    /// unless it [closes](Self::close) its client.) A user with limited rights needs those of the
    /// receipt besides: on keys that start with `key`, `GET`, `SET`, `PEXPIRE`, `UNLINK`, and
    /// `LPUSH`, `RPUSH` or `ZADD`, which puts back. While the slot of the key moves within a
    /// cluster, servers refuse to make new keys in it: until then pops do without receipts, and a
    /// lost reply is [`Ambiguous`](crate::ErrorKind::Ambiguous).
    ///
    /// # Errors
    /// As [`run`](Self::run), but never `Ambiguous` outside of such a move:
    /// [`Timeout`](crate::ErrorKind::Timeout) where the reply does not come in time. Nothing was taken for
    /// this call then; if something was, it is put back in the background.
    ///
    /// # Cancel safety
    /// Dropped at any point, the element stays where it was, or is put back in the background.
    #[doc(alias = "LPOP")]
    #[doc(alias = "RPOP")]
    #[doc(alias = "ZPOPMIN")]
    #[doc(alias = "ZPOPMAX")]
    pub async fn take(&self, pop: &Pop) -> Result<Option<Taken>> {
        self.deliveries().take(pop).await
    }

    /// Waits for an element and takes it out; `None` once `wait` is over, and never if it is
    /// `None`. It looks at least once.
    ///
    /// As [`take`](Self::take). While there is no element it [watches](Self::watch) the length of
    /// the collection (`LLEN`, `ZCARD`), once for all who wait for the same key in this process:
    /// who has waited longest is served first. Every two seconds it looks at the length besides, in
    /// case the server did not tell. Where the server does not let it watch, it looks every 50
    /// milliseconds.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    ///
    /// # Cancel safety
    /// As [`take`](Self::take).
    #[doc(alias = "BLPOP")]
    #[doc(alias = "BRPOP")]
    #[doc(alias = "BZPOPMIN")]
    #[doc(alias = "BZPOPMAX")]
    pub async fn take_wait(&self, pop: &Pop, wait: Option<Duration>) -> Result<Option<Taken>> {
        self.deliveries().take_wait(pop, wait).await
    }

    fn deliveries(&self) -> Deliveries {
        Deliveries {
            caller: self.caller(),
            shared: self.inner.deliveries.clone(),
        }
    }
}

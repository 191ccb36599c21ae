//! Cursor scans as streams.
//!
//! All pages of a scan come over one connection, which leads to one process. A page that comes over
//! another one is `ScanInvalidated`. The pages are plain commands and need no right but that to scan.
//!
//! May import: `error`, `config`, `command`, `core`.

mod keyspace;
mod prefetch;

use bytes::Bytes;
use futures::Stream;

use crate::config::Address;
use crate::core::{Caller, Origin};
use crate::{Command, Error, ErrorKind, Pattern, Reply, Result};

pub(crate) use keyspace::pages_of_keys;
pub use prefetch::{PageResult, prefetch_pages};

/// The cursor of the first page, and after the last one.
const START: Bytes = Bytes::from_static(b"0");

/// A scan over the elements of one key: HSCAN, SSCAN or ZSCAN.
/// [`Client::scan`](crate::Client::scan) streams it.
///
/// # Examples
/// ```
/// use purse::{Pattern, Scan};
///
/// let scan = Scan::new("HSCAN", "users").matching(Some(Pattern::prefix("a"))).count(1_000);
/// # let _ = scan;
/// ```
#[derive(Debug, Clone)]
#[must_use = "a scan does nothing until it is streamed"]
pub struct Scan {
    command: &'static str,
    key: Option<Bytes>,
    node: Option<Address>,
    pattern: Option<Pattern>,
    count: usize,
}

impl Scan {
    /// Creates a scan by `command` (`"HSCAN"`, `"SSCAN"`, `"ZSCAN"`) over the value at `key`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::{Command, Scan};
    ///
    /// client.run(Command::write("SADD").key("fruit").arg("apple").arg("pear")).await?;
    /// let fruit: Vec<_> = client.scan(Scan::new("SSCAN", "fruit")).try_concat().await?;
    /// assert_eq!(fruit.len(), 2);
    /// # Ok(()) }
    /// ```
    pub fn new(command: &'static str, key: impl Into<Bytes>) -> Self {
        Self {
            command,
            key: Some(key.into()),
            node: None,
            pattern: None,
            count: 256,
        }
    }

    /// Sets a pattern; the server leaves out elements that do not match.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::{Command, Pattern, Scan};
    ///
    /// client.run(Command::write("SADD").key("fruit").arg("apple").arg("pear")).await?;
    /// let scan = Scan::new("SSCAN", "fruit").matching(Some(Pattern::prefix("a")));
    /// let fruit: Vec<_> = client.scan(scan).try_concat().await?;
    /// assert_eq!(fruit.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn matching(mut self, pattern: Option<Pattern>) -> Self {
        self.pattern = pattern;
        self
    }

    /// Sets the number of elements that the server looks at for one page, a hint. Default: 256.
    ///
    /// # Examples
    /// ```
    /// use purse::Scan;
    ///
    /// // Larger pages take fewer round trips, and keep the server busy for longer.
    /// let scan = Scan::new("ZSCAN", "board").count(10_000);
    /// # let _ = scan;
    /// ```
    pub fn count(mut self, count: usize) -> Self {
        self.count = count.max(1);
        self
    }

    /// Creates a scan over the keys of a node, or of the only server.
    pub(crate) fn of_keys(node: Option<Address>) -> Self {
        Self {
            key: None,
            node,
            ..Self::new("SCAN", Bytes::new())
        }
    }

    /// Reads the page at `position`, and returns where the next one is unless it is the last.
    ///
    /// A cursor is a position in a hash table, whose order is that of one process: a server that
    /// was restarted, or that took over, would leave out elements silently. So all pages must come
    /// over one connection, which leads to one process.
    pub(crate) async fn next_page(
        &self,
        caller: &Caller,
        position: ScanPosition,
    ) -> PageResult<Vec<Reply>, ScanPosition> {
        let (cursor, origin) = match position.0 {
            Some(ServerCursor { cursor, origin }) => (cursor, Some(origin)),
            None => (START, None),
        };
        let page = self.page(cursor);
        let context = page.context();
        let answer = caller.call(page).await;
        let page = answer.and_then(|answer| {
            if origin.is_some_and(|origin| origin != answer.origin) {
                let message = "the connection was made again during the scan, so the server may \
                               be another one: begin the scan again";
                return Err(Error::new(ErrorKind::ScanInvalidated, message));
            }
            let [cursor, items] = answer.reply.into_array()?;
            let cursor = cursor.into_bytes()?;
            let next = (cursor != START).then_some(ScanPosition(Some(ServerCursor {
                cursor,
                origin: answer.origin,
            })));
            Ok((items.into_list()?, next))
        });
        page.map_err(|error| caller.with_context(error, &context))
    }

    fn page(&self, cursor: Bytes) -> Command {
        let mut command = Command::read(self.command).on_node(self.node.clone());
        command.keys.extend(self.key.clone());
        command = command.arg(cursor).on_first_connection();
        if let Some(pattern) = &self.pattern {
            command = command.arg("MATCH").arg(pattern.to_bytes());
        }
        command.arg("COUNT").arg(self.count)
    }
}

/// The position at which a scan continues: the start, or a cursor of one process.
#[derive(Debug, Default)]
pub(crate) struct ScanPosition(Option<ServerCursor>);

#[derive(Debug)]
struct ServerCursor {
    cursor: Bytes,
    origin: Origin,
}

/// Streams the pages of a scan.
pub(crate) fn pages(
    caller: Caller,
    scan: Scan,
) -> impl Stream<Item = Result<Vec<Reply>>> + Send + Unpin + 'static {
    prefetch_pages(ScanPosition::default(), move |position| {
        let (caller, scan) = (caller.clone(), scan.clone());
        async move { scan.next_page(&caller, position).await }
    })
}

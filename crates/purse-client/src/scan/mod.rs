//! Cursor scans as streams. May import: everything below `client`, and `client`.

mod keys;
mod prefetch;

use bytes::Bytes;
use futures::Stream;

use crate::config::Address;
use crate::core::Origin;
use crate::{Client, Command, Error, ErrorKind, Pattern, Reply, Result};

pub use prefetch::{PageResult, prefetch_pages};

/// The cursor of the first page, and after the last one.
const START: Bytes = Bytes::from_static(b"0");

/// A scan over one key's elements: HSCAN, SSCAN or ZSCAN.
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
    /// A scan by `command` (`"HSCAN"`, `"SSCAN"`, `"ZSCAN"`) over the value at `key`.
    pub fn new(command: &'static str, key: impl Into<Bytes>) -> Self {
        Self {
            command,
            key: Some(key.into()),
            node: None,
            pattern: None,
            count: 256,
        }
    }

    /// Lets the server leave out what does not match.
    pub fn matching(mut self, pattern: Option<Pattern>) -> Self {
        self.pattern = pattern;
        self
    }

    /// How much the server looks at for one page; a hint. Default: 256.
    pub fn count(mut self, count: usize) -> Self {
        self.count = count.max(1);
        self
    }

    /// A scan over the keys of a node, or of the only server there is.
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
        client: &Client,
        position: ScanPosition,
    ) -> PageResult<Vec<Reply>, ScanPosition> {
        let (cursor, origin) = match position.0 {
            Some(Next { cursor, origin }) => (cursor, Some(origin)),
            None => (START, None),
        };
        let page = self.page(cursor);
        let context = page.context();
        let answer = client.call(page).await;
        let page = answer.and_then(|answer| {
            if origin.is_some_and(|origin| origin != answer.origin) {
                let message = "the connection was made again during the scan, so the server may \
                               be another one: begin the scan again";
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
            let [cursor, items] = answer.reply.into_array()?;
            let cursor = cursor.into_bytes()?;
            let next = (cursor != START).then_some(ScanPosition(Some(Next {
                cursor,
                origin: answer.origin,
            })));
            Ok((items.into_list()?, next))
        });
        page.map_err(|error| client.with_context(error, &context))
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

/// Where a scan continues: at the start, or at a cursor of one process.
#[derive(Debug, Default)]
pub(crate) struct ScanPosition(Option<Next>);

#[derive(Debug)]
struct Next {
    cursor: Bytes,
    origin: Origin,
}

impl Client {
    /// Streams the pages of a scan, each the elements of one reply.
    ///
    /// One round trip a page. The next one is on its way while a page is used, from the second one
    /// on ([`prefetch_pages`]); nothing is sent once the stream is dropped. The guarantees are the server's:
    /// what is there from start to end is seen at least once; what comes, goes or changes meanwhile
    /// may be seen or not, and the same element may be seen twice.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`Interrupted`](ErrorKind::Interrupted) where the connection was
    /// made again since the start; the stream ends after an error.
    pub fn scan(&self, scan: Scan) -> impl Stream<Item = Result<Vec<Reply>>> + Send + 'static {
        let client = self.clone();
        prefetch_pages(ScanPosition::default(), move |position| {
            let (client, scan) = (client.clone(), scan.clone());
            async move { scan.next_page(&client, position).await }
        })
    }
}

//! Cursor scans as streams.

use bytes::Bytes;
use futures::Stream;
use futures::stream;

use crate::{Client, Command, Pattern, Reply, Result};

/// A scan over one key's elements: HSCAN, SSCAN or ZSCAN.
#[derive(Debug, Clone)]
#[must_use = "a scan does nothing until it is streamed"]
pub struct Scan {
    command: &'static str,
    key: Bytes,
    pattern: Option<Pattern>,
    count: usize,
}

impl Scan {
    /// A scan by `command` (`"HSCAN"`, `"SSCAN"`, `"ZSCAN"`) over the value at `key`.
    pub fn new(command: &'static str, key: impl Into<Bytes>) -> Self {
        Self {
            command,
            key: key.into(),
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

    fn page(&self, cursor: Bytes) -> Command {
        let mut command = Command::read(self.command)
            .key(self.key.clone())
            .arg(cursor);
        if let Some(pattern) = &self.pattern {
            command = command.arg("MATCH").arg(pattern.to_bytes());
        }
        command.arg("COUNT").arg(self.count)
    }
}

impl Client {
    /// Streams the pages of a scan, each the elements of one reply.
    ///
    /// One round trip a page, taken only when the page is asked for: nothing is prefetched, and
    /// nothing runs once the stream is dropped. The guarantees are the server's: what is there
    /// from start to end is seen at least once; what comes, goes or changes meanwhile may be seen
    /// or not, and the same element may be seen twice.
    ///
    /// # Errors
    /// As [`run`](Self::run); the stream ends after an error.
    pub fn scan(&self, scan: Scan) -> impl Stream<Item = Result<Vec<Reply>>> + Send + 'static {
        let client = self.clone();
        stream::try_unfold(Some(Bytes::from_static(b"0")), move |cursor| {
            let (client, page) = (client.clone(), cursor.map(|cursor| scan.page(cursor)));
            async move {
                let Some(page) = page else {
                    return Ok(None);
                };
                let [cursor, items] = client.run(page).await?.into_array()?;
                let cursor = cursor.into_bytes()?;
                let next = (cursor.as_ref() != b"0").then_some(cursor);
                Ok(Some((items.into_list()?, next)))
            }
        })
    }
}

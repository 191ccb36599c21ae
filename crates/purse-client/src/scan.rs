//! Cursor scans as streams.

use bytes::Bytes;
use fred::types::config::Server;
use futures::Stream;

use crate::ahead::{Turn, pages};
use crate::{Client, Command, Error, ErrorKind, Pattern, Reply, Result, Script};

static FIRST_PAGE: Script = Script::read("FIRST PAGE", include_str!("lua/first_page.lua"));
static PROCESS: Script = Script::read("PROCESS", include_str!("lua/process.lua"));

/// The cursor of the first page, and after the last one.
const START: Bytes = Bytes::from_static(b"0");

/// A scan over one key's elements: HSCAN, SSCAN or ZSCAN.
#[derive(Debug, Clone)]
#[must_use = "a scan does nothing until it is streamed"]
pub struct Scan {
    command: &'static str,
    key: Option<Bytes>,
    node: Option<Server>,
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
    pub(crate) fn of_keys(node: Option<Server>) -> Self {
        Self {
            key: None,
            node,
            ..Self::new("SCAN", Bytes::new())
        }
    }

    /// Reads the page at `place`, and tells where to go on unless it is the last.
    ///
    /// A cursor is a place in a hash table, whose order is that of one process: a server that was
    /// started anew, or that took over, would leave out elements without a word. So the first page
    /// comes with the name of the process, and after the last one that is compared. The pages in
    /// between come without: it would have to be a script, and those cost twice as much.
    pub(crate) async fn turn(&self, client: &Client, place: Place) -> Turn<Vec<Reply>, Place> {
        let Some(Next { cursor, process }) = place.0 else {
            let first = self.page(Command::script(&FIRST_PAGE), Some(self.command), START);
            let [process, cursor, items] = client.run(first).await?.into_array()?;
            let next = Place::after(cursor.into_bytes()?, process.into_bytes()?);
            return Ok((items.into_list()?, next));
        };
        let page = self.page(Command::read(self.command), None, cursor);
        let [cursor, items] = client.run(page).await?.into_array()?;
        let next = Place::after(cursor.into_bytes()?, process.clone());
        if next.is_none() && self.process(client).await? != process {
            let message = "the server was started anew or failed over: begin the scan again";
            let error = Error::new(ErrorKind::Interrupted, message);
            let server = client.server().into();
            return Err(error
                .with_command(self.command, self.key.clone())
                .with_server(server));
        }
        Ok((items.into_list()?, next))
    }

    fn page(&self, command: Command, first: Option<&'static str>, cursor: Bytes) -> Command {
        let mut command = self.at_home(command);
        if let Some(first) = first {
            command = command.arg(first);
        }
        command = command.arg(cursor);
        if let Some(pattern) = &self.pattern {
            command = command.arg("MATCH").arg(pattern.to_bytes());
        }
        command.arg("COUNT").arg(self.count)
    }

    /// The process that the elements are in.
    async fn process(&self, client: &Client) -> Result<Bytes> {
        let command = self.at_home(Command::script(&PROCESS));
        client.run(command).await?.into_bytes()
    }

    fn at_home(&self, mut command: Command) -> Command {
        // The name stands for it in errors, in place of the script's.
        command.name = self.command;
        command.keys.extend(self.key.clone());
        command.on_node(self.node.clone())
    }
}

/// Where a scan goes on: at the start, or at a cursor of a process.
#[derive(Debug, Default)]
pub(crate) struct Place(Option<Next>);

#[derive(Debug)]
struct Next {
    cursor: Bytes,
    process: Bytes,
}

impl Place {
    fn after(cursor: Bytes, process: Bytes) -> Option<Self> {
        (cursor != START).then_some(Self(Some(Next { cursor, process })))
    }
}

impl Client {
    /// Streams the pages of a scan, each the elements of one reply.
    ///
    /// One round trip a page. The next one is on its way while a page is used, from the second one
    /// on ([`pages`]); nothing is sent once the stream is dropped. The guarantees are the server's:
    /// what is there from start to end is seen at least once; what comes, goes or changes meanwhile
    /// may be seen or not, and the same element may be seen twice.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`Interrupted`](ErrorKind::Interrupted) where another server
    /// process answers than at the start; the stream ends after an error.
    pub fn scan(&self, scan: Scan) -> impl Stream<Item = Result<Vec<Reply>>> + Send + 'static {
        let client = self.clone();
        pages(Place::default(), move |place| {
            let (client, scan) = (client.clone(), scan.clone());
            async move { scan.turn(&client, place).await }
        })
    }
}

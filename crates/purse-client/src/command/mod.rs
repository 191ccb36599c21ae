//! Commands, arguments, scripts, replies and slots: data only, no I/O.
//!
//! May import: `error`, `util`, `resp`, `config`.

mod argument;
mod availability;
pub(crate) mod batch_script;
pub(crate) mod catalog;
mod effect;
pub(crate) mod key_slots;
mod pattern;
mod reply;
mod script;
mod sibling;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::Error;
use crate::config::Address;
use crate::resp::{put_bytes, put_header, put_int};
use crate::util::timer::clamp;

pub use argument::Argument;
pub(crate) use availability::Feature;
pub use effect::Effect;
pub use pattern::Pattern;
pub use reply::Reply;
pub use script::Script;
pub use sibling::{is_internal_key, sibling_key};

/// The command and key that an error names.
///
/// The key is copied, not cloned: cloning `Bytes` increments an atomic counter that every user of
/// the key contends on.
#[derive(Debug)]
pub(crate) struct ErrorContext {
    name: &'static str,
    key: Option<SmallVec<[u8; 40]>>,
    index: i64,
}

impl ErrorContext {
    /// Adds the context and the server to `error`.
    pub(crate) fn add_to(&self, error: Error, server: &Arc<str>) -> Error {
        let key = self.key.as_ref().map(|key| Bytes::copy_from_slice(key));
        error
            .shift_index(self.index)
            .with_command(self.name, key)
            .with_server(server.clone())
    }
}

/// A command: its name, keys and arguments, whether it writes, and how long it may take.
///
/// # Examples
/// ```
/// use purse::Command;
///
/// let push = Command::write("RPUSH").key("tasks").arg("first").arg("second");
/// assert_eq!(push.name(), "RPUSH");
/// ```
#[derive(Debug, Clone)]
#[must_use = "a command does nothing until a client runs it"]
pub struct Command {
    pub(crate) name: &'static str,
    pub(crate) script: Option<&'static Script>,
    pub(crate) effect: Effect,
    /// Mostly one, and then no allocation.
    pub(crate) keys: SmallVec<[Bytes; 1]>,
    pub(crate) args: Vec<Argument>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) fail_fast: Option<bool>,
    /// Boxed, because it is rare and each future that sends a command holds one.
    pub(crate) node: Option<Box<Address>>,
    /// The index of the argument that is the field of a hash.
    field: Option<u8>,
    /// The index of a list at which the reply starts.
    index: i64,
    /// True if it fails while its keys may be on two nodes, instead of waiting until they are not.
    pub(crate) fails_on_tryagain: bool,
    /// True if it goes over the first connection, although it is a read.
    pub(crate) on_first_connection: bool,
}

/// Returns the first word of a command's name, and the words of a subcommand. It runs several times
/// for each command, so it looks at bytes: a search for a `char` takes a hundred instructions.
pub(crate) fn split_name(name: &str) -> (&str, Option<&str>) {
    match name.bytes().position(|byte| byte == b' ') {
        None => (name, None),
        Some(at) => (&name[..at], Some(&name[at + 1..])),
    }
}

impl Command {
    /// Creates a command that changes nothing. It is sent again when the connection breaks. The name
    /// of a subcommand follows after a space, as in `OBJECT ENCODING`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// let length = client.run(Command::read("STRLEN").key("name")).await?;
    /// assert_eq!(length.into_count()?, 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "cmd")]
    pub const fn read(name: &'static str) -> Self {
        Self::new(name, Effect::Read, None)
    }

    /// Creates a command that may change data. It is sent at most once. The name of a subcommand
    /// follows after a space, as in `XGROUP CREATE`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// let length = client.run(Command::write("APPEND").key("name").arg("Ada")).await?;
    /// assert_eq!(length.into_count()?, 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "cmd")]
    pub const fn write(name: &'static str) -> Self {
        Self::new(name, Effect::Write, None)
    }

    /// Creates a command that runs a Lua script: by EVAL when a connection first uses it, and by
    /// EVALSHA from then on.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Script};
    ///
    /// static MAX: Script = Script::write(
    ///     "MAX",
    ///     "local old = tonumber(redis.call('GET', KEYS[1])) or 0
    ///      if tonumber(ARGV[1]) > old then redis.call('SET', KEYS[1], ARGV[1]) end
    ///      return redis.call('GET', KEYS[1])",
    /// );
    /// for (speed, highest) in [(80, 80), (120, 120), (100, 120)] {
    ///     let command = Command::script(&MAX).key("top speed").arg(speed);
    ///     assert_eq!(client.run(command).await?.into_int()?, highest);
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "EVAL")]
    #[doc(alias = "EVALSHA")]
    #[doc(alias = "invoke_async")]
    pub const fn script(script: &'static Script) -> Self {
        Self::new(script.name(), script.effect(), Some(script))
    }

    const fn new(name: &'static str, effect: Effect, script: Option<&'static Script>) -> Self {
        Self {
            name,
            script,
            effect,
            keys: SmallVec::new_const(),
            args: Vec::new(),
            timeout: None,
            fail_fast: None,
            node: None,
            field: None,
            index: 0,
            fails_on_tryagain: false,
            on_first_connection: false,
        }
    }

    /// Adds a key. Keys come before all arguments; the first one decides the cluster node.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// let copy = Command::write("COPY").key("{user}old").key("{user}new");
    /// assert_eq!(copy.keys(), ["{user}old", "{user}new"]);
    /// # Ok(()) }
    /// ```
    pub fn key(mut self, key: impl Into<Argument>) -> Self {
        self.keys.push(key.into().into_bytes());
        self
    }

    /// Adds an argument.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// // Text, bytes and numbers are arguments; nothing has to be quoted.
    /// let set = Command::write("SET").key("pi").arg(3.14159).arg("EX").arg(60);
    /// client.run(set).await?;
    /// # Ok(()) }
    /// ```
    pub fn arg(mut self, arg: impl Into<Argument>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds an argument that is the field of a hash. The errors of an [`Op`](crate::Op) name it.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Reply};
    ///
    /// client.run(Command::write("HSET").key("ages").field("Ada").arg("unknown")).await?;
    /// let increment = Command::write("HINCRBY").key("ages").field("Ada").arg(1);
    /// let error = client.op(increment, Reply::into_int).await.unwrap_err();
    /// assert_eq!(error.field().unwrap(), "Ada");
    /// # Ok(()) }
    /// ```
    pub fn field(mut self, field: impl Into<Argument>) -> Self {
        self.field = u8::try_from(self.args.len()).ok();
        self.arg(field)
    }

    /// Says at which index of a list the reply starts. An error of an [`Op`](crate::Op) that
    /// [has an index](crate::Error::with_index) counts from there.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Reply};
    ///
    /// client.run(Command::write("RPUSH").key("numbers").args(["1", "2", "three"])).await?;
    /// let second = Command::read("LRANGE").key("numbers").arg(1).arg(-1).at_index(1);
    /// let numbers = |reply: Reply| -> purse::Result<Vec<i64>> {
    ///     let numbers = (0..).zip(reply.into_list()?);
    ///     numbers.map(|(i, n)| n.into_int().map_err(|error| error.with_index(i))).collect()
    /// };
    /// let error = client.op(second, numbers).await.unwrap_err();
    /// assert_eq!(error.index(), Some(2));
    /// # Ok(()) }
    /// ```
    pub const fn at_index(mut self, index: i64) -> Self {
        self.index = index;
        self
    }

    /// Adds arguments.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// let command = Command::write("RPUSH").key("primes").args([2, 3, 5, 7]);
    /// assert_eq!(client.run(command).await?.into_count()?, 4);
    /// # Ok(()) }
    /// ```
    pub fn args<A: Into<Argument>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets the time that the command may take, instead of the client's own timeout; a year at
    /// most.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::Command;
    ///
    /// // A report may take longer than other commands.
    /// let report = Command::read("SUNION").key("a").key("b").timeout(Duration::from_secs(60));
    /// client.run(report).await?;
    /// # Ok(()) }
    /// ```
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(clamp(timeout));
        self
    }

    /// Lets the command fail at once with [`NotSent`](crate::ErrorKind::NotSent) while there is no
    /// connection, instead of waiting for one.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// let cached = client.run(Command::read("GET").key("page").fail_fast()).await;
    /// let page = match cached {
    ///     Ok(reply) => reply.non_nil(),
    ///     Err(_) => None, // no cache is better than a slow one
    /// };
    /// assert!(page.is_none());
    /// # Ok(()) }
    /// ```
    pub const fn fail_fast(mut self) -> Self {
        self.fail_fast = Some(true);
        self
    }

    /// Sends the command to this node of a cluster, without regard to its keys.
    pub(crate) fn on_node(mut self, node: Option<Address>) -> Self {
        self.node = node.map(Box::new);
        self
    }

    /// Sends the command over the first connection, although it is a read.
    pub(crate) const fn on_first_connection(mut self) -> Self {
        self.on_first_connection = true;
        self
    }

    /// Fails with `TRYAGAIN` while the slot of its keys is being moved.
    pub(crate) const fn fail_on_tryagain(mut self) -> Self {
        self.fails_on_tryagain = true;
        self
    }

    /// Returns the name of the command or script.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns whether the command may change data.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// Returns the keys, in order.
    #[must_use]
    pub fn keys(&self) -> &[Bytes] {
        &self.keys
    }

    /// Returns the argument that is the field of a hash.
    pub(crate) fn field_name(&self) -> Option<Bytes> {
        let field = self.args.get(usize::from(self.field?))?;
        Some(field.clone().into_bytes())
    }

    /// Returns the index of a list at which the reply starts.
    pub(crate) const fn first_index(&self) -> i64 {
        self.index
    }

    /// Returns what an error names.
    pub(crate) fn context(&self) -> ErrorContext {
        ErrorContext {
            name: self.name,
            key: self.keys.first().map(|key| SmallVec::from_slice(key)),
            index: self.index,
        }
    }

    /// Returns whether one of the arguments is `word`, in capitals or not.
    fn has_word(&self, word: &[u8]) -> bool {
        let args = self.args.iter().cloned().map(Argument::into_bytes);
        let mut words = self.subcommand().into_iter().chain(args);
        words.any(|arg| arg.eq_ignore_ascii_case(word))
    }

    /// Returns the word of the name after the first space.
    fn subcommand(&self) -> Option<Bytes> {
        let (_, rest) = split_name(self.name);
        let word = rest?.split(' ').next()?;
        Some(Bytes::from_static(word.as_bytes()))
    }

    /// Returns whether the word after the name is one of `words`, in capitals or not.
    fn has_first_word(&self, words: &[&[u8]]) -> bool {
        let argument = || self.args.first().cloned().map(Argument::into_bytes);
        let first = self.subcommand();
        let first = first.or_else(|| self.keys.first().cloned());
        let first = first.or_else(argument);
        first.is_some_and(|first| words.iter().any(|word| first.eq_ignore_ascii_case(word)))
    }

    /// Returns whether a server is known to have the command for which the script stands in.
    pub(crate) fn has_native(&self, product: &str, version: &str) -> bool {
        self.script.is_some_and(Script::is_stand_in)
            && Feature::of(self).is_some_and(|feature| feature.is_present(product, version))
    }

    /// Appends the command as the server reads it; a script by its hash, or `whole` by its source.
    pub(crate) fn put(&self, out: &mut Vec<u8>, whole: bool) {
        self.put_as(self.script, out, whole);
    }

    /// Appends the command for which the script stands in.
    pub(crate) fn put_native(&self, out: &mut Vec<u8>) {
        self.put_as(None, out, true);
    }

    fn put_as(&self, script: Option<&Script>, out: &mut Vec<u8>, whole: bool) {
        let words = self.keys.len() + self.args.len();
        match script {
            None => {
                let (first, rest) = split_name(self.name);
                let rest = rest.into_iter().flat_map(|rest| rest.split(' '));
                put_header(out, 1 + rest.clone().count() + words);
                put_bytes(out, first.as_bytes());
                rest.for_each(|name| put_bytes(out, name.as_bytes()));
            }
            Some(script) => {
                put_header(out, 3 + words);
                let (name, body) = match whole {
                    true => ("EVAL", script.source()),
                    false => ("EVALSHA", script.hash()),
                };
                put_bytes(out, name.as_bytes());
                put_bytes(out, body.as_bytes());
                put_int(out, i64::try_from(self.keys.len()).unwrap_or(i64::MAX));
            }
        }
        self.keys.iter().for_each(|key| put_bytes(out, key));
        self.args.iter().for_each(|arg| arg.put(out));
    }
}

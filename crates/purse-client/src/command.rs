//! A command before it is sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fred::types::Value;
use fred::types::config::Server;
use smallvec::SmallVec;

use crate::Error;
use crate::script::Script;

/// No timeout is longer: an instant has to be able to tell when it is over.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Whether a command may change data, which decides what a lost reply means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing: sent again by itself when the connection breaks.
    Read,
    /// May change data: sent at most once; a lost reply is
    /// [`Ambiguous`](crate::ErrorKind::Ambiguous).
    Write,
}

/// One argument of a command.
#[derive(Debug, Clone)]
pub struct Argument(pub(crate) Value);

impl From<Bytes> for Argument {
    fn from(bytes: Bytes) -> Self {
        Self(Value::Bytes(bytes))
    }
}

impl From<&'static str> for Argument {
    fn from(word: &'static str) -> Self {
        Self(Value::from_static_str(word))
    }
}

impl From<i64> for Argument {
    fn from(n: i64) -> Self {
        Self(Value::Integer(n))
    }
}

impl From<u64> for Argument {
    fn from(n: u64) -> Self {
        i64::try_from(n).map_or_else(|_| Self(n.to_string().into()), Self::from)
    }
}

impl From<usize> for Argument {
    fn from(n: usize) -> Self {
        Self::from(n as u64)
    }
}

impl From<f64> for Argument {
    /// The shortest text that reads back as the same number; infinities as `inf` and `-inf`.
    fn from(n: f64) -> Self {
        Self(Value::Double(n))
    }
}

/// What an error tells of a command.
///
/// The key is copied: it is one that all who use it share, and to count one more of them costs more
/// where they are many.
#[derive(Debug)]
pub(crate) struct Subject {
    name: &'static str,
    key: Option<SmallVec<[u8; 40]>>,
}

impl Subject {
    /// Adds it to `error`, with the server.
    pub(crate) fn add_to(&self, error: Error, server: &Arc<str>) -> Error {
        let key = self.key.as_ref().map(|key| Bytes::copy_from_slice(key));
        error
            .with_command(self.name, key)
            .with_server(server.clone())
    }
}

/// A command: its name, keys and arguments, whether it writes, and how long it may take.
///
/// ```
/// use purse_client::Command;
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
    pub(crate) args: Vec<Value>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) fail_fast: bool,
    /// Boxed, since it is seldom there, and each future on the way of a command holds one.
    pub(crate) node: Option<Box<Server>>,
    /// Whether a script is sent whole, so that no second trip of it comes after other commands.
    pub(crate) in_order: bool,
    /// Whether it fails where its keys may lie on two nodes, instead of waiting until they do not.
    pub(crate) impatient: bool,
}

impl Command {
    /// A command that changes nothing.
    pub const fn read(name: &'static str) -> Self {
        Self::new(name, Effect::Read, None)
    }

    /// A command that may change data.
    pub const fn write(name: &'static str) -> Self {
        Self::new(name, Effect::Write, None)
    }

    /// A Lua script, run by EVALSHA and, where the server does not know it yet, by EVAL.
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
            fail_fast: false,
            node: None,
            in_order: false,
            impatient: false,
        }
    }

    /// Adds a key. Keys come before all arguments; the first one decides the cluster node.
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<Argument>) -> Self {
        self.args.push(arg.into().0);
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<Argument>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.into().0));
        self
    }

    /// Bounds the wait for the reply, instead of the client's own bound; by a year at most.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        let is_too_long = timeout.as_secs() >= LONGEST.as_secs();
        self.timeout = Some(if is_too_long { LONGEST } else { timeout });
        self
    }

    /// Fails at once with [`NotSent`](crate::ErrorKind::NotSent) while the client is not connected,
    /// instead of waiting for the connection to come back.
    pub const fn fail_fast(mut self) -> Self {
        self.fail_fast = true;
        self
    }

    /// Sends the command to this node of a cluster, whatever its keys.
    pub(crate) fn on_node(mut self, node: Option<Server>) -> Self {
        self.node = node.map(Box::new);
        self
    }

    /// Sends a script whole: it is then in order with what is sent before and after it.
    pub(crate) const fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Whether it has a place of its own, among others or on a node.
    pub(crate) const fn is_tied(&self) -> bool {
        self.in_order || self.node.is_some()
    }

    /// Fails with `TRYAGAIN` while the slot of its keys is on the move.
    pub(crate) const fn impatient(mut self) -> Self {
        self.impatient = true;
        self
    }

    /// The command's name, or the script's.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the command may change data.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// The keys, in order.
    #[must_use]
    pub fn keys(&self) -> &[Bytes] {
        &self.keys
    }

    /// What an error is to tell of it.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            name: self.name,
            key: self.keys.first().map(|key| SmallVec::from_slice(key)),
        }
    }

    /// The number of keys and arguments.
    pub(crate) fn len(&self) -> usize {
        self.keys.len() + self.args.len()
    }

    /// Keys and arguments in the order they go over the wire.
    pub(crate) fn into_wire(self) -> Vec<Value> {
        let mut wire = Vec::with_capacity(self.len());
        self.extend_wire(&mut wire);
        wire
    }

    /// Adds keys and arguments to what goes over the wire before them.
    pub(crate) fn extend_wire(self, wire: &mut Vec<Value>) {
        wire.extend(self.keys.into_iter().map(Value::Bytes));
        wire.extend(self.args);
    }
}

//! Lua scripts.

use std::sync::OnceLock;

use fred::types::Value;

use crate::command::{Command, Effect};

/// A Lua script that runs on the server in one atomic step.
///
/// Meant for a `static`: the source is hashed once.
///
/// ```
/// use purse_client::Script;
///
/// static SWAP: Script = Script::write("SWAP", "return redis.call('GETSET', KEYS[1], ARGV[1])");
/// assert_eq!(SWAP.name(), "SWAP");
/// ```
#[derive(Debug)]
pub struct Script {
    name: &'static str,
    source: &'static str,
    effect: Effect,
    is_unpaused: bool,
    sent: OnceLock<Sent>,
}

/// A script as the server gets it.
#[derive(Debug)]
struct Sent {
    source: String,
    hash: String,
}

impl Script {
    /// A script that may change data; `name` stands for it in errors.
    #[must_use]
    pub const fn write(name: &'static str, source: &'static str) -> Self {
        Self::new(name, source, Effect::Write)
    }

    /// A script that changes nothing; `name` stands for it in errors.
    #[must_use]
    pub const fn read(name: &'static str, source: &'static str) -> Self {
        Self::new(name, source, Effect::Read)
    }

    const fn new(name: &'static str, source: &'static str, effect: Effect) -> Self {
        Self {
            name,
            source,
            effect,
            is_unpaused: false,
            sent: OnceLock::new(),
        }
    }

    /// The same script, sent so that it runs while writes are paused (as they are in a failover)
    /// and for users who may only read; not by servers before 7.
    pub(crate) const fn unpaused(mut self) -> Self {
        self.is_unpaused = true;
        self
    }

    /// The commands that run it by its hash, and whole.
    pub(crate) const fn commands(&self) -> (&'static str, &'static str) {
        match self.is_unpaused {
            true => ("EVALSHA_RO", "EVAL_RO"),
            false => ("EVALSHA", "EVAL"),
        }
    }

    /// The name that stands for the script in errors.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn source(&self) -> &'static str {
        self.source
    }

    pub(crate) const fn effect(&self) -> Effect {
        self.effect
    }

    /// The arguments of EVALSHA for `command`, which this script runs.
    pub(crate) fn evalsha_args(&'static self, command: Command) -> Vec<Value> {
        let keys = command.keys.len();
        let mut args = Vec::with_capacity(2 + command.len());
        args.push(Value::from_static_str(&self.sent().hash));
        args.push(Value::Integer(i64::try_from(keys).unwrap_or(i64::MAX)));
        command.extend_wire(&mut args);
        args
    }

    /// Turns the arguments of EVALSHA into those of EVAL.
    pub(crate) fn eval_args(&'static self, mut evalsha: Vec<Value>) -> Vec<Value> {
        evalsha[0] = Value::from_static_str(&self.sent().source);
        evalsha
    }

    /// The script within one that puts the result into an array: see [`wire`](crate::wire).
    fn sent(&self) -> &Sent {
        self.sent.get_or_init(|| {
            let source = format!(
                "local function run()\n{}\nend\nreturn {{run()}}",
                self.source
            );
            let hash = fred::util::sha1_hash(&source);
            Sent { source, hash }
        })
    }
}

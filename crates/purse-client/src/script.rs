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
    hash: OnceLock<String>,
}

impl Script {
    /// A script that may change data; `name` stands for it in errors.
    #[must_use]
    pub const fn write(name: &'static str, source: &'static str) -> Self {
        Self {
            name,
            source,
            effect: Effect::Write,
            hash: OnceLock::new(),
        }
    }

    /// A script that changes nothing; `name` stands for it in errors.
    #[must_use]
    pub const fn read(name: &'static str, source: &'static str) -> Self {
        Self {
            name,
            source,
            effect: Effect::Read,
            hash: OnceLock::new(),
        }
    }

    /// The name that stands for the script in errors.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn effect(&self) -> Effect {
        self.effect
    }

    /// The arguments of EVALSHA for `command`, which runs this script.
    pub(crate) fn evalsha_args(&self, command: Command) -> Vec<Value> {
        let hash = self.hash.get_or_init(|| fred::util::sha1_hash(self.source));
        let keys = command.keys.len();
        let mut args = vec![Value::from(hash.as_str()), Value::from(keys as u64 as i64)];
        args.extend(command.into_wire());
        args
    }

    /// Turns the arguments of EVALSHA into those of EVAL.
    pub(crate) fn eval_args(&self, mut evalsha: Vec<Value>) -> Vec<Value> {
        evalsha[0] = Value::from_static_str(self.source);
        evalsha
    }
}

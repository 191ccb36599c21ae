//! An atomic batch: several commands as one script.

use std::time::Duration;

use super::{Argument, Command, Effect};
use crate::resp::{put_bytes, put_header, put_int};
use crate::{Error, ErrorKind, Result};
use bytes::Bytes;

/// The most arguments of one command: what Lua can unpack.
pub(crate) const MOST_ARGUMENTS: usize = 7_000;

/// The most arguments of all commands, with what tells them apart: servers before 7 break the
/// connection where one command has more than 1048576.
const MOST_IN_ALL: usize = 1_000_000;

/// The body that runs one command: its name is the first argument.
const CALL: &str = include_str!("../lua/call.lua");
const BODY: &str = include_str!("../lua/atomic.lua");

/// A script that is made for its commands, with what it is run on.
#[derive(Debug, Clone)]
pub(crate) struct ScriptBatch {
    pub(crate) source: String,
    pub(crate) keys: Vec<Bytes>,
    pub(crate) args: Vec<Argument>,
    pub(crate) effect: Effect,
    pub(crate) timeout: Option<Duration>,
    pub(crate) fail_fast: Option<bool>,
}

impl ScriptBatch {
    pub(crate) fn new(commands: Vec<Command>) -> Result<Self> {
        // In one order, since a server keeps each script that it is sent.
        let mut sources: Vec<_> = commands.iter().map(source_of).collect();
        sources.sort_unstable();
        sources.dedup();
        let mut keys = Vec::new();
        let mut args = Vec::new();
        let mut effect = Effect::Read;
        for command in commands {
            let name = command.name;
            if command.keys.len() + command.args.len() > MOST_ARGUMENTS {
                let message = format!(
                    "{name} has more than {MOST_ARGUMENTS} arguments, too many for an atomic batch"
                );
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            if command.effect == Effect::Write {
                effect = Effect::Write;
            }
            let source = source_of(&command);
            let which = sources.partition_point(|other| *other < source);
            let named = command.script.is_none().then(|| Argument::from(name));
            args.extend(
                [
                    which,
                    command.keys.len(),
                    command.args.len() + usize::from(named.is_some()),
                ]
                .map(Argument::from),
            );
            args.extend(named);
            args.extend(command.args);
            keys.extend(command.keys);
            if keys.len() + args.len() > MOST_IN_ALL {
                let message = format!("an atomic batch takes no more than {MOST_IN_ALL} arguments");
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
        }
        Ok(Self {
            source: source(&sources),
            keys,
            args,
            effect,
            timeout: None,
            fail_fast: None,
        })
    }

    /// Appends the batch as the server reads it.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_header(out, 3 + self.keys.len() + self.args.len());
        put_bytes(out, b"EVAL");
        put_bytes(out, self.source.as_bytes());
        put_int(out, i64::try_from(self.keys.len()).unwrap_or(i64::MAX));
        self.keys.iter().for_each(|key| put_bytes(out, key));
        self.args.iter().for_each(|arg| arg.put(out));
    }
}

/// The script that runs a command.
fn source_of(command: &Command) -> &'static str {
    command.script.map_or(CALL, |script| script.source())
}

/// Functions whose parameters take the place of a script's KEYS and ARGV, and the body that calls
/// them.
fn source(sources: &[&str]) -> String {
    let mut whole = "local run = {}\n".to_owned();
    for (which, source) in sources.iter().enumerate() {
        whole += &format!("run[{which}] = function(KEYS, ARGV)\n{source}\nend\n");
    }
    whole + BODY
}

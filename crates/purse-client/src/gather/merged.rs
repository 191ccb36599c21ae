//! How several reads become one command.

use fred::types::Value;

use crate::command::Command;
use crate::{Error, ErrorKind, Reply, Result, Script, wire};

static EACH: Script = Script::read("EACH", include_str!("../lua/each.lua")).unpaused();

/// A command that reads one thing.
pub(super) struct Kind {
    name: &'static str,
    args: usize,
    /// The one that takes many arguments in its place.
    pub(super) many: Option<&'static str>,
}

pub(super) const KINDS: [Kind; 8] = [
    Kind::new("GET", 0, None),
    Kind::new("HGET", 1, Some("HMGET")),
    Kind::new("HEXISTS", 1, None),
    Kind::new("LINDEX", 1, None),
    Kind::new("SISMEMBER", 1, Some("SMISMEMBER")),
    Kind::new("ZSCORE", 1, Some("ZMSCORE")),
    Kind::new("ZRANK", 1, None),
    Kind::new("ZREVRANK", 1, None),
];

impl Kind {
    const fn new(name: &'static str, args: usize, many: Option<&'static str>) -> Self {
        Self { name, args, many }
    }

    pub(super) fn is_of(&self, command: &Command) -> bool {
        (self.name, self.args) == (command.name, command.args.len())
    }
}

/// The command that answers to all of `commands`, which are of `kind`, in their order.
pub(super) fn merged(kind: &Kind, commands: &[&Command]) -> Command {
    let keys = &commands[0].keys;
    let args = commands
        .iter()
        .filter_map(|command| command.args.first().cloned());
    let is_of_one_key = commands.iter().all(|command| command.keys == *keys);
    if is_of_one_key && let Some(name) = kind.many {
        let mut args: Vec<_> = args.collect();
        // Some lengths need a script; more of the same costs less.
        while wire::MESSAGES.contains(&args.len()) {
            args.push(args[0].clone());
        }
        let (keys, command) = (keys.clone(), Command::read(name));
        return Command {
            keys,
            args,
            ..command
        };
    }
    let name = Value::from_static_str(kind.name);
    let args: Vec<_> = std::iter::once(name).chain(args).collect();
    let keys = match is_of_one_key && kind.args > 0 {
        true => keys.clone(),
        false => commands
            .iter()
            .flat_map(|command| command.keys.clone())
            .collect(),
    };
    Command {
        keys,
        args,
        ..Command::script(&EACH)
    }
}

/// The replies to so many reads, taken out of that to the merged one.
pub(super) fn answers(reply: Reply, count: usize) -> Result<Vec<Reply>> {
    let mut replies = reply.into_list()?;
    if replies.len() < count {
        let message = format!("{} answers to {count} reads", replies.len());
        return Err(Error::new(ErrorKind::Protocol, message));
    }
    replies.truncate(count);
    Ok(replies)
}

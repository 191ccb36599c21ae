//! A table of the commands that must not share a connection.

use super::{Command, split_name};

/// The way in which a command occupies a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occupancy {
    /// The server answers at once, so the command shares a connection with others.
    Shared,
    /// The server may hold the reply back, so the command needs a connection of its own.
    Blocking,
    /// The command changes the connection itself, which all callers share.
    Connection,
    /// The command does not have exactly one reply, or the replies after it have another form, so
    /// that purse could not tell them apart.
    Unpaired,
}

/// Returns how `command` occupies a connection. Like servers, it ignores the case of the name.
pub(crate) fn occupancy(command: &Command) -> Occupancy {
    if command.script.is_some() {
        // Its name is for messages only.
        return Occupancy::Shared;
    }
    match command.name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        true => of_name(&command.name.to_ascii_uppercase(), command),
        false => of_name(command.name, command),
    }
}

/// Returns how `command` occupies a connection; `name` is its name in capitals, with that of the
/// subcommand.
fn of_name(name: &str, command: &Command) -> Occupancy {
    let (first, _) = split_name(name);
    match first {
        "BLPOP" | "BRPOP" | "BLMOVE" | "BRPOPLPUSH" | "BLMPOP" | "BZPOPMIN" | "BZPOPMAX"
        | "BZMPOP" | "WAIT" | "WAITAOF" => Occupancy::Blocking,
        "XREAD" | "XREADGROUP" if command.has_word(b"BLOCK") => Occupancy::Blocking,
        "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE"
        | "SUNSUBSCRIBE" | "MONITOR" | "SYNC" | "PSYNC" | "REPLCONF" | "RESET" => {
            Occupancy::Unpaired
        }
        "MULTI" | "EXEC" | "DISCARD" | "WATCH" | "UNWATCH" | "SELECT" | "HELLO" | "AUTH"
        | "QUIT" | "ASKING" | "READONLY" | "READWRITE" => Occupancy::Connection,
        "CLIENT" if command.has_first_word(&[b"REPLY"]) => Occupancy::Unpaired,
        "CLIENT" if command.has_first_word(&[b"TRACKING", b"CACHING"]) => Occupancy::Connection,
        _ => Occupancy::Shared,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Script;

    static RESET: Script = Script::write("reset", "return redis.call('DEL', KEYS[1])");

    #[test]
    fn commands_that_would_hold_or_change_the_connection_are_known() {
        for (command, expected) in [
            (Command::read("GET").key("k"), Occupancy::Shared),
            (Command::write("BLPOP").key("k").arg(0), Occupancy::Blocking),
            (
                Command::read("XREAD").arg("STREAMS").key("s"),
                Occupancy::Shared,
            ),
            (
                Command::read("XREAD").arg("block").arg(0).arg("STREAMS"),
                Occupancy::Blocking,
            ),
            (Command::read("MULTI"), Occupancy::Connection),
            (Command::read("SUBSCRIBE").arg("news"), Occupancy::Unpaired),
            (
                Command::read("CLIENT").arg("reply").arg("OFF"),
                Occupancy::Unpaired,
            ),
            (
                Command::read("CLIENT").key("REPLY").arg("OFF"),
                Occupancy::Unpaired,
            ),
            (Command::read("CLIENT").arg("LIST"), Occupancy::Shared),
            (Command::read("CLIENT LIST"), Occupancy::Shared),
            (
                Command::read("client reply").arg("OFF"),
                Occupancy::Unpaired,
            ),
            (
                Command::read("CLIENT TRACKING").arg("ON"),
                Occupancy::Connection,
            ),
            (Command::read("XREAD BLOCK").arg(0), Occupancy::Blocking),
            (Command::read("MONITOR x"), Occupancy::Unpaired),
            (
                Command::read("REPLCONF").arg("ACK").arg(0),
                Occupancy::Unpaired,
            ),
            (Command::read("get").key("k"), Occupancy::Shared),
            (Command::write("blpop").key("k").arg(0), Occupancy::Blocking),
            (Command::read("Monitor"), Occupancy::Unpaired),
            (Command::read("multi"), Occupancy::Connection),
            (
                Command::read("client").arg("reply").arg("off"),
                Occupancy::Unpaired,
            ),
            (
                Command::read("xread").arg("block").arg(0).arg("streams"),
                Occupancy::Blocking,
            ),
            (Command::script(&RESET), Occupancy::Shared),
        ] {
            assert_eq!(occupancy(&command), expected, "{}", command.name);
        }
    }
}

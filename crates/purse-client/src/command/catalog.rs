//! A table of the commands that must not share a connection.

use super::Command;

/// How a command occupies a connection.
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

/// Returns how `command` occupies a connection.
pub(crate) fn occupancy(command: &Command) -> Occupancy {
    match command.name {
        "BLPOP" | "BRPOP" | "BLMOVE" | "BRPOPLPUSH" | "BLMPOP" | "BZPOPMIN" | "BZPOPMAX"
        | "BZMPOP" | "WAIT" | "WAITAOF" => Occupancy::Blocking,
        "XREAD" | "XREADGROUP" if command.has_word(b"BLOCK") => Occupancy::Blocking,
        "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE"
        | "SUNSUBSCRIBE" | "MONITOR" | "SYNC" | "PSYNC" | "RESET" => Occupancy::Unpaired,
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
            (Command::read("CLIENT").arg("LIST"), Occupancy::Shared),
        ] {
            assert_eq!(occupancy(&command), expected, "{}", command.name);
        }
    }
}

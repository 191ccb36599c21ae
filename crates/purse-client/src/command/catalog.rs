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
}

/// Returns how `command` occupies a connection.
pub(crate) fn occupancy(command: &Command) -> Occupancy {
    match command.name {
        "BLPOP" | "BRPOP" | "BLMOVE" | "BRPOPLPUSH" | "BLMPOP" | "BZPOPMIN" | "BZPOPMAX"
        | "BZMPOP" | "WAIT" | "WAITAOF" => Occupancy::Blocking,
        "XREAD" | "XREADGROUP" if command.has_word(b"BLOCK") => Occupancy::Blocking,
        "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE"
        | "SUNSUBSCRIBE" | "MONITOR" | "SYNC" | "PSYNC" | "MULTI" | "EXEC" | "DISCARD"
        | "WATCH" | "UNWATCH" | "SELECT" | "HELLO" | "AUTH" | "RESET" | "QUIT" | "ASKING"
        | "READONLY" | "READWRITE" => Occupancy::Connection,
        "CLIENT" if command.has_first_word(&[b"REPLY", b"TRACKING", b"CACHING"]) => {
            Occupancy::Connection
        }
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
            (
                Command::read("CLIENT").arg("reply").arg("OFF"),
                Occupancy::Connection,
            ),
            (Command::read("CLIENT").arg("LIST"), Occupancy::Shared),
        ] {
            assert_eq!(occupancy(&command), expected, "{}", command.name);
        }
    }
}

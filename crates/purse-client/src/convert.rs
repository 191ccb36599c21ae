//! fred's errors, told apart by what they mean for the data.

use fred::error::{Error as FredError, ErrorKind as FredKind};

use crate::command::Effect;
use crate::{Error, ErrorKind};

/// What fred says when the command surely never left this process.
const NOT_SENT: [&str; 4] = [
    "Connection closed unexpectedly.",
    "Failed to route command.",
    "Failed to send command to router.",
    "Client is not initialized.",
];

/// What fred says of a command that a cluster sent elsewhere: see [`redirect`](crate::redirect).
const REDIRECTED: &str = "Too many redirections.";

/// The error for the command `name` of `effect` that fred failed with `error`.
pub(crate) fn command_error(error: FredError, name: &str, effect: Effect) -> Error {
    let details = error.details();
    match error.kind() {
        // fred fails everything under way on the connection with this one reply.
        _ if details.starts_with("CLUSTERDOWN") && effect == Effect::Write => {
            no_reply(error, effect)
        }
        FredKind::Auth => server_error(ErrorKind::Auth, details),
        FredKind::InvalidArgument | FredKind::Unknown | FredKind::Cluster if is_reply(details) => {
            reply_error(details, name)
        }
        FredKind::Backpressure => not_sent(error),
        _ if NOT_SENT.contains(&details) => not_sent(error),
        _ if details == REDIRECTED => {
            let message = "not run: the cluster says that the key is elsewhere";
            Error::new(ErrorKind::NotSent, message).with_source(error)
        }
        FredKind::Config | FredKind::Url => {
            Error::new(ErrorKind::Config, "the configuration cannot work").with_source(error)
        }
        FredKind::Protocol | FredKind::Parse | FredKind::NotFound if effect == Effect::Read => {
            Error::new(ErrorKind::Protocol, "the reply could not be read").with_source(error)
        }
        _ => no_reply(error, effect),
    }
}

/// Whether a cluster sent the command elsewhere.
pub(crate) fn is_redirection(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    let fred = source.and_then(|source| source.downcast_ref::<FredError>());
    fred.is_some_and(|fred| fred.details() == REDIRECTED)
}

/// Whether a server refused the command because it is no primary, or none any more.
pub(crate) fn is_by_replica(error: &Error) -> bool {
    error.code() == Some("READONLY")
}

/// The reply of a command within a script, where servers before 7 put words of their own before it:
/// `ERR Error running script (call to f_…): @user_script:1: -OOM command not allowed`, and the
/// latter half of it where the script catches the error.
fn of_script(reply: &str) -> &str {
    let is_within = ["ERR Error running script", "@user_script:"]
        .iter()
        .any(|words| reply.starts_with(words));
    let inner = is_within.then(|| reply.rsplit_once(": -"));
    inner.flatten().map_or(reply, |(_, inner)| inner)
}

/// The error for the command `name` that the server answered with the error `reply`.
pub(crate) fn reply_error(reply: &str, name: &str) -> Error {
    let reply = of_script(reply);
    let kind = reply_kind(reply, name);
    if reply.starts_with("ERR Protocol error: invalid bulk length") {
        let hint = "a value or key is larger than the server takes (proto-max-bulk-len)";
        return Error::new(kind, format!("{reply}: {hint}"));
    }
    server_error(kind, reply)
}

fn server_error(kind: ErrorKind, details: &str) -> Error {
    Error::new(kind, details.to_owned())
}

fn not_sent(error: FredError) -> Error {
    Error::new(ErrorKind::NotSent, "the command was not sent").with_source(error)
}

fn no_reply(error: FredError, effect: Effect) -> Error {
    match effect {
        Effect::Read => Error::new(ErrorKind::Timeout, "no reply"),
        Effect::Write => Error::new(
            ErrorKind::Ambiguous,
            "no reply: the command may have run, or not",
        ),
    }
    .with_source(error)
}

/// Whether fred's words are a server's error reply: it starts with a word in capitals, or tells
/// the place in a script.
fn is_reply(details: &str) -> bool {
    if details.contains("@user_script") {
        return true;
    }
    let word = details.split_whitespace().next().unwrap_or_default();
    word.len() > 1
        && word
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
}

fn reply_kind(reply: &str, name: &str) -> ErrorKind {
    let lower = reply.to_ascii_lowercase();
    if reply.contains("WRONGTYPE ") {
        ErrorKind::WrongType
    } else if reply.starts_with("CROSSSLOT") || lower.contains("don't hash to the same slot") {
        ErrorKind::CrossSlot
    } else if reply.starts_with("NOPERM")
        || reply.starts_with("NOAUTH")
        || lower.contains("acl failure in script")
        || lower.contains("the user executing the script can't")
    {
        ErrorKind::Auth
    } else if [
        "unknown command",
        // So a script is told.
        "unknown redis command",
        "wrong number of args",
        "unknown subcommand",
        "syntax error",
    ]
    .iter()
    .any(|words| lower.contains(words))
    {
        // purse sends what today's servers take: to want other arguments, or not to know one of
        // them, is an older one's.
        ErrorKind::Unsupported
    } else if lower.contains("no such key") && name != "LSET" {
        ErrorKind::NotFound
    } else if lower.contains("index out of range") || lower.contains("no such key") {
        ErrorKind::OutOfRange
    } else {
        ErrorKind::Server
    }
}

/// The error for a connection that did not come about in time.
///
/// A server that gets a TLS hello on a plain port waits for the rest of a command, in silence.
pub(crate) fn connect_timeout(tls: bool) -> Error {
    let message = if tls {
        "cannot connect: no answer in time; does this port speak TLS (rediss://), or is it plain (redis://)?"
    } else {
        "cannot connect: no answer in time; is this address a Redis or Valkey server?"
    };
    Error::new(ErrorKind::Timeout, message)
}

/// The error for a primary that sentinels did not lead to in time.
///
/// fred does not understand their answer for a name that they do not know, and waits for the rest.
pub(crate) fn sentinel_timeout() -> Error {
    let message = "cannot connect: no answer in time; do the sentinels know a primary by this name, and does it run?";
    Error::new(ErrorKind::Timeout, message)
}

/// The error for a connection that could not be made.
pub(crate) fn connect_error(error: FredError, tls: bool) -> Error {
    if *error.kind() == FredKind::Timeout {
        return connect_timeout(tls).with_source(error);
    }
    let details = error.details();
    let (kind, message) = match error.kind() {
        FredKind::Auth => (
            ErrorKind::Auth,
            "cannot connect: the server refuses the user or password of the URL",
        ),
        FredKind::Config | FredKind::Url => (
            ErrorKind::Config,
            "cannot connect: the configuration cannot work",
        ),
        _ if details.contains("NOPROTO") || details.contains("unknown command") => (
            ErrorKind::Unsupported,
            "cannot connect: the server does not speak RESP3 (HELLO 3), which Redis does from 6.0 on",
        ),
        _ if details.contains("ConnectionRefused") => (
            ErrorKind::NotSent,
            "cannot connect: connection refused; is a server running there, and is the port right?",
        ),
        _ if tls => (
            ErrorKind::NotSent,
            "cannot connect: the TLS handshake failed; does this port speak TLS (rediss://), or is it plain (redis://)?",
        ),
        _ => (ErrorKind::NotSent, "cannot connect"),
    };
    Error::new(kind, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(fred: FredKind, details: &'static str, effect: Effect) -> ErrorKind {
        command_error(FredError::new(fred, details), "GET", effect).kind()
    }

    #[test]
    fn replies_are_told_apart_by_their_first_words() {
        for (details, expected) in [
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                ErrorKind::Server,
            ),
            (
                "CROSSSLOT Keys in request don't hash to the same slot",
                ErrorKind::CrossSlot,
            ),
            (
                "ERR unknown command 'HPEXPIRE', with args beginning with:",
                ErrorKind::Unsupported,
            ),
            ("ERR syntax error", ErrorKind::Unsupported),
            (
                "@user_script: 15: Unknown Redis command called from Lua script",
                ErrorKind::Unsupported,
            ),
            (
                "ERR Wrong number of args calling command from script",
                ErrorKind::Unsupported,
            ),
            ("ERR index out of range", ErrorKind::OutOfRange),
            ("NOPERM this user has no permissions", ErrorKind::Auth),
            (
                "ERR ACL failure in script: User me has no permissions to run the 'set' command",
                ErrorKind::Auth,
            ),
            (
                "ERR Error running script (call to f_1): @user_script:1: -WRONGTYPE Operation against a key",
                ErrorKind::WrongType,
            ),
        ] {
            assert_eq!(
                kind(FredKind::Unknown, details, Effect::Write),
                expected,
                "{details}"
            );
        }
        let oom =
            "ERR Error running script (call to f_1): @user_script:1: -OOM command not allowed";
        let caught = "@user_script: 15: -OOM command not allowed";
        for oom in [oom, caught] {
            let error = command_error(
                FredError::new(FredKind::Unknown, oom),
                "CALL",
                Effect::Write,
            );
            assert_eq!(error.code(), Some("OOM"), "{error}");
        }
        assert_eq!(
            kind(
                FredKind::InvalidArgument,
                "WRONGTYPE Operation against a key",
                Effect::Read
            ),
            ErrorKind::WrongType
        );
    }

    #[test]
    fn what_never_left_is_not_sent_whatever_its_effect() {
        for effect in [Effect::Read, Effect::Write] {
            assert_eq!(
                kind(
                    FredKind::Canceled,
                    "Connection closed unexpectedly.",
                    effect
                ),
                ErrorKind::NotSent
            );
            assert_eq!(
                kind(FredKind::Unknown, "Failed to route command.", effect),
                ErrorKind::NotSent
            );
            assert_eq!(kind(FredKind::Backpressure, "", effect), ErrorKind::NotSent);
            assert_eq!(
                kind(FredKind::Routing, REDIRECTED, effect),
                ErrorKind::NotSent
            );
        }
    }

    #[test]
    fn what_says_nothing_about_this_command_is_ambiguous_for_a_write() {
        for (fred, details) in [
            (FredKind::Cluster, "CLUSTERDOWN Hash slot not served"),
            (FredKind::Protocol, "Invalid frame"),
            (FredKind::Sentinel, "No sentinel"),
            (FredKind::Unknown, "Too many failed write attempts."),
        ] {
            assert_eq!(
                kind(fred, details, Effect::Write),
                ErrorKind::Ambiguous,
                "{details}"
            );
        }
    }

    #[test]
    fn a_lost_reply_is_ambiguous_only_for_what_may_change_data() {
        for fred in [FredKind::Timeout, FredKind::IO, FredKind::Canceled] {
            assert_eq!(
                kind(fred.clone(), "Connection Closed", Effect::Write),
                ErrorKind::Ambiguous
            );
            assert_eq!(
                kind(fred, "Connection Closed", Effect::Read),
                ErrorKind::Timeout
            );
        }
    }
}

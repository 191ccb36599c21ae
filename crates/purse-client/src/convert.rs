//! fred's errors, told apart by what they mean for the data.

use fred::error::{Error as FredError, ErrorKind as FredKind};

use crate::command::Effect;
use crate::{Error, ErrorKind};

/// What fred says when the command surely never left this process.
const NOT_SENT: [&str; 4] = [
    "Connection closed unexpectedly.",
    "Failed to route command.",
    NO_TASK,
    "Client is not initialized.",
];

/// What fred says while its task is being started anew.
const NO_TASK: &str = "Failed to send command to router.";

/// What it says of a command that was under way when its task ended.
const TASK_ENDED: &str = "channel closed";

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
    freds_words(error) == Some(REDIRECTED)
}

/// Whether the command failed only because fred's task was started anew just then, and may be sent
/// again.
pub(crate) fn is_between_tasks(error: &Error, effect: Effect) -> bool {
    match freds_words(error) {
        Some(NO_TASK) => true,
        Some(TASK_ENDED) => effect == Effect::Read,
        _ => false,
    }
}

fn freds_words(error: &Error) -> Option<&str> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref().map(FredError::details)
}

/// Whether a server refused the command because it is no primary, or none any more.
pub(crate) fn is_by_replica(error: &Error) -> bool {
    error.code() == Some("READONLY")
}

/// The reply of a command within a script, where servers before 7 put words of their own before it:
/// `ERR Error running script (call to f_…): @user_script:1: WRONGTYPE Operation …`. The place comes
/// twice where the command was not even called, with a `-` before a code:
/// `…: @user_script:1: @user_script: 1: -OOM command not allowed …`.
///
/// The words end where the first other one begins: what follows may repeat keys and arguments.
fn of_script(reply: &str) -> &str {
    let call = reply.strip_prefix("ERR Error running script (call to f_");
    let call = call.and_then(|call| call.split_once("): "));
    let mut inner = call.map_or(reply, |(_, inner)| inner);
    while let Some(rest) = inner.strip_prefix("@user_script:") {
        let place = rest.split_once(": ");
        let Some((_, rest)) = place.filter(|(line, _)| is_number(line.trim_start())) else {
            break;
        };
        inner = rest.strip_prefix('-').unwrap_or(rest);
    }
    inner
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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
    if details.starts_with("@user_script:") {
        return true;
    }
    let word = details.split_whitespace().next().unwrap_or_default();
    word.len() > 1
        && word
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
}

/// What an error reply means, by its code, or by the first words after `ERR`: keys, arguments and
/// names of users that a server repeats come later.
fn reply_kind(reply: &str, name: &str) -> ErrorKind {
    let (code, text) = reply.split_once(' ').unwrap_or((reply, ""));
    match code {
        "WRONGTYPE" => ErrorKind::WrongType,
        "CROSSSLOT" => ErrorKind::CrossSlot,
        "NOPERM" | "NOAUTH" => ErrorKind::Auth,
        "ERR" => text_kind(text, name),
        // Servers before 7 leave the code out where a script may not call the command.
        _ => text_kind(reply, name),
    }
}

fn text_kind(text: &str, name: &str) -> ErrorKind {
    let starts_with = |words: &str| {
        let start = text.as_bytes().get(..words.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(words.as_bytes()))
    };
    if starts_with("acl failure in script") || starts_with("the user executing the script can't") {
        ErrorKind::Auth
    } else if [
        "unknown command",
        // So a script is told.
        "unknown redis command",
        "wrong number of args",
        "unknown subcommand",
        "syntax error",
    ]
    .into_iter()
    .any(starts_with)
    {
        // purse sends what today's servers take: to want other arguments, or not to know one of
        // them, is an older one's.
        ErrorKind::Unsupported
    } else if starts_with("no such key") && name != "LSET" {
        ErrorKind::NotFound
    } else if starts_with("index out of range") || starts_with("no such key") {
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
                "ERR The user executing the script can't run this command or subcommand script: 1f, on @user_script:1.",
                ErrorKind::Auth,
            ),
            (
                "WRONGTYPE Operation against a key script: 1f, on @user_script:1.",
                ErrorKind::WrongType,
            ),
            (
                "ERR Error running script (call to f_1): @user_script:1: WRONGTYPE Operation against a key",
                ErrorKind::WrongType,
            ),
            (
                "ERR Error running script (call to f_1): @user_script:1: ERR syntax error",
                ErrorKind::Unsupported,
            ),
            (
                "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: Unknown Redis command called from Lua script",
                ErrorKind::Unsupported,
            ),
        ] {
            assert_eq!(
                kind(FredKind::Unknown, details, Effect::Write),
                expected,
                "{details}"
            );
        }
        let raised = "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed";
        let caught = "@user_script: 15: -OOM command not allowed";
        let today = "OOM command not allowed";
        for oom in [raised, caught, today] {
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
    fn what_a_reply_repeats_of_the_user_says_nothing() {
        for (details, expected) in [
            (
                "ERR unknown command 'HPEXPIRE', with args beginning with: 'WRONGTYPE x: -OOM' ",
                ErrorKind::Unsupported,
            ),
            (
                "NOGROUP No such key 'WRONGTYPE x' or consumer group 'syntax error'",
                ErrorKind::Server,
            ),
            (
                "ERR Error running script (call to f_1): @user_script:1: NOGROUP No such key 'WRONGTYPE x: -WRONGTYPE y'",
                ErrorKind::Server,
            ),
            (
                "ERR Error running script (call to f_1): @user_script:1: user_script:1: index out of range",
                ErrorKind::Server,
            ),
            (
                "ERR user_script:1: no such key: WRONGTYPE script: 1f, on @user_script:1.",
                ErrorKind::Server,
            ),
            (
                "ERR Error compiling script (new function): user_script:1: syntax error near 'WRONGTYPE '",
                ErrorKind::Server,
            ),
            (
                "ERR ACL failure in script: User WRONGTYPE has no permissions to run the 'set' command",
                ErrorKind::Auth,
            ),
            ("ERR value: WRONGTYPE unknown command", ErrorKind::Server),
            ("WRONGTYPES of another kind", ErrorKind::Server),
        ] {
            assert_eq!(
                kind(FredKind::Unknown, details, Effect::Write),
                expected,
                "{details}"
            );
        }
        let hostile = "ERR Error running script (call to f_1): @user_script:1: ERR no 'x: -OOM y'";
        let error = FredError::new(FredKind::Unknown, hostile);
        let error = command_error(error, "CALL", Effect::Write);
        assert_eq!(error.code(), Some("ERR"), "{error}");
        let source = "not a reply: @user_script";
        assert_eq!(
            kind(FredKind::Unknown, source, Effect::Write),
            ErrorKind::Ambiguous
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

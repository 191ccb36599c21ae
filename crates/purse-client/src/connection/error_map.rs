//! Errors by their meaning for the data: replies of servers, lost replies, failed connections.

use std::error::Error as StdError;
use std::io;

use super::handshake::ServerInfo;
use super::queue_entry::{Ending, Failure};
use crate::command::{Effect, Feature};
use crate::resp::Malformed;
use crate::{Error, ErrorKind};

/// Returns the error of the command `name` that failed with `failure`.
pub(crate) fn command_error(failure: Failure, name: &str, effect: Effect) -> Error {
    match failure {
        Failure::ErrorReply(words) => reply_error(&String::from_utf8_lossy(&words), name),
        Failure::NotSent(cause) => not_sent_error(cause.as_deref()),
        Failure::Rerouted => not_sent_error(None),
        Failure::Late => no_reply_error(effect, None),
        Failure::Lost(cause) => no_reply_error(effect, cause.as_deref()),
        Failure::Ended { ending, sent } => match (sent, effect) {
            (true, Effect::Write) => no_reply_error(effect, Some(&ended_error(ending))),
            _ => ended_error(ending),
        },
    }
}

/// Returns the error of a client that has ended.
pub(crate) fn ended_error(ending: Ending) -> Error {
    let message = match ending {
        Ending::Closed => "the client is closed",
        Ending::RuntimeEnded => "the runtime on which the client was made has ended",
    };
    Error::new(ErrorKind::Closed, message)
}

/// Returns the error of a command that a cluster sent elsewhere, and that was not sent there.
pub(crate) fn redirected_error(words: &str) -> Error {
    let message = "not run: the cluster says that the key is elsewhere";
    Error::new(ErrorKind::NotSent, message).with_source(words.to_owned())
}

/// Returns the error of a command that was not sent because of `cause`.
///
/// The error has the kind of a cause that is permanent, such as a wrong password.
fn not_sent_error(cause: Option<&Error>) -> Error {
    let Some(cause) = cause else {
        return Error::new(ErrorKind::NotSent, "not connected");
    };
    let kind = match cause.kind() {
        kind @ (ErrorKind::Auth | ErrorKind::Config | ErrorKind::Unsupported) => kind,
        _ => ErrorKind::NotSent,
    };
    Error::new(kind, "not connected").with_source(describe(cause))
}

fn no_reply_error(effect: Effect, cause: Option<&Error>) -> Error {
    let error = match effect {
        Effect::Read => Error::new(ErrorKind::Timeout, "no reply"),
        Effect::Write => Error::new(
            ErrorKind::Ambiguous,
            "no reply: the command may have run, or not",
        ),
    };
    match cause {
        Some(cause) => error.with_source(describe(cause)),
        None => error,
    }
}

/// Returns the text of an error and of its causes.
pub(crate) fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Returns the error of a client that uses a node of a cluster as a single server, if it is one.
pub(crate) fn explain_redirection(error: Error) -> Error {
    if !matches!(error.code(), Some("MOVED" | "ASK")) {
        return error;
    }
    let message = "the server is a node of a cluster, and another node has the key: use \
                   redis-cluster:// in the URL";
    Error::new(ErrorKind::Config, message).with_source(error.message().to_owned())
}

/// Returns whether a server refused the command because it is no primary, or none any more.
pub(crate) fn has_readonly_code(error: &Error) -> bool {
    error.code() == Some("READONLY")
}

/// Returns the reply of a command within a script. Servers before 7 put words of their own before
/// it: `ERR Error running script (call to f_…): @user_script:1: WRONGTYPE Operation …`. The place
/// comes twice where the command was not even called, with a `-` before a code: `…: @user_script:1:
/// @user_script: 1: -OOM command not allowed …`.
///
/// The prefix ends at the first other word, because what follows may repeat keys and arguments.
fn strip_script_prefix(reply: &str) -> &str {
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

/// Returns the error for the command `name` that the server answered with the error `reply`.
pub(crate) fn reply_error(reply: &str, name: &str) -> Error {
    let reply = strip_script_prefix(reply);
    let kind = reply_kind(reply, name);
    if reply.starts_with("ERR Protocol error: invalid bulk length") {
        let hint = "a value or key is larger than the server takes (proto-max-bulk-len)";
        return Error::new(kind, format!("{reply}: {hint}"));
    }
    if is_replicated_as_text(strip_code(reply)) {
        let hint = "the server replicates the text of scripts: set lua-replicate-commands to yes";
        return Error::new(kind, format!("{reply}: {hint}"));
    }
    server_error(kind, reply)
}

/// Returns whether a server before Redis 7 refuses a script that reads the time and then writes.
fn is_replicated_as_text(text: &str) -> bool {
    text.starts_with("Write commands not allowed after non deterministic commands")
}

/// Returns an error reply without the code `ERR`.
fn strip_code(reply: &str) -> &str {
    reply.strip_prefix("ERR ").unwrap_or(reply)
}

fn server_error(kind: ErrorKind, details: &str) -> Error {
    Error::new(kind, details.to_owned())
}

/// Returns the kind of an error reply, by its code or by the first words after `ERR`. Keys,
/// arguments and names of users that a server repeats come later.
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
    } else if is_replicated_as_text(text)
        || [
            "unknown command",
            // The words within a script.
            "unknown redis command",
            "wrong number of args",
            "unknown subcommand",
            "syntax error",
        ]
        .into_iter()
        .any(starts_with)
    {
        // purse sends what current servers accept. A server that wants other arguments, or does not
        // know one of them, is older.
        ErrorKind::Unsupported
    } else if starts_with("no such key") && !name.eq_ignore_ascii_case("LSET") {
        ErrorKind::NotFound
    } else if starts_with("index out of range") || starts_with("no such key") {
        ErrorKind::OutOfRange
    } else {
        ErrorKind::Server
    }
}

/// Explains the error of a command that uses `feature`, if the server is too old for it.
///
/// A server that does not know an option may say that it is no number, for example, so every error
/// without a code of its own counts. Without its version, only words that say it themselves count.
pub(crate) fn explain_unsupported(
    error: Error,
    feature: Option<&Feature>,
    server: Option<&ServerInfo>,
) -> Error {
    let is_unsupported = error.kind() == ErrorKind::Unsupported;
    if !is_unsupported && error.code() != Some("ERR") {
        return error;
    }
    let server = server.filter(|server| !server.version.is_empty());
    let message = match (feature, server) {
        (Some(feature), Some(server)) if feature.is_missing(&server.product, &server.version) => {
            format!("{feature}; the server is {server}")
        }
        (Some(feature), None) if is_unsupported => feature.to_string(),
        (_, Some(server)) if is_unsupported => {
            return error.with_source(format!("the server is {server}"));
        }
        _ => return error,
    };
    let words = error.message().to_owned();
    Error::new(ErrorKind::Unsupported, message).with_source(words)
}

/// Returns the error for a connection that was not made in time.
///
/// A server that gets a TLS hello on a plain port waits silently for the rest of a command.
pub(crate) fn connect_timeout(tls: bool) -> Error {
    let message = if tls {
        "cannot connect: no answer in time; does this port speak TLS (rediss://), or is it plain (redis://)?"
    } else {
        "cannot connect: no answer in time; is this address a Redis or Valkey server?"
    };
    Error::new(ErrorKind::Timeout, message)
}

/// Returns the error for a primary that the sentinels did not name in time.
pub(crate) fn sentinel_timeout() -> Error {
    let message = "cannot connect: no answer in time; do the sentinels know a primary by this name, and does it run?";
    Error::new(ErrorKind::Timeout, message)
}

/// The step of connecting that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Lookup,
    Connect,
    Tls,
    Login,
    Database,
}

/// Returns whether the server closed the connection before it answered.
pub(crate) fn is_end_of_stream(error: &Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    source.is_some_and(|error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
        )
    })
}

/// Returns whether a server that answers HELLO with `words` may be asked without it.
pub(crate) fn is_hello_unknown(words: &[u8]) -> bool {
    let words = String::from_utf8_lossy(words).to_ascii_lowercase();
    words.starts_with("noproto")
        || words.contains("unknown command")
        || words.starts_with("noperm") && words.contains("'hello'")
        || words.starts_with("err unsupported command")
}

/// Returns the error of a server that refuses a connection with `words`.
pub(crate) fn handshake_error(words: &[u8], stage: Stage) -> Error {
    let words = String::from_utf8_lossy(words).into_owned();
    let code = words.split(' ').next().unwrap_or_default();
    let (kind, message) = match (code, stage) {
        ("NOAUTH" | "WRONGPASS", _) => (
            ErrorKind::Auth,
            "cannot connect: the server refuses the user or password of the URL",
        ),
        ("NOPERM", _) => (
            ErrorKind::Auth,
            "cannot connect: the user lacks a right that connecting needs",
        ),
        ("LOADING" | "MASTERDOWN" | "BUSY", _) => {
            return Error::new(
                ErrorKind::NotSent,
                "cannot connect: the server is not ready",
            )
            .with_source(words);
        }
        (_, Stage::Database) => (
            ErrorKind::Config,
            "cannot connect: the server does not have the database of the URL",
        ),
        _ if words.contains("without any password configured") => (
            ErrorKind::Auth,
            "cannot connect: the URL has a password, and the server wants none",
        ),
        _ if words.contains("invalid password") => (
            ErrorKind::Auth,
            "cannot connect: the server refuses the user or password of the URL",
        ),
        _ => (
            ErrorKind::NotSent,
            "cannot connect: the server refuses the connection",
        ),
    };
    Error::new(kind, message).with_source(words)
}

/// Returns the error of something at the address that does not speak RESP.
pub(crate) fn not_a_server(malformed: Malformed) -> Error {
    if malformed.is_tls_alert() {
        let message = "cannot connect: the port speaks TLS; use rediss:// for it";
        return Error::new(ErrorKind::Config, message).with_source(malformed);
    }
    let message = "cannot connect: what answers is not a Redis or Valkey server";
    Error::new(ErrorKind::Protocol, message).with_source(malformed)
}

/// Returns whether a TLS error in lower case is an alert by which the server refuses a certificate.
fn is_alert_of_certificate(text: &str) -> bool {
    let reasons = [
        "certificate",
        "unknownca",
        "unknown ca",
        "decrypterror",
        "decrypt error",
    ];
    text.contains("alert") && reasons.iter().any(|reason| text.contains(reason))
}

/// Returns the error of a connection that could not be made.
pub(crate) fn io_error(error: io::Error, stage: Stage) -> Error {
    let text = error.to_string();
    let lower = text.to_ascii_lowercase();
    let (kind, message) = match stage {
        Stage::Lookup => (
            ErrorKind::NotSent,
            "cannot connect: the host name cannot be resolved",
        ),
        _ if lower.contains("certificaterequired") || lower.contains("certificate required") => (
            ErrorKind::Auth,
            "cannot connect: the server wants a client certificate",
        ),
        _ if is_alert_of_certificate(&lower) => (
            ErrorKind::Auth,
            "cannot connect: the server refuses the client certificate",
        ),
        _ if lower.contains("certificate") => (
            ErrorKind::Config,
            "cannot connect: the certificate is refused",
        ),
        // rustls, and OpenSSL, of a peer that answers in plain text.
        Stage::Tls
            if lower.contains("corrupt message") || lower.contains("wrong version number") =>
        {
            (
                ErrorKind::Config,
                "cannot connect: the port does not speak TLS; use redis:// for it",
            )
        }
        Stage::Tls if error.kind() == io::ErrorKind::InvalidInput => (
            ErrorKind::Config,
            "cannot connect: the host is not a name that a certificate can have",
        ),
        Stage::Tls => (
            ErrorKind::NotSent,
            "cannot connect: the TLS handshake failed; does this port speak TLS (rediss://), or is it plain (redis://)?",
        ),
        _ if error.kind() == io::ErrorKind::ConnectionRefused => (
            ErrorKind::NotSent,
            "cannot connect: connection refused; is a server running there, and is the port right?",
        ),
        Stage::Login => (
            ErrorKind::NotSent,
            "cannot connect: the server closed the connection before it answered; it may not know HELLO, or want TLS (rediss://)",
        ),
        _ => (ErrorKind::NotSent, "cannot connect"),
    };
    Error::new(kind, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn kind(details: &'static str, effect: Effect) -> ErrorKind {
        let refused = Failure::ErrorReply(bytes::Bytes::from_static(details.as_bytes()));
        command_error(refused, "GET", effect).kind()
    }

    #[test]
    fn error_replies_are_classified_by_first_words() {
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
            assert_eq!(kind(details, Effect::Write), expected, "{details}");
        }
        let raised = "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed";
        let caught = "@user_script: 15: -OOM command not allowed";
        let today = "OOM command not allowed";
        for oom in [raised, caught, today] {
            let error = reply_error(oom, "CALL");
            assert_eq!(error.code(), Some("OOM"), "{error}");
        }
        assert_eq!(
            kind("WRONGTYPE Operation against a key", Effect::Read),
            ErrorKind::WrongType
        );
    }

    #[test]
    fn user_text_in_a_reply_does_not_affect_its_kind() {
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
            assert_eq!(kind(details, Effect::Write), expected, "{details}");
        }
        let hostile = "ERR Error running script (call to f_1): @user_script:1: ERR no 'x: -OOM y'";
        let error = reply_error(hostile, "CALL");
        assert_eq!(error.code(), Some("ERR"), "{error}");
    }

    #[test]
    fn unsent_command_of_any_effect_is_not_sent() {
        for effect in [Effect::Read, Effect::Write] {
            for failure in [Failure::NotSent(None), Failure::Rerouted] {
                let error = command_error(failure, "GET", effect);
                assert_eq!(error.kind(), ErrorKind::NotSent);
            }
        }
    }

    #[test]
    fn unsent_command_has_the_kind_of_a_permanent_cause() {
        let cause = |kind| Arc::new(Error::new(kind, "refused").with_source("WRONGPASS"));
        for (kind, expected) in [
            (ErrorKind::Auth, ErrorKind::Auth),
            (ErrorKind::Config, ErrorKind::Config),
            (ErrorKind::Timeout, ErrorKind::NotSent),
        ] {
            let failure = Failure::NotSent(Some(cause(kind)));
            let error = command_error(failure, "GET", Effect::Write);
            assert_eq!(error.kind(), expected);
            let source = error.source().map(ToString::to_string);
            assert_eq!(source.as_deref(), Some("refused: WRONGPASS"));
        }
    }

    #[test]
    fn lost_reply_is_ambiguous_only_for_a_write() {
        let ended = Failure::Ended {
            ending: Ending::RuntimeEnded,
            sent: true,
        };
        for (failure, of_a_read) in [
            (Failure::Lost(None), ErrorKind::Timeout),
            (Failure::Late, ErrorKind::Timeout),
            (ended, ErrorKind::Closed),
        ] {
            let kind = |effect| command_error(failure.clone(), "GET", effect).kind();
            assert_eq!(kind(Effect::Write), ErrorKind::Ambiguous);
            assert_eq!(kind(Effect::Read), of_a_read);
        }
    }
}

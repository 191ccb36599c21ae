//! The commands and scripts of a lock, and the meaning of their replies.

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Command, Error, ErrorKind, Reply, Result, Script};

use crate::keys::{counter, leader, name};
use crate::master::token::Token;
use crate::master::{Action, Answer, Request};

static ACQUIRE: Script = Script::write(
    "ACQUIRE",
    concat!(
        include_str!("../lua/get.lua"),
        include_str!("../lua/acquire.lua")
    ),
);
static ACQUIRE_FENCED: Script = Script::write(
    "ACQUIRE_FENCED",
    concat!(
        include_str!("../lua/get.lua"),
        include_str!("../lua/acquire_fenced.lua")
    ),
);
static EXTEND: Script = Script::write("EXTEND", include_str!("../lua/extend.lua"));
static RAISE: Script = Script::write("RAISE", include_str!("../lua/raise.lua"));
static ANNOUNCE: Script = Script::write("ANNOUNCE", include_str!("../lua/announce.lua"));
static RELEASE: Script = Script::write(
    "RELEASE",
    concat!(
        include_str!("../lua/get.lua"),
        include_str!("../lua/release.lua")
    ),
);

static RESIGN: Script = Script::write(
    "RESIGN",
    concat!(
        include_str!("../lua/get.lua"),
        include_str!("../lua/resign.lua"),
        include_str!("../lua/release.lua")
    ),
);

/// The time that a fence counter is kept after its last use, in milliseconds: one day.
const COUNTER_LIFE: u64 = 24 * 60 * 60 * 1_000;

/// Builds the command of a request, without a timeout.
pub(crate) fn command(request: &Request) -> Command {
    let Request {
        action,
        ref keys,
        ref token,
        ref record,
        ..
    } = *request;
    let with = |script, suffixed: Option<fn(&[u8]) -> Bytes>| {
        let suffixed = suffixed.into_iter();
        let suffixed = suffixed.flat_map(|suffixed| keys.iter().map(move |key| suffixed(key)));
        let keys = keys.iter().cloned().chain(suffixed);
        let command = keys.fold(Command::script(script), Command::key);
        command.arg(token.to_bytes())
    };
    let script = |script| with(script, None);
    let with_record = |script| with(script, Some(leader));
    let with_counters = |script| with(script, Some(counter));
    let ttl = request.millis();
    match action {
        Action::Acquire => match &**keys {
            // A single key needs no script. `SET` is also the command that other libraries take
            // locks with.
            [key] => Command::write("SET")
                .key(key.clone())
                .arg(token.to_bytes())
                .arg("NX")
                .arg("PX")
                .arg(ttl),
            _ => script(&ACQUIRE).arg(ttl),
        },
        Action::AcquireFenced => with_counters(&ACQUIRE_FENCED).arg(ttl).arg(COUNTER_LIFE),
        Action::Raise(fence) => with_counters(&RAISE).arg(fence).arg(COUNTER_LIFE),
        Action::Extend => match record {
            Some(record) => with_record(&ANNOUNCE).arg(ttl).arg(record.clone()),
            None => script(&EXTEND).arg(ttl),
        },
        Action::Release => match record {
            Some(record) => with_record(&RESIGN).arg(record.clone()),
            None => script(&RELEASE),
        },
    }
}

/// Interprets the reply to a request.
pub(crate) fn read(request: &Request, reply: Reply) -> Result<Answer> {
    let Request { action, keys, .. } = request;
    if !matches!(action, Action::AcquireFenced | Action::Release) {
        return Ok(Answer {
            ours: reply.into_bool()?,
            free_in: None,
            fence: 0,
        });
    }
    let [ours, number, foreign] = reply.into_array::<3>()?;
    // Scripts count from 1; the counters come after the locks.
    if let Some(index) = usize::try_from(foreign.into_count()?)
        .unwrap_or(0)
        .checked_sub(1)
    {
        return Err(wrong_type(keys, index));
    }
    let ours = ours.into_bool()?;
    Ok(match action {
        Action::AcquireFenced => Answer {
            ours,
            free_in: None,
            fence: number.into_count()?,
        },
        _ => Answer {
            ours,
            free_in: free_in(number.into_int()?),
            fence: 0,
        },
    })
}

fn wrong_type(keys: &[Bytes], index: usize) -> Error {
    let message = match keys.get(index) {
        Some(key) => format!("{} holds something other than a lock", name(key)),
        None => {
            let key = keys.get(index - keys.len()).map_or(&[][..], AsRef::as_ref);
            format!(
                "{} holds something other than the fence of a lock",
                name(&counter(key))
            )
        }
    };
    Error::new(ErrorKind::WrongType, message)
}

/// Interprets a PTTL reply: -2 is a key that does not exist, -1 a key that never expires.
pub(crate) fn free_in(pttl: i64) -> Option<Duration> {
    match pttl {
        -1 => None,
        pttl => Some(Duration::from_millis(u64::try_from(pttl).unwrap_or(0))),
    }
}

/// Removes the token from an error. Servers repeat the arguments of a command that they do not
/// know, cut off at some length.
pub(crate) fn redact(error: Error, token: &Token) -> Error {
    // Debug output contains the causes as well.
    let text = format!("{error} {error:?}");
    if !text.contains("with args beginning with") && !token.is_in(&text) {
        return error;
    }
    Error::new(
        error.kind(),
        "server error omitted because it contains the lock token",
    )
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn request(action: Action) -> Request {
        Request {
            action,
            keys: [Bytes::from_static(b"key")].into(),
            token: Token::generate(),
            ttl: Duration::from_millis(1_500),
            record: None,
        }
    }

    #[test]
    fn command_single_key_uses_raw_key() {
        for (action, name) in [
            (Action::Acquire, "SET"),
            (Action::Extend, "EXTEND"),
            (Action::Release, "RELEASE"),
        ] {
            let command = command(&request(action));
            assert_eq!(command.name(), name);
            assert_eq!(command.keys(), [Bytes::from_static(b"key")]);
        }
    }

    #[test]
    fn command_several_keys_puts_counters_last() {
        let keys = ["a", "b"].map(Bytes::from);
        let of = |action| {
            let keys = keys.clone().into();
            let request = Request {
                keys,
                ..request(action)
            };
            command(&request)
        };
        for (action, name) in [
            (Action::Acquire, "ACQUIRE"),
            (Action::Extend, "EXTEND"),
            (Action::Release, "RELEASE"),
        ] {
            assert_eq!(of(action).name(), name);
            assert_eq!(of(action).keys(), keys);
        }
        for (action, name) in [
            (Action::AcquireFenced, "ACQUIRE_FENCED"),
            (Action::Raise(7), "RAISE"),
        ] {
            assert_eq!(of(action).name(), name);
            assert_eq!(of(action).keys(), ["a", "b", "a:fence", "b:fence"]);
        }
    }

    #[test]
    fn command_with_record_puts_record_key_last() {
        for (action, name) in [(Action::Extend, "ANNOUNCE"), (Action::Release, "RESIGN")] {
            let command = command(&Request {
                record: Some(Bytes::from_static(b"7 a")),
                ..request(action)
            });
            assert_eq!(command.name(), name);
            assert_eq!(command.keys(), ["key", "key:leader"]);
        }
    }

    #[test]
    fn wrong_type_names_lock_or_counter_key() {
        let keys = ["a", "b"].map(Bytes::from);
        for (index, name) in ["\"a\"", "\"b\"", "\"a:fence\"", "\"b:fence\""]
            .iter()
            .enumerate()
        {
            let error = wrong_type(&keys, index);
            assert_eq!(error.kind(), ErrorKind::WrongType);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }

    #[test]
    fn free_in_interprets_pttl() {
        assert_eq!(free_in(-2), Some(Duration::ZERO));
        assert_eq!(free_in(-1), None);
        assert_eq!(free_in(25), Some(Duration::from_millis(25)));
    }

    #[test]
    fn redact_error_with_token_replaces_text() {
        let token = Token::generate();
        let text = String::from_utf8(token.to_bytes().to_vec()).unwrap();
        let leak = Error::new(
            ErrorKind::Unsupported,
            format!("ERR unknown command 'SET', with args beginning with: 'key' '{text}'"),
        );
        let error = redact(leak, &token);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(!format!("{error} {error:?}").contains(&text[..4]));

        let cut = Error::new(ErrorKind::Ambiguous, "no reply")
            .with_source(format!("unknown command, args: 'key' '{}", &text[..4]));
        assert!(redact(cut, &token).source().is_none());
        let without_token = "ERR unknown command 'SET', with args beginning with: 'key";
        let error = redact(Error::new(ErrorKind::Unsupported, without_token), &token);
        assert!(!error.to_string().contains("with args"), "{error}");

        let harmless = redact(Error::new(ErrorKind::Server, "OOM no"), &token);
        assert_eq!(harmless.to_string(), "OOM no");
    }
}

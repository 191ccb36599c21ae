//! The commands that go through fred's methods of the same name, and so share a flush with others.
//!
//! What is sent is the same, argument for argument, as fred's `custom` would send.

use fred::error::Error as FredError;
use fred::interfaces::{
    ClientLike, HashesInterface, KeysInterface, ListInterface, SetsInterface, SortedSetsInterface,
};
use fred::types::{Expiration, Key, SetOptions, Value};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::command::Command;
use crate::wire::custom;

/// A fred client with the methods that are used here.
pub(crate) trait Typed:
    ClientLike + HashesInterface + KeysInterface + ListInterface + SetsInterface + SortedSetsInterface
{
}

impl<C> Typed for C where
    C: ClientLike
        + HashesInterface
        + KeysInterface
        + ListInterface
        + SetsInterface
        + SortedSetsInterface
{
}

/// What sends `command` through its method, or through `custom` if it has none.
pub(crate) fn send<C: Typed>(
    client: &C,
    mut command: Command,
) -> BoxFuture<'_, Result<Value, FredError>> {
    if command.keys.len() != 1 {
        return custom(client, command);
    }
    let key = Key::from(command.keys.swap_remove(0));
    let args = &mut command.args;
    match (command.name, args.as_mut_slice()) {
        ("GET", []) => client.get(key).boxed(),
        ("SET", [value]) => client.set(key, taken(value), None, None, false).boxed(),
        (
            "SET",
            [
                value,
                Value::String(nx),
                Value::String(px),
                Value::Integer(ttl),
            ],
        ) if &**nx == "NX" && &**px == "PX" => {
            let (ttl, nx) = (Some(Expiration::PX(*ttl)), Some(SetOptions::NX));
            client.set(key, taken(value), ttl, nx, false).boxed()
        }
        ("EXISTS", []) => client.exists(key).boxed(),
        ("PTTL", []) => client.pttl(key).boxed(),
        ("UNLINK", []) => client.unlink(key).boxed(),
        ("RPUSH", [_, ..]) => client.rpush(key, std::mem::take(args)).boxed(),
        ("LPUSH", [_, ..]) => client.lpush(key, std::mem::take(args)).boxed(),
        ("RPOP", []) => client.rpop(key, None).boxed(),
        ("LPOP", []) => client.lpop(key, None).boxed(),
        ("LLEN", []) => client.llen(key).boxed(),
        ("LINDEX", &mut [Value::Integer(index)]) => client.lindex(key, index).boxed(),
        ("HLEN", []) => client.hlen(key).boxed(),
        ("HGET", [Value::Bytes(field)]) => {
            client.hget(key, Key::from(std::mem::take(field))).boxed()
        }
        ("HEXISTS", [Value::Bytes(field)]) => client
            .hexists(key, Key::from(std::mem::take(field)))
            .boxed(),
        ("HDEL", [Value::Bytes(field)]) => {
            client.hdel(key, Key::from(std::mem::take(field))).boxed()
        }
        ("HINCRBY", [Value::Bytes(field), Value::Integer(by)]) => client
            .hincrby(key, Key::from(std::mem::take(field)), *by)
            .boxed(),
        ("HSET", [Value::Bytes(field), value]) => {
            let pair = (Key::from(std::mem::take(field)), taken(value));
            client.hset(key, pair).boxed()
        }
        ("SADD", [_, ..]) => client.sadd(key, std::mem::take(args)).boxed(),
        ("SREM", [_, ..]) => client.srem(key, std::mem::take(args)).boxed(),
        ("SISMEMBER", [member]) => client.sismember(key, taken(member)).boxed(),
        ("SCARD", []) => client.scard(key).boxed(),
        ("ZADD", [score, member]) if number(score).is_some() => {
            let pair = (number(score).unwrap_or_default(), taken(member));
            client.zadd(key, None, None, false, false, pair).boxed()
        }
        ("ZREM", [_, ..]) => client.zrem(key, std::mem::take(args)).boxed(),
        ("ZSCORE", [member]) => client.zscore(key, taken(member)).boxed(),
        ("ZCARD", []) => client.zcard(key).boxed(),
        _ => {
            command.keys.push(key.into_bytes());
            custom(client, command)
        }
    }
}

fn taken(value: &mut Value) -> Value {
    std::mem::replace(value, Value::Null)
}

/// A score, as an argument has it.
fn number(value: &Value) -> Option<f64> {
    let text = match value {
        Value::String(text) => text,
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok()?,
        _ => return None,
    };
    // What is none is for the server to refuse: fred would say nothing of a command not sent.
    text.parse().ok().filter(|score: &f64| !score.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_a_number_in_text_or_in_bytes() {
        for (text, score) in [
            ("1.5", Some(1.5)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("NaN", None),
            ("NX", None),
        ] {
            assert_eq!(number(&Value::from_static_str(text)), score, "{text}");
            let bytes = bytes::Bytes::from_static(text.as_bytes());
            assert_eq!(number(&Value::Bytes(bytes)), score, "{text}");
        }
    }
}

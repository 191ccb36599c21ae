//! The commands that go through fred's methods of the same name, and so share a flush with others.
//!
//! What is sent is the same, argument for argument, as fred's `custom` would send.

use std::mem::MaybeUninit;
use std::pin::Pin;

use fred::error::Error as FredError;
use fred::interfaces::{
    ClientLike, HashesInterface, KeysInterface, ListInterface, SetsInterface, SortedSetsInterface,
};
use fred::types::{Expiration, Key, SetOptions, Value};
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
        ("GET", []) => boxed(|| client.get(key)),
        ("SET", [value]) => boxed(|| client.set(key, taken(value), None, None, false)),
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
            boxed(|| client.set(key, taken(value), ttl, nx, false))
        }
        ("EXISTS", []) => boxed(|| client.exists(key)),
        ("PTTL", []) => boxed(|| client.pttl(key)),
        ("UNLINK", []) => boxed(|| client.unlink(key)),
        ("RPUSH", [_, ..]) => boxed(|| client.rpush(key, std::mem::take(args))),
        ("LPUSH", [_, ..]) => boxed(|| client.lpush(key, std::mem::take(args))),
        ("RPOP", []) => boxed(|| client.rpop(key, None)),
        ("LPOP", []) => boxed(|| client.lpop(key, None)),
        ("LLEN", []) => boxed(|| client.llen(key)),
        ("LINDEX", &mut [Value::Integer(index)]) => boxed(|| client.lindex(key, index)),
        ("HLEN", []) => boxed(|| client.hlen(key)),
        ("HGET", [Value::Bytes(field)]) => {
            boxed(|| client.hget(key, Key::from(std::mem::take(field))))
        }
        ("HEXISTS", [Value::Bytes(field)]) => {
            boxed(|| client.hexists(key, Key::from(std::mem::take(field))))
        }
        ("HDEL", [Value::Bytes(field)]) => {
            boxed(|| client.hdel(key, Key::from(std::mem::take(field))))
        }
        ("HINCRBY", [Value::Bytes(field), Value::Integer(by)]) => {
            boxed(|| client.hincrby(key, Key::from(std::mem::take(field)), *by))
        }
        ("HSET", [Value::Bytes(field), value]) => {
            let pair = (Key::from(std::mem::take(field)), taken(value));
            boxed(|| client.hset(key, pair))
        }
        ("SADD", [_, ..]) => boxed(|| client.sadd(key, std::mem::take(args))),
        ("SREM", [_, ..]) => boxed(|| client.srem(key, std::mem::take(args))),
        ("SISMEMBER", [member]) => boxed(|| client.sismember(key, taken(member))),
        ("SCARD", []) => boxed(|| client.scard(key)),
        ("ZADD", [score, member]) if number(score).is_some() => {
            let pair = (number(score).unwrap_or_default(), taken(member));
            boxed(|| client.zadd(key, None, None, false, false, pair))
        }
        ("ZREM", [_, ..]) => boxed(|| client.zrem(key, std::mem::take(args))),
        ("ZSCORE", [member]) => boxed(|| client.zscore(key, taken(member))),
        ("ZCARD", []) => boxed(|| client.zcard(key)),
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

/// Boxes what `make` gives, without a copy of it: fred's futures are of several kB.
fn boxed<'a, F: Future<Output = Result<Value, FredError>> + Send + 'a>(
    make: impl FnOnce() -> F,
) -> BoxFuture<'a, Result<Value, FredError>> {
    let place: Box<MaybeUninit<F>> = Box::new_uninit();
    let future: Pin<Box<F>> = Box::into_pin(Box::write(place, make()));
    future
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

//! The commands that go through fred's methods of the same name, and so share a flush with others.
//!
//! What is sent is the same, argument for argument, as fred's `custom` would send.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use fred::interfaces::{
    ClientLike, HashesInterface, KeysInterface, ListInterface, SetsInterface, SortedSetsInterface,
};
use fred::types::{Expiration, Key, SetOptions, Value};

use crate::command::Command;
use crate::runners::Desk;
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

/// Whether [`serve`] is for such a command: one with one key.
pub(crate) fn is_one(command: &Command) -> bool {
    command.keys.len() == 1
}

/// Sends one command after the other, each of which has one key, through its method, or through
/// `custom` if it has none.
pub(crate) async fn serve<C: Typed>(client: C, desk: Arc<Desk>) -> Infallible {
    loop {
        // All else is dropped now: where many are under way, to come back to it costs more than it
        // did to make it.
        let Command {
            name,
            mut keys,
            mut args,
            ..
        } = poll_fn(|_| desk.command()).await;
        let key = Key::from(keys.pop().unwrap_or_default());
        let outcome = match (name, args.as_mut_slice()) {
            ("GET", []) => client.get(key).await,
            ("SET", [value]) => client.set(key, taken(value), None, None, false).await,
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
                client.set(key, taken(value), ttl, nx, false).await
            }
            ("EXISTS", []) => client.exists(key).await,
            ("PTTL", []) => client.pttl(key).await,
            ("UNLINK", []) => client.unlink(key).await,
            ("RPUSH", [_, ..]) => client.rpush(key, args).await,
            ("LPUSH", [_, ..]) => client.lpush(key, args).await,
            ("RPOP", []) => client.rpop(key, None).await,
            ("LPOP", []) => client.lpop(key, None).await,
            ("LLEN", []) => client.llen(key).await,
            ("LINDEX", &mut [Value::Integer(index)]) => client.lindex(key, index).await,
            ("HLEN", []) => client.hlen(key).await,
            ("HGET", [Value::Bytes(field)]) => client.hget(key, named(field)).await,
            ("HEXISTS", [Value::Bytes(field)]) => client.hexists(key, named(field)).await,
            ("HDEL", [Value::Bytes(field)]) => client.hdel(key, named(field)).await,
            ("HINCRBY", [Value::Bytes(field), Value::Integer(by)]) => {
                client.hincrby(key, named(field), *by).await
            }
            ("HSET", [Value::Bytes(field), value]) => {
                client.hset(key, (named(field), taken(value))).await
            }
            ("SADD", [_, ..]) => client.sadd(key, args).await,
            ("SREM", [_, ..]) => client.srem(key, args).await,
            ("SISMEMBER", [member]) => client.sismember(key, taken(member)).await,
            ("SCARD", []) => client.scard(key).await,
            // What is no number is for the server to refuse: fred would say nothing of a command not
            // sent.
            ("ZADD", [Value::Double(score), member]) if !score.is_nan() => {
                let pair = (*score, taken(member));
                client.zadd(key, None, None, false, false, pair).await
            }
            ("ZREM", [_, ..]) => client.zrem(key, args).await,
            ("ZSCORE", [member]) => client.zscore(key, taken(member)).await,
            ("ZRANK", [member]) => client.zrank(key, taken(member), false).await,
            ("ZREVRANK", [member]) => client.zrevrank(key, taken(member), false).await,
            ("ZCARD", []) => client.zcard(key).await,
            _ => {
                let command = Command::write(name).key(key.into_bytes());
                custom(&client, Command { args, ..command }).await
            }
        };
        desk.answer(outcome);
    }
}

fn named(field: &mut Bytes) -> Key {
    Key::from(std::mem::take(field))
}

fn taken(value: &mut Value) -> Value {
    std::mem::replace(value, Value::Null)
}

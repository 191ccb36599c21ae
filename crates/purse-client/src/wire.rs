//! How a [`Command`] becomes a call of fred.
//!
//! fred looks into replies, and takes some of what users store for something else: an array of
//! three to five elements whose first one is `message` or `subscribe`, say, for a message that
//! nobody asked for, which it drops, so that every later reply goes to the wrong caller; in a
//! cluster, a value that starts with `MOVED` or `ASK` for a redirection. What is stored must not be
//! able to do that. So purse speaks RESP3, in which fred leaves what is inside an array alone (in
//! RESP2 it does not); and only replies in which nothing stored can stand in those places come back
//! as they are ([`Shape`]): those that hold nothing of it, and arrays that have another length for
//! certain. Every other command runs inside a script that puts its reply into an array of one,
//! which is nothing that fred knows; and so does every script.
//!
//! fred flushes the socket after every `custom` command, and batches those that have a method of
//! their own; so the ones that are sent often and by many tasks go through their method
//! ([`typed`]).

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client as FredClient;
use fred::error::Error as FredError;
use fred::interfaces::ClientLike;
use fred::types::config::{Options, Server};
use fred::types::{ClusterHash, CustomCommand, Value};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::Reply;
use crate::command::Command;
use crate::runners::run_once;
use crate::script::Script;
use crate::transaction::{MOST_ARGUMENTS, Transaction};
use crate::typed::{self, Typed};

/// fred takes a timeout of zero for none.
const SHORTEST: Duration = Duration::from_millis(1);

/// How many elements an array has that fred may take for a message.
pub(crate) const MESSAGES: RangeInclusive<usize> = 3..=5;

static CALL: Script = Script::write("CALL", include_str!("lua/call.lua"));

/// What a reply may hold of what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Nothing, or only where fred does not look: numbers, statuses, a cursor and its page.
    Harmless,
    /// One value.
    Value,
    /// Anything else.
    Any,
}

fn shape(command: &Command) -> Shape {
    match command.name {
        "ASKING" | "CLIENT" | "CLUSTER" | "CONFIG" | "DBSIZE" | "DEL" | "EXISTS" | "EXPIRE"
        | "EXPIREAT" | "FLUSHALL" | "FLUSHDB" | "HDEL" | "HEXISTS" | "HEXPIRE" | "HINCRBY"
        | "HINCRBYFLOAT" | "HLEN" | "HPERSIST" | "HPEXPIRE" | "HPTTL" | "HSCAN" | "HSET"
        | "HSETNX" | "HSTRLEN" | "HTTL" | "INCR" | "INCRBY" | "INFO" | "LINSERT" | "LLEN"
        | "LPOS" | "LPUSH" | "LREM" | "LSET" | "LTRIM" | "MSET" | "MSETNX" | "PERSIST"
        | "PEXPIRE" | "PEXPIREAT" | "PING" | "PTTL" | "PUBLISH" | "RENAME" | "RENAMENX"
        | "RESTORE" | "RPUSH" | "SADD" | "SCAN" | "SCARD" | "SDIFFSTORE" | "SINTERSTORE"
        | "SISMEMBER" | "SMISMEMBER" | "SMOVE" | "SREM" | "SSCAN" | "STRLEN" | "SUNIONSTORE"
        | "TOUCH" | "TTL" | "TYPE" | "UNLINK" | "ZADD" | "ZCARD" | "ZCOUNT" | "ZINCRBY"
        | "ZINTERSTORE" | "ZLEXCOUNT" | "ZMSCORE" | "ZRANK" | "ZREM" | "ZREMRANGEBYLEX"
        | "ZREMRANGEBYRANK" | "ZREMRANGEBYSCORE" | "ZREVRANK" | "ZSCAN" | "ZSCORE"
        | "ZUNIONSTORE" => Shape::Harmless,
        "DUMP" | "GET" | "GETDEL" | "GETSET" | "HGET" | "LINDEX" | "SET" => Shape::Value,
        "LPOP" | "RPOP" | "SPOP" | "SRANDMEMBER" if command.args.is_empty() => Shape::Value,
        // As many as were asked for, whatever is there.
        "MGET" if !MESSAGES.contains(&command.len()) => Shape::Harmless,
        "HMGET" if !MESSAGES.contains(&(command.len().saturating_sub(1))) => Shape::Harmless,
        _ => Shape::Any,
    }
}

/// Whether the script that wraps the reply of `command` could not run it.
pub(crate) fn is_too_long(command: &Command) -> bool {
    command.len() > MOST_ARGUMENTS
        && command.script.is_none()
        && command.node.is_none()
        && shape(command) == Shape::Any
}

/// Sends `command` on `client` and waits for its reply, for `timeout` if there is one and for the
/// client's default otherwise.
pub(crate) fn send(
    client: &FredClient,
    mut command: Command,
    timeout: Option<Duration>,
) -> impl Future<Output = Result<Reply, FredError>> + Send {
    let sending = match (command.node.take(), timeout) {
        (Some(node), _) => on_node(client, *node, command, timeout).boxed(),
        (None, None) => dispatch(client.clone(), command, None),
        (None, Some(timeout)) => in_time(client, command, timeout).boxed(),
    };
    sending.map(|reply| reply.map(Reply))
}

/// Sends `command` and waits for so long.
async fn in_time(
    client: &FredClient,
    command: Command,
    timeout: Duration,
) -> Result<Value, FredError> {
    let timeout = timeout.max(SHORTEST);
    let deadline = Instant::now() + timeout;
    let client = client.with_options(&options(timeout));
    dispatch(client, command, Some(deadline)).await
}

/// Sends `command` to a node of a cluster, whatever its keys.
async fn on_node(
    client: &FredClient,
    node: Server,
    command: Command,
    timeout: Option<Duration>,
) -> Result<Value, FredError> {
    let options = Options {
        timeout,
        cluster_node: Some(node),
        ..Options::default()
    };
    let client = client.with_options(&options);
    match command.script {
        Some(of) => script(&client, of, command, None).await,
        None => custom(&client, command).await,
    }
}

/// Sends `transaction` and waits for its reply, as [`send`] does.
pub(crate) async fn send_transaction(
    client: &FredClient,
    transaction: Transaction,
    timeout: Option<Duration>,
) -> Result<Reply, FredError> {
    let first = transaction.keys.first();
    let hash = hash_of(client, first);
    let count = Value::Integer(i64::try_from(transaction.keys.len()).unwrap_or(i64::MAX));
    let mut args = vec![Value::from(transaction.source), count];
    args.extend(transaction.keys.into_iter().map(Value::Bytes));
    args.extend(transaction.args);
    let reply = match timeout {
        Some(timeout) => {
            let client = client.with_options(&options(timeout.max(SHORTEST)));
            call(&client, "EVAL", hash, args).await
        }
        None => call(client, "EVAL", hash, args).await,
    };
    reply.map(Reply)
}

/// Lets the next command on this connection use a slot that is moving to its node.
pub(crate) async fn asking(client: &FredClient, timeout: Duration) -> Result<(), FredError> {
    send(client, Command::write("ASKING"), Some(timeout))
        .await
        .map(drop)
}

fn options(timeout: Duration) -> Options {
    Options {
        timeout: Some(timeout),
        ..Options::default()
    }
}

/// Whether `command` is a script, or has to run inside of one.
pub(crate) fn is_scripted<C: ClientLike>(client: &C, command: &Command) -> bool {
    command.script.is_some()
        || match shape(command) {
            Shape::Harmless => false,
            Shape::Value => client.is_clustered(),
            Shape::Any => true,
        }
}

/// What sends `command`.
///
/// Each way is boxed where it begins. fred's futures take some five kilobytes, most of them for
/// what seldom happens; each future around them would be larger still, and be moved into the next
/// one.
fn dispatch<C: Typed + 'static>(
    client: C,
    mut command: Command,
    deadline: Option<Instant>,
) -> BoxFuture<'static, Result<Value, FredError>> {
    let is_scripted = is_scripted(&client, &command);
    if !is_scripted && typed::is_one(&command) {
        return run_once(client, command).boxed();
    }
    if !is_scripted {
        return async move { custom(&client, command).await }.boxed();
    }
    let of = command.script.unwrap_or_else(|| {
        let name = Value::from_static_str(command.name);
        command.args.insert(0, name);
        &CALL
    });
    async move { script(&client, of, command, deadline).await }.boxed()
}

pub(crate) fn custom<C: ClientLike>(
    client: &C,
    command: Command,
) -> BoxFuture<'_, Result<Value, FredError>> {
    let hash = hash(client, &command);
    call(client, command.name, hash, command.into_wire())
}

fn call<'a, C: ClientLike>(
    client: &'a C,
    name: &'static str,
    hash: ClusterHash,
    args: Vec<Value>,
) -> BoxFuture<'a, Result<Value, FredError>> {
    let command = CustomCommand::new_static(name, hash, false);
    client.custom(command, args).boxed()
}

/// EVALSHA, and EVAL where the server does not have the script: one trip more, once, on the node
/// that needs it, and it survives a flush of the scripts or a failover.
async fn script<C: ClientLike>(
    client: &C,
    script: &'static Script,
    command: Command,
    deadline: Option<Instant>,
) -> Result<Value, FredError> {
    let hash = hash(client, &command);
    let in_order = command.in_order;
    let args = script.evalsha_args(command);
    let (by_hash, whole) = script.commands();
    if in_order {
        let eval = call(client, whole, hash, script.eval_args(args));
        return eval.await.map(unwrapped);
    }
    let started = Instant::now();
    let reply = match call(client, by_hash, hash.clone(), args.clone()).await {
        Err(error) if error.details().starts_with("NOSCRIPT") => {
            let args = script.eval_args(args);
            let usual = client.perf_config().default_command_timeout;
            let usual = (!usual.is_zero()).then(|| started + usual);
            match deadline.or(usual) {
                // Both trips together have the time of one command.
                Some(deadline) => {
                    let left = deadline
                        .saturating_duration_since(Instant::now())
                        .max(SHORTEST);
                    call(&client.with_options(&options(left)), whole, hash, args).await
                }
                None => call(client, whole, hash, args).await,
            }
        }
        reply => reply,
    }?;
    Ok(unwrapped(reply))
}

/// What a script returned, out of its array of one; an array of none is nil.
fn unwrapped(reply: Value) -> Value {
    match reply {
        Value::Array(mut items) => items.pop().unwrap_or(Value::Null),
        other => other,
    }
}

fn hash<C: ClientLike>(client: &C, command: &Command) -> ClusterHash {
    hash_of(client, command.keys.first())
}

fn hash_of<C: ClientLike>(client: &C, key: Option<&Bytes>) -> ClusterHash {
    if !client.is_clustered() {
        return ClusterHash::FirstKey;
    }
    key.map_or(ClusterHash::Random, |key| {
        ClusterHash::Custom(fred::util::redis_keyslot(key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_that_may_start_with_what_is_stored_is_wrapped() {
        for name in ["LRANGE", "HGETALL", "SMEMBERS", "ZRANGE", "NEWCOMMAND"] {
            assert_eq!(shape(&Command::read(name)), Shape::Any, "{name}");
        }
        for length in 1..10 {
            let keys = std::iter::repeat_n("k", length);
            let mget = keys.clone().fold(Command::read("MGET"), Command::key);
            let hmget = Command::read("HMGET").key("h").args(keys);
            let is_message = (3..=5).contains(&length);
            for command in [mget, hmget] {
                let is_wrapped = shape(&command) == Shape::Any;
                assert_eq!(is_wrapped, is_message, "{} of {length}", command.name);
            }
        }
        for name in ["LPOP", "RPOP", "SPOP"] {
            assert_eq!(shape(&Command::write(name)), Shape::Value, "{name}");
            assert_eq!(
                shape(&Command::write(name).arg(2_i64)),
                Shape::Any,
                "{name}"
            );
        }
    }
}

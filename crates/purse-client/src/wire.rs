//! How a [`Command`] becomes a call of fred.
//!
//! fred flushes the socket after every `custom` command, and batches those that have a method of
//! their own; so the ones that are sent often and by many tasks go through their method.

use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client as FredClient;
use fred::error::Error as FredError;
use fred::interfaces::{ClientLike, HashesInterface, KeysInterface, ListInterface};
use fred::types::config::Options;
use fred::types::{ClusterHash, CustomCommand, Key, Value};

use crate::Reply;
use crate::command::Command;

/// Sends `command` on `client` and waits for its reply, for `timeout` if there is one and for the
/// client's default otherwise.
pub(crate) async fn send(
    client: &FredClient,
    command: Command,
    timeout: Option<Duration>,
) -> Result<Reply, FredError> {
    let Some(timeout) = timeout else {
        return dispatch(client, command).await.map(Reply);
    };
    let options = Options {
        timeout: Some(timeout),
        ..Options::default()
    };
    dispatch(&client.with_options(&options), command)
        .await
        .map(Reply)
}

/// Sends a command that may block on the server for `wait`, with `margin` for its way there and back.
pub(crate) async fn send_blocking(
    client: &FredClient,
    command: Command,
    timeout: Duration,
) -> Result<Reply, FredError> {
    let options = Options {
        timeout: Some(timeout),
        ..Options::default()
    };
    let custom = CustomCommand::new_static(command.name, hash(client, &command), true);
    client
        .with_options(&options)
        .custom(custom, command.into_wire())
        .await
        .map(Reply)
}

async fn dispatch<C>(client: &C, mut command: Command) -> Result<Value, FredError>
where
    C: ClientLike + KeysInterface + ListInterface + HashesInterface,
{
    if command.script.is_some() {
        return script(client, command).await;
    }
    if command.keys.len() != 1 {
        return custom(client, command).await;
    }
    let single = |command: &mut Command| Key::from(command.keys.swap_remove(0));
    match (command.name, command.args.as_slice()) {
        ("RPUSH", _) => client.rpush(single(&mut command), command.args).await,
        ("LPUSH", _) => client.lpush(single(&mut command), command.args).await,
        ("RPOP", []) => client.rpop(single(&mut command), None).await,
        ("LPOP", []) => client.lpop(single(&mut command), None).await,
        ("LLEN", []) => client.llen(single(&mut command)).await,
        ("LINDEX", &[Value::Integer(index)]) => client.lindex(single(&mut command), index).await,
        ("HLEN", []) => client.hlen(single(&mut command)).await,
        ("HGET", [Value::Bytes(field)]) => {
            let field = Key::from(field.clone());
            client.hget(single(&mut command), field).await
        }
        ("HEXISTS", [Value::Bytes(field)]) => {
            let field = Key::from(field.clone());
            client.hexists(single(&mut command), field).await
        }
        ("HSET", [Value::Bytes(field), value]) => {
            let pair = (Key::from(field.clone()), value.clone());
            client.hset(single(&mut command), pair).await
        }
        _ => custom(client, command).await,
    }
}

async fn custom<C: ClientLike>(client: &C, command: Command) -> Result<Value, FredError> {
    let custom = CustomCommand::new_static(command.name, hash(client, &command), false);
    client.custom(custom, command.into_wire()).await
}

/// EVALSHA, and EVAL where the server does not have the script: one trip more, once, on the node
/// that needs it, and it survives a flush of the scripts or a failover.
async fn script<C: ClientLike>(client: &C, command: Command) -> Result<Value, FredError> {
    let Some(script) = command.script else {
        return custom(client, command).await;
    };
    let hash = hash(client, &command);
    let args = script.evalsha_args(command);
    let evalsha = CustomCommand::new_static("EVALSHA", hash.clone(), false);
    match client.custom(evalsha, args.clone()).await {
        Err(error) if error.details().starts_with("NOSCRIPT") => {
            let eval = CustomCommand::new_static("EVAL", hash, false);
            client.custom(eval, script.eval_args(args)).await
        }
        reply => reply,
    }
}

fn hash<C: ClientLike>(client: &C, command: &Command) -> ClusterHash {
    if !client.is_clustered() {
        return ClusterHash::FirstKey;
    }
    command
        .keys
        .first()
        .map_or(ClusterHash::Random, |key: &Bytes| {
            ClusterHash::Custom(fred::util::redis_keyslot(key))
        })
}

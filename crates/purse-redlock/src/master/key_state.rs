//! How a lock's keys are on one master, and when that changes.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use purse_client::{Client, Command, ErrorKind, Reply, Result, Session};

use crate::master::commands::free_in;
use crate::master::{ChangeFuture, ElectionRecord, KeyState};

/// How long a master has at least to say how a lock is. Nobody waits for it.
const MIN_TIMEOUT: Duration = Duration::from_millis(500);

/// Looks at the keys, and watches them from then on, over a connection of `client` for that alone.
pub(crate) async fn watch_keys(
    client: Client,
    keys: Arc<[Bytes]>,
    timeout: Duration,
) -> Result<KeyState> {
    let timeout = timeout.max(MIN_TIMEOUT);
    let mut changes = Vec::with_capacity(keys.len());
    let mut all_free_in = Some(Duration::ZERO);
    for key in keys.iter() {
        let command = Command::read("PTTL").key(key.clone()).timeout(timeout);
        let (reply, mut watch) = client.watch(command).await?;
        let key_free_in = free_in(reply.into_int()?);
        all_free_in = all_free_in
            .zip(key_free_in)
            .map(|(one, other)| one.max(other));
        changes.push(Box::pin(async move { watch.changed().await }) as ChangeFuture);
    }
    let changed = match changes.len() {
        1 => changes.remove(0),
        _ => Box::pin(wait_any(changes)),
    };
    Ok(KeyState {
        free_in: all_free_in,
        changed,
    })
}

/// Looks at the record with this key, and watches it from then on, likewise; where the master does
/// not let it be watched, it only looks, over `session`.
pub(crate) async fn watch_record(
    client: Client,
    session: Option<Session>,
    key: Bytes,
    timeout: Duration,
) -> Result<ElectionRecord> {
    let timeout = timeout.max(MIN_TIMEOUT);
    let command = Command::read("GET").key(key).timeout(timeout);
    let (reply, changed) = match (client.watch(command.clone()).await, session) {
        (Ok((reply, mut watch)), _) => {
            let changed = async move { watch.changed().await };
            (reply, Box::pin(changed) as ChangeFuture)
        }
        (Err(error), Some(session))
            if matches!(error.kind(), ErrorKind::Auth | ErrorKind::Unsupported) =>
        {
            (
                session.run(command).await?,
                Box::pin(pending()) as ChangeFuture,
            )
        }
        (Err(error), _) => return Err(error),
    };
    Ok(ElectionRecord {
        text: reply.non_nil().map(Reply::into_bytes).transpose()?,
        changed,
    })
}

/// Resolves once one of them does.
async fn wait_any(mut changes: Vec<ChangeFuture>) {
    poll_fn(|task| {
        let mut changes = changes.iter_mut();
        match changes.any(|changed| changed.as_mut().poll(task).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

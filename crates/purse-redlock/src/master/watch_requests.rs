//! The state of a lock's keys on one master, and the watch on their changes.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use purse_client::{Client, Command, ErrorKind, Reply, Result, Session};

use crate::master::commands::free_in;
use crate::master::{ChangeFuture, ElectionRecord, KeyState};

/// The minimum time that a master has to report the state of a lock. No attempt waits for it.
const MIN_TIMEOUT: Duration = Duration::from_millis(500);

/// Reads the state of the keys, and watches them from then on, over a connection of `client` that
/// is used for nothing else.
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

/// Reads the election record with this key, and watches it from then on, over a connection of
/// `client` that is used for nothing else. If the master does not allow the key to be watched, the
/// record is only read, over `session`.
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

/// Waits until one of the changes occurs.
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

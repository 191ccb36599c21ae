//! How a lock's keys are on one master, and when that changes.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use purse_client::{Client, Command, ErrorKind, Reply, Result, Session};

use crate::master::transport::{Changed, Record, Sighting, free_in};

/// How long a master has at least to say how a lock is. Nobody waits for it.
const SHORTEST_LOOK: Duration = Duration::from_millis(500);

/// Looks at the keys, and watches them from then on, over a connection of `client` for that alone.
pub(crate) async fn look(
    client: Client,
    keys: Arc<[Bytes]>,
    timeout: Duration,
) -> Result<Sighting> {
    let timeout = timeout.max(SHORTEST_LOOK);
    let mut changes = Vec::with_capacity(keys.len());
    let mut all_free_in = Some(Duration::ZERO);
    for key in keys.iter() {
        let command = Command::read("PTTL").key(key.clone()).timeout(timeout);
        let (reply, mut watch) = client.watch(command).await?;
        let key_free_in = free_in(reply.into_int()?);
        all_free_in = all_free_in
            .zip(key_free_in)
            .map(|(one, other)| one.max(other));
        changes.push(Box::pin(async move { watch.changed().await }) as Changed);
    }
    let changed = match changes.len() {
        1 => changes.remove(0),
        _ => Box::pin(any(changes)),
    };
    Ok(Sighting {
        free_in: all_free_in,
        changed,
    })
}

/// Looks at the record with this key, and watches it from then on, likewise; where the master does
/// not let it be watched, it only looks, over `session`.
pub(crate) async fn record(
    client: Client,
    session: Option<Session>,
    key: Bytes,
    timeout: Duration,
) -> Result<Record> {
    let timeout = timeout.max(SHORTEST_LOOK);
    let command = Command::read("GET").key(key).timeout(timeout);
    let (reply, changed) = match (client.watch(command.clone()).await, session) {
        (Ok((reply, mut watch)), _) => {
            let changed = async move { watch.changed().await };
            (reply, Box::pin(changed) as Changed)
        }
        (Err(error), Some(session))
            if matches!(error.kind(), ErrorKind::Auth | ErrorKind::Unsupported) =>
        {
            (session.run(command).await?, Box::pin(pending()) as Changed)
        }
        (Err(error), _) => return Err(error),
    };
    Ok(Record {
        text: reply.non_nil().map(Reply::into_bytes).transpose()?,
        changed,
    })
}

/// Resolves once one of them does.
async fn any(mut changes: Vec<Changed>) {
    poll_fn(|task| {
        let mut changes = changes.iter_mut();
        match changes.any(|changed| changed.as_mut().poll(task).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

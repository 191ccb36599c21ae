//! A master behind an identified connection.

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use purse_client::{Client, Error, ErrorKind};
use tokio::task::JoinHandle;

use crate::master::commands::{command, read};
use crate::master::current_session::CurrentSession;
use crate::master::status::MasterStatus;
use crate::master::watch_requests;
use crate::master::{Action, RecordFuture, Request, RequestFuture, Transport, WatchFuture};

/// A master behind purse's client.
pub(crate) struct SessionTransport {
    connection: Arc<CurrentSession>,
    timeout: Duration,
    supervisor: JoinHandle<()>,
    /// Used only to read and watch locks; `None` once the master is closed.
    watcher: Mutex<Option<Client>>,
}

impl SessionTransport {
    /// Creates a master whose connection is maintained by the task `supervisor`, for as long as the
    /// master lives.
    pub(crate) const fn new(
        connection: Arc<CurrentSession>,
        watcher: Client,
        timeout: Duration,
        supervisor: JoinHandle<()>,
    ) -> Self {
        Self {
            connection,
            timeout,
            watcher: Mutex::new(Some(watcher)),
            supervisor,
        }
    }

    fn watcher(&self) -> Option<Client> {
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        watcher.clone()
    }
}

impl Transport for SessionTransport {
    fn server(&self) -> &str {
        self.connection.server()
    }

    fn send(&self, request: Request) -> RequestFuture {
        // A request that cannot be sent now fails immediately.
        let (session, vote) = match self.connection.session_for(request.action) {
            Ok(ready) => ready,
            Err(error) => return Box::pin(ready(Err(error))),
        };
        let (connection, timeout) = (self.connection.clone(), self.timeout);
        Box::pin(async move {
            let sent = Instant::now();
            let reply = session.run(command(&request).timeout(timeout)).await?;
            connection.record_reply(sent.elapsed());
            let answer = read(&request, reply)?;
            vote.map(|()| answer)
        })
    }

    fn watch(&self, keys: Arc<[Bytes]>) -> WatchFuture {
        // A master that would not grant the lock must not count as free.
        if let Err(error) = self.connection.session_for(Action::Acquire) {
            return Box::pin(ready(Err(error)));
        }
        match self.watcher() {
            Some(watcher) => Box::pin(watch_requests::watch_keys(watcher, keys, self.timeout)),
            None => Box::pin(async { Err(closed_error()) }),
        }
    }

    fn watch_record(&self, key: Bytes) -> RecordFuture {
        match self.watcher() {
            Some(watcher) => {
                let session = self.connection.session();
                Box::pin(watch_requests::watch_record(
                    watcher,
                    session,
                    key,
                    self.timeout,
                ))
            }
            None => Box::pin(async { Err(closed_error()) }),
        }
    }

    fn status(&self) -> MasterStatus {
        self.connection.status()
    }

    fn close(&self) {
        self.supervisor.abort();
        self.watcher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(session) = self.connection.mark_down(closed_error()) {
            session.end();
        }
    }
}

impl Drop for SessionTransport {
    fn drop(&mut self) {
        self.close();
    }
}

fn closed_error() -> Error {
    Error::new(ErrorKind::Closed, "the redlock is shut down")
}

//! The task that owns a connection and makes it again.

mod liveness;
mod read_write;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures::FutureExt;
use tokio::sync::Notify;

use crate::connection::ConnectionOptions;
use crate::connection::error_map;
use crate::connection::handshake::{Dialer, OpenConnection};
use crate::connection::queue::{DriverRequest, SharedQueue, Status};
use crate::connection::queue_entry::{Ending, Failure, QueueEntry, Recipient};
use crate::resp::Parser;
use crate::telemetry::Event;
use crate::util::backoff::Backoff;
use crate::util::timer::{Sleep, sleep};
use crate::{Error, ErrorKind, Result};
use liveness::Liveness;

/// A connection counts as successful after this time, or once it has carried a reply to a command.
/// The back-off then starts again.
const STABLE: Duration = Duration::from_secs(1);

/// The number of the next connection of this process.
static GENERATIONS: AtomicU64 = AtomicU64::new(1);

/// The task of a connection.
pub(super) struct Driver {
    shared: Arc<SharedQueue>,
    dialer: Dialer,
    options: ConnectionOptions,
    /// The bytes that are being written, and the number of those that the socket accepted.
    writing: Vec<u8>,
    written: usize,
    /// The number of bytes after those that the TLS layer may have kept although it accepted none.
    may_be_held: usize,
    /// True if the TLS layer may have accepted bytes that the socket has not.
    needs_flush: bool,
    read: BytesMut,
    /// True if the buffer of `read` has grown by a large reply.
    has_grown: bool,
    parser: Parser,
    in_flight: VecDeque<QueueEntry>,
    /// The number of entries in flight that no caller waits for any more.
    late: usize,
    bell: Arc<Notify>,
    /// The number of commands that were recently in flight at once.
    most: usize,
    timer: Option<(Instant, Sleep)>,
    liveness: Liveness,
    replacement: Option<OpenConnection>,
    /// The number of this connection; no other of the process has it.
    generation: u64,
    is_first: bool,
    /// True if a reply to a command has come over this connection.
    has_replied: bool,
}

enum End {
    Lost(Error),
    /// The server answers on this new connection, and not on the old one.
    Replace(Box<OpenConnection>),
    Requested(DriverRequest),
}

impl Driver {
    pub(super) fn new(
        shared: Arc<SharedQueue>,
        dialer: Dialer,
        options: ConnectionOptions,
    ) -> Self {
        Self {
            shared,
            dialer,
            options,
            writing: Vec::new(),
            written: 0,
            may_be_held: 0,
            needs_flush: false,
            read: BytesMut::new(),
            has_grown: false,
            parser: Parser::default(),
            in_flight: VecDeque::new(),
            late: 0,
            bell: Arc::default(),
            most: 1,
            timer: None,
            liveness: Liveness::new(),
            replacement: None,
            generation: 0,
            is_first: true,
            has_replied: false,
        }
    }

    /// Connects, drives the connection, and makes it again, until a request to end comes.
    pub(super) async fn run(mut self) {
        let bell = tokio::spawn(ring(self.bell.clone(), Arc::downgrade(&self.shared)));
        let _bell = AbortOnDrop(bell);
        let (first, longest) = self.dialer.settings.backoff;
        let mut backoff = Backoff::new(first, longest);
        // The second attempt follows the first one at once.
        let mut is_immediate = true;
        loop {
            let opened = match self.replacement.take() {
                Some(opened) => Ok(opened),
                None => self.open().await,
            };
            let since = Instant::now();
            match opened {
                Ok(OpenConnection {
                    stream,
                    read,
                    parser,
                    info,
                    address,
                }) => {
                    self.set_up(read, parser, info, &address);
                    let end = self.converse(stream).await;
                    // Replies of other connections of the client say nothing about this one.
                    if self.has_replied || since.elapsed() >= STABLE {
                        backoff.reset();
                        is_immediate = true;
                    }
                    match end {
                        End::Requested(DriverRequest::Finish | DriverRequest::End) => {
                            self.tear_down(None);
                            break;
                        }
                        End::Requested(_) => self.tear_down(None),
                        End::Lost(cause) => self.tear_down(Some(cause)),
                        End::Replace(opened) => {
                            let message = "the connection was half-open: the server answers on a new one only";
                            self.tear_down(Some(Error::new(ErrorKind::Timeout, message)));
                            self.report(Event::HalfOpen {
                                server: self.dialer.settings.server.clone(),
                                address,
                            });
                            self.replacement = Some(*opened);
                        }
                    }
                }
                Err(None) => break,
                Err(Some(error)) => self.fail_attempt(error),
            }
            if self.options.is_single {
                break;
            }
            if self.replacement.is_none() {
                if let Some(on_loss) = &self.options.on_loss {
                    on_loss();
                }
                let pause = match std::mem::take(&mut is_immediate) {
                    true => Duration::ZERO,
                    false => backoff.next() + jitter(),
                };
                if self.pause(pause).await {
                    break;
                }
            }
        }
        self.shared.end(Ending::Closed, None);
    }

    /// Opens a connection; `None` where a request to end comes first. A request to make another
    /// connection starts again, as this one may be to a server that is not the primary any more.
    async fn open(&mut self) -> Result<OpenConnection, Option<Error>> {
        let mut open = self.dialer.clone().open_in_time().boxed();
        poll_fn(|cx| {
            match self.poll_disconnected(cx) {
                DriverRequest::None => {}
                DriverRequest::Reset => open = self.dialer.clone().open_in_time().boxed(),
                DriverRequest::Finish | DriverRequest::End => return Poll::Ready(Err(None)),
            }
            open.poll_unpin(cx).map_err(Some)
        })
        .await
    }

    /// Waits; returns whether a request to end comes first.
    async fn pause(&mut self, pause: Duration) -> bool {
        let mut pause = sleep(pause);
        poll_fn(|cx| match self.poll_disconnected(cx) {
            DriverRequest::Finish | DriverRequest::End => Poll::Ready(true),
            DriverRequest::None | DriverRequest::Reset => pause.poll_unpin(cx).map(|()| false),
        })
        .await
    }

    /// Checks deadlines while there is no connection, and takes the request.
    fn poll_disconnected(&mut self, cx: &mut Context<'_>) -> DriverRequest {
        let mut queue = self.shared.lock();
        queue.sleep(cx);
        let request = queue.request;
        if request == DriverRequest::Reset {
            queue.request = DriverRequest::None;
        }
        drop(queue);
        self.poll_deadlines(cx);
        request
    }

    fn set_up(
        &mut self,
        read: BytesMut,
        parser: Parser,
        info: crate::connection::ServerInfo,
        address: &Arc<str>,
    ) {
        self.writing.clear();
        self.written = 0;
        self.read = read;
        self.parser = parser;
        self.liveness = Liveness::new();
        self.needs_flush = false;
        self.may_be_held = 0;
        self.has_grown = false;
        self.has_replied = false;
        let mut queue = self.shared.lock();
        queue.is_up = true;
        self.generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        queue.generation = self.generation;
        queue.info = Some(Arc::new(info));
        queue.cause = None;
        // A command whose future was dropped meanwhile is not sent. The rest is written at once.
        let dropped = queue.remove(|entry| !entry.is_awaited());
        queue.load_scripts(Instant::now() + self.dialer.settings.command_timeout);
        queue.is_due = !queue.waiting.is_empty();
        drop(queue);
        drop(dropped);
        self.shared.status.send_replace(Status::Up);
        let server = self.dialer.settings.server.clone();
        let address = address.clone();
        let is_first = std::mem::take(&mut self.is_first);
        self.report(if is_first {
            Event::Connected { server, address }
        } else {
            self.shared.counters.add_reconnect();
            Event::Reconnected { server, address }
        });
    }

    fn report(&self, event: Event) {
        self.dialer.settings.hook.report(&event);
    }

    fn fail_attempt(&mut self, error: Error) {
        let error = Arc::new(error);
        let mut queue = self.shared.lock();
        let is_new = queue
            .cause
            .as_ref()
            .is_none_or(|cause| error_map::describe(cause) != error_map::describe(&error));
        queue.cause = Some(error.clone());
        drop(queue);
        if is_new {
            self.report(Event::ConnectFailed {
                server: self.dialer.settings.server.clone(),
                cause: error.clone(),
            });
        }
        self.shared.counters.add_connect_failure();
        self.shared.status.send_replace(Status::Failed(error));
    }

    /// Fails what was in flight, and keeps what was not sent for the next connection.
    fn tear_down(&mut self, cause: Option<Error>) {
        let cause = cause.map(Arc::new);
        let lost = Failure::Lost(cause.clone());
        let not_sent = Failure::NotSent(cause.clone());
        let now = Instant::now();
        let mut kept = VecDeque::new();
        let mut end = self.writing.len();
        while let Some(mut entry) = self.in_flight.pop_back() {
            let start = end.saturating_sub(entry.length);
            let unwritten = (end - self.written.min(end)).min(entry.length);
            let is_kept = unwritten > 0
                && !self.options.is_single
                && !entry.fail_fast
                && entry.deadline > now
                && entry.is_awaited()
                && (unwritten == entry.length || matches!(entry.to, Recipient::One(_)));
            if is_kept {
                entry.skipped = 0;
                kept.push_front((entry, start..end));
            } else {
                entry.fail(unwritten, &lost, &not_sent);
            }
            end = start;
        }
        self.late = 0;
        let mut out = Vec::new();
        let mut queue = self.shared.lock();
        queue.is_up = false;
        queue.in_flight = 0;
        if cause.is_some() {
            queue.cause.clone_from(&cause);
        }
        let is_single = self.options.is_single;
        let failed = queue.remove(|entry| is_single || entry.fail_fast);
        if !kept.is_empty() {
            for (_, range) in &kept {
                out.extend_from_slice(&self.writing[range.clone()]);
            }
            out.append(&mut queue.out);
            queue.out = out;
            let kept = kept.into_iter().map(|(entry, _)| entry);
            let waiting = std::mem::take(&mut queue.waiting);
            queue.waiting = kept.chain(waiting).collect();
        }
        queue.check_at = queue.waiting.iter().map(|entry| entry.deadline).min();
        drop(queue);
        for mut entry in failed {
            entry.give_up(&not_sent);
        }
        self.writing = Vec::new();
        self.written = 0;
        self.read = BytesMut::new();
        if let Some(cause) = cause {
            self.shared.status.send_replace(Status::Connecting);
            self.report(Event::Disconnected {
                server: self.dialer.settings.server.clone(),
                cause,
            });
        }
    }
}

/// Ends the connection when the runtime drops the task.
impl Drop for Driver {
    fn drop(&mut self) {
        if self.shared.lock().ending.is_some() {
            return;
        }
        let lost = Failure::Ended {
            ending: Ending::RuntimeEnded,
            sent: true,
        };
        let not_sent = Failure::Ended {
            ending: Ending::RuntimeEnded,
            sent: false,
        };
        let mut unwritten = self.writing.len() - self.written;
        while let Some(mut entry) = self.in_flight.pop_back() {
            let of_it = unwritten.min(entry.length);
            unwritten -= of_it;
            entry.fail(of_it, &lost, &not_sent);
        }
        self.shared.end(Ending::RuntimeEnded, None);
    }
}

fn jitter() -> Duration {
    Duration::from_millis(fastrand::u64(0..20))
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits until all tasks that are ready have had their turn, and then wakes the driver to write.
///
/// This is a second task because a task that has woken itself cannot be woken earlier.
async fn ring(bell: Arc<Notify>, shared: Weak<SharedQueue>) {
    loop {
        bell.notified().await;
        tokio::task::yield_now().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let mut queue = shared.lock();
        queue.is_ringing = false;
        if queue.waiting.is_empty() {
            continue;
        }
        queue.is_due = true;
        let driver = queue.driver.take();
        drop(queue);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

//! The task that owns a connection and makes it again.

mod liveness;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::sync::Notify;

use crate::connection::Options;
use crate::connection::entry::{Ending, Entry, Failure, To};
use crate::connection::error_map;
use crate::connection::handshake::{Dialer, Opened};
use crate::connection::queue::{Order, Shared, Status};
use crate::connection::stream::Stream;
use crate::resp::{Frame, Parser};
use crate::telemetry::Event;
use crate::util::backoff::Backoff;
use crate::util::time::{Sleep, sleep, timeout};
use crate::{Error, ErrorKind, Result};
use liveness::Liveness;

/// The space that is reserved for a read, and for a read after one that filled it.
const BUFFER: usize = 16 << 10;
const LARGE_BUFFER: usize = 64 << 10;
/// A connection counts as successful after this time, or once it has carried a reply to a command.
/// The back-off then starts again.
const STABLE: Duration = Duration::from_secs(1);

/// The number of the next connection of this process.
static GENERATIONS: AtomicU64 = AtomicU64::new(1);

/// The task of a connection.
pub(super) struct Driver {
    shared: Arc<Shared>,
    dialer: Dialer,
    options: Options,
    /// The bytes that are being written, and the number of those that the socket accepted.
    writing: Vec<u8>,
    written: usize,
    read: BytesMut,
    parser: Parser,
    in_flight: VecDeque<Entry>,
    /// The number of entries in flight that no caller waits for any more.
    late: usize,
    bell: Arc<Notify>,
    has_rung: bool,
    /// The number of commands that were recently in flight at once.
    most: usize,
    timer: Option<(Instant, Sleep)>,
    liveness: Liveness,
    replacement: Option<Opened>,
    /// The number of this connection; no other of the process has it.
    generation: u64,
    is_first: bool,
    /// Whether a reply to a command has come over this connection.
    has_replied: bool,
}

enum End {
    Lost(Error),
    /// The server answers on this new connection, and not on the old one.
    Replace(Box<Opened>),
    Order(Order),
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, dialer: Dialer, options: Options) -> Self {
        Self {
            shared,
            dialer,
            options,
            writing: Vec::new(),
            written: 0,
            read: BytesMut::new(),
            parser: Parser::default(),
            in_flight: VecDeque::new(),
            late: 0,
            bell: Arc::default(),
            has_rung: false,
            most: 1,
            timer: None,
            liveness: Liveness::new(),
            replacement: None,
            generation: 0,
            is_first: true,
            has_replied: false,
        }
    }

    /// Connects, drives the connection, and makes it again, until an order to end comes.
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
                Ok(Opened {
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
                        End::Order(order @ (Order::Finish | Order::End)) => {
                            self.tear_down(None);
                            let _ = order;
                            break;
                        }
                        End::Order(_) => self.tear_down(None),
                        End::Lost(cause) => self.tear_down(Some(cause)),
                        End::Replace(opened) => {
                            let message = "the connection was half-open: the server answers on a new one only";
                            self.tear_down(Some(Error::new(ErrorKind::Timeout, message)));
                            self.tell(Event::HalfOpen {
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
                if self.pause(pause).await.is_some() {
                    break;
                }
            }
        }
        self.shared.end(Ending::Closed, None);
    }

    /// Opens a connection; `None` where an order to end comes first.
    async fn open(&mut self) -> Result<Opened, Option<Error>> {
        let dialer = self.dialer.clone();
        let limit = dialer.settings.connect_timeout;
        let tls = dialer.settings.target.tls.is_some();
        let server = dialer.settings.server.clone();
        let mut open = async move {
            let opened = timeout(limit, dialer.open()).await;
            opened.unwrap_or_else(|| Err(error_map::connect_timeout(tls).with_server(server)))
        }
        .boxed();
        poll_fn(|cx| {
            if self.poll_disconnected(cx).is_some() {
                return Poll::Ready(Err(None));
            }
            open.poll_unpin(cx).map_err(Some)
        })
        .await
    }

    async fn pause(&mut self, pause: Duration) -> Option<Order> {
        let mut pause = sleep(pause);
        poll_fn(|cx| {
            if let Some(order) = self.poll_disconnected(cx) {
                return Poll::Ready(Some(order));
            }
            pause.poll_unpin(cx).map(|()| None)
        })
        .await
    }

    /// Checks orders and deadlines while there is no connection. Returns an order to end.
    fn poll_disconnected(&mut self, cx: &mut Context<'_>) -> Option<Order> {
        let mut queue = self.shared.lock();
        queue.sleep(cx);
        match queue.order {
            Order::Finish | Order::End => return Some(queue.order),
            Order::None | Order::Reset => {}
        }
        drop(queue);
        self.poll_deadlines(cx);
        None
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
        self.has_rung = false;
        self.has_replied = false;
        let mut queue = self.shared.lock();
        queue.is_up = true;
        self.generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        queue.generation = self.generation;
        queue.info = Some(Arc::new(info));
        queue.cause = None;
        if queue.order == Order::Reset {
            queue.order = Order::None;
        }
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
        self.tell(if is_first {
            Event::Connected { server, address }
        } else {
            self.shared.counters.add_reconnect();
            Event::Reconnected { server, address }
        });
    }

    fn tell(&self, event: Event) {
        self.dialer.settings.hook.tell(&event);
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
            self.tell(Event::ConnectFailed {
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
        while let Some(entry) = self.in_flight.pop_back() {
            let start = end.saturating_sub(entry.length);
            let unwritten = (end - self.written.min(end)).min(entry.length);
            let is_kept = unwritten > 0
                && !self.options.is_single
                && !entry.fail_fast
                && entry.deadline > now
                && entry.is_awaited()
                && (unwritten == entry.length || matches!(entry.to, To::One(_)));
            if is_kept {
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
            self.tell(Event::Disconnected {
                server: self.dialer.settings.server.clone(),
                cause,
            });
        }
    }

    async fn converse(&mut self, mut stream: Stream) -> End {
        let end = poll_fn(|cx| self.poll(&mut stream, cx)).await;
        if !matches!(end, End::Order(Order::Finish)) {
            stream.abandon();
        }
        end
    }

    fn poll(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            // Reads come first, because a caller that gets a reply may send the next command, and
            // because a stall of this task must not look like a timeout.
            if let Poll::Ready(cause) = self.poll_read(stream, cx) {
                return Poll::Ready(End::Lost(cause));
            }
            if let Some(end) = self.poll_deadlines(cx) {
                return Poll::Ready(end);
            }
            if let Some(end) = self.take(cx) {
                return end;
            }
            while self.written < self.writing.len() {
                let rest = &self.writing[self.written..];
                match Pin::new(&mut *stream).poll_write(cx, rest) {
                    Poll::Ready(Ok(n)) if n > 0 => self.written += n,
                    Poll::Ready(result) => {
                        let error = result
                            .err()
                            .unwrap_or_else(|| io::ErrorKind::WriteZero.into());
                        return Poll::Ready(End::Lost(broken(error)));
                    }
                    Poll::Pending => return self.take(cx).unwrap_or(Poll::Pending),
                }
            }
            match Pin::new(&mut *stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(End::Lost(broken(error))),
                Poll::Pending => {
                    if let Some(end) = self.take(cx) {
                        return end;
                    }
                }
            }
        }
    }

    /// Takes the queue if it is time to write. Returns `None` if there is something to write.
    fn take(&mut self, cx: &Context<'_>) -> Option<Poll<End>> {
        let mut queue = self.shared.lock();
        match queue.order {
            Order::None => {}
            Order::Finish => {
                let is_done = queue.waiting.is_empty() && self.in_flight.len() == self.late;
                if is_done {
                    queue.is_up = false;
                    return Some(Poll::Ready(End::Order(Order::Finish)));
                }
                queue.is_due = true;
            }
            order => {
                if order == Order::Reset {
                    queue.order = Order::None;
                }
                return Some(Poll::Ready(End::Order(order)));
            }
        }
        if self.written < self.writing.len() {
            queue.sleep(cx);
            return None;
        }
        // While the server works on half of the commands, the tasks that wait for the other half
        // have their turn. If all commands were written at once, server and client would wait for
        // each other in turn.
        queue.in_flight = self.in_flight.len() - self.late;
        let company = self.in_flight.len() + queue.waiting.len();
        self.most = company
            .max(self.most - (self.most / 16).max(1).min(self.most))
            .max(1);
        queue.enough = self.most.div_ceil(2);
        let is_enough = queue.waiting.len() >= queue.enough;
        if queue.waiting.is_empty() || !(is_enough || queue.is_due) {
            queue.sleep(cx);
            let has_some = !queue.waiting.is_empty();
            drop(queue);
            // The bell may have found nothing, and then rings again.
            if has_some && !self.has_rung {
                self.bell.notify_one();
            }
            self.has_rung = has_some;
            return Some(Poll::Pending);
        }
        self.has_rung = false;
        let commands = queue.waiting.len();
        queue.take_all(&mut self.writing, &mut self.in_flight);
        queue.in_flight = self.in_flight.len() - self.late;
        drop(queue);
        self.written = 0;
        self.shared.counters.add_sent(commands, self.writing.len());
        None
    }

    /// Reads, and delivers the replies. Ready once the connection is lost.
    fn poll_read(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Error> {
        let mut space = BUFFER;
        loop {
            if let Err(error) = self.deliver_all() {
                return Poll::Ready(error);
            }
            if self.read.capacity() - self.read.len() < BUFFER / 4 {
                self.read.reserve(space);
            }
            let room = self.read.capacity() - self.read.len();
            let result = {
                let read = std::pin::pin!(stream.read_buf(&mut self.read));
                match read.poll(cx) {
                    Poll::Ready(result) => result,
                    Poll::Pending => return Poll::Pending,
                }
            };
            match result {
                Ok(0) => return Poll::Ready(broken(io::ErrorKind::UnexpectedEof.into())),
                Ok(n) => {
                    self.liveness.record_read();
                    self.shared.counters.add_received(n);
                    if n == room {
                        space = LARGE_BUFFER;
                    }
                }
                Err(error) => return Poll::Ready(broken(error)),
            }
        }
    }

    fn deliver_all(&mut self) -> Result<()> {
        let mut replies = 0;
        while !self.read.is_empty() {
            let frame = self.parser.next(&mut self.read).map_err(|malformed| {
                let message = "the server sent what is not a reply";
                Error::new(ErrorKind::Protocol, message).with_source(malformed)
            })?;
            let Some(frame) = frame else { break };
            let outcome = match frame {
                Frame::Reply(value) => Ok(value),
                Frame::Error(words) => Err(Failure::Refused(words)),
                Frame::Push(items) => {
                    if let Some(on_push) = &mut self.options.on_push {
                        on_push(items);
                    }
                    continue;
                }
            };
            let Some(entry) = self.in_flight.front_mut() else {
                let message = "the server sent a reply that nobody asked for";
                return Err(unasked(message, outcome));
            };
            replies += 1;
            let was_late = entry.is_late();
            if entry.deliver(outcome, self.generation) {
                self.in_flight.pop_front();
                self.late -= usize::from(was_late);
            }
        }
        if replies > 0 {
            self.has_replied = true;
            self.liveness.record_reply();
            self.shared.counters.add_replies(replies);
        }
        Ok(())
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
        while let Some(entry) = self.in_flight.pop_back() {
            let of_it = unwritten.min(entry.length);
            unwritten -= of_it;
            entry.fail(of_it, &lost, &not_sent);
        }
        self.shared.end(Ending::RuntimeEnded, None);
    }
}

fn broken(error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed the connection",
        _ => "the connection broke",
    };
    Error::new(ErrorKind::NotSent, message).with_source(error)
}

/// Returns the error for a reply without a command. A server may send an error before it closes the
/// connection, which says why, such as that an administrator did so.
fn unasked(message: &'static str, outcome: crate::connection::Outcome) -> Error {
    match outcome {
        Err(Failure::Refused(words)) => {
            Error::new(ErrorKind::NotSent, "the server closes the connection")
                .with_source(String::from_utf8_lossy(&words).into_owned())
        }
        _ => Error::new(ErrorKind::Protocol, message),
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
async fn ring(bell: Arc<Notify>, shared: Weak<Shared>) {
    loop {
        bell.notified().await;
        tokio::task::yield_now().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let mut queue = shared.lock();
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

//! Reads and writes of an open connection.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::{Driver, End};
use crate::connection::Outcome;
use crate::connection::queue::{DriverRequest, MAX_KEPT};
use crate::connection::queue_entry::Failure;
use crate::connection::stream::Stream;
use crate::resp::Frame;
use crate::{Error, ErrorKind, Result};

/// The space that is reserved for a read, and for a read after one that filled it.
const BUFFER: usize = 16 << 10;
const LARGE_BUFFER: usize = 64 << 10;

impl Driver {
    pub(super) async fn converse(&mut self, stream: Stream) -> End {
        // Dropped with the runtime, the future abandons the socket as well.
        let mut stream = Abandoning(Some(stream));
        let end = poll_fn(|cx| match &mut stream.0 {
            Some(stream) => self.poll(stream, cx),
            None => Poll::Pending,
        })
        .await;
        if matches!(end, End::Requested(DriverRequest::Finish)) && self.in_flight.is_empty() {
            stream.0 = None;
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
            if let Poll::Ready(Err(error)) = self.poll_flush(stream, cx) {
                return Poll::Ready(End::Lost(self.handle_write_error(stream, cx, error)));
            }
            if let Some(end) = self.take(cx) {
                return end;
            }
            while self.written < self.writing.len() {
                let rest = &self.writing[self.written..];
                match Pin::new(&mut *stream).poll_write(cx, rest) {
                    Poll::Ready(Ok(n)) if n > 0 => {
                        self.written += n;
                        self.may_be_held = 0;
                        self.needs_flush = true;
                    }
                    Poll::Ready(result) => {
                        let error = result
                            .err()
                            .unwrap_or_else(|| io::ErrorKind::WriteZero.into());
                        return Poll::Ready(End::Lost(self.handle_write_error(stream, cx, error)));
                    }
                    Poll::Pending => {
                        self.may_be_held = stream.may_hold(rest.len());
                        return self.take(cx).unwrap_or(Poll::Pending);
                    }
                }
            }
            if self.writing.capacity() > MAX_KEPT {
                self.writing = Vec::new();
                self.written = 0;
            }
        }
    }

    /// Moves to the socket what the TLS layer has accepted.
    fn poll_flush(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.needs_flush {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(stream).poll_flush(cx);
        self.needs_flush = flushed.is_pending();
        flushed
    }

    /// Delivers the replies that came before a write failed. Returns the cause of the loss: an error
    /// that the server sent last says more than that of the socket.
    pub(super) fn handle_write_error(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
        error: io::Error,
    ) -> Error {
        match self.poll_read(stream, cx) {
            Poll::Ready(cause) => cause,
            Poll::Pending => connection_error(error),
        }
    }

    /// Takes the queue if it is time to write. Returns `None` if there is something to write.
    fn take(&mut self, cx: &Context<'_>) -> Option<Poll<End>> {
        let mut queue = self.shared.lock();
        match queue.request {
            DriverRequest::None => {}
            DriverRequest::Finish => {
                let is_done = queue.waiting.is_empty() && self.in_flight.len() == self.late;
                if is_done {
                    queue.is_up = false;
                    return Some(Poll::Ready(End::Requested(DriverRequest::Finish)));
                }
                queue.is_due = true;
            }
            request => {
                if request == DriverRequest::Reset {
                    queue.request = DriverRequest::None;
                }
                return Some(Poll::Ready(End::Requested(request)));
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
            let rings = !queue.waiting.is_empty() && !queue.is_ringing;
            queue.is_ringing |= rings;
            drop(queue);
            if rings {
                self.bell.notify_one();
            }
            return Some(Poll::Pending);
        }
        let commands = queue.waiting.len();
        queue.take_all(&mut self.writing, &mut self.in_flight);
        queue.in_flight = self.in_flight.len() - self.late;
        drop(queue);
        self.written = 0;
        self.shared.counters.add_sent(commands, self.writing.len());
        None
    }

    /// Reads, and delivers the replies. Ready once the connection is lost.
    pub(super) fn poll_read(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Error> {
        let mut space = BUFFER;
        loop {
            if let Err(error) = self.deliver_all() {
                return Poll::Ready(error);
            }
            if self.has_grown && self.read.is_empty() {
                // Otherwise the buffer of the largest reply stays as long as the connection.
                self.read = BytesMut::new();
                self.has_grown = false;
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
                Ok(0) => return Poll::Ready(connection_error(io::ErrorKind::UnexpectedEof.into())),
                Ok(n) => {
                    self.has_grown |= self.read.len() > MAX_KEPT;
                    self.liveness.record_read();
                    self.shared.counters.add_received(n);
                    if n == room {
                        space = LARGE_BUFFER;
                    }
                }
                Err(error) => return Poll::Ready(connection_error(error)),
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
                Frame::Error(words) => Err(Failure::ErrorReply(words)),
                Frame::Push(items) => {
                    if let Some(on_push) = &mut self.options.on_push {
                        on_push(items);
                    }
                    continue;
                }
            };
            let Some(entry) = self.in_flight.front_mut() else {
                let message = "the server sent a reply without a command";
                return Err(unasked_reply_error(message, outcome));
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

fn connection_error(error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed the connection",
        _ => "the connection broke",
    };
    Error::new(ErrorKind::NotSent, message).with_source(error)
}

/// Returns the error for a reply without a command. A server may send an error before it closes the
/// connection, which says why, such as that an administrator did so.
fn unasked_reply_error(message: &'static str, outcome: Outcome) -> Error {
    match outcome {
        Err(Failure::ErrorReply(words)) => {
            Error::new(ErrorKind::NotSent, "the server closes the connection")
                .with_source(String::from_utf8_lossy(&words).into_owned())
        }
        _ => Error::new(ErrorKind::Protocol, message),
    }
}

/// A socket that is abandoned when it is dropped.
pub(super) struct Abandoning(pub(super) Option<Stream>);

impl Drop for Abandoning {
    fn drop(&mut self) {
        if let Some(stream) = &self.0 {
            stream.abandon();
        }
    }
}

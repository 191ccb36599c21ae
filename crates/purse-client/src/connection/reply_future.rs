//! The future of a command that was put into a queue, with the caller's own timer if it needs one.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::FutureExt;
use tokio::runtime::{Handle, Id, RuntimeFlavor};

use super::{Connection, Failure, Ticket};
use crate::util::timer::{Sleep, sleep_until};

/// A future that completes with the reply to a command, or when its time is over.
///
/// The driver keeps the deadlines of callers that its own runtime certainly drives. Any other caller
/// has a timer of its own, because the driver's runtime may not be driven.
///
/// Dropped before the reply, a command that waits for a connection is not sent.
#[derive(Debug)]
pub(crate) struct ReplyFuture<T> {
    connection: Connection,
    ticket: Ticket<T>,
    deadline: Instant,
    /// The runtime of the driver.
    driver_runtime: Id,
    timed_by: TimedBy,
}

#[derive(Debug)]
enum TimedBy {
    Driver,
    OwnTimer(Sleep),
    Done,
}

impl<T> ReplyFuture<T> {
    pub(crate) const fn new(
        connection: Connection,
        ticket: Ticket<T>,
        deadline: Instant,
        driver_runtime: Id,
    ) -> Self {
        Self {
            connection,
            ticket,
            deadline,
            driver_runtime,
            timed_by: TimedBy::Driver,
        }
    }

    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl<T> Future for ReplyFuture<T> {
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(reply) = self.ticket.reply.poll_unpin(cx) {
            self.timed_by = TimedBy::Done;
            // The sender is dropped only with the queue.
            return Poll::Ready(reply.map_err(|_| Failure::Lost(None)));
        }
        if let TimedBy::Driver = self.timed_by {
            // The future may have moved since it was polled last.
            if is_driven(self.driver_runtime) {
                return Poll::Pending;
            }
            self.timed_by = TimedBy::OwnTimer(sleep_until(self.deadline));
        }
        let TimedBy::OwnTimer(timer) = &mut self.timed_by else {
            return Poll::Pending;
        };
        if timer.poll_unpin(cx).is_pending() {
            return Poll::Pending;
        }
        self.timed_by = TimedBy::Done;
        Poll::Ready(Err(match self.connection.cancel(self.ticket.number) {
            true => Failure::NotSent(self.connection.cause()),
            false => Failure::Late,
        }))
    }
}

/// Returns whether the runtime `driver_runtime` polls the current code, and so also drives the connection.
///
/// A current-thread runtime may be entered without being driven, by
/// [`enter`](tokio::runtime::Runtime::enter) or [`Handle::block_on`], but it polls no task then.
fn is_driven(driver_runtime: Id) -> bool {
    Handle::try_current().is_ok_and(|here| {
        let has_workers = here.runtime_flavor() != RuntimeFlavor::CurrentThread;
        here.id() == driver_runtime && (has_workers || tokio::task::try_id().is_some())
    })
}

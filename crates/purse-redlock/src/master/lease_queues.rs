//! The request queues of one lease to all masters, polled by the task that owns the lease.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use bytes::Bytes;
use tokio::time::{Sleep, sleep_until};

use crate::master::Masters;
use crate::master::request_queue::{MasterReply, QueuedRequest, RequestContext, RequestQueue};
use crate::master::token::Token;

/// The request queues of one lease. Requests make progress only while a method of this type is
/// awaited.
pub(crate) struct LeaseQueues {
    context: RequestContext,
    queues: Vec<RequestQueue>,
    /// One timer for all requests, set to the earliest deadline or earlier. Few requests exceed
    /// their deadline, and a timer per request would cost more than the request.
    timer: Option<Pin<Box<Sleep>>>,
}

impl LeaseQueues {
    pub(crate) fn new(all: Arc<Masters>, keys: Arc<[Bytes]>) -> Self {
        let (masters, now) = (all.handles.len(), all.clock.now());
        Self {
            context: RequestContext {
                masters: all,
                keys,
                token: Token::generate(),
            },
            queues: (0..masters)
                .map(|master| RequestQueue::new(master, now))
                .collect(),
            timer: None,
        }
    }

    /// Returns the number of masters.
    pub(crate) const fn len(&self) -> usize {
        self.queues.len()
    }

    /// Queues a request to one master.
    pub(crate) fn send(&mut self, master: usize, request: QueuedRequest) {
        self.queues[master].push(request);
    }

    /// Waits for the next reply. If the future is dropped, no reply is lost.
    pub(crate) async fn next(&mut self) -> MasterReply {
        poll_fn(|task| self.poll(task)).await
    }

    /// Waits for `other`, while requests make progress. Their replies are discarded.
    pub(crate) async fn poll_while<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        poll_fn(|task| {
            let output = other.as_mut().poll(task);
            if output.is_pending() {
                self.poll_all(task);
            }
            output
        })
        .await
    }

    /// Waits until a shutdown need not wait for any of the requests.
    pub(crate) async fn wait_settled(&mut self) {
        self.wait_until_all(RequestQueue::is_settled).await;
    }

    /// Waits until all requests are done.
    pub(crate) async fn wait_done(&mut self) {
        self.wait_until_all(RequestQueue::is_done).await;
    }

    async fn wait_until_all(&mut self, all_are: impl Fn(&RequestQueue) -> bool) {
        poll_fn(|task| {
            self.poll_all(task);
            match self.queues.iter().all(&all_are) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    fn poll_all(&mut self, task: &mut Task<'_>) {
        while self.poll(task).is_ready() {}
    }

    fn poll(&mut self, task: &mut Task<'_>) -> Poll<MasterReply> {
        let mut may_be_late = false;
        loop {
            for queue in &mut self.queues {
                let reply = queue.poll(&self.context, may_be_late, task);
                if reply.is_ready() {
                    return reply;
                }
            }
            let Some(first) = self.queues.iter().filter_map(RequestQueue::deadline).min() else {
                return Poll::Pending;
            };
            let timer = self
                .timer
                .get_or_insert_with(|| Box::pin(sleep_until(first)));
            if may_be_late || first < timer.deadline() {
                timer.as_mut().reset(first);
            }
            if timer.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
            may_be_late = true;
        }
    }
}

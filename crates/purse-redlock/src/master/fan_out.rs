//! The lines of one lease to all masters, driven by the task that owns it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use bytes::Bytes;
use tokio::time::{Sleep, sleep_until};

use crate::master::Masters;
use crate::master::request_queue::{Ask, Asker, Event, Line};
use crate::master::token::Token;

/// All lines of a lease. They move only while something is awaited here.
pub(crate) struct Lines {
    asker: Asker,
    lines: Vec<Line>,
    /// One for all that can take too long, set to the first of it or earlier: mostly nothing does,
    /// and a timer for each request would cost more than the request.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Lines {
    pub(crate) fn new(all: Arc<Masters>, keys: Arc<[Bytes]>) -> Self {
        let (masters, now) = (all.posts.len(), all.clock.now());
        Self {
            asker: Asker {
                masters: all,
                keys,
                token: Token::fresh(),
            },
            lines: (0..masters).map(|master| Line::new(master, now)).collect(),
            alarm: None,
        }
    }

    /// How many masters there are.
    pub(crate) const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Queues a question to one master.
    pub(crate) fn ask(&mut self, master: usize, ask: Ask) {
        self.lines[master].ask(ask);
    }

    /// The next answer. Dropped, none is lost.
    pub(crate) async fn next(&mut self) -> Event {
        poll_fn(|task| self.poll(task)).await
    }

    /// Waits for something else, while what was asked goes on; nobody hears the answers.
    pub(crate) async fn during<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        poll_fn(|task| {
            let output = other.as_mut().poll(task);
            if output.is_pending() {
                self.go_on(task);
            }
            output
        })
        .await
    }

    /// Waits until nobody need wait for any of them any more.
    pub(crate) async fn settled(&mut self) {
        self.until(Line::is_settled).await;
    }

    /// Waits until all that was asked is done.
    pub(crate) async fn done(&mut self) {
        self.until(Line::is_done).await;
    }

    async fn until(&mut self, all_are: impl Fn(&Line) -> bool) {
        poll_fn(|task| {
            self.go_on(task);
            match self.lines.iter().all(&all_are) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    fn go_on(&mut self, task: &mut Task<'_>) {
        while self.poll(task).is_ready() {}
    }

    fn poll(&mut self, task: &mut Task<'_>) -> Poll<Event> {
        let mut may_be_late = false;
        loop {
            for line in &mut self.lines {
                let event = line.poll(&self.asker, may_be_late, task);
                if event.is_ready() {
                    return event;
                }
            }
            let Some(first) = self.lines.iter().filter_map(Line::until).min() else {
                return Poll::Pending;
            };
            let alarm = self
                .alarm
                .get_or_insert_with(|| Box::pin(sleep_until(first)));
            if may_be_late || first < alarm.deadline() {
                alarm.as_mut().reset(first);
            }
            if alarm.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
            may_be_late = true;
        }
    }
}

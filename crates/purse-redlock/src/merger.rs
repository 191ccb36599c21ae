//! Requests that wait for one master at the same moment go to it as one.
//!
//! A lock is two requests to each master, and what a request costs is hardly what it does there,
//! but the way there and back. So a few go on their own, at once; while they are under way, others
//! wait, and go together as soon as one of those has its answer. Nobody waits where nothing is
//! under way.
//!
//! Each keeps an answer of its own. Where a command within the merged one fails, nothing was done
//! for that request, and it goes once more, alone, to fail in words of its own. A lost reply is
//! lost for all of them.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use purse_client::{Command, Error, ErrorKind, Reply, Result, Script, Session};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::seat::Seat;
use crate::transport::{Action, Answer, Asking, Request, command, free_in, read, redact};

static MERGED: Script = Script::write("MERGED", include_str!("lua/merged.lua"));

/// So many may be under way before others wait for them.
const AT_ONCE: usize = 4;

/// So many go as one at most: the server does nothing else meanwhile.
const MOST: usize = 64;

/// The way to one master.
pub(crate) struct Merger {
    seat: Arc<Seat>,
    timeout: Duration,
    runtime: Handle,
    state: Mutex<State>,
    /// Keys of several slots cannot go there as one, after all.
    is_divided: AtomicBool,
}

#[derive(Default)]
struct State {
    under_way: usize,
    waiting: VecDeque<Waiting>,
}

/// A request that waits until it can go with others.
struct Waiting {
    request: Request,
    since: Instant,
    reply: oneshot::Sender<Result<Answer>>,
}

/// One of those that may be under way; dropped, those who wait go.
struct Turn {
    merger: Arc<Merger>,
    /// Whether it is on its way to a task that has not begun.
    is_handed_on: bool,
}

impl Merger {
    /// On a runtime, which carries what goes as one.
    pub(crate) fn new(seat: Arc<Seat>, timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            seat,
            timeout,
            runtime: Handle::current(),
            state: Mutex::default(),
            is_divided: AtomicBool::new(false),
        })
    }

    /// Whether it is one key and nothing beside it, to be taken or given back.
    pub(crate) fn merges(&self, request: &Request) -> bool {
        let is_one = request.keys.len() == 1 && request.record.is_none();
        let is_fit = is_one && matches!(request.action, Action::Acquire | Action::Release);
        is_fit && !self.is_divided.load(Ordering::Relaxed)
    }

    pub(crate) fn ask(self: &Arc<Self>, request: Request) -> Asking {
        // What cannot be asked now need not wait to hear so.
        let (session, vote) = match self.seat.session_for(request.action) {
            Ok(ready) => ready,
            Err(error) => return Box::pin(ready(Err(error))),
        };
        let merger = self.clone();
        if !self.merges(&request) {
            return Box::pin(async move {
                let answer = merger.alone(&session, request).await?;
                vote.map(|()| answer)
            });
        }
        let mut state = self.state();
        if state.under_way < AT_ONCE {
            state.under_way += 1;
            drop(state);
            let turn = Turn {
                merger,
                is_handed_on: false,
            };
            return Box::pin(async move { turn.merger.alone(&session, request).await });
        }
        let (reply, answer) = oneshot::channel();
        state.waiting.push_back(Waiting {
            request,
            since: Instant::now(),
            reply,
        });
        Box::pin(async move {
            // It goes unheard only if the runtime ends.
            let unheard = |_| Err(Error::new(ErrorKind::Ambiguous, "the runtime has ended"));
            answer.await.unwrap_or_else(unheard)
        })
    }

    async fn alone(&self, session: &Session, request: Request) -> Result<Answer> {
        let sent = Instant::now();
        let reply = session.run(command(&request).timeout(self.timeout)).await?;
        self.seat.heard(sent.elapsed());
        read(&request, reply)
    }

    /// Sends what waits.
    async fn send(self: &Arc<Self>) {
        let (mut group, mut way) = (Vec::new(), None);
        for waiting in self.next() {
            // Nobody waits any more.
            if waiting.reply.is_closed() {
                continue;
            }
            match self.way_of(&waiting) {
                Ok(session) => {
                    way = Some(session);
                    group.push(waiting);
                }
                Err(error) => waiting.tell(Err(error)),
            }
        }
        let Some(session) = way else {
            return;
        };
        if group.len() == 1 {
            for waiting in group {
                self.one(&session, waiting).await;
            }
            return;
        }
        let sent = Instant::now();
        let reply = session.run(merged(&group).timeout(self.timeout)).await;
        match reply.and_then(|reply| answers(reply, &group)) {
            Ok(answers) => {
                self.seat.heard(sent.elapsed());
                for (waiting, answer) in group.into_iter().zip(answers) {
                    match answer {
                        Some(answer) => waiting.tell(Ok(answer)),
                        None => self.again(&session, waiting),
                    }
                }
            }
            // It is about the keys, and nothing was done; perhaps it is about one of them.
            Err(error) if matches!(error.kind(), ErrorKind::Auth | ErrorKind::CrossSlot) => {
                if error.kind() == ErrorKind::CrossSlot {
                    self.is_divided.store(true, Ordering::Relaxed);
                }
                for waiting in group {
                    self.again(&session, waiting);
                }
            }
            Err(error) => self.fail(group, error),
        }
    }

    /// Those who go next.
    fn next(&self) -> Vec<Waiting> {
        let mut state = self.state();
        let count = state.waiting.len().min(MOST);
        state.waiting.drain(..count).collect()
    }

    /// The connection for one that waited, if it still makes sense.
    fn way_of(&self, waiting: &Waiting) -> Result<Session> {
        if waiting.since.elapsed() > self.timeout {
            let message = "so many other requests were under way that there was no turn in time";
            return Err(Error::new(ErrorKind::NotSent, message));
        }
        let (session, vote) = self.seat.session_for(waiting.request.action)?;
        vote.map(|()| session)
    }

    /// Sends one alone that was merged with others in vain.
    fn again(self: &Arc<Self>, session: &Session, waiting: Waiting) {
        let (merger, session) = (self.clone(), session.clone());
        self.runtime
            .spawn(async move { merger.one(&session, waiting).await });
    }

    async fn one(&self, session: &Session, waiting: Waiting) {
        let Waiting { request, reply, .. } = waiting;
        // Nobody hears it who does not wait any more.
        let _ = reply.send(self.alone(session, request).await);
    }

    /// Tells all of them of one failure, and none of the others' tokens.
    fn fail(&self, group: Vec<Waiting>, error: Error) {
        let tokens = group.iter().map(|waiting| &waiting.request.token);
        let error = tokens.fold(error, redact);
        for waiting in group {
            let (name, key) = (waiting.name(), waiting.request.keys.first().cloned());
            let error = error.again().with_command(name, key);
            waiting.tell(Err(error.with_server(self.seat.server().into())));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No panic can leave it half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.merger.state();
        if state.waiting.is_empty() {
            state.under_way -= 1;
            return;
        }
        if self.is_handed_on {
            // A task that never begins is one of a runtime that ends.
            state.under_way -= 1;
            let waiting = std::mem::take(&mut state.waiting);
            // What hears of it may ask in turn.
            drop(state);
            drop(waiting);
            return;
        }
        drop(state);
        let mut turn = Self {
            merger: self.merger.clone(),
            is_handed_on: true,
        };
        self.merger.runtime.spawn(async move {
            turn.is_handed_on = false;
            // Whoever is about to ask goes as well: mostly those who were answered with this one.
            yield_now().await;
            turn.merger.send().await;
        });
    }
}

impl Waiting {
    fn tell(self, answer: Result<Answer>) {
        // As in `one`.
        let _ = self.reply.send(answer);
    }

    fn name(&self) -> &'static str {
        command(&self.request).name()
    }
}

fn merged(group: &[Waiting]) -> Command {
    let requests = || group.iter().map(|waiting| &waiting.request);
    let keys = requests().flat_map(|request| request.keys.iter().cloned());
    let command = keys.fold(Command::script(&MERGED), Command::key);
    requests().fold(command, |command, request| {
        let ttl = match request.action {
            Action::Acquire => request.millis(),
            _ => 0,
        };
        command.arg(request.token.to_bytes()).arg(ttl)
    })
}

/// The answers to a merged command; none where nothing was done.
fn answers(reply: Reply, group: &[Waiting]) -> Result<Vec<Option<Answer>>> {
    let numbers = reply.into_list()?;
    if numbers.len() != 2 * group.len() {
        let message = format!("{} answers to {} requests", numbers.len() / 2, group.len());
        return Err(Error::new(ErrorKind::Protocol, message));
    }
    let numbers = numbers.into_iter().map(Reply::into_int);
    let numbers = numbers.collect::<Result<Vec<_>>>()?;
    let pairs = numbers.as_chunks().0.iter();
    let answers = group.iter().zip(pairs).map(|(waiting, &[done, left])| {
        (done >= 0).then(|| Answer {
            ours: done > 0,
            free_in: match waiting.request.action {
                Action::Release => free_in(left),
                _ => None,
            },
            fence: 0,
        })
    });
    Ok(answers.collect())
}

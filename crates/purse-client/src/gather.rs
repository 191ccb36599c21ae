//! Reads that come at the same moment go as one command.
//!
//! To read one thing costs next to nothing on the server, and a lot on the way there and back. So
//! while a few reads of one kind are under way, those that come wait until whatever is ready to run
//! has run, and go together. They wait for no reply and for no timer, and where few are under way
//! nobody waits at all.
//!
//! Of one key, they become the command that takes many arguments where there is one, as `HMGET` for
//! `HGET`; else a script that reads one after the other. Each has a reply of its own. If the server
//! refuses the one command, each goes once more, alone, to be refused in words of its own.
//!
//! Writes are left alone: they go in the order in which they come, and what one of them returns (is
//! the field new?) the commands that take many do not tell.

mod merged;

use std::mem::take;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::join_all;
use futures::poll;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::client::closed;
use crate::command::{Command, Effect};
use crate::lease::Busy;
use crate::{Client, Error, ErrorKind, Reply, Result};
use merged::{KINDS, answers, merged};

/// So many go alone: of two or three at a time, each has its answer sooner so.
const FEW: usize = 3;

/// So many go as one at most: the server does nothing else meanwhile.
const MOST: usize = 64;

/// What is as large goes alone: it takes its time anyway, and a script copies it twice and keeps
/// the server from all else meanwhile.
const LARGE: usize = 4 << 10;

/// The reads of one client that are under way, by their kinds.
#[derive(Debug, Default)]
pub(crate) struct Gathering([Place; KINDS.len()]);

#[derive(Debug)]
struct Place {
    under_way: AtomicUsize,
    /// How large the replies are: the largest of late, by half for each smaller one since.
    size: AtomicUsize,
    waiting: Mutex<Vec<Waiting>>,
    /// The server does not have the command that takes many, or not for this user.
    is_refused: AtomicBool,
    /// The same of the script.
    is_script_refused: AtomicBool,
}

/// A read that is about to go.
#[derive(Debug)]
struct Waiting {
    command: Command,
    reply: oneshot::Sender<Result<Reply>>,
}

/// What a read under way is counted as; to be [left](Gathering::leave).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presence {
    pub(crate) kind: usize,
    /// Whether it is to go with others.
    pub(crate) has_company: bool,
}

impl Gathering {
    /// Counts `command` as under way, if it is one that may go with others.
    pub(crate) fn enter(&self, command: &Command) -> Option<Presence> {
        // Who does not want to wait for a connection would wait with those who do.
        if command.effect == Effect::Write || command.fail_fast {
            return None;
        }
        let kind = KINDS.iter().position(|kind| kind.is_of(command))?;
        let place = &self.0[kind];
        let others = place.under_way.fetch_add(1, Ordering::Relaxed);
        Some(Presence {
            kind,
            has_company: others >= FEW
                && place.size.load(Ordering::Relaxed) < LARGE
                && place.may_go_as_one(KINDS[kind].many.is_some()),
        })
    }

    /// These were answered.
    pub(crate) fn heard<'a>(&self, kind: usize, replies: impl IntoIterator<Item = &'a Reply>) {
        let size = &self.0[kind].size;
        // Two at once may miss each other: the next one is heard.
        let before = size.load(Ordering::Relaxed) / 2;
        let largest = replies
            .into_iter()
            .map(Reply::size)
            .fold(before, usize::max);
        size.store(largest, Ordering::Relaxed);
    }

    /// The read is not under way any more.
    pub(crate) fn leave(&self, presence: Presence) {
        self.0[presence.kind]
            .under_way
            .fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Place {
    fn default() -> Self {
        Self {
            under_way: AtomicUsize::new(0),
            // Not known yet.
            size: AtomicUsize::new(LARGE),
            waiting: Mutex::default(),
            is_refused: AtomicBool::new(false),
            is_script_refused: AtomicBool::new(false),
        }
    }
}

impl Place {
    fn may_go_as_one(&self, by_command: bool) -> bool {
        let by_command = by_command && !self.is_refused.load(Ordering::Relaxed);
        by_command || !self.is_script_refused.load(Ordering::Relaxed)
    }

    /// Whether the server refused to run the like of `command`, in place of several.
    const fn refusal(&self, command: &Command) -> &AtomicBool {
        match command.script {
            Some(_) => &self.is_script_refused,
            None => &self.is_refused,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        // No panic can leave it half-changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has `command` go with the others of its kind.
pub(crate) fn join(
    client: &Client,
    presence: Presence,
    command: Command,
) -> oneshot::Receiver<Result<Reply>> {
    let (reply, answer) = oneshot::channel();
    let is_first = {
        let mut waiting = client.gathering().0[presence.kind].waiting();
        waiting.push(Waiting { command, reply });
        waiting.len() == 1
    };
    if is_first {
        let departure = Departure {
            client: client.clone(),
            kind: presence.kind,
            busy: Some(client.leases().busy()),
        };
        client.runtime().spawn(departure.leave());
    }
    answer
}

/// The task that sends what waits. Dropped with its runtime, it lets go of those who wait.
struct Departure {
    client: Client,
    kind: usize,
    /// Until they are sent; a client that closes waits for that.
    busy: Option<Busy>,
}

impl Departure {
    async fn leave(mut self) {
        yield_now().await;
        let waiting = self.take();
        let busy = self.busy.take();
        let mut sending = pin!(send(&self.client, self.kind, waiting));
        let sent = poll!(&mut sending);
        drop(busy);
        if sent.is_pending() {
            sending.await;
        }
    }

    fn take(&self) -> Vec<Waiting> {
        take(&mut *self.client.gathering().0[self.kind].waiting())
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        if self.busy.is_some() {
            drop(self.take());
        }
    }
}

/// What is to be said where [`join`]'s answer never comes.
pub(crate) fn unheard() -> Error {
    Error::new(ErrorKind::Closed, "the client's runtime has ended")
}

async fn send(client: &Client, kind: usize, mut waiting: Vec<Waiting>) {
    // Nobody waits any more.
    waiting.retain(|waiting| !waiting.reply.is_closed());
    let mut groups = Vec::with_capacity(waiting.len().div_ceil(MOST));
    while !waiting.is_empty() {
        let rest = waiting.split_off(waiting.len().min(MOST));
        groups.push(send_as_one(client, kind, waiting));
        waiting = rest;
    }
    join_all(groups).await;
}

async fn send_as_one(client: &Client, kind: usize, mut group: Vec<Waiting>) {
    if group.len() == 1 {
        return each_alone(client, group).await;
    }
    let commands: Vec<_> = group.iter().map(|waiting| &waiting.command).collect();
    let mut command = merged(&KINDS[kind], &commands);
    // A script that the server does not know takes a second trip: too late once the client closes.
    command.in_order = client.is_closed();
    let is_refused = client.gathering().0[kind].refusal(&command);
    if is_refused.load(Ordering::Relaxed) {
        return each_alone(client, group).await;
    }
    let started = Instant::now();
    let reply = client.perform_though_closed(Effect::Read, command).await;
    match reply.and_then(|reply| answers(reply, group.len())) {
        Ok(answers) => {
            client.gathering().heard(kind, &answers);
            for (waiting, answer) in group.into_iter().zip(answers) {
                waiting.tell(Ok(answer));
            }
        }
        Err(error) if is_by_server(error.kind()) && !client.is_closed() => {
            if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Auth) {
                is_refused.store(true, Ordering::Relaxed);
            }
            // Both times together take no longer than one may.
            let left = client.command_timeout().saturating_sub(started.elapsed());
            for waiting in &mut group {
                waiting.command.timeout = Some(left);
            }
            each_alone(client, group).await;
        }
        Err(error) => {
            // One by one would be too late now.
            let is_too_late = is_by_server(error.kind());
            for waiting in group {
                waiting.tell(Err(if is_too_late { closed() } else { error.again() }));
            }
        }
    }
}

async fn each_alone(client: &Client, group: Vec<Waiting>) {
    let alone = group.into_iter().map(async |Waiting { command, reply }| {
        // Nobody hears it who does not wait any more.
        let _ = reply.send(client.perform_though_closed(Effect::Read, command).await);
    });
    join_all(alone).await;
}

impl Waiting {
    fn tell(self, answer: Result<Reply>) {
        // As in `each_alone`.
        let _ = self.reply.send(answer);
    }
}

/// Whether the server answered, and refused.
const fn is_by_server(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::NotSent
            | ErrorKind::Ambiguous
            | ErrorKind::Timeout
            | ErrorKind::Closed
            | ErrorKind::Protocol
    )
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use futures::poll;
    use purse_testkit::Server;

    use super::*;

    fn under_way(client: &Client) -> usize {
        let places = &client.gathering().0;
        let counts = places.iter().map(|place| &place.under_way);
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    #[tokio::test]
    async fn whoever_is_answered_or_dropped_is_under_way_no_more() {
        let server = Server::start().expect("a server");
        let client = Client::connect(&server.url()).await.expect("a client");
        let read = || client.op(Command::read("GET").key("key"), Ok);
        join_all((0..10).map(|_| read())).await;
        assert_eq!(under_way(&client), 0);
        let mut reads: Vec<_> = (0..10).map(|_| read()).collect();
        for (n, read) in reads.iter_mut().enumerate() {
            assert!(poll!(read).is_pending());
            assert_eq!(under_way(&client), n + 1);
        }
        drop(reads);
        assert_eq!(under_way(&client), 0);
    }

    #[tokio::test]
    async fn what_is_no_read_of_one_thing_goes_by_itself() {
        let gathering = Gathering::default();
        for command in [
            Command::write("GET").key("key"),
            Command::read("GET").key("key").fail_fast(),
            Command::read("HGET").key("key"),
            Command::read("HMGET").key("key").arg("field"),
            Command::read("LINDEX").key("key").arg(1_i64).arg(2_i64),
        ] {
            assert!(gathering.enter(&command).is_none(), "{command:?}");
        }
    }
}

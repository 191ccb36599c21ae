//! The thread that serves a relay, and the lock around its state.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::process::guarded_child::POLL;

/// The state of a relay.
pub(crate) trait RelayState: Send + 'static {
    /// Does all I/O that is possible without waiting.
    fn turn(&mut self);

    /// Adds what the next turn has to wait for.
    fn wait_for(&self, wait: &mut Wait);
}

/// The events that end a wait; holds the sockets, so that none is closed during the wait.
#[derive(Default)]
pub(crate) struct Wait {
    sockets: Vec<(Arc<dyn AsFd + Send + Sync>, PollFlags)>,
    until: Option<Instant>,
}

impl Wait {
    /// Waits until the socket has something to read, or is ready to be written to.
    pub(crate) fn socket<S>(&mut self, socket: &Arc<S>, reads: bool, writes: bool)
    where
        S: AsFd + Send + Sync + 'static,
    {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, reads);
        flags.set(PollFlags::OUT, writes);
        // A socket without flags is left out: `poll` reports the end of a peer for it as well.
        if !flags.is_empty() {
            self.sockets.push((socket.clone(), flags));
        }
    }

    /// Waits no longer than until that moment.
    pub(crate) fn until(&mut self, moment: Instant) {
        self.until = Some(self.until.map_or(moment, |until| until.min(moment)));
    }

    /// Returns after one of the events, or because of the alarm.
    fn wait(&self, alarm: &UnixStream) {
        let mut polled: Vec<_> = self
            .sockets
            .iter()
            .map(|(socket, flags)| PollFd::from_borrowed_fd(socket.as_fd(), *flags))
            .collect();
        polled.push(PollFd::new(alarm, PollFlags::IN));
        let left = self.until.map(|until| {
            let left = until.saturating_duration_since(Instant::now());
            Timespec::try_from(left).unwrap_or(Timespec {
                tv_sec: 3600,
                tv_nsec: 0,
            })
        });
        match poll(&mut polled, left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            // Out of memory, for example: the next turn comes a little later.
            Err(_) => thread::sleep(POLL),
        }
    }
}

/// A relay that runs; its thread ends, and its sockets are closed, when it is dropped.
pub(crate) struct RelayThread<S> {
    shared: Arc<Shared<S>>,
    /// Wakes the thread.
    alarm: UnixStream,
    thread: Option<JoinHandle<()>>,
}

struct Shared<S> {
    inner: Mutex<Inner<S>>,
    /// Notified after each turn.
    turned: Condvar,
}

struct Inner<S> {
    /// Dropped when the relay ends.
    state: Option<S>,
    turns: u64,
}

impl<S: RelayState> RelayThread<S> {
    /// Starts the thread.
    pub(crate) fn start(name: &str, state: S) -> io::Result<Self> {
        let (alarm, heard) = UnixStream::pair()?;
        alarm.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            inner: Mutex::new(Inner {
                state: Some(state),
                turns: 0,
            }),
            turned: Condvar::new(),
        });
        let served = shared.clone();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || serve(&served, &heard))?;
        Ok(Self {
            shared,
            alarm,
            thread: Some(thread),
        })
    }

    /// Runs the function on the state, between two turns, and takes another turn.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut S) -> T) -> T {
        let result = change(self.shared.lock().state());
        self.wake();
        result
    }

    /// Runs the function on the state, between two turns.
    pub(crate) fn inspect<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        look(self.shared.lock().state())
    }

    /// Waits until the function returns true, which it is asked after each turn; returns whether it
    /// did so within the timeout.
    pub(crate) fn wait_until(&self, timeout: Duration, mut holds: impl FnMut() -> bool) -> bool {
        let deadline = Instant::now() + timeout;
        loop {
            let seen = self.shared.lock().turns;
            if holds() {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let inner = self.shared.lock();
            let waited = self
                .shared
                .turned
                .wait_timeout_while(inner, left, |inner| inner.turns == seen);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn wake(&self) {
        // A full buffer means that the thread is woken already.
        let _ = (&self.alarm).write(b"!");
    }
}

fn serve<S: RelayState>(shared: &Shared<S>, alarm: &UnixStream) {
    loop {
        let mut wait = Wait::default();
        {
            let mut inner = shared.lock();
            let mut rung = [0; 64];
            while matches!((&*alarm).read(&mut rung), Ok(1..)) {}
            let Some(state) = &mut inner.state else {
                return;
            };
            state.turn();
            state.wait_for(&mut wait);
            inner.turns += 1;
        }
        shared.turned.notify_all();
        wait.wait(alarm);
    }
}

impl<S> Inner<S> {
    fn state(&mut self) -> &mut S {
        match &mut self.state {
            Some(state) => state,
            None => unreachable!("the state is there until the relay is dropped"),
        }
    }
}

impl<S> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        // A turn that panicked leaves connections that are closed later than they should be.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Drop for RelayThread<S> {
    fn drop(&mut self) {
        drop(self.shared.lock().state.take());
        let _ = (&self.alarm).write(b"!");
        if let Some(thread) = self.thread.take() {
            // It panicked at worst, and said so.
            let _ = thread.join();
        }
    }
}

impl<S> fmt::Debug for RelayThread<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayThread").finish_non_exhaustive()
    }
}

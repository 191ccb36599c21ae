//! The state of a lock on all masters, as they report it to a waiter.
//!
//! A read of a lock on a tracked connection returns its `PTTL`, and registers for its change. A
//! change that does not make a quorum free is not read again until the next attempt, and counts as
//! free. That can only cause an attempt that is too early.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use bytes::Bytes;
use purse_client::Result;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::master::{ChangeFuture, KeyState, MasterHandle};
use crate::state::LockState;

/// The longest time that a master may take to report the state of a lock, including connecting. No
/// attempt waits for it.
const MAX_QUERY_TIME: Duration = Duration::from_secs(5);

/// The known state of the lock on one master.
enum MasterView {
    /// Nothing is known.
    Unknown,
    /// The master is being asked.
    Querying(oneshot::Receiver<Result<KeyState>>),
    /// Another client holds the lock there, until `until` if the keys expire. A change will be
    /// reported.
    Held {
        until: Option<Instant>,
        changed: ChangeFuture,
    },
    /// No client held the lock there when the master was asked.
    Free,
    /// The lock has changed there since, or may have changed.
    Stale,
}

/// The known state of the lock on all masters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Availability {
    /// A quorum may be free.
    MaybeFree,
    /// No quorum is free, and changes will be reported.
    Held,
    /// Too few masters report changes.
    Unknown,
}

/// The watch on a lock's keys on all masters.
pub(crate) struct KeyWatch(Vec<MasterView>);

impl KeyWatch {
    pub(crate) fn new(masters: usize) -> Self {
        Self((0..masters).map(|_| MasterView::Unknown).collect())
    }

    /// Queries those masters of which no current state is known.
    pub(crate) fn refresh(&mut self, state: &Arc<LockState>, keys: &Arc<[Bytes]>) {
        let now = Instant::now();
        for (master, view) in self.0.iter_mut().enumerate() {
            let is_known = match view {
                MasterView::Querying(_) => true,
                MasterView::Held { until, .. } => until.is_none_or(|until| until > now),
                MasterView::Unknown | MasterView::Free | MasterView::Stale => false,
            };
            if !is_known {
                *view = MasterView::Querying(spawn_query(state, master, keys));
            }
        }
    }

    /// Returns the state of the lock on a quorum of `needed` masters.
    pub(crate) fn availability(&self, needed: usize) -> Availability {
        let count = |is: fn(&MasterView) -> bool| self.0.iter().filter(|view| is(view)).count();
        let stale = count(|view| matches!(view, MasterView::Stale));
        let free = count(|view| matches!(view, MasterView::Free)) + stale;
        let held = count(|view| matches!(view, MasterView::Held { .. }));
        let is_watched = free + held >= needed;
        // If too few masters report changes, a change on one of them is the best available sign.
        if free >= needed || !is_watched && stale > 0 {
            Availability::MaybeFree
        } else if is_watched {
            Availability::Held
        } else {
            Availability::Unknown
        }
    }

    /// Returns when a quorum will be free if no holder extends or releases, if that is known.
    pub(crate) fn held_until(&self, needed: usize) -> Option<Instant> {
        let now = Instant::now();
        let mut ends: Vec<_> = self
            .0
            .iter()
            .filter_map(|view| match view {
                MasterView::Held { until, .. } => *until,
                MasterView::Free | MasterView::Stale => Some(now),
                MasterView::Unknown | MasterView::Querying(_) => None,
            })
            .collect();
        ends.sort_unstable();
        ends.get(needed.checked_sub(1)?).copied()
    }

    /// Returns the masters on which another client holds the lock.
    pub(crate) fn held_masters(&self) -> Vec<usize> {
        let views = self.0.iter().enumerate();
        let held = views.filter(|(_, view)| matches!(view, MasterView::Held { .. }));
        held.map(|(master, _)| master).collect()
    }

    /// Waits until the known state of a master changes.
    pub(crate) async fn wait_changed(&mut self) {
        poll_fn(|task| {
            let updates = self.0.iter_mut().filter_map(|view| {
                let update = view.poll_update(task)?;
                *view = update;
                Some(())
            });
            match updates.count() {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
    }
}

impl MasterView {
    /// Returns the new state of the master, if it has changed.
    fn poll_update(&mut self, task: &mut Task<'_>) -> Option<Self> {
        match self {
            Self::Querying(answer) => match Pin::new(answer).poll(task) {
                Poll::Ready(Ok(Ok(key_state))) => Some(Self::from_state(key_state)),
                Poll::Ready(_) => Some(Self::Unknown),
                Poll::Pending => None,
            },
            Self::Held { changed, .. } => {
                let is_changed = changed.as_mut().poll(task).is_ready();
                is_changed.then_some(Self::Stale)
            }
            Self::Unknown | Self::Free | Self::Stale => None,
        }
    }

    fn from_state(key_state: KeyState) -> Self {
        let now = Instant::now();
        match key_state.free_in {
            Some(Duration::ZERO) => Self::Free,
            time => Self::Held {
                until: time.and_then(|time| now.checked_add(time)),
                changed: key_state.changed,
            },
        }
    }
}

/// Spawns a task that queries a master. The task ends once the master has answered or the receiver
/// is dropped.
fn spawn_query(
    state: &Arc<LockState>,
    master: usize,
    keys: &Arc<[Bytes]>,
) -> oneshot::Receiver<Result<KeyState>> {
    let (mut sender, answer) = oneshot::channel();
    let (shared, keys) = (state.clone(), keys.clone());
    state.runtime.spawn(async move {
        let MasterHandle {
            master,
            watch_permits,
            ..
        } = &shared.masters.handles[master];
        let query = timeout(MAX_QUERY_TIME, async {
            // The semaphore is never closed.
            let _permit = watch_permits.acquire().await;
            master.watch(keys).await
        });
        tokio::select! {
            biased;
            () = sender.closed() => {}
            Ok(key_state) = query => {
                let _ = sender.send(key_state);
            }
            // If the query took too long, the sender is dropped.
            else => {}
        }
    });
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ms;

    fn key_watch(views: &str) -> KeyWatch {
        let view = |letter| match letter {
            'b' => MasterView::Unknown,
            'l' => MasterView::Querying(oneshot::channel().1),
            't' => MasterView::Held {
                until: Some(Instant::now() + ms(500)),
                changed: Box::pin(std::future::pending()),
            },
            'f' => MasterView::Free,
            _ => MasterView::Stale,
        };
        KeyWatch(views.chars().map(view).collect())
    }

    #[test]
    fn availability_is_that_of_a_quorum() {
        use Availability::{Held, MaybeFree, Unknown};
        for (views, availability) in [
            ("bbb", Unknown),
            ("lll", Unknown),
            ("tlb", Unknown),
            ("ttb", Held),
            ("ttt", Held),
            ("ttf", Held),
            ("ttc", Held),
            ("tcb", Held),
            ("fbb", Unknown),
            ("tff", MaybeFree),
            ("tfc", MaybeFree),
            ("ccb", MaybeFree),
            // No better report will come.
            ("cbb", MaybeFree),
            ("clb", MaybeFree),
        ] {
            assert_eq!(key_watch(views).availability(2), availability, "{views}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn held_until_is_that_of_a_quorum() {
        let now = Instant::now();
        assert_eq!(key_watch("tbb").held_until(2), None);
        assert_eq!(key_watch("ttb").held_until(2), Some(now + ms(500)));
        assert_eq!(key_watch("tfb").held_until(2), Some(now + ms(500)));
        assert_eq!(key_watch("tfc").held_until(2), Some(now));
    }
}

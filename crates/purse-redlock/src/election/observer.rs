//! Follows the leader that a quorum of the masters agree on.
//!
//! An observer is one task, which watches the record on each master and reads it about every second.
//! It never shows an earlier fence after a later one.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::acquire::backoff::WakeBudget;
use crate::election::leader::Leader;
use crate::quorum::decision::quorum;
use crate::state::LockState;
use crate::tasks::jitter::jitter;

/// The time that a master's record counts before the master is asked again. If a new answer takes
/// longer than the same time again, the old record no longer counts.
const POLL: Duration = Duration::from_secs(1);

/// The longest time that a master may take to answer, including connecting.
const MAX_QUERY_TIME: Duration = Duration::from_secs(5);

/// Follows the record with this key until all receivers are dropped.
pub(crate) fn start(state: &Arc<LockState>, key: Bytes) -> watch::Receiver<Option<Leader>> {
    let (sender, receiver) = watch::channel(None);
    let state = state.clone();
    state.runtime.clone().spawn(async move {
        let view = LeaderView::new(&sender, state.masters.handles.len());
        tokio::select! {
            biased;
            () = state.shutdown.closed() => {}
            () = sender.closed() => {}
            () = follow_masters(&state, &key, &view) => {}
        }
        // A leader that is not followed any more is unknown.
        sender.send_replace(None);
    });
    receiver
}

/// Follows all masters, in one task.
async fn follow_masters(state: &LockState, key: &Bytes, view: &LeaderView<'_>) {
    type MasterPoll<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
    let mut polls: Vec<MasterPoll<'_>> = (0..state.masters.handles.len())
        .map(|master| Box::pin(poll_master(state, master, key, view)) as _)
        .collect();
    poll_fn(|task| {
        // These futures never end.
        for poll in &mut polls {
            let _ = poll.as_mut().poll(task);
        }
        Poll::Pending
    })
    .await
}

/// Queries one master's record whenever it may have changed.
async fn poll_master(state: &LockState, master: usize, key: &Bytes, view: &LeaderView<'_>) {
    let handle = &state.masters.handles[master];
    let mut budget = WakeBudget::new(state.settings.retry_delay);
    loop {
        let mut query = pin!(timeout(MAX_QUERY_TIME, async {
            // The semaphore is never closed.
            let _permit = handle.watch_permits.acquire().await;
            handle.master.watch_record(key.clone()).await
        }));
        let result = tokio::select! {
            result = &mut query => result,
            () = sleep(POLL) => {
                view.report(master, None);
                query.await
            }
        };
        let poll = POLL - jitter(POLL / 4);
        match result {
            Ok(Ok(record)) => {
                view.report(master, record.text);
                tokio::select! {
                    () = record.changed => {}
                    () = sleep(poll) => {}
                }
            }
            Ok(Err(_)) | Err(_) => {
                view.report(master, None);
                sleep(poll).await;
            }
        }
        // The budget prevents a busy loop, even if the masters keep reporting changes.
        sleep(budget.delay(Instant::now())).await;
        budget.take();
    }
}

/// The records of all masters, and the leader that is shown because of them.
struct LeaderView<'a> {
    shown: &'a watch::Sender<Option<Leader>>,
    state: Mutex<State>,
}

struct State {
    /// The record on each master; `None` if there is none, or if it is unknown.
    records: Vec<Option<Bytes>>,
    /// The last leader that was shown.
    last: Option<Leader>,
}

impl<'a> LeaderView<'a> {
    fn new(shown: &'a watch::Sender<Option<Leader>>, masters: usize) -> Self {
        Self {
            shown,
            state: Mutex::new(State {
                records: vec![None; masters],
                last: None,
            }),
        }
    }

    fn report(&self, master: usize, record: Option<Bytes>) {
        // No panic can leave the state half-changed.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.records[master] = record;
        let leader =
            quorum_leader(&state.records).filter(|leader| may_follow(state.last.as_ref(), leader));
        if leader.is_some() {
            state.last.clone_from(&leader);
        }
        self.shown.send_if_modified(|shown| {
            let is_changed = *shown != leader;
            *shown = leader;
            is_changed
        });
    }
}

/// Returns the leader whose record is the same on a quorum of all masters.
fn quorum_leader(records: &[Option<Bytes>]) -> Option<Leader> {
    let needed = quorum(records.len());
    let count = |record: &Bytes| {
        records
            .iter()
            .flatten()
            .filter(|other| *other == record)
            .count()
    };
    let record = records
        .iter()
        .flatten()
        .find(|record| count(record) >= needed)?;
    Leader::from_record(record)
}

/// Returns whether `leader` may be shown after the last one: it must be the same leader, or a later
/// one.
fn may_follow(last: Option<&Leader>, leader: &Leader) -> bool {
    last.is_none_or(|last| leader.fence() > last.fence() || leader == last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(view: &LeaderView<'_>, master: usize, record: &'static str) {
        let record = (!record.is_empty()).then_some(Bytes::from_static(record.as_bytes()));
        view.report(master, record);
    }

    /// Returns the leader that is shown after these reports, each of a master and its record.
    fn leader_after(reports: &[(usize, &'static str)]) -> Option<(u64, String)> {
        let (sender, receiver) = watch::channel(None);
        let view = LeaderView::new(&sender, 3);
        for (master, record) in reports {
            show(&view, *master, record);
        }
        let leader: Option<Leader> = receiver.borrow().clone();
        leader.map(|leader| (leader.fence(), leader.name().into_owned()))
    }

    #[test]
    fn view_shows_record_of_a_quorum() {
        let a = Some((5, "a".to_owned()));
        assert_eq!(leader_after(&[(0, "5 a")]), None);
        assert_eq!(leader_after(&[(0, "5 a"), (1, "5 a")]), a);
        assert_eq!(leader_after(&[(0, "4 z"), (1, "5 a"), (2, "5 a")]), a);
        assert_eq!(leader_after(&[(0, "5 a"), (1, "6 a"), (2, "5 b")]), None);
        assert_eq!(leader_after(&[(0, "5 a"), (1, "5 a"), (1, "")]), None);
        assert_eq!(leader_after(&[(0, "nonsense"), (1, "nonsense")]), None);
    }

    #[test]
    fn view_never_shows_earlier_or_equal_fence() {
        let later = [(0, "6 b"), (1, "6 b")];
        let after = |record| {
            let reports = [&later[..], &[(0, record), (1, record)]].concat();
            leader_after(&reports)
        };
        assert_eq!(after("5 a"), None);
        assert_eq!(after("6 a"), None);
        assert_eq!(after("6 b"), Some((6, "b".to_owned())));
        assert_eq!(after("7 a"), Some((7, "a".to_owned())));
    }

    #[test]
    fn view_without_change_does_not_notify() {
        let (sender, mut receiver) = watch::channel(None);
        let view = LeaderView::new(&sender, 3);
        show(&view, 0, "5 a");
        assert!(!receiver.has_changed().unwrap());
        show(&view, 1, "5 a");
        assert!(receiver.has_changed().unwrap());
        let _ = receiver.borrow_and_update();
        show(&view, 2, "5 a");
        show(&view, 0, "");
        assert!(!receiver.has_changed().unwrap());
    }
}

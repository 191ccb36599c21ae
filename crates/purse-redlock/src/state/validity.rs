//! The validity of a lease, as its guard, its owner task and all that wait for its loss know it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use crate::error::{Error, LostReason, Result};
use crate::runtime::alarms::Alarms;
use crate::runtime::clock::{Clock, LockInstant};
use crate::telemetry::events;

/// The validity of a lease. Once lost, it stays lost.
pub(crate) struct LeaseValidity {
    clock: Arc<dyn Clock>,
    alarms: Alarms,
    keys: Arc<[Bytes]>,
    state: Mutex<State>,
    lost: watch::Sender<bool>,
}

#[derive(Clone, Copy)]
struct State {
    valid_until: LockInstant,
    lost: Option<LostReason>,
    is_capped: bool,
    extensions: u32,
}

impl LeaseValidity {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        alarms: Alarms,
        keys: Arc<[Bytes]>,
        valid_until: LockInstant,
    ) -> Self {
        let state = State {
            valid_until,
            lost: None,
            is_capped: false,
            extensions: 0,
        };
        Self {
            clock,
            alarms,
            keys,
            state: Mutex::new(state),
            lost: watch::Sender::new(false),
        }
    }

    pub(crate) fn keys(&self) -> &[Bytes] {
        &self.keys
    }

    pub(crate) fn valid_until(&self) -> LockInstant {
        self.with_state(|state| state.valid_until)
    }

    pub(crate) fn extensions(&self) -> u32 {
        self.with_state(|state| state.extensions)
    }

    pub(crate) fn remaining(&self) -> Duration {
        self.with_state(|state| match state.lost {
            Some(_) => Duration::ZERO,
            None => state
                .valid_until
                .saturating_duration_since(self.clock.now()),
        })
    }

    /// Fails if the lease is lost. A lease whose time is over is lost permanently.
    pub(crate) fn check(&self) -> Result<()> {
        self.lost_reason()
            .map_or(Ok(()), |reason| Err(Error::Lost { reason }))
    }

    /// Returns why the lease was lost, or `None` if it holds.
    pub(crate) fn lost_reason(&self) -> Option<LostReason> {
        self.with_state(|state| state.lost)
    }

    /// Marks the lease as lost, unless it was lost before. Returns why it was lost.
    pub(crate) fn invalidate(&self, reason: LostReason) -> LostReason {
        self.with_state(|state| *state.lost.get_or_insert(reason))
    }

    /// Records that no extension follows, because the limits of automatic extension were reached.
    pub(crate) fn mark_capped(&self) {
        self.with_state(|state| state.is_capped = true);
    }

    /// Extends a lease that still holds. Never shortens it.
    pub(crate) fn extend(&self, until: LockInstant) -> Result<()> {
        self.with_state(|state| match state.lost {
            Some(reason) => Err(Error::Lost { reason }),
            None => {
                state.valid_until = state.valid_until.max(until);
                state.extensions = state.extensions.saturating_add(1);
                Ok(())
            }
        })
    }

    /// Waits until the lease is lost, at the latest when its time is over.
    pub(crate) async fn wait_lost(&self) -> LostReason {
        let mut lost = self.lost.subscribe();
        loop {
            if let Some(reason) = self.lost_reason() {
                return reason;
            }
            tokio::select! {
                biased;
                // This cannot fail, because the sender lives as long as `self`.
                _ = lost.changed() => {}
                // The lease may have been extended since.
                passed = self.alarms.at(self.valid_until()) => if passed.is_err() {
                    return self.invalidate(LostReason::Closed);
                },
            }
        }
    }

    /// Checks the clock, works on the state, and notifies those that wait for the loss if the lease
    /// is lost now.
    fn with_state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // No panic can leave the fields half-written.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.lost;
        if self.clock.now() >= state.valid_until {
            let reason = if state.is_capped {
                LostReason::Capped
            } else {
                LostReason::Expired
            };
            state.lost.get_or_insert(reason);
        }
        let result = work(&mut state);
        let lost = state.lost.filter(|_| before.is_none());
        // A task that is notified may read the state in turn.
        drop(state);
        if let Some(reason) = lost {
            self.lost.send_replace(true);
            if reason != LostReason::Released {
                events::warn_lost(&self.keys, reason);
            }
        }
        result
    }
}

/// The validity in the hands of the lock's holder. Dropping it marks the lock as released.
pub(crate) struct ReleaseOnDrop(pub(crate) Arc<LeaseValidity>);

impl Drop for ReleaseOnDrop {
    fn drop(&mut self) {
        self.0.invalidate(LostReason::Released);
    }
}

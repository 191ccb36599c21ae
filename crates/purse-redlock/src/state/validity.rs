//! How long a lease holds, as its guard, its owner task and whoever watches it know it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use crate::error::{Error, LostReason, Result};
use crate::runtime::alarms::Alarms;
use crate::runtime::clock::{Clock, LockInstant};
use crate::telemetry::events;

/// How long a lease holds. Once lost, it stays so.
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

    /// Whether the lease still holds; a lease that is found over is lost for good.
    pub(crate) fn check(&self) -> Result<()> {
        self.lost_reason()
            .map_or(Ok(()), |reason| Err(Error::Lost { reason }))
    }

    pub(crate) fn lost_reason(&self) -> Option<LostReason> {
        self.with_state(|state| state.lost)
    }

    /// Ends it, unless it has ended before; says how it ended.
    pub(crate) fn invalidate(&self, reason: LostReason) -> LostReason {
        self.with_state(|state| *state.lost.get_or_insert(reason))
    }

    /// No extension follows any more, since it was one too many.
    pub(crate) fn mark_capped(&self) {
        self.with_state(|state| state.is_capped = true);
    }

    /// Prolongs a lease that still holds, never shortens it.
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

    /// Resolves once it is lost: when its time is over, if nobody says so before.
    pub(crate) async fn wait_lost(&self) -> LostReason {
        let mut lost = self.lost.subscribe();
        loop {
            if let Some(reason) = self.lost_reason() {
                return reason;
            }
            tokio::select! {
                biased;
                // It cannot fail: the sender lives as long as `self`.
                _ = lost.changed() => {}
                // It may have been prolonged since.
                passed = self.alarms.at(self.valid_until()) => if passed.is_err() {
                    return self.invalidate(LostReason::Closed);
                },
            }
        }
    }

    /// Works on the state after a look at the clock, and tells whoever waits if it is lost by now.
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
        // What hears of it may ask in turn.
        drop(state);
        if let Some(reason) = lost {
            self.lost.send_replace(true);
            if reason != LostReason::Released {
                events::lost(&self.keys, reason);
            }
        }
        result
    }
}

/// A term in the hands of the one who holds the lock: given up, the lock counts as given back.
pub(crate) struct ReleaseOnDrop(pub(crate) Arc<LeaseValidity>);

impl Drop for ReleaseOnDrop {
    fn drop(&mut self) {
        self.0.invalidate(LostReason::Released);
    }
}

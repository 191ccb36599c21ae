//! The proof of an election won.

use std::time::Duration;

use crate::election::leader::Leader;
use crate::error::Result;
use crate::lease::release::Release;
use crate::lock::fenced::FencedGuard;
use crate::lock::lost::Lost;
use crate::runtime::clock::LockInstant;

/// To lead, until [`lost`](Self::lost) resolves; from [`Election::campaign`](crate::Election::campaign).
///
/// It extends itself for as long as it is alive and a quorum of the masters answers.
/// [`resign`](Self::resign), or drop it, on any thread, in or outside a runtime: the next candidate is
/// told at once.
#[must_use = "whoever leads resigns when this is dropped"]
#[derive(Debug)]
pub struct Leadership {
    guard: FencedGuard,
    leader: Leader,
}

impl Leadership {
    pub(crate) const fn new(guard: FencedGuard, leader: Leader) -> Self {
        Self { guard, leader }
    }

    /// What observers see.
    #[must_use]
    pub const fn leader(&self) -> &Leader {
        &self.leader
    }

    /// The number of this leader, greater than that of all before; what the leader writes to has to
    /// keep the greatest it has seen, and refuse smaller ones.
    #[must_use]
    pub const fn fence(&self) -> u64 {
        self.leader.fence()
    }

    /// Until when no other leads; it moves on with each extension. See
    /// [`RedlockGuard::valid_until`](crate::RedlockGuard::valid_until).
    #[must_use]
    pub fn valid_until(&self) -> LockInstant {
        self.guard.valid_until()
    }

    /// How long that is from now on; zero once it is lost.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.guard.remaining()
    }

    /// Fails once another may lead. Asks no master.
    ///
    /// # Errors
    /// [`Lost`](crate::Error::Lost), from then on always.
    pub fn check(&self) -> Result<()> {
        self.guard.check()
    }

    /// Resolves once another may lead, to the reason: at [`valid_until`](Self::valid_until) at the
    /// latest, with no answer from anyone. The result borrows nothing, and may be spawned.
    pub fn lost(&self) -> Lost {
        self.guard.lost()
    }

    /// Hands over to the next candidate, and tells whether it led until now.
    ///
    /// Redis command, round trips, atomicity: as
    /// [`RedlockGuard::release`](crate::RedlockGuard::release); the same script deletes the record, if
    /// it is ours.
    ///
    /// # Errors
    /// As [`RedlockGuard::release`](crate::RedlockGuard::release).
    ///
    /// # Cancel safety
    /// Dropped at any point, the leader resigns in the background.
    #[doc(alias = "release")]
    pub async fn resign(self) -> Result<Release> {
        self.guard.release().await
    }
}

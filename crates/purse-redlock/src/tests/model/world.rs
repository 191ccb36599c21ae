//! The model's masters and its time.

use std::sync::LazyLock;
use std::time::Duration;

use purse_lease::{LeaseInstant, valid_until};

use super::Rules;
use crate::membership::quarantine::{PreviousServer, Voter, vote_start};
use crate::membership::server_identity::Identity;
use crate::quorum::decision::is_worth_having;

/// The step of time. The ttl is so short that the allowance for drift, 2.06 ms of it, is a step as
/// well: the bounds are met exactly, and would not hold with one step less.
const STEP: Duration = Duration::from_millis(2);
pub(super) const TTL_STEPS: u8 = 3;
const TTL: Duration = Duration::from_millis(6);
const MIN_VALIDITY: Duration = Duration::from_millis(1);

/// The time by which a server's time is ahead of all that was counted, at least: many microseconds
/// pass for each lock.
const AHEAD: u8 = 4;

/// Time has neither beginning nor end here: all is kept as a distance from now, which is this.
static NOW: LazyLock<LeaseInstant> = LazyLock::new(|| before_now(0));

fn before_now(age: u8) -> LeaseInstant {
    static BEGINNING: LazyLock<LeaseInstant> = LazyLock::new(LeaseInstant::now);
    *BEGINNING + u32::from(100 - age) * STEP
}

/// Returns the number of steps that begin in `time`.
fn steps(time: Duration) -> u8 {
    u8::try_from(time.as_micros().div_ceil(STEP.as_micros())).unwrap()
}

/// Returns how long a lease still holds whose first command was sent `age` steps ago.
pub(super) fn time_left(age: u8) -> u8 {
    steps(valid_until(before_now(age), TTL).saturating_duration_since(*NOW))
}

/// Returns whether a lease is given out whose first command was sent `age` steps ago.
pub(super) fn is_given_out(age: u8) -> bool {
    is_worth_having(valid_until(before_now(age), TTL), *NOW, MIN_VALIDITY)
}

/// Returns how long the votes of a master do not count that has just restarted without its data.
static QUARANTINE: LazyLock<u8> = LazyLock::new(|| {
    let start = |run_id: &str| Identity {
        run_id: Some(run_id.into()),
        ..Identity::default()
    };
    let past = PreviousServer::Voter(Voter {
        run_id: start("before").run_id,
        is_durable: false,
        vote_start: before_now(100),
        last_reply: *NOW,
    });
    let from = vote_start(&past, &start("after"), *NOW, TTL);
    steps(from.saturating_duration_since(*NOW))
});

/// The reply of a master to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reply {
    /// With the count, if there is one.
    Granted(u8),
    Refused,
    Failed,
}

/// One master: what the scripts work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Master {
    pub(super) holder: Option<u8>,
    /// Until the key expires.
    left: u8,
    count: Option<u8>,
    /// Until its votes count again.
    quarantine: u8,
    /// Its clock runs as fast as the allowance for drift has it, so keys live a step less.
    is_fast: bool,
}

impl Master {
    pub(super) const fn new(count: Option<u8>, is_fast: bool) -> Self {
        Self {
            holder: None,
            left: 0,
            count,
            quarantine: 0,
            is_fast,
        }
    }

    const fn ttl(&self) -> u8 {
        TTL_STEPS - self.is_fast as u8
    }

    /// `acquire.lua` and `acquire_fenced.lua`. `most` is the greatest count of any master ever.
    pub(super) fn acquire(&mut self, client: u8, most: Option<&mut u8>) -> Reply {
        if self.holder.is_some() {
            return self.vote(Reply::Refused);
        }
        self.holder = Some(client);
        self.left = self.ttl();
        let Some(most) = most else {
            return self.vote(Reply::Granted(0));
        };
        let count = self.count.unwrap_or(*most + AHEAD) + 1;
        self.count = Some(count);
        *most = count.max(*most);
        self.vote(Reply::Granted(count))
    }

    /// `raise.lua`.
    pub(super) fn raise(&mut self, client: u8, fence: u8, rules: Rules) -> Reply {
        let is_above = rules.agrees_exactly && self.count > Some(fence);
        if self.holder != Some(client) || is_above {
            return self.vote(Reply::Refused);
        }
        self.count = self.count.max(Some(fence));
        self.vote(Reply::Granted(fence))
    }

    /// `extend.lua`.
    pub(super) fn extend(&mut self, client: u8) -> Reply {
        if self.holder != Some(client) {
            return self.vote(Reply::Refused);
        }
        self.left = self.left.max(self.ttl());
        self.vote(Reply::Granted(0))
    }

    /// `release.lua`.
    pub(super) fn release(&mut self, client: u8) {
        if self.holder == Some(client) {
            self.expire();
        }
    }

    const fn expire(&mut self) {
        self.holder = None;
        self.left = 0;
    }

    /// Its time of day is set forward: the key is over, wherever it was.
    pub(super) const fn jump(&mut self) {
        self.expire();
    }

    /// Starts again with nothing.
    pub(super) fn restart(&mut self, rules: Rules) {
        *self = Self {
            quarantine: match rules.quarantine {
                true => *QUARANTINE,
                false => 0,
            },
            ..Self::new(None, self.is_fast)
        };
    }

    pub(super) const fn tick(&mut self) {
        self.quarantine = self.quarantine.saturating_sub(1);
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.holder = None;
        }
    }

    /// Applies a reply to the client.
    const fn vote(&self, reply: Reply) -> Reply {
        match self.quarantine {
            0 => reply,
            _ => Reply::Failed,
        }
    }
}

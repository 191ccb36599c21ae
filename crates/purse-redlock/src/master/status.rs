//! How the masters are, without asking them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::runtime::clock::LockInstant;

/// How one master is, as far as is known without asking it; from
/// [`Redlock::masters`](crate::Redlock::masters).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MasterStatus {
    /// Its address, without the credentials.
    pub address: String,
    /// Whether its votes count.
    pub state: MasterState,
    /// What the server calls the present run of itself, new with each start; `None` while it is
    /// down, or if it does not tell.
    pub run_id: Option<String>,
    /// How long the last command took that it answered; `None` before there is one.
    pub round_trip: Option<Duration>,
}

/// Whether the votes of a master count.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum MasterState {
    /// It is connected, and its votes count.
    Up,
    /// It is not connected, or connected and cannot be asked for locks.
    #[non_exhaustive]
    Down {
        /// Since when it has been so.
        since: LockInstant,
        /// What the last attempt failed with.
        error: Arc<purse_client::Error>,
    },
    /// It is connected, and may have lost its data: see [`Quarantine`](crate::Quarantine).
    #[non_exhaustive]
    Quarantined {
        /// From when on its votes count.
        until: LockInstant,
    },
    /// It is the same database of the same server as another master, and only that one's votes
    /// count.
    #[non_exhaustive]
    Duplicate {
        /// The address of the other one.
        of: String,
    },
}

/// As in `up`, or `down: connection refused`.
impl fmt::Display for MasterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("up"),
            Self::Down { error, .. } => write!(f, "down: {error}"),
            Self::Quarantined { until } => {
                let left = until.saturating_duration_since(LockInstant::now());
                write!(f, "quarantined for another {left:.1?}")
            }
            Self::Duplicate { of } => write!(f, "the same database of the same server as {of}"),
        }
    }
}

impl MasterState {
    /// What it is by now: a quarantine ends by itself.
    pub(crate) fn at(self, now: LockInstant) -> Self {
        match self {
            Self::Quarantined { until } if until <= now => Self::Up,
            state => state,
        }
    }
}

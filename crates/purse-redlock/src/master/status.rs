//! The status of a master, as known without asking it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use purse_lease::LeaseInstant;

/// The status of one master, as far as is known without asking it; returned by
/// [`Redlock::masters`](crate::Redlock::masters).
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::Redlock;
///
/// let redlock = Redlock::builder(urls).build().await?;
/// for master in redlock.masters() {
///     let (address, state) = (master.address, master.state);
///     println!("{address} is {state}, and answered in {:?}", master.round_trip);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MasterStatus {
    /// The address, without credentials.
    pub address: String,
    /// The state, which decides whether the master's votes count.
    pub state: MasterState,
    /// The server's identifier of its current run, which changes with each start; `None` while the
    /// master is down, or if the server does not report it.
    pub run_id: Option<String>,
    /// The duration of the last command that the master answered; `None` before there is one.
    pub round_trip: Option<Duration>,
}

/// The state of a master, which decides whether its votes count.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{MasterState, Redlock};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let masters = redlock.masters();
/// let up = masters.iter().filter(|master| matches!(master.state, MasterState::Up)).count();
/// assert!(up > masters.len() / 2, "there is no quorum");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum MasterState {
    /// The master is connected, and its votes count.
    Up,
    /// The master is not connected, or is connected but not yet allowed to vote.
    #[non_exhaustive]
    Down {
        /// The moment since which the master has been down.
        since: LeaseInstant,
        /// The error of the last attempt to connect.
        error: Arc<purse_client::Error>,
    },
    /// The master is connected, but may have lost its data: see [`QuarantinePolicy`](crate::QuarantinePolicy).
    #[non_exhaustive]
    Quarantined {
        /// The moment from which its votes count.
        until: LeaseInstant,
    },
    /// The master is the same database of the same server as another master, and only the other
    /// master's votes count.
    #[non_exhaustive]
    Duplicate {
        /// The address of the other master.
        of: String,
    },
}

/// Prints the state, for example `up` or `down: connection refused`.
impl fmt::Display for MasterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("up"),
            Self::Down { error, .. } => write!(f, "down: {error}"),
            Self::Quarantined { until } => {
                let left = until.saturating_duration_since(LeaseInstant::now());
                write!(f, "quarantined for another {left:.1?}")
            }
            Self::Duplicate { of } => write!(f, "the same database of the same server as {of}"),
        }
    }
}

impl MasterState {
    /// Returns the state at `now`, because a quarantine ends automatically.
    pub(crate) fn at(self, now: LeaseInstant) -> Self {
        match self {
            Self::Quarantined { until } if until <= now => Self::Up,
            state => state,
        }
    }
}

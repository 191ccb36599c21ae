//! The status of masters in memory.

use purse_lease::LeaseInstant;

use super::{Behaviour, Mock, ms};
use crate::master::status::{MasterState, MasterStatus};

impl Mock {
    pub(super) fn mock_status(&self) -> MasterStatus {
        let until = LeaseInstant::now() + ms(10_000);
        let state = match self.state().behaviour {
            Behaviour::Quarantined => MasterState::Quarantined { until },
            _ => MasterState::Up,
        };
        MasterStatus {
            state,
            ..well(&self.name)
        }
    }
}

/// Returns the status of a master without faults.
fn well(name: &str) -> MasterStatus {
    MasterStatus {
        address: name.to_owned(),
        state: MasterState::Up,
        run_id: None,
        round_trip: None,
    }
}

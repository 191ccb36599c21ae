//! Finds out whether two sessions lead to the same data.

use purse_client::Session;

use crate::master::Action;
use crate::membership::probe_lock::ProbeLock;
use crate::telemetry::events;

/// Returns whether a lock that is taken through `one` session is visible through the `other`.
///
/// It is used for servers that do not report their identity. A user whose keys are restricted
/// cannot find this out, and it cannot be found out while the other session is disconnected. The
/// masters then count as two servers.
pub(crate) async fn share_a_store(one: &Session, other: &Session) -> bool {
    let probe = ProbeLock::new();
    let found = async {
        probe.run(one, Action::Acquire).await?;
        let released = probe.run(other, Action::Release).await;
        let is_one = released.as_ref().is_ok_and(|answer| answer.ours);
        if !is_one {
            // A key that cannot be deleted expires.
            let _ = probe.run(one, Action::Release).await;
        }
        released.map(|_| is_one)
    };
    found.await.unwrap_or_else(|error| {
        events::warn_incomparable(one.server(), other.server(), &error);
        false
    })
}

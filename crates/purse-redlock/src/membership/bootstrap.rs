//! Connects to the masters for the first time, and makes sure that they are different servers.

use std::sync::Arc;

use purse_client::{Error as ClientError, ErrorKind};
use purse_lease::LeaseInstant;
use tokio::task::JoinSet;

use crate::config::master_endpoint::Master;
use crate::error::{Error, LockOperation, Result};
use crate::membership::quarantine::{QuarantinePolicy, predates_any_lock};
use crate::membership::registry::{MasterRegistry, is_same_address};
use crate::membership::supervisor::{IdentifiedSession, MasterSupervisor, VotingPolicy};
use crate::quorum::decision::quorum;
use crate::telemetry::events;

/// The result of the first attempt to connect to a master.
struct ConnectAttempt {
    supervisor: MasterSupervisor,
    identified: Result<IdentifiedSession, ClientError>,
}

/// Connects to all masters. Returns their supervisors, of which a quorum is connected.
pub(crate) async fn connect_masters(
    masters: Vec<Master>,
    policy: VotingPolicy,
) -> Result<Vec<MasterSupervisor>> {
    let count = masters.len();
    if count > 1 && count.is_multiple_of(2) {
        events::warn_even_masters(count);
    }
    let attempts = try_all(masters, policy).await?;
    refuse_same_address(&attempts)?;
    let trusts_young = trusts_young(&attempts, policy);
    let mut supervisors = Vec::with_capacity(count);
    let mut down = Vec::new();
    for ConnectAttempt {
        mut supervisor,
        identified,
    } in attempts
    {
        match identified {
            Ok(identified) => {
                let vote_start = match trusts_young {
                    true => LeaseInstant::now(),
                    false => supervisor.vote_start(&identified.identity),
                };
                let granted = supervisor.grant_vote(&identified, vote_start).await;
                granted.map_err(|duplicate| {
                    let first: &MasterSupervisor = &supervisors[duplicate.master];
                    duplicate_masters_error(duplicate.master, first, supervisors.len(), &supervisor)
                })?;
            }
            Err(error) => {
                events::warn_unreachable(supervisor.connection().server(), &error);
                down.push((supervisors.len(), error));
            }
        }
        supervisors.push(supervisor);
    }
    let (votes, needed) = (count - down.len(), quorum(count));
    if votes < needed {
        let server = |index: usize| supervisors[index].connection().server().to_owned();
        let errors = down.into_iter();
        let errors = errors
            .map(|(index, error)| (server(index), error))
            .collect();
        return Err(Error::NoQuorum {
            lock: None,
            operation: LockOperation::Connect,
            votes,
            needed,
            errors,
        });
    }
    for (index, error) in down {
        supervisors[index].connection().mark_down(error);
    }
    Ok(supervisors)
}

/// Returns whether masters that have only just started may vote immediately, at the first
/// connection. A new installation has no other masters. If a quorum is older, the young masters
/// have more likely restarted.
fn trusts_young(attempts: &[ConnectAttempt], policy: VotingPolicy) -> bool {
    let identified = attempts
        .iter()
        .filter_map(|attempt| attempt.identified.as_ref().ok());
    let old_servers =
        identified.filter(|identified| predates_any_lock(&identified.identity, policy.longest_ttl));
    match policy.quarantine {
        QuarantinePolicy::Off => true,
        QuarantinePolicy::Strict => false,
        QuarantinePolicy::Restarts => old_servers.count() < quorum(attempts.len()),
    }
}

/// Tries all masters at once, and keeps their order.
async fn try_all(masters: Vec<Master>, policy: VotingPolicy) -> Result<Vec<ConnectAttempt>> {
    let registry = Arc::new(MasterRegistry::new(masters.len()));
    let mut tasks = JoinSet::new();
    for (index, master) in masters.into_iter().enumerate() {
        let supervisor = MasterSupervisor::new(index, master.into_builder(), policy, &registry);
        tasks.spawn(async move {
            let attempt = match supervisor {
                Ok(supervisor) => try_master(supervisor).await,
                Err(error) => Err(error),
            };
            (index, attempt)
        });
    }
    let mut attempts = tasks.join_all().await;
    attempts.sort_by_key(|(index, _)| *index);
    attempts
        .into_iter()
        .map(|(index, attempt)| {
            attempt.map_err(|source| Error::Config {
                message: format!("master {} cannot be used", index + 1),
                source: Some(source),
            })
        })
        .collect()
}

/// Tries one master. Fails only if another attempt would not help.
async fn try_master(mut supervisor: MasterSupervisor) -> Result<ConnectAttempt, ClientError> {
    match supervisor.connect_and_identify().await {
        Err(error) if matches!(error.kind(), ErrorKind::Auth | ErrorKind::Config) => Err(error),
        identified => Ok(ConnectAttempt {
            supervisor,
            identified,
        }),
    }
}

/// Refuses the same database of the same address twice, up or down, because its votes would count
/// double.
fn refuse_same_address(attempts: &[ConnectAttempt]) -> Result<()> {
    for (second, other) in attempts.iter().enumerate() {
        for (first, one) in attempts[..second].iter().enumerate() {
            let (one, other) = (&one.supervisor, &other.supervisor);
            if !is_same_address(one.connection().server(), other.connection().server()) {
                continue;
            }
            if one.database() == other.database() {
                return Err(duplicate_masters_error(first, one, second, other));
            }
            events::warn_one_server(other.connection().server(), first + 1, second + 1);
        }
    }
    Ok(())
}

fn duplicate_masters_error(
    first: usize,
    one: &MasterSupervisor,
    second: usize,
    other: &MasterSupervisor,
) -> Error {
    Error::config(format!(
        "masters {} and {} are the same database of the same server ({} and {})",
        first + 1,
        second + 1,
        one.connection().server(),
        other.connection().server(),
    ))
}

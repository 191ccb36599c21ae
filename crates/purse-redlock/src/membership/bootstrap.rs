//! Connecting to the masters, and making sure that they are several.

use std::sync::Arc;

use purse_client::{Error as ClientError, ErrorKind};
use tokio::task::JoinSet;

use crate::config::endpoint::Master;
use crate::error::{Error, Result};
use crate::membership::quarantine::{Quarantine, is_seasoned};
use crate::membership::registry::{Roll, is_one_address};
use crate::membership::supervisor::{Keeper, Met, Rules};
use crate::quorum::decision::quorum;
use crate::runtime::clock::LockInstant;
use crate::telemetry::events;

/// A master that was tried once.
struct Opened {
    keeper: Keeper,
    met: Result<Met, ClientError>,
}

/// The keepers of all masters, of which a quorum is connected.
pub(crate) async fn masters(masters: Vec<Master>, rules: Rules) -> Result<Vec<Keeper>> {
    let count = masters.len();
    if count > 1 && count.is_multiple_of(2) {
        events::even_masters(count);
    }
    let opened = open_all(masters, rules).await?;
    refuse_one_address(&opened)?;
    let trusts_young = trusts_young(&opened, rules);
    let mut keepers = Vec::with_capacity(count);
    let mut down = Vec::new();
    for Opened { mut keeper, met } in opened {
        match met {
            Ok(met) => {
                let from = match trusts_young {
                    true => LockInstant::now(),
                    false => keeper.votes_from(&met.identity),
                };
                let admitted = keeper.admit(&met, from).await;
                admitted.map_err(|twin| {
                    let first: &Keeper = &keepers[twin.master];
                    twins(twin.master, first, keepers.len(), &keeper)
                })?;
            }
            Err(error) => {
                events::unreachable(keeper.connection().server(), &error);
                down.push((keepers.len(), error));
            }
        }
        keepers.push(keeper);
    }
    let (votes, needed) = (count - down.len(), quorum(count));
    if votes < needed {
        let server = |index: usize| keepers[index].connection().server().to_owned();
        let errors = down.into_iter();
        let errors = errors
            .map(|(index, error)| (server(index), error))
            .collect();
        return Err(Error::NoQuorum {
            votes,
            needed,
            errors,
        });
    }
    for (index, error) in down {
        keepers[index].connection().mark_down(error);
    }
    Ok(keepers)
}

/// Whether masters that have only just started count at once, for the first time: a new
/// installation has no others. Where a quorum is older, the young ones have more likely restarted.
fn trusts_young(opened: &[Opened], rules: Rules) -> bool {
    let met = opened.iter().filter_map(|opened| opened.met.as_ref().ok());
    let seasoned = met.filter(|met| is_seasoned(&met.identity, rules.longest_ttl));
    match rules.quarantine {
        Quarantine::Off => true,
        Quarantine::Strict => false,
        Quarantine::Restarts => seasoned.count() < quorum(opened.len()),
    }
}

/// Tries all at once, and keeps their order.
async fn open_all(masters: Vec<Master>, rules: Rules) -> Result<Vec<Opened>> {
    let roll = Arc::new(Roll::new(masters.len()));
    let mut tasks = JoinSet::new();
    for (index, master) in masters.into_iter().enumerate() {
        let keeper = Keeper::new(index, master.into_builder(), rules, &roll);
        tasks.spawn(async move {
            let opened = match keeper {
                Ok(keeper) => open(keeper).await,
                Err(error) => Err(error),
            };
            (index, opened)
        });
    }
    let mut opened = tasks.join_all().await;
    opened.sort_by_key(|(index, _)| *index);
    opened
        .into_iter()
        .map(|(index, opened)| {
            opened.map_err(|source| Error::Config {
                message: format!("master {} cannot be used", index + 1),
                source: Some(source),
            })
        })
        .collect()
}

/// Fails only where trying again would not help.
async fn open(mut keeper: Keeper) -> Result<Opened, ClientError> {
    match keeper.meet().await {
        Err(error) if matches!(error.kind(), ErrorKind::Auth | ErrorKind::Config) => Err(error),
        met => Ok(Opened { keeper, met }),
    }
}

/// Refuses the same database of the same address twice, up or down: its votes would count double.
fn refuse_one_address(opened: &[Opened]) -> Result<()> {
    for (second, other) in opened.iter().enumerate() {
        for (first, one) in opened[..second].iter().enumerate() {
            let (one, other) = (&one.keeper, &other.keeper);
            if !is_one_address(one.connection().server(), other.connection().server()) {
                continue;
            }
            if one.database() == other.database() {
                return Err(twins(first, one, second, other));
            }
            events::one_server(other.connection().server(), first + 1, second + 1);
        }
    }
    Ok(())
}

fn twins(first: usize, one: &Keeper, second: usize, other: &Keeper) -> Error {
    Error::config(format!(
        "masters {} and {} are the same database of the same server ({} and {})",
        first + 1,
        second + 1,
        one.connection().server(),
        other.connection().server(),
    ))
}

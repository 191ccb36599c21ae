//! What clusters and sentinel groups have in common: servers that are asked until they agree.
//!
//! May import: `error`, `process`, `protocol`, `server`.

pub(crate) mod cluster;
pub(crate) mod masters;
pub(crate) mod sentinels;
pub(crate) mod slot_move;

use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::process::guarded_child::POLL;
use crate::protocol::reply::Reply;
use crate::server::Server;
use crate::server::queries::{text, try_command};

/// The time that a group may take to settle.
const PATIENCE: Duration = Duration::from_secs(30);

/// The port of the primary whose copy this server is, and has; `None` if it is none, or is behind.
pub(crate) fn copies(server: &Server) -> Option<u16> {
    let info = text(server, &["INFO", "replication"])?;
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name));
    let is_complete = field("master_link_status:") == Some("up")
        && field("master_sync_in_progress:") == Some("0");
    is_complete.then(|| field("master_port:")?.parse().ok())?
}

/// Returns whether this server takes writes for itself.
pub(crate) fn is_primary(server: &Server) -> bool {
    try_command(server, &["ROLE"]).is_some_and(|role| {
        let kind = role.items().first();
        kind.and_then(Reply::text) == Some("master")
    })
}

/// Looks until there is something.
pub(crate) fn wait_for<T>(
    what: &str,
    mut look: impl FnMut() -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    let started = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if started.elapsed() > PATIENCE {
            return Err(Error::NotSettled {
                what: what.to_owned(),
                waited: PATIENCE,
            });
        }
        // A look at six nodes costs more than one at a file.
        thread::sleep(4 * POLL);
    }
}

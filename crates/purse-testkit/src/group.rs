//! What clusters and sentinel groups have in common: servers that are asked until they agree.

use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::guarded::POLL;
use crate::reply::Reply;
use crate::server::Server;

/// The time that a group may take to settle.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that takes longer for an answer counts as one that is down.
const PROBE: Duration = Duration::from_secs(1);

/// Asks a server; a refusal is an error.
pub(crate) fn tell(server: &Server, words: &[&str]) -> Result<Reply, Error> {
    let action = || format!("ask the server on port {}", server.port());
    let reply = server.command(words).map_err(Error::io(action()))?;
    match reply {
        Reply::Error(reply) => Err(Error::Refused {
            port: server.port(),
            // ADDSLOTS has thousands of words.
            command: words[..words.len().min(4)].join(" "),
            reply,
        }),
        reply => Ok(reply),
    }
}

/// Returns the reply of a server, unless it is down, hangs or refuses.
pub(crate) fn look(server: &Server, words: &[&str]) -> Option<Reply> {
    let reply = server.command_timeout(words, PROBE).ok()?;
    reply.error().is_none().then_some(reply)
}

/// The text that a server answers, unless it is down, hangs or refuses.
pub(crate) fn text(server: &Server, words: &[&str]) -> Option<String> {
    look(server, words)?.text().map(str::to_owned)
}

pub(crate) fn answers(server: &Server) -> bool {
    look(server, &["PING"]).is_some()
}

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
    look(server, &["ROLE"]).is_some_and(|role| {
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

//! Requests to a server that may be down, hang or refuse.

use std::time::Duration;

use crate::Server;
use crate::error::Error;
use crate::protocol::reply::Reply;

/// A server that takes longer for an answer counts as one that is down.
const PROBE: Duration = Duration::from_secs(1);

/// Asks a server; a refusal is an error.
pub(crate) fn run_command(server: &Server, words: &[&str]) -> Result<Reply, Error> {
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
pub(crate) fn try_command(server: &Server, words: &[&str]) -> Option<Reply> {
    let reply = server.command_timeout(words, PROBE).ok()?;
    reply.error().is_none().then_some(reply)
}

/// The text that a server answers, unless it is down, hangs or refuses.
pub(crate) fn text(server: &Server, words: &[&str]) -> Option<String> {
    try_command(server, words)?.text().map(str::to_owned)
}

pub(crate) fn answers(server: &Server) -> bool {
    try_command(server, &["PING"]).is_some()
}

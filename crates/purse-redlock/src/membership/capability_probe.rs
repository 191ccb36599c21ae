//! Finds out what a master allows, with keys that no client uses.

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Error, ErrorKind, Result, Session};

use crate::master::commands::{command, read};
use crate::master::token::Token;
use crate::master::{Action, Answer, Request};
use crate::telemetry::events;

/// The timeout of each command.
const TIMEOUT: Duration = Duration::from_millis(500);

/// The ttl of a key that could not be deleted.
const TTL: Duration = Duration::from_secs(5);

/// Runs each script once, on a key that does not exist, because otherwise a lock that can be
/// acquired but not released would be noticed too late. The server has cached the scripts from then
/// on.
pub(crate) async fn probe_scripts(session: &Session) -> Result<()> {
    let probe = Probe::new();
    for action in [Action::Release, Action::Extend] {
        match probe.run(session, action).await {
            Ok(_) => {}
            // The user may still have access to the keys of the locks.
            Err(error) if is_about_keys(&error) => {}
            Err(error) if is_refusal(&error) => {
                let message =
                    "this server does not allow the scripts that release and extend locks";
                return Err(Error::new(ErrorKind::Config, message).with_source(error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns whether a lock that is taken through `one` session is visible through the `other`.
///
/// It is used for servers that do not report their identity. A user whose keys are restricted
/// cannot find this out, and it cannot be found out while the other session is disconnected. The
/// masters then count as two servers.
pub(crate) async fn share_a_store(one: &Session, other: &Session) -> bool {
    let probe = Probe::new();
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

/// A lock on a random key that no client uses.
struct Probe {
    key: Bytes,
    token: Token,
}

impl Probe {
    fn new() -> Self {
        Self {
            key: Bytes::from(format!("purse:probe:{}", uuid::Uuid::new_v4())),
            token: Token::generate(),
        }
    }

    async fn run(&self, session: &Session, action: Action) -> Result<Answer> {
        let request = Request {
            action,
            keys: [self.key.clone()].into(),
            token: self.token.clone(),
            ttl: TTL,
            record: None,
        };
        let reply = session.run(command(&request).timeout(TIMEOUT)).await?;
        read(&request, reply)
    }
}

/// Returns whether the server does not run such scripts for this user: neither EVALSHA nor EVAL, or
/// not the commands in them, which Redis 6 reports in a different text.
fn is_refusal(error: &Error) -> bool {
    let text = error.to_string();
    matches!(error.kind(), ErrorKind::Auth | ErrorKind::Unsupported)
        || text.contains("ACL failure in script")
        || text.contains("can't run this command")
}

/// Returns whether the user may run the command, but not on this key.
fn is_about_keys(error: &Error) -> bool {
    error.kind() == ErrorKind::Auth && error.to_string().contains("permissions to access")
}

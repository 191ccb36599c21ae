//! What a master lets us do, found out with keys that nobody uses.

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Error, ErrorKind, Result, Session};

use crate::master::commands::{command, read};
use crate::master::token::Token;
use crate::master::{Action, Answer, Request};
use crate::telemetry::events;

/// How long each command may take.
const TIMEOUT: Duration = Duration::from_millis(500);

/// How long a key lasts that could not be deleted.
const TTL: Duration = Duration::from_secs(5);

/// Runs each script once, on a key that does not exist: a lock that could be acquired and never
/// released would be found out too late. The server knows the scripts from then on.
pub(crate) async fn probe_scripts(session: &Session) -> Result<()> {
    let probe = Probe::new();
    for action in [Action::Release, Action::Extend] {
        match probe.run(session, action).await {
            Ok(_) => {}
            // The locks' keys may well be others.
            Err(error) if is_about_keys(&error) => {}
            Err(error) if is_refusal(&error) => {
                let message =
                    "locks are released and extended by scripts, which this server does not allow";
                return Err(Error::new(ErrorKind::Config, message).with_source(error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether a lock that is taken by way of `one` session is there by way of the `other`.
///
/// For servers that do not tell who they are. A user who may only use some keys cannot find this
/// out, nor anybody while the other session is over; then they count as two.
pub(crate) async fn share_a_store(one: &Session, other: &Session) -> bool {
    let probe = Probe::new();
    let found = async {
        probe.run(one, Action::Acquire).await?;
        let released = probe.run(other, Action::Release).await;
        let is_one = released.as_ref().is_ok_and(|answer| answer.ours);
        if !is_one {
            // What cannot be deleted goes by itself.
            let _ = probe.run(one, Action::Release).await;
        }
        released.map(|_| is_one)
    };
    found.await.unwrap_or_else(|error| {
        events::incomparable(one.server(), other.server(), &error);
        false
    })
}

/// A lock that nobody wants.
struct Probe {
    key: Bytes,
    token: Token,
}

impl Probe {
    fn new() -> Self {
        Self {
            key: Bytes::from(format!("purse:probe:{}", uuid::Uuid::new_v4())),
            token: Token::fresh(),
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

/// Whether the server will not run such scripts for this user: neither EVALSHA nor EVAL, or not the
/// commands in them, which Redis 6 says in words of its own.
fn is_refusal(error: &Error) -> bool {
    let text = error.to_string();
    matches!(error.kind(), ErrorKind::Auth | ErrorKind::Unsupported)
        || text.contains("ACL failure in script")
        || text.contains("can't run this command")
}

/// Whether the user may run the command, but not on this key.
fn is_about_keys(error: &Error) -> bool {
    error.kind() == ErrorKind::Auth && error.to_string().contains("permissions to access")
}

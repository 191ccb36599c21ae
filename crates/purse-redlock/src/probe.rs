//! Whether a master lets us run the scripts that locks are released and extended with.

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Client, Error, ErrorKind, Result};

use crate::token::Token;
use crate::transport::{Action, Request, command};

/// How long each script may take.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Runs each script once, on a key that does not exist: a lock that could be acquired and never
/// released would be found out too late. The server knows the scripts from then on.
pub(crate) async fn scripts(client: &Client) -> Result<()> {
    let token = Token::fresh();
    for action in [Action::Release, Action::Extend] {
        let request = Request {
            action,
            keys: [Bytes::from(format!("purse:probe:{}", uuid::Uuid::new_v4()))].into(),
            token: token.clone(),
            ttl: Duration::from_millis(1),
        };
        match client.run(command(&request).timeout(TIMEOUT)).await {
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

//! Checks that a server allows the scripts of locks.

use purse_client::{Error, ErrorKind, Result, Session};

use crate::master::Action;
use crate::membership::probe_lock::ProbeLock;

/// Runs each script once, on a key that does not exist, because otherwise a lock that can be
/// acquired but not released would be noticed too late. The server has cached the scripts from then
/// on.
pub(crate) async fn probe_scripts(session: &Session) -> Result<()> {
    let probe = ProbeLock::new();
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

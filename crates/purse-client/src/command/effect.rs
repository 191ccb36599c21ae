//! The effect of a command on data.

use crate::{Error, ErrorKind};

/// The effect of a command on data, which decides what a lost reply means.
///
/// # Examples
/// ```
/// use purse::{Command, Effect};
///
/// assert_eq!(Command::read("GET").effect(), Effect::Read);
/// assert_eq!(Command::write("GETDEL").effect(), Effect::Write);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The command changes nothing: a client sends it again when the connection breaks.
    Read,
    /// The command may change data: it is sent at most once, and a lost reply is
    /// [`Ambiguous`](crate::ErrorKind::Ambiguous).
    Write,
}

impl Effect {
    /// Judges the failure to read the reply to a command of this effect: a write has run then, so
    /// a [`Protocol`](ErrorKind::Protocol) error becomes [`Ambiguous`](ErrorKind::Ambiguous).
    pub fn judge_unread(self, error: Error) -> Error {
        match (error.kind(), self) {
            (ErrorKind::Protocol, Self::Write) => {
                Error::new(ErrorKind::Ambiguous, "the reply could not be read").with_source(error)
            }
            _ => error,
        }
    }
}

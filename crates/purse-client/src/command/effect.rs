//! The effect of a command on data.

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

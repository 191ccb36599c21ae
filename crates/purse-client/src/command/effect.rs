//! The effect of a command on data.

/// The effect of a command on data, which decides what a lost reply means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The command changes nothing: a client sends it again when the connection breaks.
    Read,
    /// The command may change data: it is sent at most once, and a lost reply is
    /// [`Ambiguous`](crate::ErrorKind::Ambiguous).
    Write,
}

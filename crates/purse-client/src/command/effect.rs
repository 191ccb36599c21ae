//! What a command does to data.

/// The effect of a command on data, which decides what a lost reply means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing: the client sends it again when the connection breaks.
    Read,
    /// May change data: sent at most once; a lost reply is
    /// [`Ambiguous`](crate::ErrorKind::Ambiguous).
    Write,
}

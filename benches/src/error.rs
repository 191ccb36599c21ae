//! Errors.

/// An error of any kind.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A result with an error of any kind.
pub type Result<T, E = Error> = std::result::Result<T, E>;

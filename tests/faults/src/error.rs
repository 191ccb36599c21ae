//! Failures of the fault program itself.

/// A failure of the fault program, as opposed to an error of the lock that a fault explains.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

//! What purse costs, over fred and by itself: shared by micro-benchmarks and budgets.

mod budget;
mod codecs;
mod counted;
mod line;
mod operations;
mod stage;
mod values;

pub use budget::{Allocations, Budget, Instructions, Ratios};
pub use codecs::{Coding, codings};
pub use counted::{Counted, CountedCoding, CountedOperation};
pub use line::{Line, Verdict, table};
pub use operations::{Operation, Side, TIMES, operations};
pub use stage::Stage;

/// Whatever went wrong.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A result whose error says what went wrong.
pub type Result<T, E = Error> = std::result::Result<T, E>;

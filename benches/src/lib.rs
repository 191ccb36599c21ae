//! Operations and codecs to measure, and the budgets of their costs.
//!
//! `benches/speed.rs` measures times, `benches/instructions.rs` counts instructions, and
//! `tests/allocations.rs` counts allocations. All of them use the lists [`operations`] and
//! [`codec_cases`]. The README says how to add an operation or a codec.

mod budget;
mod clients;
mod codecs;
mod error;
mod fixture;
mod instructions;
mod operations;
mod report;
mod values;

pub use budget::{AllocationBudget, Budget, CodecBudget, RatioBudget};
pub use codecs::{CodecCase, codec_cases};
pub use error::{Error, Result};
pub use fixture::Fixture;
pub use instructions::{CodecCount, InstructionCounts, OperationCount};
pub use operations::{Library, Operation, REPETITIONS, operations};
pub use report::{Row, Verdict, format_table};

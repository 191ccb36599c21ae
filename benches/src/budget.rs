//! The file `budget.json`, which has the budget of each operation and codec.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Result;

/// The budgets of all operations and codecs, as in `budget.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Budget {
    /// The allocations of an operation minus those of fred.
    pub allocations_over_fred: AllocationBudget,
    /// The allocations of an operation minus those of redis-rs.
    pub allocations_over_redis_rs: AllocationBudget,
    /// The instructions of an operation divided by those of fred.
    pub instructions_over_fred: RatioBudget,
    /// The instructions of an operation divided by those of redis-rs.
    pub instructions_over_redis_rs: RatioBudget,
    /// The instructions of a codec.
    pub codec_instructions: CodecBudget,
}

/// A budget of allocations of each operation, relative to a peer. The counts are exact.
#[derive(Debug, Serialize, Deserialize)]
pub struct AllocationBudget {
    /// The number of allocations that is aimed for.
    pub goal: i64,
    /// The number of allocations that is allowed, by operation.
    pub budget: BTreeMap<String, i64>,
}

/// A budget of instructions of each operation, as a multiple of those of a peer.
#[derive(Debug, Serialize, Deserialize)]
pub struct RatioBudget {
    /// The ratio that is aimed for.
    pub goal: f64,
    /// The excess over the budget that is allowed, in percent of the budget.
    pub tolerance_percent: f64,
    /// The ratio that is allowed, by operation.
    pub budget: BTreeMap<String, f64>,
}

/// A budget of instructions of each codec, which depend on the compiler.
#[derive(Debug, Serialize, Deserialize)]
pub struct CodecBudget {
    /// The excess over the budget that is allowed, in percent of the budget.
    pub tolerance_percent: f64,
    /// The excess over the budget that is always allowed, in instructions.
    pub tolerance_instructions: f64,
    /// The compiler that the budget was counted with.
    pub compiler: String,
    /// The number of instructions that is allowed, by codec.
    pub budget: BTreeMap<String, u64>,
}

impl Budget {
    /// Reads the file.
    ///
    /// # Errors
    /// If the file is missing or is not a budget.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string(path())?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        Ok(fs::write(path(), text + "\n")?)
    }
}

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "budget.json"].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codecs::codec_cases;
    use crate::operations::operations;

    /// Returns the names in the order of the file.
    fn sort(names: impl Iterator<Item = String>) -> Vec<String> {
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn budgets_match_the_measured_names() {
        let budget = Budget::read().expect("a budget");
        let names = sort(operations().iter().map(|it| it.name().to_owned()));
        for instructions in [
            budget.instructions_over_fred,
            budget.instructions_over_redis_rs,
        ] {
            assert_eq!(sort(instructions.budget.into_keys()), names);
        }
        for allocations in [
            budget.allocations_over_fred,
            budget.allocations_over_redis_rs,
        ] {
            assert_eq!(sort(allocations.budget.into_keys()), names);
        }
        let names = sort(codec_cases().iter().map(|it| it.name().to_owned()));
        let instructions = budget.codec_instructions.budget;
        assert_eq!(sort(instructions.into_keys()), names);
    }

    #[test]
    fn budget_file_round_trips() {
        let file = fs::read_to_string(path()).expect("a file");
        let budget: Budget = serde_json::from_str(&file).expect("a budget");
        let text = serde_json::to_string_pretty(&budget).expect("JSON");
        assert_eq!(text + "\n", file);
    }
}

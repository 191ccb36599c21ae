//! The file that says what may be spent.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Result;

/// What purse may spend, as `budget.json` says it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Budget {
    /// How many allocations an operation makes more than fred does.
    pub allocations_over_fred: Allocations,
    /// How many allocations an operation makes more than redis-rs does.
    pub allocations_over_redis_rs: Allocations,
    /// How many times the instructions of fred an operation takes.
    pub instructions_over_fred: Ratios,
    /// How many times the instructions of redis-rs an operation takes.
    pub instructions_over_redis_rs: Ratios,
    /// How many instructions a codec takes.
    pub codec_instructions: Instructions,
}

/// Allocations of each operation, over those of a peer; they are exact.
#[derive(Debug, Serialize, Deserialize)]
pub struct Allocations {
    /// How many they are to be.
    pub goal: i64,
    /// How many they are.
    pub budget: BTreeMap<String, i64>,
}

/// Instructions of each operation, as a multiple of those of a peer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ratios {
    /// How much they are to be.
    pub goal: f64,
    /// How much more than the budget is no failure.
    pub tolerance_percent: f64,
    /// How much they are.
    pub budget: BTreeMap<String, f64>,
}

/// Instructions of each codec, which depend on the compiler.
#[derive(Debug, Serialize, Deserialize)]
pub struct Instructions {
    /// How much more than the budget is no failure.
    pub tolerance_percent: f64,
    /// How many more than the budget are no failure, whatever part of it they are.
    pub tolerance_instructions: f64,
    /// With which one they were counted.
    pub compiler: String,
    /// How many they are.
    pub budget: BTreeMap<String, u64>,
}

impl Budget {
    /// Reads the file.
    ///
    /// # Errors
    /// Where it is not there, or not a budget.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string(path())?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Where it cannot be written.
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
    use crate::{codings, operations};

    /// In the order of the file.
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
        let names = sort(codings().iter().map(|it| it.name().to_owned()));
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

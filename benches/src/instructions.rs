//! The counts of `benches/instructions.rs`.

use std::env;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::codecs::codec_cases;
use crate::error::Result;
use crate::operations::{Library, REPETITIONS, operations};

/// The instructions of all codecs and operations.
#[derive(Debug, Default, PartialEq)]
pub struct InstructionCounts {
    /// The counts of codecs, in the order of [`codec_cases`].
    pub codecs: Vec<CodecCount>,
    /// The counts of operations, in the order of [`operations`].
    pub operations: Vec<OperationCount>,
}

/// The instructions of a codec.
#[derive(Debug, PartialEq)]
pub struct CodecCount {
    /// The name of the case.
    pub name: String,
    /// The number of instructions.
    pub count: u64,
}

/// The instructions of an operation, by each library.
#[derive(Debug, PartialEq)]
pub struct OperationCount {
    /// The name of the operation.
    pub name: &'static str,
    /// The number of instructions of purse.
    pub purse: f64,
    /// The number of instructions of fred.
    pub fred: f64,
    /// The number of instructions of redis-rs.
    pub redis_rs: f64,
}

impl OperationCount {
    /// Returns the instructions of purse divided by those of fred.
    #[must_use]
    pub fn over_fred(&self) -> f64 {
        self.purse / self.fred
    }

    /// Returns the instructions of purse divided by those of redis-rs.
    #[must_use]
    pub fn over_redis_rs(&self) -> f64 {
        self.purse / self.redis_rs
    }
}

impl InstructionCounts {
    /// Runs the benchmark and reads its counts, which takes about a minute.
    ///
    /// # Errors
    /// If valgrind or gungraun-runner is missing, or the benchmark fails.
    pub fn collect() -> Result<Self> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["bench", "--quiet", "--package", env!("CARGO_PKG_NAME")])
            .args(["--bench", "instructions", "--"])
            .args(["--output-format=json", "--parallel=auto"])
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("the benchmark ended with {}", output.status).into());
        }
        parse(&String::from_utf8(output.stdout)?)
    }
}

/// Reads the lines of JSON that gungraun prints.
fn parse(text: &str) -> Result<InstructionCounts> {
    let summaries: Vec<Value> = text
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let count = |function: &str, index: usize| {
        let id = format!("of_{index}");
        let summary = summaries
            .iter()
            .find(|it| it["function_name"] == function && it["id"] == *id);
        summary
            .and_then(|it| it.pointer("/profiles/0/data/total/metrics/Ir/values/new"))
            .and_then(Value::as_u64)
            .ok_or_else(|| format!("{function} {id} has no count of instructions"))
    };
    let per_operation = |count: u64| count as f64 / REPETITIONS as f64;
    let mut counted = InstructionCounts::default();
    for (index, coding) in codec_cases().iter().enumerate() {
        counted.codecs.push(CodecCount {
            name: coding.name().to_owned(),
            count: count("codec", index)?,
        });
    }
    for (index, operation) in operations().iter().enumerate() {
        let first = index * Library::ALL.len();
        counted.operations.push(OperationCount {
            name: operation.name(),
            purse: per_operation(count("operation", first)?),
            fred: per_operation(count("operation", first + 1)?),
            redis_rs: per_operation(count("operation", first + 2)?),
        });
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(function: &str, index: usize, count: usize) -> String {
        serde_json::json!({
            "function_name": function,
            "id": format!("of_{index}"),
            "profiles": [{ "data": { "total": { "metrics": { "Ir": {
                "values": { "new": count },
            } } } } }],
        })
        .to_string()
    }

    /// Returns a summary for each codec and operation, each with another count, in any order.
    fn all_summaries() -> Vec<String> {
        let codecs = (0..codec_cases().len()).map(|index| summary("codec", index, 1_000 + index));
        let sides = 0..operations().len() * Library::ALL.len();
        let operations = sides.map(|index| summary("operation", index, REPETITIONS * (10 + index)));
        operations.chain(codecs).collect()
    }

    #[test]
    fn counts_are_assigned_to_their_operations() {
        let counted = parse(&all_summaries().join("\n")).expect("counts");
        assert_eq!(counted.codecs[3].name, codec_cases()[3].name());
        assert_eq!(counted.codecs[3].count, 1_003);
        let operation = &counted.operations[1];
        assert_eq!(operation.name, operations()[1].name());
        assert_eq!((operation.purse, operation.fred), (13.0, 14.0));
        assert_eq!(operation.over_fred(), 13.0 / 14.0);
        assert_eq!(operation.over_redis_rs(), 13.0 / 15.0);
    }

    #[test]
    fn missing_count_is_an_error() {
        let error = parse(&all_summaries()[1..].join("\n")).expect_err("one is missing");
        assert_eq!(
            error.to_string(),
            "operation of_0 has no count of instructions"
        );
    }
}

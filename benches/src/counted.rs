//! What `benches/instructions.rs` counts.

use std::env;
use std::process::{Command, Stdio};

use crate::{Result, Side, TIMES, codings, operations};
use serde_json::Value;

/// How many instructions everything took.
#[derive(Debug, Default, PartialEq)]
pub struct Counted {
    /// In the order of [`codings`].
    pub codecs: Vec<CountedCoding>,
    /// In the order of [`operations`].
    pub operations: Vec<CountedOperation>,
}

/// What a codec took.
#[derive(Debug, PartialEq)]
pub struct CountedCoding {
    /// The name of the coding.
    pub name: String,
    /// How many instructions.
    pub count: u64,
}

/// What an operation took, done by either side.
#[derive(Debug, PartialEq)]
pub struct CountedOperation {
    /// The name of the operation.
    pub name: &'static str,
    /// How many instructions, by purse.
    pub purse: f64,
    /// How many instructions, by fred.
    pub fred: f64,
    /// How many instructions, by redis-rs.
    pub redis_rs: f64,
}

impl CountedOperation {
    /// How many times as many purse takes.
    #[must_use]
    pub fn over_fred(&self) -> f64 {
        self.purse / self.fred
    }

    /// Returns how many times as many purse takes as redis-rs.
    #[must_use]
    pub fn over_redis_rs(&self) -> f64 {
        self.purse / self.redis_rs
    }
}

impl Counted {
    /// Has them counted; that takes a minute or so.
    ///
    /// # Errors
    /// Where valgrind or gungraun-runner are missing, or the benchmark fails.
    pub fn now() -> Result<Self> {
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
        read(&String::from_utf8(output.stdout)?)
    }
}

/// Reads gungraun's lines of JSON.
fn read(text: &str) -> Result<Counted> {
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
    let each = |count: u64| count as f64 / TIMES as f64;
    let mut counted = Counted::default();
    for (index, coding) in codings().iter().enumerate() {
        counted.codecs.push(CountedCoding {
            name: coding.name().to_owned(),
            count: count("codec", index)?,
        });
    }
    for (index, operation) in operations().iter().enumerate() {
        let place = index * Side::ALL.len();
        counted.operations.push(CountedOperation {
            name: operation.name(),
            purse: each(count("operation", place)?),
            fred: each(count("operation", place + 1)?),
            redis_rs: each(count("operation", place + 2)?),
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

    /// As many of each as there are, with counts of their own, in any order.
    fn all() -> Vec<String> {
        let codecs = (0..codings().len()).map(|index| summary("codec", index, 1_000 + index));
        let sides = 0..operations().len() * Side::ALL.len();
        let operations = sides.map(|index| summary("operation", index, TIMES * (10 + index)));
        operations.chain(codecs).collect()
    }

    #[test]
    fn counts_are_assigned_to_their_operations() {
        let counted = read(&all().join("\n")).expect("counts");
        assert_eq!(counted.codecs[3].name, codings()[3].name());
        assert_eq!(counted.codecs[3].count, 1_003);
        let operation = &counted.operations[1];
        assert_eq!(operation.name, operations()[1].name());
        assert_eq!((operation.purse, operation.fred), (13.0, 14.0));
        assert_eq!(operation.over_fred(), 13.0 / 14.0);
        assert_eq!(operation.over_redis_rs(), 13.0 / 15.0);
    }

    #[test]
    fn a_count_that_is_missing_is_an_error() {
        let error = read(&all()[1..].join("\n")).expect_err("one is missing");
        assert_eq!(
            error.to_string(),
            "operation of_0 has no count of instructions"
        );
    }
}

//! Runs `benches/instructions.rs`, and reads what it counted.

use std::env;
use std::process::{Command, Stdio};

use purse_benches::{Result, Side, TIMES, codings, operations};
use serde_json::Value;

/// How many instructions everything took.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Instructions {
    pub(crate) codecs: Vec<Codec>,
    pub(crate) operations: Vec<Operation>,
}

/// Those of a codec.
#[derive(Debug, PartialEq)]
pub(crate) struct Codec {
    pub(crate) name: String,
    pub(crate) count: u64,
}

/// Those of an operation, by either side.
#[derive(Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) purse: f64,
    pub(crate) fred: f64,
}

impl Operation {
    /// How many times as many purse takes.
    pub(crate) fn over_fred(&self) -> f64 {
        self.purse / self.fred
    }
}

/// Counts all of them; that takes about a minute.
pub(crate) fn count() -> Result<Instructions> {
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

/// Reads gungraun's lines of JSON.
fn read(text: &str) -> Result<Instructions> {
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
    let mut instructions = Instructions::default();
    for (index, coding) in codings().iter().enumerate() {
        instructions.codecs.push(Codec {
            name: coding.name().to_owned(),
            count: count("codec", index)?,
        });
    }
    for (index, operation) in operations().iter().enumerate() {
        let place = index * Side::BOTH.len();
        instructions.operations.push(Operation {
            name: operation.name(),
            purse: each(count("operation", place)?),
            fred: each(count("operation", place + 1)?),
        });
    }
    Ok(instructions)
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
        let sides = 0..operations().len() * 2;
        let operations = sides.map(|index| summary("operation", index, TIMES * (10 + index)));
        operations.chain(codecs).collect()
    }

    #[test]
    fn each_count_gets_to_whom_it_belongs() {
        let counted = read(&all().join("\n")).expect("counts");
        assert_eq!(counted.codecs[3].name, codings()[3].name());
        assert_eq!(counted.codecs[3].count, 1_003);
        let operation = &counted.operations[1];
        assert_eq!(operation.name, operations()[1].name());
        assert_eq!((operation.purse, operation.fred), (12.0, 13.0));
        assert_eq!(operation.over_fred(), 12.0 / 13.0);
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

//! The results: a table on the terminal, and JSON for `bin/plot` and other programs.
//!
//! May import: `format`, `protocol`.

mod run_info;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use crate::format::format_short;
use crate::protocol::Result;

/// The result of one work, peer and unit.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) peer: String,
    pub(crate) unit: String,
    /// The measurement, or the reason why there is none.
    pub(crate) outcome: std::result::Result<Measured, String>,
}

/// A measurement of purse and one peer.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) purse: f64,
    pub(crate) peer_value: f64,
    /// The median of the rounds' ratios; above 1, purse is better.
    pub(crate) ratio: f64,
    /// The interquartile range of the rounds' ratios, as a part of their median.
    pub(crate) spread: f64,
    /// The number of rounds that both did.
    pub(crate) rounds: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) purse_percentiles: Vec<(f64, f64)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) peer_percentiles: Vec<(f64, f64)>,
}

impl Row {
    fn to_json(&self) -> Value {
        let mut row = json!({ "work": self.work, "peer": self.peer, "unit": self.unit });
        let rest = match &self.outcome {
            Ok(measured) => json!(measured),
            Err(reason) => json!({
                "purse": null, "peer_value": null, "ratio": null, "spread": null,
                "missing": reason,
            }),
        };
        if let (Some(row), Value::Object(rest)) = (row.as_object_mut(), rest) {
            row.extend(rest);
        }
        row
    }

    fn to_text(&self, peer_width: usize) -> String {
        let start = format!("{:<36} {:<peer_width$}", self.work, self.peer);
        match &self.outcome {
            Ok(it) => format!(
                "{start} {:>12} {:>12} {:<9} {:>8.2} {:>4.0} % {:>6}",
                format_short(it.purse),
                format_short(it.peer_value),
                self.unit,
                it.ratio,
                it.spread * 100.0,
                it.rounds
            ),
            Err(reason) => format!("{start} missing: {reason}"),
        }
    }
}

/// Prints the rows as a table.
pub(crate) fn print(rows: &[Row]) {
    let peer_width = rows.iter().map(|row| row.peer.len()).fold(18, usize::max);
    println!(
        "{:<36} {:<peer_width$} {:>12} {:>12} {:<9} {:>8} spread rounds",
        "work", "peer", "purse", "peer", "unit", "ratio"
    );
    for row in rows {
        println!("{}", row.to_text(peer_width));
    }
    println!("ratio > 1: purse is better; spread: interquartile range of the rounds' ratios");
}

/// Writes the rows to `compare.json`, and the command, date and machine to `about.json` next to it.
///
/// If only a part of the works was run, its rows replace the rows of the same works that the file has.
pub(crate) fn write(folder: &Path, rows: &[Row], is_part: bool) -> Result<PathBuf> {
    let mut list: Vec<Value> = rows.iter().map(Row::to_json).collect();
    let mut about = run_info::collect();
    fs::create_dir_all(folder)?;
    let (file, about_file) = (folder.join("compare.json"), folder.join("about.json"));
    if is_part && file.exists() && about_file.exists() {
        list = merge_rows(serde_json::from_slice(&fs::read(&file)?)?, list);
        about = merge_run_info(serde_json::from_slice(&fs::read(&about_file)?)?, &about);
    }
    fs::write(&file, serde_json::to_string_pretty(&list)?)?;
    fs::write(about_file, serde_json::to_string_pretty(&about)?)?;
    Ok(file)
}

/// Returns the earlier rows, of which those that were measured again are replaced.
fn merge_rows(mut before: Vec<Value>, now: Vec<Value>) -> Vec<Value> {
    let key = |row: &Value| ["work", "peer", "unit"].map(|name| row[name].clone());
    for row in now {
        match before.iter_mut().find(|old| key(old) == key(&row)) {
            Some(old) => *old = row,
            None => before.push(row),
        }
    }
    before
}

/// Returns the earlier run, with the values of this run appended where they differ.
fn merge_run_info(mut before: Value, now: &Value) -> Value {
    for (name, before) in before.as_object_mut().into_iter().flatten() {
        if let (Some(old), Some(new)) = (before.as_str(), now[name].as_str())
            && !old.split(", then ").any(|old| old == new)
        {
            *before = format!("{old}, then {new}").into();
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_row_has_reason() {
        let row = Row {
            work: "hash_get".to_owned(),
            peer: "redisson".to_owned(),
            unit: "op/s".to_owned(),
            outcome: Err("redisson: refused".to_owned()),
        };
        assert_eq!(row.to_json()["missing"], "redisson: refused");
        assert_eq!(row.to_json()["ratio"], Value::Null);
        assert!(row.to_text(18).ends_with("missing: redisson: refused"));
    }

    #[test]
    fn measured_row_has_all_fields() {
        let measured = Measured {
            purse: 2.0,
            peer_value: 1.0,
            ratio: 2.0,
            spread: 0.5,
            rounds: 7,
            purse_percentiles: Vec::new(),
            peer_percentiles: Vec::new(),
        };
        let row = Row {
            work: "hash_get".to_owned(),
            peer: "fred".to_owned(),
            unit: "op/s".to_owned(),
            outcome: Ok(measured),
        };
        let expected = json!({
            "work": "hash_get", "peer": "fred", "unit": "op/s",
            "purse": 2.0, "peer_value": 1.0, "ratio": 2.0, "spread": 0.5, "rounds": 7,
        });
        assert_eq!(row.to_json(), expected);
    }

    #[test]
    fn partial_run_replaces_rows_of_same_works() {
        let row = |work: &str, peer: &str, unit: &str, purse: u32| json!({ "work": work, "peer": peer, "unit": unit, "purse": purse });
        let before = vec![
            row("hash_get", "fred", "op/s", 1),
            row("hash_get", "redis-rs", "op/s", 2),
            row("hash_get", "fred", "s", 3),
        ];
        let now = vec![
            row("hash_get", "redis-rs", "op/s", 4),
            row("list_get", "fred", "op/s", 5),
        ];
        let expected = vec![
            row("hash_get", "fred", "op/s", 1),
            row("hash_get", "redis-rs", "op/s", 4),
            row("hash_get", "fred", "s", 3),
            row("list_get", "fred", "op/s", 5),
        ];
        assert_eq!(merge_rows(before, now), expected);
    }

    #[test]
    fn partial_run_is_listed_once() {
        let whole = json!({ "command": "just bench-compare", "date": "2026-11-22" });
        let part = json!({ "command": "just bench-compare --only hash", "date": "2026-11-22" });
        let both = json!({
            "command": "just bench-compare, then just bench-compare --only hash",
            "date": "2026-11-22",
        });
        assert_eq!(merge_run_info(whole, &part), both);
        assert_eq!(merge_run_info(both.clone(), &part), both);
    }
}

//! The table for people, and the JSON for programs.

use std::fs;
use std::path::{Path, PathBuf};

use purse_bench::short;
use serde::Serialize;
use serde_json::{Value, json};

use crate::order::Result;

/// What purse and one peer did.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) work: String,
    pub(crate) peer: String,
    pub(crate) unit: String,
    /// What was measured, or why nothing was.
    pub(crate) outcome: std::result::Result<Measured, String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) purse: f64,
    pub(crate) peer_value: f64,
    /// Above 1, purse is better.
    pub(crate) ratio: f64,
    /// How far the middle half of the ratios of all rounds reaches, as a part of their median.
    pub(crate) spread: f64,
    /// How many there were.
    pub(crate) rounds: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) purse_percentiles: Vec<(f64, f64)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) peer_percentiles: Vec<(f64, f64)>,
}

impl Line {
    fn json(&self) -> Value {
        let mut line = json!({ "work": self.work, "peer": self.peer, "unit": self.unit });
        let rest = match &self.outcome {
            Ok(measured) => json!(measured),
            Err(reason) => json!({
                "purse": null, "peer_value": null, "ratio": null, "spread": null,
                "missing": reason,
            }),
        };
        if let (Some(line), Value::Object(rest)) = (line.as_object_mut(), rest) {
            line.extend(rest);
        }
        line
    }

    fn text(&self, peers: usize) -> String {
        let start = format!("{:<36} {:<peers$}", self.work, self.peer);
        match &self.outcome {
            Ok(it) => format!(
                "{start} {:>12} {:>12} {:<9} {:>8.2} {:>4.0} % {:>6}",
                short(it.purse),
                short(it.peer_value),
                self.unit,
                it.ratio,
                it.spread * 100.0,
                it.rounds
            ),
            Err(reason) => format!("{start} missing: {reason}"),
        }
    }
}

pub(crate) fn print(lines: &[Line]) {
    let peers = lines
        .iter()
        .map(|line| line.peer.len())
        .fold(18, usize::max);
    println!(
        "{:<36} {:<peers$} {:>12} {:>12} {:<9} {:>8} spread rounds",
        "work", "peer", "purse", "peer", "unit", "ratio"
    );
    for line in lines {
        println!("{}", line.text(peers));
    }
    println!("ratio > 1: purse is better; spread: of the middle half of the rounds' ratios");
}

/// Writes the list, and next to it what was run, when and where.
///
/// A part of the works replaces what was measured of them before; the rest of the file stays.
pub(crate) fn write(folder: &Path, lines: &[Line], is_part: bool) -> Result<PathBuf> {
    let mut list: Vec<Value> = lines.iter().map(Line::json).collect();
    let mut about = crate::machine::about();
    fs::create_dir_all(folder)?;
    let (file, about_file) = (folder.join("compare.json"), folder.join("about.json"));
    if is_part && file.exists() && about_file.exists() {
        list = merge(serde_json::from_slice(&fs::read(&file)?)?, list);
        about = join(serde_json::from_slice(&fs::read(&about_file)?)?, &about);
    }
    fs::write(&file, serde_json::to_string_pretty(&list)?)?;
    fs::write(about_file, serde_json::to_string_pretty(&about)?)?;
    Ok(file)
}

/// What was measured before, with what was measured now in its place.
fn merge(mut before: Vec<Value>, now: Vec<Value>) -> Vec<Value> {
    let what = |line: &Value| ["work", "peer", "unit"].map(|name| line[name].clone());
    for line in now {
        match before.iter_mut().find(|old| what(old) == what(&line)) {
            Some(old) => *old = line,
            None => before.push(line),
        }
    }
    before
}

/// What was run before, and what was run now where it is not the same.
fn join(mut before: Value, now: &Value) -> Value {
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
    fn missing_values_are_named() {
        let line = Line {
            work: "hash_get".to_owned(),
            peer: "redisson".to_owned(),
            unit: "op/s".to_owned(),
            outcome: Err("redisson: refused".to_owned()),
        };
        assert_eq!(line.json()["missing"], "redisson: refused");
        assert_eq!(line.json()["ratio"], Value::Null);
        assert!(line.text(18).ends_with("missing: redisson: refused"));
    }

    #[test]
    fn measured_values_have_all_fields() {
        let measured = Measured {
            purse: 2.0,
            peer_value: 1.0,
            ratio: 2.0,
            spread: 0.5,
            rounds: 7,
            purse_percentiles: Vec::new(),
            peer_percentiles: Vec::new(),
        };
        let line = Line {
            work: "hash_get".to_owned(),
            peer: "fred".to_owned(),
            unit: "op/s".to_owned(),
            outcome: Ok(measured),
        };
        let expected = json!({
            "work": "hash_get", "peer": "fred", "unit": "op/s",
            "purse": 2.0, "peer_value": 1.0, "ratio": 2.0, "spread": 0.5, "rounds": 7,
        });
        assert_eq!(line.json(), expected);
    }

    #[test]
    fn remeasured_part_replaces_the_old_one() {
        let line = |work: &str, peer: &str, unit: &str, purse: u32| json!({ "work": work, "peer": peer, "unit": unit, "purse": purse });
        let before = vec![
            line("hash_get", "fred", "op/s", 1),
            line("hash_get", "redis-rs", "op/s", 2),
            line("hash_get", "fred", "s", 3),
        ];
        let now = vec![
            line("hash_get", "redis-rs", "op/s", 4),
            line("list_get", "fred", "op/s", 5),
        ];
        let expected = vec![
            line("hash_get", "fred", "op/s", 1),
            line("hash_get", "redis-rs", "op/s", 4),
            line("hash_get", "fred", "s", 3),
            line("list_get", "fred", "op/s", 5),
        ];
        assert_eq!(merge(before, now), expected);
    }

    #[test]
    fn commands_of_a_part_are_listed_once() {
        let whole = json!({ "command": "just bench-compare", "date": "2026-11-22" });
        let part = json!({ "command": "just bench-compare --only hash", "date": "2026-11-22" });
        let both = json!({
            "command": "just bench-compare, then just bench-compare --only hash",
            "date": "2026-11-22",
        });
        assert_eq!(join(whole, &part), both);
        assert_eq!(join(both.clone(), &part), both);
    }
}

//! The results that `just bench-compare` wrote.

use std::fs;
use std::path::Path;

use purse_bench::Result;
use serde::Deserialize;

/// All rows, and the run that they are from.
pub(crate) struct Results {
    pub(crate) rows: Vec<Row>,
    /// The command, date, machine and server.
    pub(crate) about: String,
}

/// The result of one work, peer and unit.
#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) peer: String,
    pub(crate) unit: String,
    pub(crate) purse: Option<f64>,
    pub(crate) peer_value: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) spread: Option<f64>,
    pub(crate) rounds: Option<usize>,
    /// The reason why there is no number.
    pub(crate) missing: Option<String>,
    #[serde(default)]
    pub(crate) purse_percentiles: Vec<(f64, f64)>,
    #[serde(default)]
    pub(crate) peer_percentiles: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct About {
    command: String,
    date: String,
    machine: String,
    server: String,
}

impl Results {
    /// Reads `compare.json` and `about.json`.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let file = folder.join("compare.json");
        let text = fs::read_to_string(&file)
            .map_err(|error| format!("{}: {error}; run `just bench-compare`", file.display()))?;
        let about: About = serde_json::from_str(&fs::read_to_string(folder.join("about.json"))?)?;
        Ok(Self {
            rows: serde_json::from_str(&text)?,
            about: format!(
                "{}; {}; {}; {}",
                about.command, about.date, about.machine, about.server
            ),
        })
    }
}

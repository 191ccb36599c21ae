//! What `bench-compare` wrote.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::Result;

pub(crate) struct Measured {
    pub(crate) lines: Vec<Line>,
    /// Command, date and machine.
    pub(crate) about: String,
}

#[derive(Deserialize)]
pub(crate) struct Line {
    pub(crate) work: String,
    pub(crate) peer: String,
    pub(crate) unit: String,
    pub(crate) purse: Option<f64>,
    pub(crate) peer_value: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) spread: Option<f64>,
    pub(crate) rounds: Option<usize>,
    /// Why there is no number.
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

impl Measured {
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let file = folder.join("compare.json");
        let text = fs::read_to_string(&file)
            .map_err(|error| format!("{}: {error}; run bench-compare", file.display()))?;
        let about: About = serde_json::from_str(&fs::read_to_string(folder.join("about.json"))?)?;
        Ok(Self {
            lines: serde_json::from_str(&text)?,
            about: format!(
                "{}; {}; {}; {}",
                about.command, about.date, about.machine, about.server
            ),
        })
    }
}

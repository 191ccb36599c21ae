//! One run of the comparison: it measures the chosen works, and writes a report.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::measure::{Runner, Settings, dependency_cost};
use crate::peers::PeerCommands;
use crate::protocol::Result;
use crate::report;
use crate::servers::Servers;
use crate::works;

/// The choice of what to measure, and how thoroughly.
#[derive(Debug, Default)]
pub struct Options {
    /// Measures fewer rounds, for a shorter time each.
    pub quick: bool,
    /// Measures only the works whose names contain this text.
    pub only: Option<String>,
}

impl Options {
    fn includes(&self, work: &str) -> bool {
        self.only.as_ref().is_none_or(|only| work.contains(only))
    }

    fn settings(&self) -> Settings {
        if self.quick {
            Settings {
                rounds: 3,
                min_run_time: Duration::from_millis(30),
                max_run_time: Duration::from_secs(5),
                max_peer_time: Duration::from_secs(3),
            }
        } else {
            Settings {
                rounds: 7,
                min_run_time: Duration::from_millis(120),
                max_run_time: Duration::from_secs(15),
                max_peer_time: Duration::from_secs(6),
            }
        }
    }
}

/// Measures purse and its peers, prints the results, and writes them to `target/bench`.
///
/// # Errors
/// If no server starts or the report cannot be written. A peer that fails is a row of the report.
pub async fn compare(options: &Options) -> Result<()> {
    let target = target_folder();
    let commands = PeerCommands::fetch(&target);
    let works: Vec<_> = works::all(options.quick)
        .into_iter()
        .filter(|work| options.includes(&work.name))
        .collect();
    let mut runner = Runner::new(Servers::start().await?, commands, options.settings());
    let started = Instant::now();
    let mut rows = Vec::new();
    for (index, work) in works.iter().enumerate() {
        let seconds = started.elapsed().as_secs();
        eprintln!(
            "{:>3}/{} {seconds:>4} s  {}",
            index + 1,
            works.len(),
            work.name
        );
        rows.extend(runner.measure(work).await);
        // After each work, so that an interrupted run leaves its results.
        report::write(&target, &rows, options.only.is_some())?;
    }
    drop(runner);
    if !options.quick && options.includes(dependency_cost::NAME) {
        eprintln!("{}", dependency_cost::NAME);
        rows.extend(dependency_cost::measure(&target));
    }
    report::print(&rows);
    let file = report::write(&target, &rows, options.only.is_some())?;
    eprintln!("written to {}", file.display());
    Ok(())
}

/// Returns the folder `target/bench` of the workspace around.
fn target_folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap_or(root).join("target/bench")
}

//! Draws pictures of what `bench-compare` measured into `docs/bench`, and a page with all of it.

mod chart;
mod measured;
mod table;

use std::path::Path;

use chart::{Axis, Panel, Series, draw};
use measured::Measured;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let measured = Measured::read(&root.join("target/bench"))?;
    let folder = root.join("docs/bench");
    std::fs::create_dir_all(&folder)?;
    let pictures = [
        (
            "throughput.svg",
            "Throughput by concurrency",
            throughput(&measured),
        ),
        (
            "handover.svg",
            "Handover of a contended lock",
            handover(&measured),
        ),
        (
            "growth.svg",
            "Throughput as size grows, 64 tasks",
            growth(&measured),
        ),
    ];
    for (name, title, panels) in pictures {
        if panels.iter().all(|panel| panel.series.is_empty()) {
            return Err(format!("{name}: nothing of it was measured; run bench-compare").into());
        }
        let file = folder.join(name);
        draw(&file, title, &measured.about, &panels)?;
        println!("{}", file.display());
    }
    let file = folder.join("README.md");
    std::fs::write(&file, table::page(&measured))?;
    println!("{}", file.display());
    Ok(())
}

fn throughput(measured: &Measured) -> Vec<Panel> {
    let ops = ["list_append", "list_get", "hash_set", "hash_get"];
    rates(measured, ops, "tasks")
}

fn growth(measured: &Measured) -> Vec<Panel> {
    let ops = ["list_append", "hash_get", "sorted_insert", "space_get"];
    rates(measured, ops, "elements")
}

/// A panel for each operation, over how many of `what` there were.
fn rates(measured: &Measured, ops: [&str; 4], what: &'static str) -> Vec<Panel> {
    ops.map(|op| Panel {
        title: op.to_owned(),
        x: Axis::log(what),
        y: Axis::log("op/s"),
        series: measured.by_number(op, &format!(" {what}")),
    })
    .into()
}

fn handover(measured: &Measured) -> Vec<Panel> {
    ["2 waiters", "10 waiters"]
        .map(|waiters| Panel {
            title: format!("{waiters}, three masters"),
            x: Axis::linear("percentile"),
            y: Axis::log("ms from release to the next holder"),
            series: measured.distribution(&format!("lock_handover/{waiters}")),
        })
        .into()
}

impl Measured {
    /// A series for each that did the work, over the number in the works' names.
    fn by_number(&self, op: &str, suffix: &str) -> Vec<Series> {
        let mut series: Vec<Series> = Vec::new();
        for line in &self.lines {
            let number = line
                .work
                .strip_prefix(op)
                .and_then(|rest| rest.strip_prefix('/'))
                .and_then(|rest| rest.strip_suffix(suffix))
                .and_then(|number| number.parse().ok());
            if let (Some(number), Some(purse), Some(peer)) = (number, line.purse, line.peer_value) {
                Series::add(&mut series, "purse", (number, purse));
                Series::add(&mut series, &line.peer, (number, peer));
            }
        }
        series
    }

    fn distribution(&self, work: &str) -> Vec<Series> {
        let mut series: Vec<Series> = Vec::new();
        for line in self.lines.iter().filter(|line| line.work == work) {
            if series.is_empty() && !line.purse_percentiles.is_empty() {
                series.push(Series::new("purse", line.purse_percentiles.clone()));
            }
            if !line.peer_percentiles.is_empty() {
                series.push(Series::new(&line.peer, line.peer_percentiles.clone()));
            }
        }
        series
    }
}

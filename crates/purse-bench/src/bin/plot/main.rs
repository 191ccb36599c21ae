//! Draws the results of `just bench-compare` into `docs/bench`, and writes the page with all of them.
//!
//! [`results`] reads the results, [`panels`] chooses what each picture shows, [`chart`] draws it, and
//! [`page`] writes the table. The names of works in [`panels`] are those of the table.

mod chart;
mod page;
mod panels;
mod results;

use std::path::Path;

use purse_bench::Result;

use crate::chart::draw;
use crate::results::Results;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let results = Results::read(&root.join("target/bench"))?;
    let folder = root.join("docs/bench");
    std::fs::create_dir_all(&folder)?;
    let pictures = [
        (
            "throughput.svg",
            "Throughput by concurrency",
            panels::throughput(&results),
        ),
        (
            "handover.svg",
            "Handover of a contended lock",
            panels::handover(&results),
        ),
        (
            "growth.svg",
            "Throughput as size grows, 64 tasks",
            panels::growth(&results),
        ),
    ];
    for (name, title, panels) in pictures {
        if panels.iter().all(|panel| panel.series.is_empty()) {
            return Err(format!("{name}: no results to draw; run `just bench-compare`").into());
        }
        let file = folder.join(name);
        draw(&file, title, &results.about, &panels)?;
        println!("{}", file.display());
    }
    let file = folder.join("README.md");
    std::fs::write(&file, page::render(&results))?;
    println!("{}", file.display());
    Ok(())
}

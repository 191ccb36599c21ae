//! Measures purse side by side with its peers, on the same servers, in turn.
//!
//! `--quick` measures less, `--only TEXT` only the works whose name holds the text. Each line of a
//! run with `--only` replaces the line of the same work, peer and unit; the others stay in the file
//! as they were measured before, and `about.json` names both runs. The file is written after each
//! work. A peer that cannot be had, or does not end in time, is named with its reason.

mod cost;
mod drivers;
mod fair;
mod figures;
mod handover;
mod machine;
mod measure;
mod memory;
mod order;
mod passing;
mod peer;
mod peers;
mod report;
mod spread;
mod stage;
mod values;
mod work;
mod works;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::drivers::Drivers;
use crate::measure::{Bench, Pace};
use crate::order::Result;
use crate::stage::Stage;

struct Args {
    quick: bool,
    only: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let mut args = Args {
        quick: false,
        only: None,
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => args.quick = true,
            "--only" => args.only = Some(words.next().ok_or("--only needs a text")?),
            "--drive" => return drive(words.collect()).await,
            other => return Err(format!("unknown: {other}").into()),
        }
    }
    compare(&args).await
}

/// Serves as a peer to another process of this program.
async fn drive(words: Vec<String>) -> Result<()> {
    let (name, urls) = words.split_first().ok_or("--drive needs a peer")?;
    if !peer::is_rust(name) {
        return Err(format!("no peer in Rust is called {name}").into());
    }
    let peer = peer::connect(name, urls, &Drivers::default()).await?;
    peers::driver::drive(peer.as_ref()).await
}

async fn compare(args: &Args) -> Result<()> {
    let target = target();
    let drivers = Drivers::fetch(&target);
    let pace = if args.quick {
        Pace {
            rounds: 3,
            run: Duration::from_millis(30),
            patience: Duration::from_secs(5),
            allowance: Duration::from_secs(3),
        }
    } else {
        Pace {
            rounds: 7,
            run: Duration::from_millis(120),
            patience: Duration::from_secs(15),
            allowance: Duration::from_secs(6),
        }
    };
    let works: Vec<_> = work::all(args.quick)
        .into_iter()
        .filter(|work| {
            args.only
                .as_ref()
                .is_none_or(|only| work.name.contains(only))
        })
        .collect();
    let mut bench = Bench::new(Stage::start().await?, drivers, pace);
    let started = Instant::now();
    let mut lines = Vec::new();
    for (index, work) in works.iter().enumerate() {
        let seconds = started.elapsed().as_secs();
        eprintln!(
            "{:>3}/{} {seconds:>4} s  {}",
            index + 1,
            works.len(),
            work.name
        );
        lines.extend(bench.measure(work).await);
        // Each time, so that a run which is broken off has not been for nothing.
        report::write(&target, &lines, args.only.is_some())?;
    }
    drop(bench);
    if !args.quick
        && args
            .only
            .as_ref()
            .is_none_or(|only| cost::NAME.contains(only))
    {
        eprintln!("{}", cost::NAME);
        lines.extend(cost::measure(&target));
    }
    report::print(&lines);
    let file = report::write(&target, &lines, args.only.is_some())?;
    eprintln!("written to {}", file.display());
    Ok(())
}

/// The folder `target/bench` of the workspace around.
fn target() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap_or(root).join("target/bench")
}

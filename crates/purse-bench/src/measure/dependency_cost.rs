//! The cost of a dependency on purse next to one on fred: the time to build a program, and its size.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::protocol::Result;
use crate::report::{Measured, Row};

/// The name of the work, in the table too.
pub(crate) const NAME: &str = "cost of a dependency";

const FRED_MAIN: &str = r#"
use fred::prelude::*;
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = Builder::from_config(Config::from_url("redis://localhost")?).build()?;
    client.init().await?;
    let value: Option<String> = client.lindex("list", 0).await?;
    println!("{value:?}");
    Ok(())
}
"#;

const PURSE_MAIN: &str = r#"
#[tokio::main(flavor = "current_thread")]
async fn main() -> purse::Result<()> {
    let client = purse::Client::connect("redis://localhost").await?;
    let list: purse::RedisList<String> = purse::RedisList::new(&client, "list");
    println!("{:?}", list.get(0).await?);
    Ok(())
}
"#;

struct Cost {
    seconds: f64,
    mebibytes: f64,
}

/// Builds a program with each dependency, and returns a row for the time and one for the size.
pub(crate) fn measure(target: &Path) -> Vec<Row> {
    let facade = Path::new(env!("CARGO_MANIFEST_DIR")).join("../purse");
    let purse = format!("purse = {{ path = {:?} }}", facade.display().to_string());
    let fred = "fred = { version = \"10.1\", default-features = false, features = [\"i-lists\"] }";
    let costs = build(target, "purse", &purse, PURSE_MAIN)
        .and_then(|purse| Ok((purse, build(target, "fred", fred, FRED_MAIN)?)))
        .map_err(|error| error.to_string());
    [
        ("build", "s", (|cost| cost.seconds) as fn(&Cost) -> f64),
        ("size", "MiB", |cost| cost.mebibytes),
    ]
    .into_iter()
    .map(|(what, unit, value)| Row {
        work: format!("{NAME}/{what}"),
        peer: "fred".to_owned(),
        unit: unit.to_owned(),
        outcome: costs
            .as_ref()
            .map_err(String::clone)
            .map(|(purse, fred)| Measured {
                purse: value(purse),
                peer_value: value(fred),
                ratio: value(fred) / value(purse),
                spread: 0.0,
                rounds: 1,
                purse_percentiles: Vec::new(),
                peer_percentiles: Vec::new(),
            }),
    })
    .collect()
}

/// Builds a program without any earlier build of its dependencies.
fn build(target: &Path, name: &str, dependency: &str, main: &str) -> Result<Cost> {
    let folder = target.join("cost").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"cost\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n{dependency}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"rt\"] }}\n\n\
         [profile.release]\nstrip = true\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/main.rs"), main)?;
    run_cargo(&folder, &["fetch"])?;
    let started = Instant::now();
    run_cargo(&folder, &["build", "--release", "--offline"])?;
    let seconds = started.elapsed().as_secs_f64();
    let size = fs::metadata(folder.join("target/release/cost"))?.len();
    Ok(Cost {
        seconds,
        mebibytes: size as f64 / f64::from(1 << 20),
    })
}

fn run_cargo(folder: &Path, args: &[&str]) -> Result<()> {
    let output = Command::new("cargo")
        .args(args)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .current_dir(folder)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
}

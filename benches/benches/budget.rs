//! Counts instructions, and fails where they are more than `budget.json` says.
//!
//! With `--renew`, it writes into the file what it counted.

use std::process::Command;

use purse_benches::{Budget, Counted, Line, Result, table};

fn main() -> Result<()> {
    // cargo adds a word of its own.
    let mut words = std::env::args().skip(1);
    let renew = match words.find(|word| word != "--bench").as_deref() {
        None => false,
        Some("--renew") => true,
        Some(other) => return Err(format!("unknown: {other}").into()),
    };
    let mut budget = Budget::read()?;
    let counted = Counted::now()?;
    let compiler = compiler()?;
    if renew {
        return renewed(&mut budget, &counted, compiler);
    }
    let operations = operations(&budget, &counted);
    println!("{}", table("instructions over fred", &operations));
    let mut codecs = codecs(&budget, &counted);
    println!("{}", table("instructions of codecs", &codecs));
    let with = &budget.codec_instructions.compiler;
    if *with != compiler {
        println!("codecs: not judged here, they were counted with {with}, and this is {compiler}");
        codecs.clear();
    }
    let failed = operations.iter().chain(&codecs);
    match failed.filter(|line| line.has_failed()).count() {
        0 => Ok(()),
        count => Err(format!("{count} over budget; if that is to be, `just budget-renew`").into()),
    }
}

fn operations(budget: &Budget, counted: &Counted) -> Vec<Line> {
    let budget = &budget.instructions_over_fred;
    let lines = counted.operations.iter().map(|it| {
        let most = budget.budget.get(it.name).copied();
        let tolerance = most.unwrap_or_default() * budget.tolerance_percent / 100.0;
        Line::new(it.name, most, tolerance, it.over_fred())
            .goal(budget.goal)
            .remark(format!("purse {:.0}, fred {:.0}", it.purse, it.fred))
    });
    lines.collect()
}

fn codecs(budget: &Budget, counted: &Counted) -> Vec<Line> {
    let budget = &budget.codec_instructions;
    let lines = counted.codecs.iter().map(|it| {
        let most = budget.budget.get(&it.name).map(|most| *most as f64);
        let tolerance = most.unwrap_or_default() * budget.tolerance_percent / 100.0;
        let tolerance = tolerance.max(budget.tolerance_instructions);
        Line::new(&it.name, most, tolerance, it.count as f64)
    });
    lines.collect()
}

fn renewed(budget: &mut Budget, counted: &Counted, compiler: String) -> Result<()> {
    let ratios = counted.operations.iter().map(|it| {
        let ratio = (it.over_fred() * 100.0).round() / 100.0;
        (it.name.to_owned(), ratio)
    });
    budget.instructions_over_fred.budget = ratios.collect();
    let counts = counted.codecs.iter().map(|it| (it.name.clone(), it.count));
    budget.codec_instructions.budget = counts.collect();
    budget.codec_instructions.compiler = compiler;
    budget.write()
}

/// The compiler and for what it compiles, on which counts depend.
fn compiler() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let about = String::from_utf8(Command::new(rustc).arg("-vV").output()?.stdout)?;
    let part = |name: &str| about.lines().find_map(|line| line.strip_prefix(name));
    match (part("release: "), part("host: ")) {
        (Some(release), Some(host)) => Ok(format!("rustc {release} for {host}")),
        _ => Err("rustc does not say which one it is".into()),
    }
}

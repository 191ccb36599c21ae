//! Counts instructions, and fails where they are more than `budget.json` says.
//!
//! With `--renew`, it writes into the file what it counted.

use std::process::Command;

use purse_benches::{Budget, Counted, CountedOperation, Line, Ratios, Result, table};

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
        return renew_budget(&mut budget, &counted, compiler);
    }
    let over_fred = operations(&budget.instructions_over_fred, &counted, |it| {
        (
            it.over_fred(),
            format!("purse {:.0}, fred {:.0}", it.purse, it.fred),
        )
    });
    println!("{}", table("instructions over fred", &over_fred));
    let over_redis_rs = operations(&budget.instructions_over_redis_rs, &counted, |it| {
        let remark = format!("purse {:.0}, redis-rs {:.0}", it.purse, it.redis_rs);
        (it.over_redis_rs(), remark)
    });
    println!("{}", table("instructions over redis-rs", &over_redis_rs));
    let mut codecs = codecs(&budget, &counted);
    println!("{}", table("instructions of codecs", &codecs));
    let with = &budget.codec_instructions.compiler;
    if *with != compiler {
        println!("codecs: not judged here, they were counted with {with}, and this is {compiler}");
        codecs.clear();
    }
    let failed = over_fred.iter().chain(&over_redis_rs).chain(&codecs);
    match failed.filter(|line| line.has_failed()).count() {
        0 => Ok(()),
        count => Err(format!("{count} over budget; if that is to be, `just budget-renew`").into()),
    }
}

/// Returns a line for each operation, with its ratio and what is said beside it.
fn operations(
    budget: &Ratios,
    counted: &Counted,
    judge: impl Fn(&CountedOperation) -> (f64, String),
) -> Vec<Line> {
    let lines = counted.operations.iter().map(|it| {
        let most = budget.budget.get(it.name).copied();
        let tolerance = most.unwrap_or_default() * budget.tolerance_percent / 100.0;
        let (ratio, remark) = judge(it);
        Line::new(it.name, most, tolerance, ratio)
            .goal(budget.goal)
            .remark(remark)
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

fn renew_budget(budget: &mut Budget, counted: &Counted, compiler: String) -> Result<()> {
    let ratios = |ratio: fn(&CountedOperation) -> f64| {
        let ratios = counted.operations.iter().map(|it| {
            let rounded = (ratio(it) * 100.0).round() / 100.0;
            (it.name.to_owned(), rounded)
        });
        ratios.collect()
    };
    budget.instructions_over_fred.budget = ratios(CountedOperation::over_fred);
    budget.instructions_over_redis_rs.budget = ratios(CountedOperation::over_redis_rs);
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

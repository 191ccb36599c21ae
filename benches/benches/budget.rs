//! Counts instructions, and fails if a count exceeds its budget in `budget.json`.
//!
//! With `--renew`, it writes the counts into the file instead.

use std::process::Command;

use purse_benches::{
    Budget, InstructionCounts, OperationCount, RatioBudget, Result, Row, format_table,
};

fn main() -> Result<()> {
    // cargo adds `--bench`.
    let mut args = std::env::args().skip(1);
    let renew = match args.find(|arg| arg != "--bench").as_deref() {
        None => false,
        Some("--renew") => true,
        Some(other) => return Err(format!("unknown argument: {other}").into()),
    };
    let mut budget = Budget::read()?;
    let counts = InstructionCounts::collect()?;
    let compiler = compiler()?;
    if renew {
        return renew_budget(&mut budget, &counts, compiler);
    }
    let over_fred = operation_rows(&budget.instructions_over_fred, &counts, |it| {
        (
            it.over_fred(),
            format!("purse {:.0}, fred {:.0}", it.purse, it.fred),
        )
    });
    println!("{}", format_table("instructions over fred", &over_fred));
    let over_redis_rs = operation_rows(&budget.instructions_over_redis_rs, &counts, |it| {
        let remark = format!("purse {:.0}, redis-rs {:.0}", it.purse, it.redis_rs);
        (it.over_redis_rs(), remark)
    });
    println!(
        "{}",
        format_table("instructions over redis-rs", &over_redis_rs)
    );
    let mut codecs = codec_rows(&budget, &counts);
    println!("{}", format_table("instructions of codecs", &codecs));
    let counted_with = &budget.codec_instructions.compiler;
    if *counted_with != compiler {
        println!(
            "codecs: not checked, because their budgets are for {counted_with} and this is {compiler}"
        );
        codecs.clear();
    }
    let failed = over_fred.iter().chain(&over_redis_rs).chain(&codecs);
    match failed.filter(|row| row.has_failed()).count() {
        0 => Ok(()),
        count => {
            Err(format!("{count} over budget; if that is intended, run `just budget-renew`").into())
        }
    }
}

/// Returns a row for each operation, with the ratio and the remark that `ratio_and_remark` returns.
fn operation_rows(
    budget: &RatioBudget,
    counts: &InstructionCounts,
    ratio_and_remark: impl Fn(&OperationCount) -> (f64, String),
) -> Vec<Row> {
    let rows = counts.operations.iter().map(|it| {
        let most = budget.budget.get(it.name).copied();
        let tolerance = most.unwrap_or_default() * budget.tolerance_percent / 100.0;
        let (ratio, remark) = ratio_and_remark(it);
        Row::new(it.name, most, tolerance, ratio)
            .goal(budget.goal)
            .remark(remark)
    });
    rows.collect()
}

fn codec_rows(budget: &Budget, counts: &InstructionCounts) -> Vec<Row> {
    let budget = &budget.codec_instructions;
    let rows = counts.codecs.iter().map(|it| {
        let most = budget.budget.get(&it.name).map(|most| *most as f64);
        let tolerance = most.unwrap_or_default() * budget.tolerance_percent / 100.0;
        let tolerance = tolerance.max(budget.tolerance_instructions);
        Row::new(&it.name, most, tolerance, it.count as f64)
    });
    rows.collect()
}

fn renew_budget(budget: &mut Budget, counts: &InstructionCounts, compiler: String) -> Result<()> {
    let ratios = |ratio: fn(&OperationCount) -> f64| {
        let ratios = counts.operations.iter().map(|it| {
            let rounded = (ratio(it) * 100.0).round() / 100.0;
            (it.name.to_owned(), rounded)
        });
        ratios.collect()
    };
    budget.instructions_over_fred.budget = ratios(OperationCount::over_fred);
    budget.instructions_over_redis_rs.budget = ratios(OperationCount::over_redis_rs);
    let codecs = counts.codecs.iter().map(|it| (it.name.clone(), it.count));
    budget.codec_instructions.budget = codecs.collect();
    budget.codec_instructions.compiler = compiler;
    budget.write()
}

/// Returns the compiler and its target, on which the counts depend.
fn compiler() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let about = String::from_utf8(Command::new(rustc).arg("-vV").output()?.stdout)?;
    let part = |name: &str| about.lines().find_map(|line| line.strip_prefix(name));
    match (part("release: "), part("host: ")) {
        (Some(release), Some(host)) => Ok(format!("rustc {release} for {host}")),
        _ => Err("`rustc -vV` reports no release or host".into()),
    }
}

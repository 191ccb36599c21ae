//! No operation allocates more over fred's same command than `budget.json` says.
//!
//! With `PURSE_RENEW`, it writes into the file what is counted: `just budget-renew`.

use std::collections::BTreeMap;

use allocation_counter::measure;
use purse_benches::{Budget, Line, Operation, Side, Stage, operations, table};

/// How often each operation is done; the median counts.
const TIMES: usize = 101;

/// How many allocations an operation usually makes, on the only thread that there is.
fn allocations(stage: &Stage, operation: &Operation, side: Side) -> u64 {
    // The first ones make buffers that stay.
    stage.run(operation, side, 20).expect("replies");
    let mut counts = [0; TIMES];
    for count in &mut counts {
        *count = measure(|| stage.run(operation, side, 1).expect("a reply")).count_total;
    }
    counts.sort_unstable();
    counts[TIMES / 2]
}

#[test]
fn no_operation_allocates_more_over_fred_than_its_budget() {
    let stage = Stage::start().expect("a server");
    let mut budget = Budget::read().expect("a budget");
    let mut lines = Vec::new();
    let mut counted = BTreeMap::new();
    for operation in operations() {
        let [purse, fred] = Side::BOTH.map(|side| allocations(&stage, &operation, side));
        assert!(fred > 0, "fred allocates, or nothing is counted");
        let over = purse.cast_signed() - fred.cast_signed();
        let most = budget.allocations_over_fred.budget.get(operation.name());
        lines.push(
            Line::new(
                operation.name(),
                most.map(|most| *most as f64),
                0.0,
                over as f64,
            )
            .goal(budget.allocations_over_fred.goal as f64)
            .remark(format!("purse {purse}, fred {fred}")),
        );
        counted.insert(operation.name().to_owned(), over);
    }
    let table = table("allocations over fred", &lines);
    if std::env::var_os("PURSE_RENEW").is_some() {
        budget.allocations_over_fred.budget = counted;
        budget.write().expect("a file");
        println!("{table}");
        return;
    }
    let failed = lines.iter().any(Line::has_failed);
    assert!(!failed, "if that is to be, `just budget-renew`\n{table}");
}

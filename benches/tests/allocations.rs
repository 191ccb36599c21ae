//! No operation allocates more over the same command of a peer than `budget.json` says.
//!
//! With `PURSE_RENEW`, it writes into the file what is counted: `just budget-renew`.

use std::collections::BTreeMap;

use allocation_counter::measure;
use purse_benches::{Allocations, Budget, Line, Operation, Side, Stage, operations, table};

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

/// Compares the counts with a budget, which it renews; returns the table, and whether a line failed.
fn check(peer: &str, counts: &[(&str, u64, u64)], budget: &mut Allocations) -> (String, bool) {
    let mut lines = Vec::new();
    let mut counted = BTreeMap::new();
    for (name, purse, other) in counts {
        assert!(*other > 0, "{peer} allocates, or nothing is counted");
        let over = purse.cast_signed() - other.cast_signed();
        let most = budget.budget.get(*name).map(|most| *most as f64);
        lines.push(
            Line::new(name, most, 0.0, over as f64)
                .goal(budget.goal as f64)
                .remark(format!("purse {purse}, {peer} {other}")),
        );
        counted.insert((*name).to_owned(), over);
    }
    budget.budget = counted;
    let has_failed = lines.iter().any(Line::has_failed);
    (
        table(&format!("allocations over {peer}"), &lines),
        has_failed,
    )
}

#[test]
fn no_operation_allocates_more_over_its_peers_than_its_budget() {
    let stage = Stage::start().expect("a server");
    let mut budget = Budget::read().expect("a budget");
    let (mut over_fred, mut over_redis_rs) = (Vec::new(), Vec::new());
    for operation in operations() {
        let [purse, fred, redis_rs] = Side::ALL.map(|side| allocations(&stage, &operation, side));
        over_fred.push((operation.name(), purse, fred));
        over_redis_rs.push((operation.name(), purse, redis_rs));
    }
    let fred = check("fred", &over_fred, &mut budget.allocations_over_fred);
    let redis_rs = check(
        "redis-rs",
        &over_redis_rs,
        &mut budget.allocations_over_redis_rs,
    );
    let tables = format!("{}{}", fred.0, redis_rs.0);
    if std::env::var_os("PURSE_RENEW").is_some() {
        budget.write().expect("a file");
        println!("{tables}");
        return;
    }
    let has_failed = fred.1 || redis_rs.1;
    assert!(
        !has_failed,
        "if that is to be, `just budget-renew`\n{tables}"
    );
}

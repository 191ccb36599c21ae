//! Checks the allocations of each operation, minus those of a peer, against `budget.json`.
//!
//! With `PURSE_RENEW`, it writes the counts into the file instead: `just budget-renew`.

use std::collections::BTreeMap;

use allocation_counter::measure;
use purse_benches::{
    AllocationBudget, Budget, Fixture, Library, Operation, Row, format_table, operations,
};

/// The number of times that each operation runs; the median counts.
const REPETITIONS: usize = 101;

/// Returns the median number of allocations of an operation, all of which are on this thread.
fn count_allocations(fixture: &Fixture, operation: &Operation, library: Library) -> u64 {
    // The first runs allocate buffers that are used again.
    fixture.run(operation, library, 20).expect("replies");
    let mut counts = [0; REPETITIONS];
    for count in &mut counts {
        *count = measure(|| fixture.run(operation, library, 1).expect("a reply")).count_total;
    }
    counts.sort_unstable();
    counts[REPETITIONS / 2]
}

/// Compares the counts with a budget, and replaces the budget by them. Returns the table of all rows,
/// and true if a row failed.
fn check(peer: &str, counts: &[(&str, u64, u64)], budget: &mut AllocationBudget) -> (String, bool) {
    let mut rows = Vec::new();
    let mut counted = BTreeMap::new();
    for (name, purse, other) in counts {
        assert!(
            *other > 0,
            "{peer} allocates nothing, so nothing is counted"
        );
        let over = purse.cast_signed() - other.cast_signed();
        let most = budget.budget.get(*name).map(|most| *most as f64);
        rows.push(
            Row::new(name, most, 0.0, over as f64)
                .goal(budget.goal as f64)
                .remark(format!("purse {purse}, {peer} {other}")),
        );
        counted.insert((*name).to_owned(), over);
    }
    budget.budget = counted;
    let has_failed = rows.iter().any(Row::has_failed);
    (
        format_table(&format!("allocations over {peer}"), &rows),
        has_failed,
    )
}

#[test]
fn operation_allocates_within_its_budget() {
    let fixture = Fixture::start().expect("a server");
    let mut budget = Budget::read().expect("a budget");
    let (mut over_fred, mut over_redis_rs) = (Vec::new(), Vec::new());
    for operation in operations() {
        let counts = Library::ALL.map(|library| count_allocations(&fixture, &operation, library));
        let [purse, fred, redis_rs] = counts;
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
        "if that is intended, run `just budget-renew`\n{tables}"
    );
}

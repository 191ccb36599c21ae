//! The panels of each picture, and the works that they show.

use crate::chart::{Axis, Panel, Series};
use crate::results::Results;

/// Returns the rates of single operations by the number of tasks.
pub(crate) fn throughput(results: &Results) -> Vec<Panel> {
    let ops = ["list_append", "list_get", "hash_set", "hash_get"];
    rates(results, ops, "tasks")
}

/// Returns the rates of single operations by the size of the collection.
pub(crate) fn growth(results: &Results) -> Vec<Panel> {
    let ops = ["list_append", "hash_get", "sorted_insert", "space_get"];
    rates(results, ops, "elements")
}

/// Returns the distribution of the times from a release to the next holder.
pub(crate) fn handover(results: &Results) -> Vec<Panel> {
    ["2 waiters", "10 waiters"]
        .map(|waiters| Panel {
            title: format!("{waiters}, three masters"),
            x: Axis::linear("percentile"),
            y: Axis::log("ms from release to the next holder"),
            series: distribution(results, &format!("lock_handover/{waiters}")),
        })
        .into()
}

/// Returns a panel for each operation, over the number of `unit` in the names of its works.
fn rates(results: &Results, ops: [&str; 4], unit: &'static str) -> Vec<Panel> {
    ops.map(|op| Panel {
        title: op.to_owned(),
        x: Axis::log(unit),
        y: Axis::log("op/s"),
        series: by_number(results, op, &format!(" {unit}")),
    })
    .into()
}

/// Returns a series for purse and for each peer, over the number in the names of the works.
fn by_number(results: &Results, op: &str, suffix: &str) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for row in &results.rows {
        let number = row
            .work
            .strip_prefix(op)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|rest| rest.strip_suffix(suffix))
            .and_then(|number| number.parse().ok());
        if let (Some(number), Some(purse), Some(peer)) = (number, row.purse, row.peer_value) {
            Series::add_point(&mut series, "purse", (number, purse));
            Series::add_point(&mut series, &row.peer, (number, peer));
        }
    }
    series
}

/// Returns the percentiles of purse and of each peer in one work.
fn distribution(results: &Results, work: &str) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for row in results.rows.iter().filter(|row| row.work == work) {
        if series.is_empty() && !row.purse_percentiles.is_empty() {
            series.push(Series::new("purse", row.purse_percentiles.clone()));
        }
        if !row.peer_percentiles.is_empty() {
            series.push(Series::new(&row.peer, row.peer_percentiles.clone()));
        }
    }
    series
}

//! The page with the table of all results.

use std::fmt::Write;

use purse_bench::format_short;

use crate::results::{Results, Row};

/// Returns the page: for each work the value of purse, and the ratio to each peer.
pub(crate) fn render(results: &Results) -> String {
    let mut page = format!(
        "# Side by side\n\n{}.\n\n\
         The ratio is the median of the ratios of all rounds. Above 1 purse is better; a ratio in **bold** is one where purse \
         is behind. Before a short run, the same peer did a quarter of it unmeasured, and every other round went \
         from the last peer to the first. Plain sockets are not a library, but requests written by hand: a lower bound \
         for the time of a lock. A work that a peer does not offer has no row; `missing` gives the reason why a row has no number.\n\n\
         ![Throughput by concurrency](throughput.svg)\n\
         ![Handover of a contended lock](handover.svg)\n\
         ![Throughput as size grows](growth.svg)\n\n\
         | work | peer | purse | peer | unit | ratio | spread | rounds |\n\
         |---|---|---|---|---|---|---|---|\n",
        results.about
    );
    for row in &results.rows {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{}", format_row(row));
    }
    page
}

fn format_row(row: &Row) -> String {
    let start = format!("| {} | {} ", row.work, row.peer);
    match (row.purse, row.peer_value, row.ratio) {
        (Some(purse), Some(peer), Some(ratio)) => format!(
            "{start}| {} | {} | {} | {} | {:.0} % | {} |",
            format_short(purse),
            format_short(peer),
            row.unit,
            format_ratio(ratio),
            row.spread.unwrap_or_default() * 100.0,
            row.rounds.unwrap_or_default()
        ),
        _ => {
            let reason = row.missing.as_deref().unwrap_or("not measured");
            let reason = reason.lines().next().unwrap_or_default().replace('|', "/");
            format!("{start}| | | | missing: {reason} | | |")
        }
    }
}

/// Returns the ratio, in bold if purse is behind; a ratio that rounds to 1 is not.
fn format_ratio(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 0.995 => format!("**{ratio:.2}**"),
        ratio if ratio < 10.0 => format!("{ratio:.2}"),
        ratio => format!("{ratio:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_mark_slower_and_missing_values() {
        let text = r#"[
            {"work": "a", "peer": "b", "unit": "op/s", "purse": 9.0, "peer_value": 10.0,
             "ratio": 0.9, "spread": 0.05, "rounds": 7},
            {"work": "a", "peer": "c", "unit": "op/s", "missing": "no\nway"}
        ]"#;
        let rows: Vec<Row> = serde_json::from_str(text).expect("rows");
        let rows: Vec<_> = rows.iter().map(format_row).collect();
        let expected = [
            "| a | b | 9.000 | 10.0 | op/s | **0.90** | 5 % | 7 |",
            "| a | c | | | | missing: no | | |",
        ];
        assert_eq!(rows, expected);
    }
}

//! All that was measured, as a page.

use std::fmt::Write;

use purse_bench::short;

use crate::measured::{Line, Measured};

/// The page: each work with purse's value, and the ratio to each peer.
pub(crate) fn page(measured: &Measured) -> String {
    let mut page = format!(
        "# Side by side\n\n{}.\n\n\
         The ratio is the median of those of all rounds; above 1 purse is better, and **bold** is where it is \
         behind. Before a short run the same peer did a quarter of it unmeasured, and every other round went \
         from the last peer to the first. Plain sockets are no peer, but requests written by hand, without any \
         library: the least that a lock can take. What a peer cannot do has no row; `missing` says why it has no number.\n\n\
         ![Throughput by concurrency](throughput.svg)\n\
         ![Handover of a contended lock](handover.svg)\n\
         ![Throughput as size grows](growth.svg)\n\n\
         | work | peer | purse | peer | unit | ratio | spread | rounds |\n\
         |---|---|---|---|---|---|---|---|\n",
        measured.about
    );
    for line in &measured.lines {
        // To a string it cannot fail.
        let _ = writeln!(page, "{}", row(line));
    }
    page
}

fn row(line: &Line) -> String {
    let start = format!("| {} | {} ", line.work, line.peer);
    match (line.purse, line.peer_value, line.ratio) {
        (Some(purse), Some(peer), Some(ratio)) => format!(
            "{start}| {} | {} | {} | {} | {:.0} % | {} |",
            short(purse),
            short(peer),
            line.unit,
            format_ratio(ratio),
            line.spread.unwrap_or_default() * 100.0,
            line.rounds.unwrap_or_default()
        ),
        _ => {
            let reason = line.missing.as_deref().unwrap_or("not measured");
            let reason = reason.lines().next().unwrap_or_default().replace('|', "/");
            format!("{start}| | | | missing: {reason} | | |")
        }
    }
}

/// A ratio; what rounds to 1 is not behind.
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
        let lines: Vec<Line> = serde_json::from_str(text).expect("lines");
        let rows: Vec<_> = lines.iter().map(row).collect();
        let expected = [
            "| a | b | 9.000 | 10.0 | op/s | **0.90** | 5 % | 7 |",
            "| a | c | | | | missing: no | | |",
        ];
        assert_eq!(rows, expected);
    }
}

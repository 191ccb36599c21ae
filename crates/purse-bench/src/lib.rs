//! What the comparison and its pictures share.

/// A figure with four digits, or with as many as it has before the point.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_any_size_are_short() {
        let shown = [123_456.7, 1_000.0, 99.95, 10.0, 9.876_5, 0.0].map(short);
        assert_eq!(shown, ["123457", "1000", "100.0", "10.0", "9.877", "0.000"]);
    }
}

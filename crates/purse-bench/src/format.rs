//! Numbers as text.

/// Returns the number with four digits, or with all digits before the point if there are more.
pub fn format_short(value: f64) -> String {
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
    fn format_short_keeps_four_digits() {
        let numbers = [123_456.7, 1_000.0, 99.95, 10.0, 9.876_5, 0.0].map(format_short);
        let expected = ["123457", "1000", "100.0", "10.0", "9.877", "0.000"];
        assert_eq!(numbers, expected);
    }
}

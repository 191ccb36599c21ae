//! Medians, quantiles and percentiles.

/// Returns the value below which this part of the values lies, interpolated between two values.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * sorted.len().saturating_sub(1) as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => f64::NAN,
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the interquartile range as a part of the median.
pub(crate) fn relative_spread(values: &[f64]) -> f64 {
    (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)
}

/// Returns the percentiles 0, 5, 10 and so on up to 95, then 96 to 100, each with its value.
pub(crate) fn percentiles(values: &[f64]) -> Vec<(f64, f64)> {
    (0..=19)
        .map(|step| f64::from(step) * 5.0)
        .chain([96.0, 97.0, 98.0, 99.0, 100.0])
        .map(|percent| (percent, quantile(values, percent / 100.0)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_interpolates_between_neighbours() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.0), 1.0);
        assert_eq!(median(&values), 2.5);
        assert_eq!(quantile(&values, 1.0), 4.0);
        assert_eq!(relative_spread(&values), 1.5 / 2.5);
    }

    #[test]
    fn median_of_no_values_is_nan() {
        assert!(median(&[]).is_nan());
    }
}

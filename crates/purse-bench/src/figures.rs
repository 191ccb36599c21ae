//! Medians, quartiles and the like.

/// The value below which this part of the values lies; values between two are interpolated.
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

/// How far the middle half of the values reaches, as a part of their median.
pub(crate) fn spread(values: &[f64]) -> f64 {
    (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)
}

/// Every fifth percentile, and the last ones one by one.
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
    fn quantiles_lie_between_the_values_next_to_them() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.0), 1.0);
        assert_eq!(median(&values), 2.5);
        assert_eq!(quantile(&values, 1.0), 4.0);
        assert_eq!(spread(&values), 1.5 / 2.5);
    }

    #[test]
    fn there_is_no_median_of_nothing() {
        assert!(median(&[]).is_nan());
    }
}

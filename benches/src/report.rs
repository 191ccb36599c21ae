//! Measurements next to their budgets.

use std::fmt;

/// A measurement next to its budget.
#[derive(Debug)]
pub struct Row {
    name: String,
    budget: Option<f64>,
    /// The excess over the budget that is allowed.
    tolerance: f64,
    now: f64,
    goal: Option<f64>,
    remark: String,
}

/// The judgement of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The measurement is within the budget.
    Kept,
    /// The measurement is so far below the budget that the budget should be lowered.
    Better,
    /// There is no budget.
    New,
    /// The measurement exceeds the budget and its tolerance.
    Exceeded,
}

impl Row {
    /// Creates a row for the measurement `now`.
    #[must_use]
    pub fn new(name: &str, budget: Option<f64>, tolerance: f64, now: f64) -> Self {
        Self {
            name: name.to_owned(),
            budget,
            tolerance,
            now,
            goal: None,
            remark: String::new(),
        }
    }

    /// Marks the row if the measurement exceeds `goal`, which is not a failure.
    #[must_use]
    pub const fn goal(mut self, goal: f64) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Adds a remark to the row.
    #[must_use]
    pub fn remark(mut self, remark: String) -> Self {
        self.remark = remark;
        self
    }

    /// Returns the judgement of the row.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.budget {
            None => Verdict::New,
            Some(budget) if self.now > budget + self.tolerance => Verdict::Exceeded,
            Some(budget) if self.now < budget - self.tolerance => Verdict::Better,
            Some(_) => Verdict::Kept,
        }
    }

    /// Returns true if the budget is exceeded or missing.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.verdict(), Verdict::Exceeded | Verdict::New)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (budget, percent) = match self.budget {
            Some(budget) if budget > 0.0 => (
                format_short(budget),
                format!("{:+.1} %", (self.now / budget - 1.0) * 100.0),
            ),
            Some(budget) => (format_short(budget), String::new()),
            None => ("none".to_owned(), String::new()),
        };
        let now = format_short(self.now);
        write!(f, "{:<26} {budget:>9} {now:>9} {percent:>9}", self.name)?;
        write!(f, "  {:<24}", self.remark)?;
        match self.verdict() {
            Verdict::Kept => {}
            Verdict::Better => f.write_str("  better")?,
            Verdict::New => f.write_str("  NO BUDGET")?,
            Verdict::Exceeded => f.write_str("  EXCEEDED")?,
        }
        match self.goal {
            Some(goal) if self.now > goal => write!(f, "  over the goal of {}", format_short(goal)),
            _ => Ok(()),
        }
    }
}

/// Returns a whole number without a fraction, and another number with three digits of it.
fn format_short(value: f64) -> String {
    match value.fract() == 0.0 {
        true => format!("{value:.0}"),
        false => format!("{value:.3}"),
    }
}

/// Returns all rows as a table with a heading.
#[must_use]
pub fn format_table(heading: &str, rows: &[Row]) -> String {
    let mut table = format!("{heading:<26} {:>9} {:>9} {:>9}\n", "budget", "now", "more");
    for row in rows {
        table.push_str(row.to_string().trim_end());
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_above_tolerance_fails_and_below_it_is_reported() {
        let verdict = |now| Row::new("it", Some(100.0), 5.0, now).verdict();
        assert_eq!(verdict(105.0), Verdict::Kept);
        assert_eq!(verdict(95.0), Verdict::Kept);
        assert_eq!(verdict(106.0), Verdict::Exceeded);
        assert_eq!(verdict(94.0), Verdict::Better);
    }

    #[test]
    fn row_without_budget_fails() {
        assert!(Row::new("it", None, 5.0, 1.0).has_failed());
        assert!(!Row::new("it", Some(1.0), 0.0, 1.0).has_failed());
    }

    #[test]
    fn row_shows_all_values() {
        let row = Row::new("list_get", Some(1.0), 0.25, 1.5).goal(1.25);
        let row = row.remark("purse 3, fred 2".to_owned()).to_string();
        for part in [
            "list_get", "1.500", "+50.0 %", "fred 2", "EXCEEDED", "1.250",
        ] {
            assert!(row.contains(part), "no {part} in: {row}");
        }
    }
}

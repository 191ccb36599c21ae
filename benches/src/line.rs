//! What was measured next to what may be spent.

use std::fmt;

/// One thing that was measured, and its budget.
#[derive(Debug)]
pub struct Line {
    name: String,
    budget: Option<f64>,
    /// How much more than the budget is no failure.
    tolerance: f64,
    now: f64,
    goal: Option<f64>,
    remark: String,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do.
    Kept,
    /// So much less that the budget should be lowered.
    Better,
    /// There is no budget for it.
    New,
    /// More than the budget and its tolerance.
    Exceeded,
}

impl Line {
    /// What costs `now`; without a budget for it, which is to be seen.
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

    /// Says so where it is more than `goal`, which is no failure.
    #[must_use]
    pub const fn goal(mut self, goal: f64) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Adds what else there is to say.
    #[must_use]
    pub fn remark(mut self, remark: String) -> Self {
        self.remark = remark;
        self
    }

    /// What there is to say.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.budget {
            None => Verdict::New,
            Some(budget) if self.now > budget + self.tolerance => Verdict::Exceeded,
            Some(budget) if self.now < budget - self.tolerance => Verdict::Better,
            Some(_) => Verdict::Kept,
        }
    }

    /// Whether the budget is exceeded, or missing.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.verdict(), Verdict::Exceeded | Verdict::New)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (budget, percent) = match self.budget {
            Some(budget) if budget > 0.0 => (
                short(budget),
                format!("{:+.1} %", (self.now / budget - 1.0) * 100.0),
            ),
            Some(budget) => (short(budget), String::new()),
            None => ("none".to_owned(), String::new()),
        };
        let now = short(self.now);
        write!(f, "{:<26} {budget:>9} {now:>9} {percent:>9}", self.name)?;
        write!(f, "  {:<24}", self.remark)?;
        match self.verdict() {
            Verdict::Kept => {}
            Verdict::Better => f.write_str("  better")?,
            Verdict::New => f.write_str("  NO BUDGET")?,
            Verdict::Exceeded => f.write_str("  EXCEEDED")?,
        }
        match self.goal {
            Some(goal) if self.now > goal => write!(f, "  over the goal of {}", short(goal)),
            _ => Ok(()),
        }
    }
}

/// Whole numbers without a fraction, others with three digits of it.
fn short(value: f64) -> String {
    match value.fract() == 0.0 {
        true => format!("{value:.0}"),
        false => format!("{value:.3}"),
    }
}

/// All lines under one heading.
#[must_use]
pub fn table(heading: &str, lines: &[Line]) -> String {
    let mut table = format!("{heading:<26} {:>9} {:>9} {:>9}\n", "budget", "now", "more");
    for line in lines {
        table.push_str(line.to_string().trim_end());
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_above_tolerance_fails_and_below_it_is_reported() {
        let verdict = |now| Line::new("it", Some(100.0), 5.0, now).verdict();
        assert_eq!(verdict(105.0), Verdict::Kept);
        assert_eq!(verdict(95.0), Verdict::Kept);
        assert_eq!(verdict(106.0), Verdict::Exceeded);
        assert_eq!(verdict(94.0), Verdict::Better);
    }

    #[test]
    fn line_without_budget_fails() {
        assert!(Line::new("it", None, 5.0, 1.0).has_failed());
        assert!(!Line::new("it", Some(1.0), 0.0, 1.0).has_failed());
    }

    #[test]
    fn line_shows_all_values() {
        let line = Line::new("list_get", Some(1.0), 0.25, 1.5).goal(1.25);
        let line = line.remark("purse 3, fred 2".to_owned()).to_string();
        for part in [
            "list_get", "1.500", "+50.0 %", "fred 2", "EXCEEDED", "1.250",
        ] {
            assert!(line.contains(part), "no {part} in: {line}");
        }
    }
}

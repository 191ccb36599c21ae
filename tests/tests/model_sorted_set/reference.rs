//! The map that a sorted set is compared with.

use std::collections::HashMap;
use std::ops::{Bound, RangeBounds};

use purse::{Aggregate, Condition};

use super::{Element, Limit, Ranks, Scores};

#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Model(pub(super) HashMap<String, f64>);

impl Model {
    /// All in order.
    pub(super) fn to_sorted(&self) -> Vec<(String, f64)> {
        let mut all: Vec<_> = self.0.clone().into_iter().collect();
        all.sort_by(|(one, low), (other, high)| {
            let scores = low.partial_cmp(high).expect("no score is NaN");
            scores.then_with(|| one.as_bytes().cmp(other.as_bytes()))
        });
        all
    }

    pub(super) fn take(&mut self, elements: &[(String, f64)]) {
        for (element, _) in elements {
            self.0.remove(element);
        }
    }

    /// Inserts an element; returns true if it is new, and true if its score has changed.
    pub(super) fn insert(
        &mut self,
        element: Element,
        score: f64,
        condition: Condition,
    ) -> (bool, bool) {
        let old = self.0.get(element).copied();
        let holds = match (condition, old) {
            (Condition::Always, _) => true,
            (Condition::OnlyNew, old) => old.is_none(),
            (Condition::OnlyExisting, old) => old.is_some(),
            (_, None) => true,
            (Condition::OnlyGreater, Some(old)) => score > old,
            (Condition::OnlyLess, Some(old)) => score < old,
            (unknown, Some(_)) => panic!("no model of {unknown:?}"),
        };
        if holds {
            self.0.insert(element.to_owned(), score);
        }
        (
            holds && old.is_none(),
            holds && old.is_some_and(|old| old != score),
        )
    }

    /// The new score; `None` if it would be no number.
    pub(super) fn increment(&mut self, element: Element, by: f64) -> Option<f64> {
        let sum = self.0.get(element).copied().unwrap_or(0.0) + by;
        (!sum.is_nan()).then(|| {
            self.0.insert(element.to_owned(), sum);
            sum
        })
    }

    /// The new score, where the condition holds; an error if it would be no number.
    pub(super) fn increment_if(
        &mut self,
        element: Element,
        by: f64,
        condition: Condition,
    ) -> Result<Option<f64>, ()> {
        let old = self.0.get(element).copied();
        let sum = old.unwrap_or(0.0) + by;
        let fails = match (condition, old) {
            (Condition::OnlyNew, Some(_)) | (Condition::OnlyExisting, None) => true,
            (Condition::OnlyGreater, Some(old)) => sum <= old,
            (Condition::OnlyLess, Some(old)) => sum >= old,
            _ => false,
        };
        if fails {
            return Ok(None);
        }
        self.increment(element, by).map(Some).ok_or(())
    }

    pub(super) fn by_rank(&self, ranks: Ranks) -> Vec<(String, f64)> {
        Self::ranked(self.to_sorted(), ranks)
    }

    pub(super) fn by_rank_from_top(&self, ranks: Ranks) -> Vec<(String, f64)> {
        Self::ranked(reverse_if(self.to_sorted(), true), ranks)
    }

    fn ranked(all: Vec<(String, f64)>, (first, last): Ranks) -> Vec<(String, f64)> {
        let length = i64::try_from(all.len()).expect("few");
        // A negative bound counts from the end: -1 is the last, and what follows it is the end.
        let place = |rank: i64| if rank < 0 { rank + length } else { rank };
        let from = match first {
            Bound::Unbounded => 0,
            Bound::Included(rank) => place(rank),
            Bound::Excluded(rank) => place(rank) + 1,
        };
        let to = match last {
            Bound::Unbounded => length,
            Bound::Included(rank) => place(rank) + 1,
            Bound::Excluded(rank) => place(rank),
        };
        let ranked = (0..length).zip(all);
        let ranked = ranked.filter(|(rank, _)| (from..to).contains(rank));
        ranked.map(|(_, element)| element).collect()
    }

    pub(super) fn by_score(&self, scores: Scores) -> Vec<(String, f64)> {
        let mut all = self.to_sorted();
        all.retain(|(_, score)| scores.contains(score));
        all
    }

    pub(super) fn combine(
        &self,
        weights: [f64; 2],
        how: Aggregate,
        other: &Self,
        union: bool,
    ) -> Self {
        // A sum that would be no number is zero.
        let number = |n: f64| if n.is_nan() { 0.0 } else { n };
        let [own, its] = weights;
        let mut combined = HashMap::new();
        for element in self.0.keys().chain(other.0.keys()) {
            let mine = self.0.get(element).map(|score| score * own);
            let theirs = other.0.get(element).map(|score| score * its);
            let score = match (mine, theirs, how) {
                (Some(mine), Some(theirs), Aggregate::Sum) => number(mine + theirs),
                (Some(mine), Some(theirs), Aggregate::Min) => mine.min(theirs),
                (Some(mine), Some(theirs), Aggregate::Max) => mine.max(theirs),
                (one, other, _) if union => one.or(other).expect("it is in one of them"),
                _ => continue,
            };
            combined.insert(element.clone(), score);
        }
        Self(combined)
    }
}

pub(super) fn reverse_if<T>(mut elements: Vec<T>, reversed: bool) -> Vec<T> {
    if reversed {
        elements.reverse();
    }
    elements
}

pub(super) fn apply_limit<T>(elements: Vec<T>, limit: Limit) -> Vec<T> {
    let (offset, count) = limit.unwrap_or((0, u64::MAX));
    let most = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    elements
        .into_iter()
        .skip(most(offset))
        .take(most(count))
        .collect()
}

pub(super) fn values(elements: Vec<(String, f64)>) -> Vec<String> {
    elements.into_iter().map(|(element, _)| element).collect()
}

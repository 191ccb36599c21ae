//! The faults to come, drawn from a seed: the same seed gives the same plan.

use std::time::Duration;

use fastrand::Rng;

use crate::fault::Fault;

/// The faults that happen at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Round {
    /// Masters, each with its fault and the duration of the fault.
    Masters(Vec<(usize, Fault, Duration)>),
    /// A contender process is stopped for longer than the ttl while it holds a lock.
    StopContender(usize),
    /// A contender process is killed, and another is started in its place.
    KillContender(usize),
}

/// An endless iterator over rounds, each with the pause after it.
#[derive(Clone, Debug)]
pub struct Plan {
    random: Rng,
    masters: usize,
    processes: usize,
    faults: &'static [Fault],
    max_masters: usize,
}

impl Plan {
    /// Creates a plan from a seed. At most a minority of the masters is at fault at a time, or the only
    /// master.
    #[must_use]
    pub fn new(seed: u64, masters: usize, processes: usize, faults: &'static [Fault]) -> Self {
        Self {
            random: Rng::with_seed(seed),
            masters,
            processes,
            faults,
            max_masters: (masters.saturating_sub(1) / 2).max(1),
        }
    }

    /// Allows faults of all masters at a time.
    #[must_use]
    pub const fn allow_majority(mut self) -> Self {
        self.max_masters = self.masters;
        self
    }

    /// Draws the duration of a fault in milliseconds. It is usually less than a ttl, and sometimes more,
    /// so that requests that were held back arrive after the lease has ended.
    fn draw_duration(&mut self) -> u64 {
        match self.random.u8(..10) {
            0 => self.random.u64(1_000..1_800),
            _ => self.random.u64(20..400),
        }
    }

    fn draw_round(&mut self) -> Round {
        match self.random.u8(..40) {
            0 => Round::StopContender(self.random.usize(..self.processes)),
            1 => Round::KillContender(self.random.usize(..self.processes)),
            _ => {
                let count = self.random.usize(1..=self.max_masters);
                let masters = self.random.choose_multiple(0..self.masters, count);
                let at_fault = masters.into_iter().map(|master| {
                    let fault = self.faults[self.random.usize(..self.faults.len())];
                    (master, fault, Duration::from_millis(self.draw_duration()))
                });
                Round::Masters(at_fault.collect())
            }
        }
    }
}

impl Iterator for Plan {
    type Item = (Round, Duration);

    fn next(&mut self) -> Option<Self::Item> {
        let round = self.draw_round();
        Some((round, Duration::from_millis(self.random.u64(20..250))))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fault::{DATA_LOSS, TOLERATED};

    fn rounds(seed: u64) -> Vec<(Round, Duration)> {
        Plan::new(seed, 5, 3, TOLERATED).take(500).collect()
    }

    #[test]
    fn plan_depends_only_on_seed() {
        assert_eq!(rounds(7), rounds(7));
        assert_ne!(rounds(7), rounds(8));
    }

    #[test]
    fn few_faults_last_longer_than_a_second() {
        let times = rounds(7).into_iter().flat_map(|(round, _)| match round {
            Round::Masters(faults) => faults.into_iter().map(|fault| fault.2).collect(),
            _ => Vec::new(),
        });
        let (long, short): (Vec<_>, Vec<_>) = times.partition(|time| time.as_secs() >= 1);
        assert!(!long.is_empty() && long.len() * 4 < short.len());
    }

    #[test]
    fn all_faults_occur_on_a_minority_at_most() {
        let mut seen = BTreeSet::new();
        let (mut stopped, mut killed, mut both) = (0, 0, 0);
        for (round, _) in rounds(7) {
            match round {
                Round::StopContender(process) => stopped += usize::from(process < 3),
                Round::KillContender(process) => killed += usize::from(process < 3),
                Round::Masters(faults) => {
                    let masters: BTreeSet<_> = faults.iter().map(|fault| fault.0).collect();
                    assert_eq!(masters.len(), faults.len());
                    assert!((1..=2).contains(&masters.len()) && masters.iter().all(|&n| n < 5));
                    both += usize::from(masters.len() == 2);
                    seen.extend(faults.iter().map(|fault| fault.1));
                }
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), TOLERATED);
        assert!(stopped > 0 && killed > 0 && both > 0);
    }

    #[test]
    fn allow_majority_puts_all_masters_at_fault() {
        let mut plan = Plan::new(1, 3, 1, DATA_LOSS).allow_majority();
        assert!(
            plan.any(|(round, _)| matches!(round, Round::Masters(faults) if faults.len() == 3))
        );
    }

    #[test]
    fn single_master_has_faults_too() {
        let mut plan = Plan::new(1, 1, 1, TOLERATED);
        assert!(plan.any(|(round, _)| matches!(round, Round::Masters(faults) if faults[0].0 == 0)));
    }
}

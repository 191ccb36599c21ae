//! Which faults come, drawn from a seed: the same seed gives the same plan.

use std::time::Duration;

use fastrand::Rng;

/// What can befall a master, or the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// Killed like `kill -9`, and started again.
    Kill,
    /// Stopped like Ctrl-Z, and resumed.
    Pause,
    /// Nothing gets through either way, and comes late once the network is whole again.
    BlackHole,
    /// Requests get through, their replies do not.
    Mute,
    /// The connections that there are go silent without an end; new ones work.
    HalfOpen,
    /// All takes longer.
    Delay,
    /// The next replies are lost after their commands ran.
    LostReply,
    /// The connections are closed on the way.
    Close,
    /// The server closes the connections (`CLIENT KILL`).
    ClientKill,
    /// The scripts are forgotten (`SCRIPT FLUSH`).
    ScriptFlush,
    /// No memory for writes (`maxmemory`).
    OutOfMemory,
    /// No writes, as to a replica (`REPLICAOF`).
    ReadOnly,
    /// The server loads its data.
    Loading,
    /// All data are gone (`FLUSHALL`): a lock without fences does not bear it.
    FlushAll,
}

/// What every lock bears on servers that write each change to disk.
pub const HARMLESS: &[Fault] = &[
    Fault::Kill,
    Fault::Pause,
    Fault::BlackHole,
    Fault::Mute,
    Fault::HalfOpen,
    Fault::Delay,
    Fault::LostReply,
    Fault::Close,
    Fault::ClientKill,
    Fault::ScriptFlush,
    Fault::OutOfMemory,
    Fault::ReadOnly,
    Fault::Loading,
];

/// What takes the data of a server with it that does not write them to disk, among what does not. A
/// lock bears it, since a master that came back without its data is kept from voting.
pub const RESTARTS: &[Fault] = &[Fault::Kill, Fault::Kill, Fault::Pause, Fault::ClientKill];

/// What takes locks with it, among what does not.
pub const FORGETFUL: &[Fault] = &[Fault::FlushAll, Fault::FlushAll, Fault::Delay, Fault::Mute];

/// What befalls at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Round {
    /// Masters, each with its fault and how long it lasts.
    Masters(Vec<(usize, Fault, Duration)>),
    /// A process is stopped for longer than the ttl while it holds a lock.
    StopHolder(usize),
    /// A process is killed, and another started in its place.
    KillHolder(usize),
}

/// The rounds to come, and how long the pause after each is; it does not end.
#[derive(Clone, Debug)]
pub struct Plan {
    random: Rng,
    masters: usize,
    processes: usize,
    faults: &'static [Fault],
    most: usize,
}

impl Plan {
    /// Draws from a seed. At most a minority of the masters is at fault at a time, or the one that
    /// there is.
    #[must_use]
    pub fn new(seed: u64, masters: usize, processes: usize, faults: &'static [Fault]) -> Self {
        Self {
            random: Rng::with_seed(seed),
            masters,
            processes,
            faults,
            most: (masters.saturating_sub(1) / 2).max(1),
        }
    }

    /// Lets all masters be at fault at a time.
    #[must_use]
    pub const fn without_mercy(mut self) -> Self {
        self.most = self.masters;
        self
    }

    /// How long a fault lasts, in milliseconds: as a rule less than a ttl, and sometimes more, so
    /// that what was held up in it comes after the lock's end.
    fn time(&mut self) -> u64 {
        match self.random.u8(..10) {
            0 => self.random.u64(1_000..1_800),
            _ => self.random.u64(20..400),
        }
    }

    fn round(&mut self) -> Round {
        match self.random.u8(..40) {
            0 => Round::StopHolder(self.random.usize(..self.processes)),
            1 => Round::KillHolder(self.random.usize(..self.processes)),
            _ => {
                let count = self.random.usize(1..=self.most);
                let masters = self.random.choose_multiple(0..self.masters, count);
                let at_fault = masters.into_iter().map(|master| {
                    let fault = self.faults[self.random.usize(..self.faults.len())];
                    (master, fault, Duration::from_millis(self.time()))
                });
                Round::Masters(at_fault.collect())
            }
        }
    }
}

impl Iterator for Plan {
    type Item = (Round, Duration);

    fn next(&mut self) -> Option<Self::Item> {
        let round = self.round();
        Some((round, Duration::from_millis(self.random.u64(20..250))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn rounds(seed: u64) -> Vec<(Round, Duration)> {
        Plan::new(seed, 5, 3, HARMLESS).take(500).collect()
    }

    #[test]
    fn plan_depends_only_on_seed() {
        assert_eq!(rounds(7), rounds(7));
        assert_ne!(rounds(7), rounds(8));
    }

    #[test]
    fn some_faults_last_longer_than_a_second_and_most_do_not() {
        let times = rounds(7).into_iter().flat_map(|(round, _)| match round {
            Round::Masters(faults) => faults.into_iter().map(|fault| fault.2).collect(),
            _ => Vec::new(),
        });
        let (long, short): (Vec<_>, Vec<_>) = times.partition(|time| time.as_secs() >= 1);
        assert!(!long.is_empty() && long.len() * 4 < short.len());
    }

    #[test]
    fn all_faults_come_and_never_to_more_than_a_minority() {
        let mut seen = BTreeSet::new();
        let (mut stopped, mut killed, mut both) = (0, 0, 0);
        for (round, _) in rounds(7) {
            match round {
                Round::StopHolder(process) => stopped += usize::from(process < 3),
                Round::KillHolder(process) => killed += usize::from(process < 3),
                Round::Masters(faults) => {
                    let masters: BTreeSet<_> = faults.iter().map(|fault| fault.0).collect();
                    assert_eq!(masters.len(), faults.len());
                    assert!((1..=2).contains(&masters.len()) && masters.iter().all(|&n| n < 5));
                    both += usize::from(masters.len() == 2);
                    seen.extend(faults.iter().map(|fault| fault.1));
                }
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), HARMLESS);
        assert!(stopped > 0 && killed > 0 && both > 0);
    }

    #[test]
    fn without_mercy_a_majority_has_its_faults_at_once() {
        let mut plan = Plan::new(1, 3, 1, FORGETFUL).without_mercy();
        assert!(
            plan.any(|(round, _)| matches!(round, Round::Masters(faults) if faults.len() == 3))
        );
    }

    #[test]
    fn a_single_master_has_its_faults_too() {
        let mut plan = Plan::new(1, 1, 1, HARMLESS);
        assert!(plan.any(|(round, _)| matches!(round, Round::Masters(faults) if faults[0].0 == 0)));
    }
}

//! The results of the masters' votes: pure functions, without clock or network.

use std::time::Duration;

use purse_lease::LeaseInstant;

/// Returns the size of a quorum: more than half of all masters.
pub(crate) const fn quorum(masters: usize) -> usize {
    masters / 2 + 1
}

/// The answer of one master in one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vote {
    /// Yes: our token was set, extended, or deleted.
    Granted,
    /// No: the key holds another token, or does not exist.
    Refused,
    /// No answer, or an error: the action may or may not have taken effect.
    Failed,
}

/// The result of the votes on an acquisition.
///
/// It does not depend on the order of the votes: an early result is the one that all votes would
/// give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acquisition {
    /// The pending votes decide.
    Undecided,
    /// A quorum granted.
    Acquired,
    /// A quorum answered, so the masters are reachable, but not enough of them granted.
    Held,
    /// Fewer than a quorum answered, so no client could have acquired the lock.
    NoQuorum,
}

/// The result of the votes on an extension or a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Possession {
    /// The pending votes decide.
    Undecided,
    /// A quorum had our token.
    Held,
    /// So many masters did not have our token that all others together are not a quorum.
    Gone,
    /// The result depends on masters that did not answer.
    Unknown,
}

/// The votes of one round so far.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    masters: usize,
    granted: usize,
    refused: usize,
    failed: usize,
}

impl Tally {
    pub(crate) const fn new(masters: usize) -> Self {
        Self {
            masters,
            granted: 0,
            refused: 0,
            failed: 0,
        }
    }

    pub(crate) const fn add(&mut self, vote: Vote) {
        match vote {
            Vote::Granted => self.granted += 1,
            Vote::Refused => self.refused += 1,
            Vote::Failed => self.failed += 1,
        }
    }

    pub(crate) const fn grants(&self) -> usize {
        self.granted
    }

    pub(crate) const fn refusals(&self) -> usize {
        self.refused
    }

    pub(crate) const fn quorum(&self) -> usize {
        quorum(self.masters)
    }

    pub(crate) const fn pending(&self) -> usize {
        self.masters - self.granted - self.refused - self.failed
    }

    /// Returns how many masters may be missing from a quorum.
    pub(crate) const fn spare(&self) -> usize {
        self.masters - self.quorum()
    }

    /// Returns whether a quorum cannot grant any more, for every outcome of the pending votes.
    pub(crate) const fn is_impossible(&self) -> bool {
        self.granted + self.pending() < self.quorum()
    }

    /// Returns whether some masters granted to us and some to others, so that perhaps no client has
    /// a quorum.
    pub(crate) const fn is_split(&self) -> bool {
        self.granted > 0 && self.refused > 0
    }

    pub(crate) const fn acquisition(&self) -> Acquisition {
        if self.granted >= self.quorum() {
            Acquisition::Acquired
        } else if self.failed > self.spare() {
            Acquisition::NoQuorum
        } else if self.is_impossible() && self.granted + self.refused >= self.quorum() {
            Acquisition::Held
        } else {
            Acquisition::Undecided
        }
    }

    pub(crate) const fn possession(&self) -> Possession {
        if self.granted >= self.quorum() {
            Possession::Held
        } else if self.refused > self.spare() {
            Possession::Gone
        } else if self.is_impossible() && self.refused + self.pending() <= self.spare() {
            Possession::Unknown
        } else {
            Possession::Undecided
        }
    }
}

/// Returns whether a lease that ends at `until` has at least `minimum` left at `now`.
pub(crate) fn is_worth_having(until: LeaseInstant, now: LeaseInstant, minimum: Duration) -> bool {
    until.saturating_duration_since(now) >= minimum
}

/// Returns the time until a quorum may be free, given the time of each master that answered.
pub(crate) fn retry_after(mut free_in: Vec<Duration>, needed: usize) -> Option<Duration> {
    free_in.sort_unstable();
    free_in.get(needed.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use purse_lease::valid_until;

    use super::*;

    const VOTES: [Vote; 3] = [Vote::Granted, Vote::Refused, Vote::Failed];

    /// Returns every sequence of `n` votes: all 3^n vectors, which include all their orders.
    fn sequences(n: usize) -> Vec<Vec<Vote>> {
        (0..n).fold(vec![Vec::new()], |shorter, _| {
            shorter
                .iter()
                .flat_map(|start| VOTES.map(|vote| [start.as_slice(), &[vote]].concat()))
                .collect()
        })
    }

    fn count(votes: &[Vote], wanted: Vote) -> usize {
        votes.iter().filter(|vote| **vote == wanted).count()
    }

    fn tally(masters: usize, votes: &[Vote]) -> Tally {
        let mut tally = Tally::new(masters);
        votes.iter().for_each(|vote| tally.add(*vote));
        tally
    }

    /// Computes the result from its definition, in terms of a whole vector and "more than half".
    fn acquisition(votes: &[Vote]) -> Acquisition {
        let n = votes.len();
        if 2 * count(votes, Vote::Granted) > n {
            Acquisition::Acquired
        } else if 2 * (n - count(votes, Vote::Failed)) > n {
            Acquisition::Held
        } else {
            Acquisition::NoQuorum
        }
    }

    fn possession(votes: &[Vote]) -> Possession {
        let n = votes.len();
        if 2 * count(votes, Vote::Granted) > n {
            Possession::Held
        } else if 2 * (n - count(votes, Vote::Refused)) > n {
            Possession::Unknown
        } else {
            Possession::Gone
        }
    }

    /// Returns the result that all ways to complete `votes` have in common, if there is one.
    fn common_result<V: PartialEq + Copy>(
        n: usize,
        votes: &[Vote],
        whole: fn(&[Vote]) -> V,
    ) -> Option<V> {
        let mut verdicts = sequences(n - votes.len())
            .into_iter()
            .map(|rest| whole(&[votes, &rest].concat()));
        let first = verdicts.next()?;
        verdicts.all(|verdict| verdict == first).then_some(first)
    }

    #[test]
    fn quorum_is_more_than_half() {
        assert_eq!([1, 2, 3, 4, 5, 6, 7].map(quorum), [1, 2, 2, 3, 3, 4, 4]);
    }

    #[test]
    fn tally_every_sequence_is_decided_as_early_as_possible() {
        for n in 1..=6 {
            for votes in sequences(n) {
                for seen in 0..=n {
                    let (seen, tally) = (&votes[..seen], tally(n, &votes[..seen]));
                    assert_eq!(
                        tally.acquisition(),
                        common_result(n, seen, acquisition).unwrap_or(Acquisition::Undecided),
                        "{seen:?} of {n}"
                    );
                    assert_eq!(
                        tally.possession(),
                        common_result(n, seen, possession).unwrap_or(Possession::Undecided),
                        "{seen:?} of {n}"
                    );
                    let may_win =
                        common_result(n, seen, |votes| acquisition(votes) == Acquisition::Acquired);
                    assert_eq!(
                        tally.is_impossible(),
                        may_win == Some(false),
                        "{seen:?} of {n}"
                    );
                }
            }
        }
    }

    #[test]
    fn two_contenders_never_both_acquire() {
        for n in 1..=5 {
            for votes in sequences(n) {
                // What is granted to us is refused to the other client, at best.
                let others: Vec<_> = votes
                    .iter()
                    .map(|vote| match vote {
                        Vote::Granted => Vote::Refused,
                        Vote::Refused | Vote::Failed => Vote::Granted,
                    })
                    .collect();
                let both = [&votes, &others].map(|votes| tally(n, votes).acquisition());
                assert_ne!(both, [Acquisition::Acquired; 2], "{votes:?}");
            }
        }
    }

    #[test]
    fn acquisition_distinguishes_held_from_no_quorum() {
        use Vote::{Failed, Granted, Refused};
        for (votes, verdict) in [
            ([Granted, Refused, Failed], Acquisition::Held),
            ([Failed, Refused, Refused], Acquisition::Held),
            ([Refused, Failed, Failed], Acquisition::NoQuorum),
            ([Granted, Failed, Failed], Acquisition::NoQuorum),
        ] {
            assert_eq!(tally(3, &votes).acquisition(), verdict, "{votes:?}");
        }
        assert!(tally(3, &[Granted, Refused, Failed]).is_split());
        assert!(!tally(3, &[Refused, Refused, Failed]).is_split());
    }

    #[test]
    fn lease_is_worth_having_until_minimum_is_left() {
        let start = LeaseInstant::now();
        let ttl = Duration::from_secs(10);
        let until = valid_until(start, ttl);
        let now = start + Duration::from_millis(9_888);
        assert!(is_worth_having(until, now, Duration::from_millis(10)));
        assert!(!is_worth_having(until, now, Duration::from_millis(11)));
        assert!(!is_worth_having(
            until,
            start + ttl,
            Duration::from_millis(1)
        ));
    }

    #[test]
    fn retry_after_is_when_quorum_is_free() {
        let ms = Duration::from_millis;
        assert_eq!(retry_after(vec![ms(30), ms(10), ms(20)], 2), Some(ms(20)));
        assert_eq!(retry_after(vec![ms(30)], 2), None);
        assert_eq!(retry_after(vec![ms(0), ms(0), ms(9)], 2), Some(ms(0)));
    }
}

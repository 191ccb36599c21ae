//! Every way that acquiring, extending, releasing, expiry, restarts and clocks can mix, on three
//! masters: where the lock keeps its promises, where it cannot, and that fences help there.
//!
//! The decisions are the crate's own; the masters do what the scripts do. Requests arrive late,
//! twice, out of order or never; clocks run as unevenly as the allowance for drift permits; clients
//! stop at any point. Each test visits all states there are, within its bounds, so that `always`
//! is meant literally.

mod actions;
mod client;
mod state;
mod world;

use stateright::{Checker, Expectation, Model, Property};

use actions::Action;
use client::{Client, Phase};
use state::{MASTERS, State, number};

/// The parts of the lock; each is left out once, to see the model find what it is for.
#[derive(Clone, Copy)]
struct Rules {
    /// The votes of a master that came back without its data do not count for a ttl.
    quarantine: bool,
    /// A fence is written back to a quorum before the lock is given out.
    writes_back: bool,
    /// A master whose counter is above a fence does not agree to it.
    agrees_exactly: bool,
    /// A lease ends a ttl after its first request was sent, not after the answers came.
    counts_from_first_send: bool,
    /// An extension that comes too late changes nothing.
    lost_is_final: bool,
    /// A release counts only once the request that it undoes cannot arrive any more.
    releases_wait: bool,
}

const ALL: Rules = Rules {
    quarantine: true,
    writes_back: true,
    agrees_exactly: true,
    counts_from_first_send: true,
    lost_is_final: true,
    releases_wait: true,
};

/// The lock and what may happen to it.
#[derive(Clone, Copy)]
struct Lock {
    clients: usize,
    is_fenced: bool,
    extends: bool,
    writes: bool,
    /// The protected resource refuses a smaller fence than it has seen.
    checks_fences: bool,
    /// Clients give up single requests, too. That changes little: one that fails helps nobody to a
    /// lock, and to give all of them up is always possible.
    times_out: bool,
    /// Replies are in flight for a time of their own.
    has_slow_replies: bool,
    duplicates: u8,
    restarts: u8,
    jumps: u8,
    /// The counts of the masters at the start: all of these are tried.
    counts: &'static [[u8; MASTERS]],
    /// The number of masters whose clocks run fast: all of these are tried.
    fast: &'static [usize],
    rules: Rules,
}

const PLAIN: Lock = Lock {
    clients: 2,
    is_fenced: false,
    extends: false,
    writes: false,
    checks_fences: false,
    times_out: false,
    has_slow_replies: false,
    duplicates: 0,
    restarts: 0,
    jumps: 0,
    counts: &[AGREED],
    fast: &[3],
    rules: ALL,
};

const AGREED: [u8; MASTERS] = [1, 1, 1];

/// As after an attempt that one of them granted late.
const APART: [u8; MASTERS] = [1, 1, 3];

const FENCED: Lock = Lock {
    is_fenced: true,
    writes: true,
    checks_fences: true,
    ..PLAIN
};

const EXTENDED: Lock = Lock {
    extends: true,
    ..PLAIN
};

const EXCLUSION: &str = "no two clients hold at once";
const GROWTH: &str = "a later holder has a greater fence";
const UNIQUENESS: &str = "no fence is given out twice";
const ORDER: &str = "fences grow in the order in which they are given out";
const FINALITY: &str = "lost is final";
const TIDINESS: &str = "what is released stays released";
const FRESHNESS: &str = "no write is accepted after one of a later holder";

impl Model for Lock {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let with = |counts| {
            self.fast
                .iter()
                .map(move |fast| State::new(self, counts, *fast))
        };
        self.counts.iter().copied().flat_map(with).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.actions(self, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        state.after(action, self)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(EXCLUSION, |_, state: &State| holders(state) <= 1),
            Property::always(FINALITY, |_, state: &State| {
                !state.clients.iter().any(Client::is_back)
            }),
            Property::always(TIDINESS, |_, state: &State| is_tidy(state)),
            Property::sometimes("a lock is handed over", |_, state: &State| {
                let is_second = |client: &Client| client.holds() && client.before != 0;
                state.clients.iter().any(is_second)
            }),
        ];
        if self.is_fenced {
            properties.extend([
                Property::always(GROWTH, |_, state: &State| !state.is_behind),
                Property::always(UNIQUENESS, |_, state: &State| !state.is_twin),
                Property::always(ORDER, |_, state: &State| !state.is_out_of_order),
            ]);
        }
        if self.is_fenced && self.rules.writes_back {
            properties.push(Property::sometimes(
                "clients must agree on a fence",
                |_, state: &State| {
                    let raises = |client: &Client| client.phase == Phase::Raising;
                    state.clients.iter().any(raises)
                },
            ));
        }
        if self.extends {
            properties.push(Property::sometimes(
                "a lease is extended",
                |_, state: &State| {
                    let is_longer = |client: &Client| client.holds() && client.was_extended;
                    state.clients.iter().any(is_longer)
                },
            ));
        }
        if self.writes {
            properties.push(Property::always(FRESHNESS, |_, state: &State| {
                !state.took_stale
            }));
        }
        properties
    }
}

fn holders(state: &State) -> usize {
    state.clients.iter().filter(|client| client.holds()).count()
}

fn is_tidy(state: &State) -> bool {
    state.handles.iter().all(|handle| {
        let mut lines = handle.lines.iter().enumerate();
        lines.all(|(index, line)| !line.is_clear || handle.master.holder != Some(number(index)))
    })
}

/// Visits all states, and asserts that these promises are broken and no others, and that the model
/// does what the promises are about.
#[track_caller]
fn check(lock: Lock, broken: &[&str]) {
    let checker = lock.checker().spawn_bfs().join();
    eprintln!("{} states", checker.unique_state_count());
    for property in lock.properties() {
        if matches!(property.expectation, Expectation::Sometimes) || broken.contains(&property.name)
        {
            checker.assert_any_discovery(property.name);
        } else {
            checker.assert_no_discovery(property.name);
        }
    }
}

/// Those that are large are checked with `PURSE_SOAK` only.
#[track_caller]
fn check_all(locks: &[Lock], large: &[Lock]) {
    let large = match std::env::var_os("PURSE_SOAK") {
        Some(_) => large,
        None => &[],
    };
    locks.iter().chain(large).for_each(|lock| check(*lock, &[]));
}

#[test]
fn two_clients_never_hold_at_once() {
    let two = Lock {
        times_out: true,
        fast: &[1, 3],
        ..PLAIN
    };
    let three = Lock {
        clients: 3,
        ..PLAIN
    };
    let slow = Lock {
        has_slow_replies: true,
        ..two
    };
    check_all(&[two, three], &[slow]);
}

#[test]
fn two_extending_clients_never_hold_at_once() {
    let slow = Lock {
        has_slow_replies: true,
        ..EXTENDED
    };
    check_all(&[EXTENDED], &[slow]);
}

#[test]
fn duplicated_requests_admit_no_second_holder() {
    let plain = Lock {
        duplicates: 2,
        ..PLAIN
    };
    let extended = Lock {
        duplicates: 1,
        ..EXTENDED
    };
    let fenced = Lock {
        duplicates: 1,
        ..FENCED
    };
    check_all(&[plain], &[extended, fenced]);
}

#[test]
fn fences_grow_and_reject_late_writers() {
    let apart = Lock {
        counts: &[APART],
        ..FENCED
    };
    let slow = Lock {
        has_slow_replies: true,
        ..FENCED
    };
    check_all(&[FENCED], &[apart, slow]);
}

#[test]
fn late_writers_succeed_without_fence_check() {
    let lock = Lock {
        checks_fences: false,
        ..FENCED
    };
    check(lock, &[FRESHNESS]);
}

#[test]
fn empty_master_after_quarantine_admits_no_second_holder() {
    let [plain, extended, fenced] = [PLAIN, EXTENDED, FENCED].map(|lock| Lock {
        restarts: 1,
        ..lock
    });
    check_all(&[plain], &[extended, fenced]);
}

#[test]
fn empty_master_without_quarantine_admits_no_late_writer() {
    let rules = Rules {
        quarantine: false,
        ..ALL
    };
    let lock = Lock {
        restarts: 1,
        rules,
        ..FENCED
    };
    check(lock, &[EXCLUSION, ORDER]);
}

#[test]
fn clock_set_forward_admits_no_late_writer() {
    let lock = Lock { jumps: 1, ..FENCED };
    check(lock, &[EXCLUSION, ORDER]);
}

/// Neither of the two asked after the other was given the fence, so no writer is late here: but
/// nobody could tell which one came first.
#[test]
fn model_refutes_agreement_above_fence() {
    let rules = Rules {
        agrees_exactly: false,
        ..ALL
    };
    let lock = Lock {
        jumps: 1,
        rules,
        ..FENCED
    };
    check(lock, &[EXCLUSION, UNIQUENESS, ORDER]);
}

#[test]
fn model_refutes_plain_maximum() {
    let rules = Rules {
        writes_back: false,
        ..ALL
    };
    let lock = Lock {
        counts: &[APART],
        rules,
        ..FENCED
    };
    check(lock, &[GROWTH, ORDER, FRESHNESS]);
}

#[test]
fn model_refutes_lease_counted_from_answers() {
    let rules = Rules {
        counts_from_first_send: false,
        ..ALL
    };
    check(Lock { rules, ..PLAIN }, &[EXCLUSION]);
}

#[test]
fn model_refutes_late_extension() {
    let rules = Rules {
        lost_is_final: false,
        ..ALL
    };
    check(Lock { rules, ..EXTENDED }, &[FINALITY]);
}

#[test]
fn model_refutes_overtaking_release() {
    let rules = Rules {
        releases_wait: false,
        ..ALL
    };
    check(Lock { rules, ..PLAIN }, &[TIDINESS]);
}

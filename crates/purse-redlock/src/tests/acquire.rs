use std::collections::HashSet;

use purse_client::ErrorKind;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::master::Action;
use crate::quorum::decision::{Acquisition, Tally, Vote};
use crate::testing::{Behaviour, Rig, SETTINGS, WELL, ms};
use crate::{Error, Redlock, RedlockGuard, RedlockMutex, Result};

static_assertions::assert_impl_all!(RedlockGuard: Send, Sync, std::fmt::Debug);
static_assertions::assert_impl_all!(RedlockMutex: Send, Sync, Clone, std::fmt::Debug);
static_assertions::assert_impl_all!(Redlock: Send, Sync, Clone, std::fmt::Debug);
static_assertions::assert_not_impl_any!(RedlockGuard: Clone, std::ops::Deref);

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1);
    (0..n)
        .flat_map(|at| {
            shorter.iter().map(move |order| {
                let mut order = order.clone();
                order.insert(at, n - 1);
                order
            })
        })
        .collect()
}

fn orders(n: usize) -> Vec<Vec<usize>> {
    if n < 5 {
        return permutations(n);
    }
    (0..n)
        .map(|first| (0..n).map(|i| (first + i) % n).collect())
        .collect()
}

/// All 3^n vectors of votes, each in its orders, and two ways to fail: the SET ran, or it did not.
async fn every_vector(n: usize) {
    for code in 0..3_usize.pow(u32::try_from(n).unwrap()) {
        for order in orders(n) {
            for runs in [true, false] {
                let rig = Rig::new(n);
                let mut tally = Tally::new(n);
                for (place, master) in order.iter().zip(&rig.masters) {
                    let delay = ms(2 * *place as u64 + 1);
                    let digit = code / 3_usize.pow(u32::try_from(*place).unwrap()) % 3;
                    let vote = [Vote::Granted, Vote::Refused, Vote::Failed][digit];
                    tally.add(vote);
                    match vote {
                        Vote::Granted => master.behave(Behaviour::After(delay)),
                        Vote::Refused => {
                            master.behave(Behaviour::After(delay));
                            master.hold("another", ms(60_000));
                        }
                        Vote::Failed if runs => master.behave(Behaviour::Deaf(delay)),
                        Vote::Failed => master.behave(Behaviour::Down),
                    }
                }
                let case = format!("{code} in {order:?}, runs: {runs}");
                let outcome = rig.redlock.mutex("key").try_lock().await;
                match (tally.acquisition(), &outcome) {
                    (Acquisition::Acquired, Ok(guard)) => guard.check().unwrap(),
                    (Acquisition::Held, Err(Error::Held { .. })) => {}
                    (Acquisition::NoQuorum, Err(Error::NoQuorum { errors, .. })) => {
                        assert!(errors.len() > n - tally.quorum(), "{case}: {errors:?}");
                    }
                    (expected, outcome) => panic!("{case}: {outcome:?}, not {expected:?}"),
                }
                drop(outcome);
                rig.masters
                    .iter()
                    .for_each(|master| master.behave(Behaviour::After(ms(1))));
                rig.shutdown.wait_drained().await;
                for master in &rig.masters {
                    let holder = master.holder();
                    assert!(holder.is_none_or(|token| token == "another"), "{case}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn acquire_one_to_three_masters_every_order() {
    for n in 1..=3 {
        every_vector(n).await;
    }
}

#[tokio::test(start_paused = true)]
async fn acquire_four_masters_every_order() {
    every_vector(4).await;
}

#[tokio::test(start_paused = true)]
async fn acquire_five_masters_every_vector() {
    every_vector(5).await;
}

#[tokio::test(start_paused = true)]
async fn acquire_returns_once_majority_decides() {
    let stuck = Behaviour::Stuck;
    for (behaviours, held, expected) in [
        ([WELL, WELL, stuck], 0, "guard"),
        ([WELL, WELL, stuck], 2, "held"),
        ([Behaviour::Down, Behaviour::Down, stuck], 0, "no quorum"),
    ] {
        let rig = Rig::new(3);
        rig.behave(&behaviours);
        for master in &rig.masters[..held] {
            master.hold("another", ms(700));
        }
        let start = Instant::now();
        let outcome = rig.redlock.mutex("key").try_lock().await;
        assert!(
            start.elapsed() < ms(10),
            "{expected}: {:?}",
            start.elapsed()
        );
        let got = match outcome {
            Ok(_) => "guard",
            Err(Error::Held { retry_after, .. }) => {
                assert!(retry_after.is_some_and(|time| time > ms(600) && time <= ms(700)));
                "held"
            }
            Err(Error::NoQuorum { .. }) => "no quorum",
            Err(error) => panic!("{error}"),
        };
        assert_eq!(got, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn impossible_majority_releases_immediately() {
    let rig = Rig::new(3);
    rig.behave(&[Behaviour::Down, WELL, Behaviour::Stuck]);
    rig.masters[1].hold("another", ms(60_000));
    let mutex = rig.redlock.mutex("key");
    let attempt = tokio::spawn(async move { mutex.try_lock().await.map(drop) });
    sleep(ms(5)).await;
    // Whether it is held or there is no quorum hangs on the third; that it failed does not.
    assert!(!attempt.is_finished());
    assert!(rig.masters[1].requests().contains(&Action::Release));
    assert!(matches!(
        attempt.await.unwrap(),
        Err(Error::NoQuorum {
            votes: 0,
            needed: 2,
            ..
        })
    ));
}

#[tokio::test(start_paused = true)]
async fn stuck_master_does_not_hang_acquire() {
    let rig = Rig::new(3);
    rig.behave(&[WELL, Behaviour::Stuck, Behaviour::Stuck]);
    let start = Instant::now();
    let error = rig.redlock.mutex("key").try_lock().await.unwrap_err();
    assert!(start.elapsed() <= SETTINGS.master_timeout * 2);
    let Error::NoQuorum {
        votes,
        needed,
        errors,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((votes, needed), (1, 2));
    let servers: Vec<_> = errors.iter().map(|(server, _)| server.as_str()).collect();
    assert_eq!(servers, ["master1", "master2"]);
}

#[tokio::test(start_paused = true)]
async fn late_grant_returns_validity_exhausted() {
    let rig = Rig::new(3);
    rig.behave(&[Behaviour::After(ms(20)); 3]);
    let mutex = rig.redlock.mutex("key");
    let attempt = tokio::spawn(async move { mutex.try_lock().await.map(drop) });
    sleep(ms(10)).await;
    // 1000 less 12 of drift and 20 for the way leaves 968: 959 later it is 9, and 10 are wanted.
    rig.clock.put_forward(ms(959));
    let error = attempt.await.unwrap().unwrap_err();
    assert!(
        matches!(error, Error::ValidityExhausted { left, .. } if left < ms(10)),
        "{error}"
    );
    rig.assert_clean("too late").await;
}

#[tokio::test(start_paused = true)]
async fn validity_counts_from_before_first_command() {
    let rig = Rig::new(3);
    rig.behave(&[Behaviour::After(ms(30)); 3]);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    assert!(guard.remaining() <= ms(1_000 - 12 - 30));
    assert!(guard.remaining() >= ms(1_000 - 12 - 30 - 5));
    assert_eq!(guard.key(), b"key");
}

#[tokio::test(start_paused = true)]
async fn attempts_have_unique_tokens_hidden_in_debug() {
    let rig = Rig::new(1);
    let mutex = rig.redlock.mutex("key");
    let guard = mutex.lock().await.unwrap();
    for _ in 0..5 {
        assert!(mutex.try_lock().await.is_err());
    }
    let tokens: HashSet<_> = rig.masters[0].tokens().into_iter().collect();
    assert_eq!(tokens.len(), 6);
    let shown = format!("{guard:?} {mutex:?} {:?}", rig.redlock);
    for token in tokens {
        assert!(!shown.contains(std::str::from_utf8(&token).unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn held_error_does_not_wait_for_useless_answers() {
    let error = Behaviour::Failing(ErrorKind::Server);
    for (behaviour, retry_after) in [(error, None), (WELL, Some(ms(60_000)))] {
        let rig = Rig::new(3);
        for master in &rig.masters[..2] {
            master.hold("another", ms(60_000));
            master.behave_to(Action::Release, behaviour);
        }
        rig.masters[2].behave(Behaviour::Stuck);
        let start = Instant::now();
        let told = rig.redlock.mutex("key").try_lock().await.unwrap_err();
        let Error::Held {
            retry_after: told, ..
        } = told
        else {
            panic!("{told}");
        };
        assert!(start.elapsed() < ms(10), "{:?}", start.elapsed());
        assert_eq!(told.is_some(), retry_after.is_some(), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn foreign_key_returns_wrong_type_without_waiting() {
    let foreign = |count: usize| {
        let rig = Rig::new(3);
        for master in &rig.masters[..count] {
            master.hold("another", ms(60_000));
            master.behave_to(Action::Release, Behaviour::Failing(ErrorKind::WrongType));
        }
        rig
    };
    let rig = foreign(2);
    let mutex = rig.redlock.mutex("key");
    for outcome in [
        mutex.try_lock().await,
        mutex.lock().await,
        mutex.lock_timeout(ms(5_000)).await,
    ] {
        let error = outcome.unwrap_err();
        let text = error.to_string();
        let Error::WrongType { errors, .. } = error else {
            panic!("{text}");
        };
        let servers: Vec<_> = errors.iter().map(|(server, _)| server.as_str()).collect();
        assert_eq!(servers, ["master0", "master1"]);
        assert!(
            text.contains("master0: ") && text.contains("master1: "),
            "{text}"
        );
    }
    assert_eq!(rig.masters[0].request_times(Action::Acquire).len(), 3);
    assert!(foreign(1).redlock.mutex("key").try_lock().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn burst_waits_for_permits_without_timeouts() {
    // A master takes 250 us for each request: of 800 at once, most would exceed its timeout.
    let rig = Rig::with_ttl(3, ms(10_000));
    let mut tasks = JoinSet::new();
    for _ in 0..800 {
        let mutex = rig.redlock.mutex("key");
        tasks.spawn(async move { mutex.try_lock().await });
    }
    let outcomes = tasks.join_all().await;
    let locks = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let held = |outcome: &&Result<_>| matches!(outcome, Err(Error::Held { .. }));
    assert_eq!((locks, outcomes.iter().filter(held).count()), (1, 799));
}

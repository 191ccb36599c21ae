//! Contenders against masters that keep failing, over and over, in virtual time.

use std::sync::{Arc, Mutex};

use purse_client::ErrorKind;
use purse_lease::{Clock, LeaseInstant};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::testing::{Behaviour, Rig, WELL, ms};

pub(super) fn any_behaviour(random: &mut fastrand::Rng) -> Behaviour {
    let delay = ms(random.u64(1..90));
    match random.u8(0..11) {
        0 => Behaviour::Down,
        1 => Behaviour::Deaf(delay),
        2 => Behaviour::Stuck,
        3 => Behaviour::Failing(ErrorKind::Server),
        4 => Behaviour::Stray(delay),
        5 => Behaviour::Denying(delay),
        6..=8 => Behaviour::After(delay),
        _ => WELL,
    }
}

async fn contend(rig: Arc<Rig>, seed: u64, holds: Arc<Mutex<Vec<(LeaseInstant, LeaseInstant)>>>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mutex = rig.redlock.mutex("key");
    let end = Instant::now() + ms(60_000);
    while Instant::now() < end {
        let Ok(mut guard) = mutex.lock_timeout(ms(random.u64(0..2_000))).await else {
            continue;
        };
        let from = rig.clock.now();
        sleep(ms(random.u64(0..1_300))).await;
        if random.bool() {
            let _ = guard.extend().await;
            sleep(ms(random.u64(0..500))).await;
        }
        let until = guard.valid_until().min(rig.clock.now());
        holds.lock().unwrap().push((from, until));
        if random.bool() {
            let _ = guard.release().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_clients_never_hold_at_once_under_faults() {
    for masters in [1, 3, 5] {
        let rig = Arc::new(Rig::new(masters));
        let holds = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for seed in 0..8 {
            tasks.spawn(contend(rig.clone(), seed, holds.clone()));
        }
        let mut random = fastrand::Rng::with_seed(99);
        while !tasks.is_empty() {
            sleep(ms(random.u64(1..400))).await;
            let index = random.usize(0..masters);
            rig.masters[index].behave(any_behaviour(&mut random));
            while tasks.try_join_next().is_some_and(|ended| ended.is_ok()) {}
        }
        rig.masters.iter().for_each(|master| master.behave(WELL));
        rig.assert_clean("soak").await;

        let mut holds = std::mem::take(&mut *holds.lock().unwrap());
        holds.retain(|(from, until)| from < until);
        holds.sort_unstable();
        assert!(holds.len() > 20, "{} holds of {masters}", holds.len());
        for pair in holds.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "{pair:?} of {masters}");
        }
    }
}

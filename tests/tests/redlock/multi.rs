//! Several locks as one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use purse::redlock::{Error, LostReason, Release};
use purse_testkit::Reply;
use purse_tests::fresh;

use super::{MASTERS, PATIENCE, ask, copies, eventually, five};

fn names<const N: usize>(ends: [&str; N]) -> [String; N] {
    let start = fresh("multi");
    ends.map(|end| format!("{start}:{end}"))
}

#[tokio::test]
async fn multi_lock_acquires_all_names_or_none() {
    let redlock = five().await;
    let [a, b, c] = &names(["a", "b", "c"]);
    let guard = redlock.multi([b, a]).unwrap().try_lock().await.unwrap();
    let keys: Vec<_> = guard.keys().collect();
    assert_eq!(keys, [a.as_bytes(), b.as_bytes()], "in order");
    for name in [a, b] {
        eventually("all have it", PATIENCE, || copies(&*MASTERS, name) == 5).await;
        let held = redlock.mutex(name).try_lock().await;
        assert!(matches!(held, Err(Error::Held { .. })), "{held:?}");
    }
    let error = redlock.multi([b, c]).unwrap().try_lock().await.unwrap_err();
    let Error::Held {
        retry_after: Some(after),
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert!(after > Duration::from_secs(10), "{after:?}");
    assert_eq!(copies(&*MASTERS, c), 0);
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    for name in [a, b] {
        eventually("free", PATIENCE, || copies(&*MASTERS, name) == 0).await;
    }

    let single = redlock.mutex(b).lock().await.unwrap();
    let multi = redlock.multi([a, b, c]).unwrap();
    assert!(matches!(multi.try_lock().await, Err(Error::Held { .. })));
    assert_eq!(copies(&*MASTERS, a), 0);
    assert_eq!(single.release().await.unwrap(), Release::Released);
    drop(multi.lock_timeout(PATIENCE).await.unwrap());
    redlock.shutdown().await;
    assert_eq!(copies(&*MASTERS, a), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_ever_holds_a_part_of_a_multi_lock() {
    let names = names(["a", "b", "c"]);
    let mut tasks = Vec::new();
    let (inside, looks) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    for contender in 0..6 {
        let mut order = names.clone();
        order.rotate_left(contender % 3);
        let (inside, looks, redlock) = (inside.clone(), looks.clone(), five().await);
        tasks.push(tokio::spawn(async move {
            let multi = redlock.multi(order).unwrap();
            for _ in 0..4 {
                let guard = multi.lock().await.unwrap();
                assert!(!inside.swap(true, Ordering::SeqCst));
                // Until all servers were looked at meanwhile.
                let before = looks.load(Ordering::SeqCst);
                let seen = || looks.load(Ordering::SeqCst) > before + 1;
                eventually("a look at the servers", PATIENCE, seen).await;
                inside.store(false, Ordering::SeqCst);
                assert_eq!(guard.release().await.unwrap(), Release::Released);
            }
        }));
    }
    let [a, b, c] = &names;
    let mut seen = 0;
    while !tasks.iter().all(|task| task.is_finished()) {
        for server in MASTERS.iter() {
            let values = server.command(&["MGET", a, b, c]).unwrap();
            let values: Vec<_> = values.items().iter().map(Reply::text).collect();
            assert!(
                values.windows(2).all(|pair| pair[0] == pair[1]),
                "{values:?}"
            );
            seen += usize::from(values[0].is_some());
        }
        looks.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    assert!(seen >= 24 * 3, "{seen} copies seen");
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_name_lost_on_a_quorum_is_a_lost_lock() {
    let redlock = five().await;
    let [a, b] = &names(["a", "b"]);
    let multi = redlock.multi([a, b]).unwrap();
    for (lost_on, is_lost) in [(2, false), (3, true)] {
        let mut guard = multi.lock().await.unwrap();
        eventually("all have it", PATIENCE, || copies(&*MASTERS, b) == 5).await;
        for server in MASTERS.iter().take(lost_on) {
            ask(server, "DEL", b, "");
            // To see what is prolonged.
            ask(server, "PEXPIRE", a, "15000");
        }
        let extended = guard.extend().await;
        let left = ask(&MASTERS[0], "PTTL", a, "").int().unwrap();
        assert!(left <= 15_000, "{left}: there it is no lock any more");
        let expected = if is_lost {
            let error = extended.unwrap_err();
            let reason = LostReason::Gone;
            assert!(
                matches!(error, Error::Lost { reason: r, .. } if r == reason),
                "{error}"
            );
            Release::AlreadyExpired
        } else {
            extended.unwrap();
            Release::Released
        };
        assert_eq!(guard.release().await.unwrap(), expected);
        eventually("free", PATIENCE, || copies(&*MASTERS, a) == 0).await;
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_named() {
    let redlock = five().await;
    let [a, b] = &names(["a", "b"]);
    for server in MASTERS.iter() {
        ask(server, "SADD", b, "no lock");
    }
    let error = redlock.multi([a, b]).unwrap().lock().await.unwrap_err();
    let Error::WrongType { errors, .. } = &error else {
        panic!("{error}");
    };
    assert!(errors.len() >= 3, "{error}");
    let text = error.to_string();
    assert!(text.contains(b) && text.contains(a), "{text}");
    for (server, error) in errors {
        let of_master = error.to_string();
        assert!(of_master.contains(b) && !of_master.contains(a), "{text}");
        assert!(text.contains(server), "{text}");
    }
    redlock.shutdown().await;
    assert_eq!(copies(&*MASTERS, a), 0);
    assert_eq!(copies(&*MASTERS, b), 5, "it stays");
}

#[tokio::test]
async fn names_that_make_no_sense_are_refused_before_there_is_a_lock() {
    let redlock = five().await;
    for (names, word) in [
        (vec![], "no name"),
        (vec!["a", ""], "empty"),
        (vec!["a", "twice", "b", "twice"], "\"twice\""),
    ] {
        for error in [
            redlock.multi(&names).unwrap_err(),
            redlock.fenced().multi(&names).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Config { .. }), "{error}");
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

#[tokio::test]
async fn a_thousand_names_are_one_lock() {
    let redlock = five().await;
    let start = fresh("thousand");
    let names: Vec<_> = (0..1_000).map(|n| format!("{start}:{n}")).collect();
    let guard = redlock.multi(&names).unwrap().lock().await.unwrap();
    assert_eq!(guard.keys().len(), 1_000);
    assert!(redlock.mutex(&names[999]).try_lock().await.is_err());
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    let fenced = redlock.fenced().multi(&names).unwrap();
    assert_eq!(
        fenced.lock().await.unwrap().release().await.unwrap(),
        Release::Released
    );
}

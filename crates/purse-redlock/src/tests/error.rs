//! Errors name the lock and the operation that failed.

use std::fmt::Display;

use purse_client::ErrorKind;
use tokio::time::sleep;

use crate::master::Action;
use crate::testing::{Behaviour, Rig, WELL, ms};
use crate::{AutoExtend, Error};

/// Checks how the message of an error starts.
fn assert_starts(error: impl Display, start: &str) {
    let message = error.to_string();
    assert!(message.starts_with(start), "{message}");
}

#[tokio::test(start_paused = true)]
async fn held_lock_is_named_with_all_its_keys() {
    let rig = Rig::new(3);
    let _guard = rig.redlock.mutex("b\n").lock().await.unwrap();
    for (names, shown) in [
        (&["b\n"][..], r#""b\n""#),
        (&["b\n", "a"], r#"["a", "b\n"]"#),
        (&["b\n", "a", "c", "d", "e"], r#"["a" and 4 others]"#),
    ] {
        let error = rig.redlock.multi(names).unwrap().try_lock().await;
        let held = format!("the lock {shown} is held by another client");
        assert_starts(error.unwrap_err(), &held);
    }
    let error = rig.redlock.mutex("b\n").lock_timeout(ms(10)).await;
    let late = r#"failed to acquire the lock "b\n" in time"#;
    assert_starts(error.unwrap_err(), late);
}

#[tokio::test(start_paused = true)]
async fn errors_without_quorum_name_the_operation() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.behave(&[Behaviour::Down; 3]);
    let error = rig.redlock.mutex("other").try_lock().await.unwrap_err();
    assert_starts(error, r#"failed to acquire the lock "other": 0 of"#);
    let error = guard.extend().await.unwrap_err();
    assert_starts(error, r#"the extension of the lock "key" may have failed"#);
    let error = guard.release().await.unwrap_err();
    assert_starts(&error, r#"failed to release the lock "key": 0 of"#);
    let error = purse_client::Error::from(error);
    assert_starts(error, r#"failed to release the lock "key": 0 of"#);
}

#[tokio::test(start_paused = true)]
async fn lost_and_capped_locks_are_named() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let limited = mutex
        .clone()
        .auto_extend(AutoExtend::new().max_extensions(1));
    let mut guard = limited.lock().await.unwrap();
    guard.extend().await.unwrap();
    let error = guard.extend().await.unwrap_err();
    assert_starts(
        error,
        r#"failed to extend the lock "key": it reached its limit"#,
    );
    guard.lost().await;
    assert_starts(guard.check().unwrap_err(), r#"the lock "key" was lost: "#);
    drop(guard);

    let work = async |_| {
        for master in &rig.masters {
            master.hold("another", ms(60_000));
        }
    };
    let scoped = mutex.scope(work).await.unwrap();
    let error = scoped.ensure_held().unwrap_err();
    assert_starts(error, r#"the lock "key" was lost: "#);
}

#[tokio::test(start_paused = true)]
async fn errors_of_a_campaign_name_the_election() {
    let rig = Rig::new(3);
    let election = rig.redlock.election("key");
    for master in &rig.masters {
        master.behave_to(Action::Extend, Behaviour::Failing(ErrorKind::WrongType));
    }
    let error = election.campaign("a").await.unwrap_err();
    let campaign = r#"failed to campaign in the election "key": "#;
    assert!(matches!(error, Error::WrongType { .. }), "{error}");
    assert_starts(error, campaign);
    rig.behave(&[WELL; 3]);
    rig.redlock.shutdown().await;
    let error = election.campaign("a").await.unwrap_err();
    assert_starts(error, campaign);
}

#[tokio::test(start_paused = true)]
async fn shutdown_names_each_lock_and_what_was_going_on() {
    let rig = Rig::new(3);
    let (held, waiting) = (rig.redlock.mutex("held"), rig.redlock.mutex("waiting"));
    let _guard = waiting.lock().await.unwrap();
    let shutdown = async {
        sleep(ms(20)).await;
        rig.redlock.shutdown().await;
    };
    let work = held.scope(async |_| std::future::pending::<()>().await);
    let (scoped, waited, ()) = tokio::join!(work, waiting.lock(), shutdown);
    assert_starts(scoped.unwrap_err(), r#"failed to hold the lock "held": "#);
    assert_starts(
        waited.unwrap_err(),
        r#"failed to acquire the lock "waiting": "#,
    );
}

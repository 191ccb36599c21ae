//! Many tasks at once: each operation happens as a whole.

use futures::future::try_join_all;
use purse::{SetOptions, SetOutcome};

use super::{MINUTE, all, numbers};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_get_or_insert_returns_one_value() {
    let space = numbers(&[]).await;
    for round in 0..20 {
        let key = format!("{round}");
        let races = (0..64).map(|n| {
            let (space, key) = (space.clone(), key.clone());
            tokio::spawn(async move {
                let got = space.get_or_insert_with_ttl(key, n, MINUTE).await;
                got.unwrap()
            })
        });
        let got = try_join_all(races).await.unwrap();
        assert!(got.iter().all(|value| *value == got[0]), "{got:?}");
        assert_eq!(space.get(&key).await.unwrap(), Some(got[0]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_set_and_pop_return_each_value_once() {
    let space = numbers(&[]).await;
    let sets = (0..64).map(|n| {
        let space = space.clone();
        let old = SetOptions::new().return_old();
        tokio::spawn(async move { space.set_with("k", n, old).await.unwrap().into_old() })
    });
    let mut seen: Vec<_> = try_join_all(sets)
        .await
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    seen.extend(space.get("k").await.unwrap());
    seen.sort_unstable();
    assert_eq!(seen, (0..64).collect::<Vec<_>>());

    for round in 0..20 {
        space.set("k", round).await.unwrap();
        let pops = (0..64).map(|_| {
            let space = space.clone();
            tokio::spawn(async move { space.pop("k").await.unwrap() })
        });
        let popped = try_join_all(pops).await.unwrap();
        assert_eq!(popped.into_iter().flatten().collect::<Vec<_>>(), [round]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_extend_if_none_exist_succeeds_once() {
    let space = numbers(&[]).await;
    for round in 0..20 {
        let races = (0..64).map(|n| {
            let sub = space.sub(format!("{round}:"));
            // Each wants ten keys, and all want the last one of these.
            let entries = (0..9).map(move |k| (format!("{n}:{k}"), n));
            let entries = entries.chain([("common".to_owned(), n)]);
            tokio::spawn(async move { sub.extend_if_none_exist(entries).await.unwrap() })
        });
        let set = try_join_all(races).await.unwrap();
        assert_eq!(set.into_iter().filter(|set| *set).count(), 1);
        let sub = space.sub(format!("{round}:"));
        let winner = sub.get("common").await.unwrap().unwrap();
        let entries = all(&sub).await;
        assert_eq!(entries.len(), 10);
        assert!(
            entries.values().all(|value| *value == winner),
            "{entries:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_set_if_absent_succeeds_once() {
    let space = numbers(&[]).await;
    for round in 0..20 {
        let key = format!("{round}");
        let races = (0..64).map(|n| {
            let (space, key) = (space.clone(), key.clone());
            // Half of them ask for the old value, which takes another way.
            let options = match n % 2 {
                0 => SetOptions::new().if_absent(),
                _ => SetOptions::new().if_absent().return_old(),
            };
            tokio::spawn(async move { (n, space.set_with(key, n, options).await.unwrap()) })
        });
        let outcomes = try_join_all(races).await.unwrap();
        let value = space.get(&key).await.unwrap().unwrap();
        for (n, outcome) in outcomes {
            let expected = match (n == value, n % 2) {
                (true, _) => SetOutcome::Set(None),
                (false, 0) => SetOutcome::NotSet(None),
                (false, _) => SetOutcome::NotSet(Some(value)),
            };
            assert_eq!(outcome, expected);
        }
    }
}

//! `RedisKeySpace` against a `HashMap`: random operations, and every answer compared.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures::TryStreamExt;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use purse::{Client, Pattern, RedisKeySpace, SetOptions, SetOutcome, Ttl};
use purse_tests::{fresh, model};

/// A time to live that is long enough that no entry expires in a test.
const DAY: Duration = Duration::from_secs(86_400);
/// The default time to live of some of the spaces.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

type Key = &'static str;

#[derive(Debug, Clone)]
enum Step {
    Set(Key, i64),
    SetWithTtl(Key, i64),
    Increment(Key, i64),
    Decrement(Key, i64),
    CompareAndSet(Key, i64, i64),
    CompareAndDelete(Key, i64),
    GetAndExpire(Key),
    GetAndTouch(Key),
    ExtendWithTtl(Vec<(Key, i64)>),
    SetWith(Key, i64, Lifetime, Condition, bool),
    Get(Key),
    GetMany(Vec<Key>),
    GetOrInsert(Key, i64),
    GetOrInsertWithTtl(Key, i64),
    Pop(Key),
    Delete(Key),
    DeleteMany(Vec<Key>),
    Extend(Vec<(Key, i64)>),
    ExtendIfNoneExist(Vec<(Key, i64)>),
    Expire(Key),
    Persist(Key),
    Ttl(Key),
    Contains(Key),
    Len,
    IsEmpty,
    Keys(Option<Key>),
    Items(Option<Key>),
    Values,
    SubItems(Key),
    SubClear(Key),
    Clear,
}

#[derive(Debug, Clone, Copy)]
enum Lifetime {
    Default,
    Persistent,
    Expires,
    Kept,
}

#[derive(Debug, Clone, Copy)]
enum Condition {
    None,
    IfAbsent,
    IfPresent,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few keys, so that they meet; some of them begin with others, and with glob characters.
    let key = || select(vec!["", "a", "ab", "*", "*b", "[a]", "{x}y", "b\\", "ä"]);
    let value = || -3_i64..100;
    let keys = || vec(key(), 0..5);
    let entries = || vec((key(), value()), 0..5);
    let lifetime = select(vec![
        Lifetime::Default,
        Lifetime::Persistent,
        Lifetime::Expires,
        Lifetime::Kept,
    ]);
    let condition = select(vec![
        Condition::None,
        Condition::IfAbsent,
        Condition::IfPresent,
    ]);
    let step = prop_oneof![
        3 => (key(), value()).prop_map(|(key, value)| Step::Set(key, value)),
        6 => (key(), value(), lifetime, condition, any::<bool>())
            .prop_map(|(key, value, life, when, old)| Step::SetWith(key, value, life, when, old)),
        2 => (key(), value()).prop_map(|(key, value)| Step::SetWithTtl(key, value)),
        3 => (key(), value()).prop_map(|(key, by)| Step::Increment(key, by)),
        2 => (key(), value()).prop_map(|(key, by)| Step::Decrement(key, by)),
        3 => (key(), -3_i64..5, value()).prop_map(|(key, old, new)| Step::CompareAndSet(key, old, new)),
        2 => (key(), -3_i64..5).prop_map(|(key, old)| Step::CompareAndDelete(key, old)),
        2 => key().prop_map(Step::GetAndExpire),
        2 => key().prop_map(Step::GetAndTouch),
        2 => entries().prop_map(Step::ExtendWithTtl),
        2 => key().prop_map(Step::Get),
        1 => keys().prop_map(Step::GetMany),
        2 => (key(), value()).prop_map(|(key, value)| Step::GetOrInsert(key, value)),
        2 => (key(), value()).prop_map(|(key, value)| Step::GetOrInsertWithTtl(key, value)),
        2 => key().prop_map(Step::Pop),
        2 => key().prop_map(Step::Delete),
        1 => keys().prop_map(Step::DeleteMany),
        2 => entries().prop_map(Step::Extend),
        3 => entries().prop_map(Step::ExtendIfNoneExist),
        2 => key().prop_map(Step::Expire),
        2 => key().prop_map(Step::Persist),
        2 => key().prop_map(Step::Ttl),
        1 => key().prop_map(Step::Contains),
        1 => Just(Step::Len),
        1 => Just(Step::IsEmpty),
        1 => option::of(key()).prop_map(Step::Keys),
        1 => option::of(key()).prop_map(Step::Items),
        1 => Just(Step::Values),
        1 => key().prop_map(Step::SubItems),
        1 => key().prop_map(Step::SubClear),
        1 => Just(Step::Clear),
    ];
    vec(step, 20..=80)
}

/// The entries of the space, each with its time to live, and the time to live of new ones.
#[derive(Debug)]
struct Model(HashMap<String, (i64, Option<Duration>)>, Option<Duration>);

impl Model {
    fn get(&self, key: Key) -> Option<i64> {
        self.0.get(key).map(|(value, _)| *value)
    }

    fn set(&mut self, key: Key, value: i64, ttl: Option<Duration>) {
        self.0.insert(key.to_owned(), (value, ttl));
    }

    fn get_or_insert(&mut self, key: Key, value: i64, ttl: Option<Duration>) -> i64 {
        self.0.entry(key.to_owned()).or_insert((value, ttl)).0
    }

    fn add(&mut self, key: Key, by: i64) -> i64 {
        let (value, _) = self.0.entry(key.to_owned()).or_insert((0, self.1));
        *value += by;
        *value
    }

    fn has(&self, key: Key, value: i64) -> bool {
        self.get(key) == Some(value)
    }

    /// Sets the time to live of an entry; returns its value.
    fn expire(&mut self, key: Key, ttl: Option<Duration>) -> Option<i64> {
        let (value, left) = self.0.get_mut(key)?;
        *left = ttl;
        Some(*value)
    }

    fn remove(&mut self, key: Key) -> Option<i64> {
        self.0.remove(key).map(|(value, _)| value)
    }

    fn set_with(
        &mut self,
        (key, value): (Key, i64),
        lifetime: Lifetime,
        condition: Condition,
        return_old: bool,
    ) -> SetOutcome<i64> {
        let there = self.0.get(key).copied();
        let old = there.map(|(value, _)| value).filter(|_| return_old);
        match (condition, there.is_some()) {
            (Condition::IfAbsent, true) | (Condition::IfPresent, false) => SetOutcome::NotSet(old),
            _ => {
                let ttl = match lifetime {
                    Lifetime::Default => self.1,
                    Lifetime::Persistent => None,
                    Lifetime::Expires => Some(DAY),
                    Lifetime::Kept => there.map_or(self.1, |(_, ttl)| ttl),
                };
                self.set(key, value, ttl);
                SetOutcome::Set(old)
            }
        }
    }

    /// The entries whose keys begin with `prefix`, without it.
    fn under(&self, prefix: &str) -> BTreeMap<String, i64> {
        let entries = self.0.iter();
        entries
            .filter_map(|(key, (value, _))| Some((key.strip_prefix(prefix)?.to_owned(), *value)))
            .collect()
    }

    fn with_prefix(&self, prefix: Option<Key>) -> BTreeMap<String, i64> {
        let prefix = prefix.unwrap_or_default();
        let entries = self.under(prefix).into_iter();
        entries
            .map(|(key, value)| (format!("{prefix}{key}"), value))
            .collect()
    }
}

fn options(lifetime: Lifetime, condition: Condition, return_old: bool) -> SetOptions {
    let options = match lifetime {
        Lifetime::Default => SetOptions::new(),
        Lifetime::Persistent => SetOptions::new().persist(),
        Lifetime::Expires => SetOptions::new().ttl(DAY),
        Lifetime::Kept => SetOptions::new().keep_ttl(),
    };
    let options = match condition {
        Condition::None => options,
        Condition::IfAbsent => options.if_absent(),
        Condition::IfPresent => options.if_present(),
    };
    if return_old {
        options.return_old()
    } else {
        options
    }
}

async fn items(
    space: &RedisKeySpace<i64>,
    prefix: Option<Key>,
) -> purse::Result<BTreeMap<String, i64>> {
    let items = space.items().page_size(3);
    match prefix {
        Some(prefix) => items.matching(Pattern::prefix(prefix)).try_collect().await,
        None => items.try_collect().await,
    }
}

/// Takes the step on both sides.
async fn step(space: &RedisKeySpace<i64>, model: &mut Model, step: Step) -> purse::Result<()> {
    match step {
        Step::Set(key, value) => {
            space.set(key, value).await?;
            model.set(key, value, model.1);
        }
        Step::SetWithTtl(key, value) => {
            space.set_with_ttl(key, value, DAY).await?;
            model.set(key, value, Some(DAY));
        }
        Step::Increment(key, by) => {
            assert_eq!(space.increment(key, by).await?, model.add(key, by));
        }
        Step::Decrement(key, by) => {
            assert_eq!(space.decrement(key, by).await?, model.add(key, -by));
        }
        Step::CompareAndSet(key, old, new) => {
            let set = space.compare_and_set(key, old, new).await?;
            assert_eq!(set, model.has(key, old));
            if set {
                let ttl = model.1.or(model.0[key].1);
                model.set(key, new, ttl);
            }
        }
        Step::CompareAndDelete(key, old) => {
            let deleted = space.compare_and_delete(key, old).await?;
            assert_eq!(deleted, model.has(key, old));
            if deleted {
                model.remove(key);
            }
        }
        Step::GetAndExpire(key) => {
            let got = space.get_and_expire(key, DAY).await?;
            assert_eq!(got, model.expire(key, Some(DAY)));
        }
        Step::GetAndTouch(key) => match model.1 {
            Some(ttl) => {
                let got = space.get_and_touch(key).await?;
                assert_eq!(got, model.expire(key, Some(ttl)));
            }
            None => assert!(space.get_and_touch(key).await.is_err()),
        },
        Step::ExtendWithTtl(entries) => {
            space.extend_with_ttl(entries.iter().copied(), DAY).await?;
            for (key, value) in entries {
                model.set(key, value, Some(DAY));
            }
        }
        Step::SetWith(key, value, lifetime, condition, old) => {
            let outcome = space
                .set_with(key, value, options(lifetime, condition, old))
                .await?;
            let expected = model.set_with((key, value), lifetime, condition, old);
            assert_eq!(outcome, expected);
        }
        Step::Get(key) => assert_eq!(space.get(key).await?, model.get(key)),
        Step::GetMany(keys) => {
            let expected: Vec<_> = keys.iter().map(|key| model.get(key)).collect();
            assert_eq!(space.get_many(keys).await?, expected);
        }
        Step::GetOrInsert(key, value) => {
            let got = space.get_or_insert(key, value).await?;
            assert_eq!(got, model.get_or_insert(key, value, model.1));
        }
        Step::GetOrInsertWithTtl(key, value) => {
            let got = space.get_or_insert_with_ttl(key, value, DAY).await?;
            assert_eq!(got, model.get_or_insert(key, value, Some(DAY)));
        }
        Step::Pop(key) => assert_eq!(space.pop(key).await?, model.remove(key)),
        Step::Delete(key) => assert_eq!(space.delete(key).await?, model.remove(key).is_some()),
        Step::DeleteMany(keys) => {
            let deleted = space.delete_many(&keys).await?;
            let removed = keys.into_iter().filter_map(|key| model.remove(key));
            assert_eq!(deleted, removed.count() as u64);
        }
        Step::Extend(entries) => {
            space.extend(entries.iter().copied()).await?;
            for (key, value) in entries {
                model.set(key, value, model.1);
            }
        }
        Step::ExtendIfNoneExist(entries) => {
            let set = space.extend_if_none_exist(entries.iter().copied()).await?;
            let free = entries.iter().all(|(key, _)| model.get(key).is_none());
            assert_eq!(set, free);
            for (key, value) in entries.into_iter().filter(|_| free) {
                model.set(key, value, model.1);
            }
        }
        Step::Expire(key) => {
            let there = model.expire(key, Some(DAY)).is_some();
            assert_eq!(space.expire(key, DAY).await?, there);
        }
        Step::Persist(key) => {
            let entry = model.0.get_mut(key);
            let expired = entry.is_some_and(|(_, ttl)| ttl.take().is_some());
            assert_eq!(space.persist(key).await?, expired);
        }
        Step::Ttl(key) => match (space.ttl(key).await?, model.0.get(key)) {
            (Ttl::Missing, None) | (Ttl::Persistent, Some((_, None))) => {}
            (Ttl::Expires(left), Some(&(_, Some(ttl)))) => {
                assert!(left <= ttl && left > ttl / 2);
            }
            (ttl, expected) => panic!("{ttl:?} where {expected:?} was expected"),
        },
        Step::Contains(key) => assert_eq!(space.contains(key).await?, model.get(key).is_some()),
        Step::Len => assert_eq!(space.len().await?, model.0.len() as u64),
        Step::IsEmpty => assert_eq!(space.is_empty().await?, model.0.is_empty()),
        Step::Keys(prefix) => {
            let keys = space.keys();
            let keys = match prefix {
                Some(prefix) => keys.matching(Pattern::prefix(prefix)),
                None => keys,
            };
            let mut keys: Vec<String> = keys.try_collect().await?;
            keys.sort();
            assert!(keys.into_iter().eq(model.with_prefix(prefix).into_keys()));
        }
        Step::Items(prefix) => {
            assert_eq!(items(space, prefix).await?, model.with_prefix(prefix));
        }
        Step::Values => {
            let mut values: Vec<i64> = space.values().try_collect().await?;
            values.sort_unstable();
            let mut expected: Vec<_> = model.under("").into_values().collect();
            expected.sort_unstable();
            assert_eq!(values, expected);
        }
        Step::SubItems(prefix) => {
            assert_eq!(items(&space.sub(prefix), None).await?, model.under(prefix));
        }
        Step::SubClear(prefix) => {
            let cleared = space.sub(prefix).clear().await?;
            assert_eq!(cleared, model.under(prefix).len() as u64);
            model.0.retain(|key, _| !key.starts_with(prefix));
        }
        Step::Clear => {
            assert_eq!(space.clear().await?, model.0.len() as u64);
            model.0.clear();
        }
    }
    Ok(())
}

async fn check(client: &Client, default: Option<Duration>, steps: Vec<Step>) {
    let space = RedisKeySpace::new(client, fresh("model") + "*:");
    let space = match default {
        Some(ttl) => space.with_ttl(ttl),
        None => space,
    };
    let mut model = Model(HashMap::new(), default);
    for next in steps {
        step(&space, &mut model, next).await.expect("a reply");
    }
    assert_eq!(items(&space, None).await.expect("a reply"), model.under(""));
    space.clear().await.expect("a reply");
}

#[test]
fn a_key_space_answers_as_a_map_does() {
    model::check(&steps(), async |client: &Client, steps: Vec<Step>| {
        check(client, None, steps).await;
    });
}

#[test]
fn a_key_space_with_a_default_ttl_answers_as_a_map_does() {
    model::check(&steps(), async |client: &Client, steps: Vec<Step>| {
        check(client, Some(WEEK), steps).await;
    });
}

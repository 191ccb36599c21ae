//! `RedisMultimap` against a `HashMap` of `HashSet`s: random operations, and every answer compared.

use std::collections::{HashMap, HashSet};

use futures::TryStreamExt;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use purse::{Client, RedisMultimap};
use purse_tests::{fresh, model};

type Key = &'static str;
type Model = HashMap<String, HashSet<i64>>;

#[derive(Debug, Clone)]
enum Step {
    Insert(Key, i64),
    Extend(Vec<(Key, i64)>),
    Remove(Key, i64),
    RemoveMany(Vec<(Key, i64)>),
    RemoveAll(Key),
    DeleteAll(Key),
    Get(Key),
    Count(Key),
    Contains(Key, i64),
    Len,
    Keys,
    Stream,
    ValuesOf(Key),
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few keys, so that they meet; some look like the start of an entry.
    let key = || select(vec!["", "a", "ab", ":", "1:a:", "a:", "b", "ä"]);
    let entry = || (key(), -9_i64..20);
    let step = prop_oneof![
        6 => entry().prop_map(|(key, value)| Step::Insert(key, value)),
        6 => vec(entry(), 0..6).prop_map(Step::Extend),
        3 => entry().prop_map(|(key, value)| Step::Remove(key, value)),
        2 => vec(entry(), 0..6).prop_map(Step::RemoveMany),
        1 => key().prop_map(Step::RemoveAll),
        1 => key().prop_map(Step::DeleteAll),
        2 => key().prop_map(Step::Get),
        1 => key().prop_map(Step::Count),
        1 => entry().prop_map(|(key, value)| Step::Contains(key, value)),
        1 => Just(Step::Len),
        1 => Just(Step::Keys),
        1 => Just(Step::Stream),
        1 => key().prop_map(Step::ValuesOf),
        1 => Just(Step::Clear),
    ];
    vec(step, 20..80)
}

fn insert(model: &mut Model, (key, value): (Key, i64)) -> bool {
    model.entry(key.to_owned()).or_default().insert(value)
}

fn remove(model: &mut Model, (key, value): (Key, i64)) -> bool {
    let removed = model
        .get_mut(key)
        .is_some_and(|values| values.remove(&value));
    model.retain(|_, values| !values.is_empty());
    removed
}

fn sorted(values: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_unstable();
    values
}

async fn take(
    map: &RedisMultimap<String, i64>,
    model: &mut Model,
    step: Step,
) -> purse::Result<()> {
    let values_of = |model: &Model, key: &str| model.get(key).cloned().unwrap_or_default();
    match step {
        Step::Insert(key, value) => {
            assert_eq!(map.insert(key, value).await?, insert(model, (key, value)));
        }
        Step::Extend(entries) => {
            let new = entries
                .iter()
                .filter(|entry| insert(model, **entry))
                .count();
            assert_eq!(map.extend(entries).await?, new as u64);
        }
        Step::Remove(key, value) => {
            assert_eq!(map.remove(key, value).await?, remove(model, (key, value)));
        }
        Step::RemoveMany(entries) => {
            let removed = entries
                .iter()
                .filter(|entry| remove(model, **entry))
                .count();
            assert_eq!(map.remove_many(entries).await?, removed as u64);
        }
        Step::RemoveAll(key) => {
            let expected = model.remove(key).unwrap_or_default();
            assert_eq!(map.remove_all(key).await?, expected);
        }
        Step::DeleteAll(key) => {
            let expected = model.remove(key).unwrap_or_default();
            assert_eq!(map.delete_all(key).await?, expected.len() as u64);
        }
        Step::Get(key) => assert_eq!(map.get(key).await?, values_of(model, key)),
        Step::Count(key) => {
            assert_eq!(map.count(key).await?, values_of(model, key).len() as u64);
            assert_eq!(map.contains_key(key).await?, model.contains_key(key));
        }
        Step::Contains(key, value) => {
            let expected = values_of(model, key).contains(&value);
            assert_eq!(map.contains(key, value).await?, expected);
        }
        Step::Len => {
            let expected: usize = model.values().map(HashSet::len).sum();
            assert_eq!(map.len().await?, expected as u64);
            assert_eq!(map.is_empty().await?, model.is_empty());
        }
        Step::Keys => {
            let mut keys: Vec<String> = map.keys().try_collect().await?;
            let mut expected: Vec<_> = model.keys().cloned().collect();
            keys.sort();
            expected.sort();
            assert_eq!(keys, expected);
            assert_eq!(map.count_keys().await?, expected.len() as u64);
        }
        Step::Stream => {
            let entries: Vec<(String, i64)> = map.iter().try_collect().await?;
            let mut streamed: HashMap<String, Vec<i64>> = HashMap::new();
            for (key, value) in entries {
                streamed.entry(key).or_default().push(value);
            }
            assert_eq!(streamed.len(), model.len());
            for (key, values) in streamed {
                assert_eq!(sorted(values), sorted(values_of(model, &key)));
            }
        }
        Step::ValuesOf(key) => {
            let values: Vec<i64> = map.values_of(key).try_collect().await?;
            assert_eq!(sorted(values), sorted(values_of(model, key)));
        }
        Step::Clear => {
            assert_eq!(map.clear().await?, !model.is_empty());
            model.clear();
        }
    }
    Ok(())
}

async fn run(client: &Client, steps: Vec<Step>) {
    let map = RedisMultimap::new(client, fresh("multimap"));
    let mut model = Model::new();
    for step in steps {
        take(&map, &mut model, step).await.expect("a reply");
        assert_eq!(map.to_map().await.expect("a reply"), model);
    }
    map.clear().await.expect("a reply");
}

#[test]
fn a_multimap_answers_as_a_map_of_sets_does() {
    model::check(&steps(), run);
}

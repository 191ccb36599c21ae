//! `RedisHash` against a `HashMap`: random operations, and every answer compared.

use std::collections::HashMap;

use futures::TryStreamExt;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use purse::{Client, ErrorKind, Pattern, RedisHash};
use purse_tests::{fresh, model};

type Key = &'static str;

#[derive(Debug, Clone)]
enum Step {
    Insert(Key, i64),
    Set(Key, i64),
    GetOrInsert(Key, i64),
    Extend(Vec<(Key, i64)>),
    Get(Key),
    GetMany(Vec<Key>),
    Contains(Key),
    Remove(Key),
    Delete(Key),
    RemoveMany(Vec<Key>),
    Increment(Key, i64),
    IncrementFloat(Key, i64),
    IncrementMany(Vec<(Key, i64)>),
    IncrementFloatMany(Vec<(Key, i64)>),
    Sample(u32),
    Len,
    Stream(usize),
    Matching(Key),
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few keys, so that they meet; some begin with others, and with glob characters.
    let key = || select(vec!["", "a", "ab", "*", "*b", "[a]", "message", "ä"]);
    let keys = || vec(key(), 0..5);
    let value = || -9_i64..100;
    let entry = || (key(), value());
    let step = prop_oneof![
        4 => entry().prop_map(|(key, value)| Step::Insert(key, value)),
        2 => entry().prop_map(|(key, value)| Step::Set(key, value)),
        2 => entry().prop_map(|(key, value)| Step::GetOrInsert(key, value)),
        4 => vec(entry(), 0..5).prop_map(Step::Extend),
        1 => key().prop_map(Step::Get),
        1 => keys().prop_map(Step::GetMany),
        1 => key().prop_map(Step::Contains),
        2 => key().prop_map(Step::Remove),
        1 => key().prop_map(Step::Delete),
        1 => keys().prop_map(Step::RemoveMany),
        2 => entry().prop_map(|(key, by)| Step::Increment(key, by)),
        1 => entry().prop_map(|(key, by)| Step::IncrementFloat(key, by)),
        2 => vec(entry(), 0..5).prop_map(Step::IncrementMany),
        1 => vec(entry(), 0..5).prop_map(Step::IncrementFloatMany),
        1 => (0..9_u32).prop_map(Step::Sample),
        1 => Just(Step::Len),
        1 => (1..4_usize).prop_map(Step::Stream),
        1 => key().prop_map(Step::Matching),
        1 => Just(Step::Clear),
    ];
    vec(step, 20..80)
}

async fn run(client: &Client, steps: Vec<Step>) {
    let hash: RedisHash<String, i64> = RedisHash::new(client, fresh("hash"));
    let floats = RedisHash::new(client, hash.key().name());
    let mut model = HashMap::new();
    for step in steps {
        take((&hash, &floats), &mut model, step)
            .await
            .expect("a reply");
        assert_eq!(hash.to_map().await.expect("a reply"), model);
    }
    hash.clear().await.expect("a reply");
}

/// Adds to a value of the model and returns the sum.
fn add(model: &mut HashMap<String, i64>, (key, by): (Key, i64)) -> i64 {
    let sum = model.entry(key.to_owned()).or_default();
    *sum += by;
    *sum
}

async fn take(
    (hash, floats): (&RedisHash<String, i64>, &RedisHash<String, f64>),
    model: &mut HashMap<String, i64>,
    step: Step,
) -> purse::Result<()> {
    match step {
        Step::Insert(key, value) => {
            assert_eq!(
                hash.insert(key, value).await?,
                model.insert(key.to_owned(), value)
            );
        }
        Step::Set(key, value) => {
            let is_new = model.insert(key.to_owned(), value).is_none();
            assert_eq!(hash.set(key, value).await?, is_new);
        }
        Step::GetOrInsert(key, value) => {
            let expected = *model.entry(key.to_owned()).or_insert(value);
            assert_eq!(hash.get_or_insert(key, value).await?, expected);
        }
        Step::Extend(entries) => {
            let before = model.len();
            model.extend(
                entries
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), *value)),
            );
            assert_eq!(hash.extend(entries).await?, (model.len() - before) as u64);
        }
        Step::Get(key) => assert_eq!(hash.get(key).await?.as_ref(), model.get(key)),
        Step::GetMany(keys) => {
            let expected: Vec<_> = keys.iter().map(|key| model.get(*key).copied()).collect();
            assert_eq!(hash.get_many(keys).await?, expected);
        }
        Step::Contains(key) => {
            assert_eq!(hash.contains_key(key).await?, model.contains_key(key));
        }
        Step::Remove(key) => assert_eq!(hash.remove(key).await?, model.remove(key)),
        Step::Delete(key) => assert_eq!(hash.delete(key).await?, model.remove(key).is_some()),
        Step::RemoveMany(keys) => {
            let removed = keys
                .iter()
                .filter(|key| model.remove(**key).is_some())
                .count();
            assert_eq!(hash.remove_many(keys).await?, removed as u64);
        }
        Step::Increment(key, by) => {
            let sum = add(model, (key, by));
            assert_eq!(hash.increment(key, by).await?, sum);
        }
        Step::IncrementFloat(key, by) => {
            let sum = add(model, (key, by));
            // Whole numbers of this size are floats exactly, and stay integers on the server.
            assert_eq!(floats.increment_float(key, by as f64).await?, sum as f64);
        }
        Step::IncrementMany(items) => {
            let expected: Vec<_> = items.iter().map(|item| add(model, *item)).collect();
            assert_eq!(hash.increment_many(items).await?, expected);
        }
        Step::IncrementFloatMany(items) => {
            let expected: Vec<_> = items.iter().map(|item| add(model, *item) as f64).collect();
            let items = items.into_iter().map(|(key, by)| (key, by as f64));
            assert_eq!(floats.increment_float_many(items).await?, expected);
        }
        Step::Sample(count) => {
            let sample = match hash.sample(count).await {
                // A server before Redis 6.2.
                Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(()),
                sample => sample?,
            };
            assert_eq!(sample.len(), model.len().min(count as usize));
            let distinct: HashMap<_, _> = sample.iter().cloned().collect();
            assert_eq!(distinct.len(), sample.len(), "{sample:?}");
            assert!(
                sample
                    .iter()
                    .all(|(key, value)| model.get(key) == Some(value))
            );
            let keys = hash.sample_keys(count).await?;
            assert!(keys.len() == sample.len() && keys.iter().all(|key| model.contains_key(key)));
        }
        Step::Len => {
            assert_eq!(hash.len().await?, model.len() as u64);
            assert_eq!(hash.is_empty().await?, model.is_empty());
        }
        Step::Stream(page) => {
            let all: HashMap<String, i64> = hash.iter().page_size(page).try_collect().await?;
            assert_eq!(all, *model);
            let mut values: Vec<i64> = hash.values().try_collect().await?;
            let mut expected: Vec<i64> = model.values().copied().collect();
            values.sort_unstable();
            expected.sort_unstable();
            assert_eq!(values, expected);
        }
        Step::Matching(prefix) => {
            let keys = hash.keys().matching(Pattern::prefix(prefix));
            let mut keys: Vec<String> = keys.try_collect().await?;
            let mut expected: Vec<String> = model
                .keys()
                .filter(|key| key.starts_with(prefix))
                .cloned()
                .collect();
            keys.sort();
            expected.sort();
            assert_eq!(keys, expected);
        }
        Step::Clear => {
            assert_eq!(hash.clear().await?, !model.is_empty());
            model.clear();
        }
    }
    Ok(())
}

#[test]
fn a_hash_answers_as_a_hash_map_does() {
    model::check(&steps(), run);
}

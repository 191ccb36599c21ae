//! `RedisLruMap` that notes each use, against a list in the order of uses: random operations, and
//! every answer compared.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use purse::{Client, Command, RedisLruMap, sibling_key};
use purse_tests::{fresh, model};

type Key = &'static str;

#[derive(Debug, Clone)]
enum Step {
    Insert(Key, i64),
    GetOrInsert(Key, i64),
    Get(Key),
    Peek(Key),
    Remove(Key),
    Delete(Key),
    Len,
    Capacity(u64),
    Shrink,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || select(vec!["", "a", "b", "c", "d", "e", "f", "g", "*", "ä"]);
    let entry = || (key(), -9_i64..100);
    let step = prop_oneof![
        8 => entry().prop_map(|(key, value)| Step::Insert(key, value)),
        3 => entry().prop_map(|(key, value)| Step::GetOrInsert(key, value)),
        5 => key().prop_map(Step::Get),
        1 => key().prop_map(Step::Peek),
        1 => key().prop_map(Step::Remove),
        1 => key().prop_map(Step::Delete),
        1 => Just(Step::Len),
        1 => (1..7_u64).prop_map(Step::Capacity),
        1 => Just(Step::Shrink),
        1 => Just(Step::Clear),
    ];
    vec(step, 20..80)
}

/// The entries, from the one that was not used for the longest time on.
struct Model {
    entries: Vec<(String, i64)>,
    capacity: u64,
}

impl Model {
    fn take(&mut self, key: &str) -> Option<i64> {
        let place = self.entries.iter().position(|(other, _)| other == key)?;
        Some(self.entries.remove(place).1)
    }

    fn use_or_insert(&mut self, key: &str, value: i64) {
        self.entries.push((key.to_owned(), value));
    }

    fn get(&mut self, key: &str) -> Option<i64> {
        let value = self.take(key)?;
        self.use_or_insert(key, value);
        Some(value)
    }

    fn evict(&mut self) -> u64 {
        let over = self.entries.len().saturating_sub(self.capacity as usize);
        self.entries.drain(..over);
        over as u64
    }
}

async fn take(
    map: &mut RedisLruMap<String, i64>,
    model: &mut Model,
    client: &Client,
    key: &str,
    step: Step,
) -> purse::Result<()> {
    match step {
        Step::Insert(key, value) => {
            let old = model.take(key);
            model.use_or_insert(key, value);
            model.evict();
            assert_eq!(map.insert(key, value).await?, old);
        }
        Step::GetOrInsert(key, value) => {
            let expected = model.get(key).unwrap_or_else(|| {
                model.use_or_insert(key, value);
                model.evict();
                value
            });
            assert_eq!(map.get_or_insert(key, value).await?, expected);
        }
        Step::Get(key) => assert_eq!(map.get(key).await?, model.get(key)),
        Step::Peek(key) => {
            let entry = model.entries.iter().find(|(other, _)| other == key);
            let value = entry.map(|(_, value)| *value);
            assert_eq!(map.peek(key).await?, value);
            assert_eq!(map.contains_key(key).await?, value.is_some());
        }
        Step::Remove(key) => assert_eq!(map.remove(key).await?, model.take(key)),
        Step::Delete(key) => assert_eq!(map.delete(key).await?, model.take(key).is_some()),
        Step::Len => {
            assert_eq!(map.len().await?, model.entries.len() as u64);
            assert_eq!(map.is_empty().await?, model.entries.is_empty());
        }
        Step::Capacity(capacity) => {
            model.capacity = capacity;
            *map = RedisLruMap::new(client, key, capacity)?.note_uses(1);
        }
        Step::Shrink => assert_eq!(map.shrink().await?, model.evict()),
        Step::Clear => {
            assert_eq!(map.clear().await?, !model.entries.is_empty());
            model.entries.clear();
        }
    }
    Ok(())
}

async fn run(client: &Client, steps: Vec<Step>) {
    let key = fresh("lru");
    let capacity = 4;
    let map = RedisLruMap::new(client, &key, capacity);
    let mut map = map.expect("a capacity").note_uses(1);
    let mut model = Model {
        entries: Vec::new(),
        capacity,
    };
    let uses = sibling_key(key.as_bytes(), "uses");
    for step in steps {
        let taken = take(&mut map, &mut model, client, &key, step).await;
        taken.expect("a reply");
        let expected: HashMap<_, _> = model.entries.iter().cloned().collect();
        assert_eq!(map.to_map().await.expect("a reply"), expected);
        let order = Command::read("ZRANGE").key(uses.clone()).arg(0).arg(-1);
        let order = client.run(order).await.and_then(purse::Reply::into_list);
        let order = order.expect("fields").into_iter().map(|field| {
            let field = field.into_bytes().expect("bytes");
            String::from_utf8(field.into()).expect("text")
        });
        assert!(order.eq(model.entries.iter().map(|(key, _)| key.clone())));
    }
    map.clear().await.expect("a reply");
}

#[test]
fn an_lru_map_answers_as_a_list_of_uses_does() {
    model::check(&steps(), run);
}

//! `RedisBloomFilter` against a `HashSet`: random operations, no false negative, and few false
//! positives.

use std::cell::Cell;
use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use purse::{Client, RedisBloomFilter};
use purse_tests::{fresh, model};

const ERROR_RATE: f64 = 0.02;

#[derive(Debug, Clone)]
enum Step {
    Add(u16),
    AddMany(Vec<u16>),
    /// Many at once, so that the filter gets layers.
    AddRange(u16),
    Contains(u16),
    ContainsMany(Vec<u16>),
    Len,
    Replace(Vec<u16>),
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let values = || vec(any::<u16>(), 0..50);
    let step = prop_oneof![
        4 => any::<u16>().prop_map(Step::Add),
        4 => values().prop_map(Step::AddMany),
        3 => any::<u16>().prop_map(Step::AddRange),
        4 => any::<u16>().prop_map(Step::Contains),
        8 => values().prop_map(Step::ContainsMany),
        2 => Just(Step::Len),
        1 => values().prop_map(Step::Replace),
        1 => Just(Step::Clear),
    ];
    vec(step, 1..=30)
}

/// The answers about values that were not added, and the wrong ones among them.
#[derive(Debug, Default)]
struct Tally {
    asked: Cell<u32>,
    wrong: Cell<u32>,
}

impl Tally {
    fn check(&self, is_in: bool, found: bool) {
        assert!(found || !is_in, "a false negative");
        if !is_in {
            self.asked.set(self.asked.get() + 1);
            self.wrong.set(self.wrong.get() + u32::from(found));
        }
    }
}

async fn run(client: &Client, tally: &Tally, steps: Vec<Step>) -> purse::Result<()> {
    let filter: RedisBloomFilter<u16> =
        RedisBloomFilter::new(client, fresh("model"), 100, ERROR_RATE)?;
    let mut added = HashSet::new();
    // The number of additions whose answer was that the element is new.
    let mut count = 0;
    for step in steps {
        let many = match step {
            Step::Add(value) => {
                let is_new = filter.add(value).await?;
                tally.check(!added.insert(value), !is_new);
                count += u64::from(is_new);
                continue;
            }
            Step::AddMany(values) => values,
            Step::AddRange(first) => (0..100).map(|n| first.wrapping_add(n)).collect(),
            Step::Contains(value) => {
                tally.check(added.contains(&value), filter.contains(value).await?);
                continue;
            }
            Step::ContainsMany(values) => {
                let found = filter.contains_many(&values).await?;
                assert_eq!(found.len(), values.len());
                for (value, found) in values.iter().zip(found) {
                    tally.check(added.contains(value), found);
                }
                continue;
            }
            Step::Len => {
                assert_eq!(filter.len().await?, count);
                assert_eq!(filter.is_empty().await?, count == 0);
                continue;
            }
            Step::Replace(values) => {
                count = filter.replace(&values).await?;
                added = values.into_iter().collect();
                assert!(count <= added.len() as u64);
                continue;
            }
            Step::Clear => {
                assert_eq!(filter.clear().await?, count > 0);
                added.clear();
                count = 0;
                continue;
            }
        };
        let new = filter.add_many(&many).await?;
        assert_eq!(new.len(), many.len());
        for (value, is_new) in many.into_iter().zip(new) {
            tally.check(!added.insert(value), !is_new);
            count += u64::from(is_new);
        }
    }
    let all: Vec<_> = added.into_iter().collect();
    assert!(
        filter
            .contains_many(&all)
            .await?
            .into_iter()
            .all(|found| found)
    );
    filter.clear().await?;
    Ok(())
}

#[test]
fn bloom_filter_has_no_false_negatives_and_few_false_positives() {
    let tally = Tally::default();
    model::check(&steps(), async |client, steps| {
        run(client, &tally, steps).await.expect("a reply");
    });
    let (asked, wrong) = (tally.asked.get(), tally.wrong.get());
    assert!(asked > 10_000, "{asked}");
    assert!(
        f64::from(wrong) <= ERROR_RATE * f64::from(asked),
        "{wrong} of {asked}"
    );
}

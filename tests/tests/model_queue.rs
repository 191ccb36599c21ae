//! The three queues against std's: random operations, and every answer compared.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use purse::{Client, Order, RedisLifoQueue, RedisPriorityQueue, RedisQueue};
use purse_tests::{fresh, model};

/// Three ways to take an element out that is there.
#[derive(Debug, Clone, Copy)]
enum Way {
    Try,
    Timeout,
    Wait,
}

#[derive(Debug, Clone)]
enum Step {
    Push(i32),
    PushMany(Vec<i32>),
    Pop(Way),
    Peek,
    Len,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let way = prop_oneof![3 => Just(Way::Try), 1 => Just(Way::Timeout), 1 => Just(Way::Wait)];
    let step = prop_oneof![
        3 => (0..9_i32).prop_map(Step::Push),
        2 => vec(0..9_i32, 0..5).prop_map(Step::PushMany),
        6 => way.prop_map(Step::Pop),
        1 => Just(Step::Peek),
        1 => Just(Step::Len),
    ];
    vec(step, 20..80)
}

async fn by_order<O: Order>(
    queue: RedisQueue<i32, purse::Plain, O>,
    steps: Vec<Step>,
    pop: fn(&mut VecDeque<i32>) -> Option<i32>,
    next: fn(&VecDeque<i32>) -> Option<&i32>,
) -> purse::Result<()> {
    let mut model = VecDeque::new();
    for step in steps {
        match step {
            Step::Push(value) => {
                model.push_back(value);
                assert_eq!(queue.push(value).await?, model.len() as u64);
            }
            Step::PushMany(values) => {
                model.extend(values.iter().copied());
                assert_eq!(queue.push_many(values).await?, model.len() as u64);
            }
            Step::Pop(way) => {
                let expected = pop(&mut model);
                let popped = match (way, expected) {
                    (Way::Wait, Some(_)) => Some(queue.pop().await?),
                    (Way::Timeout, _) => queue.pop_timeout(Duration::ZERO).await?,
                    (Way::Wait, None) | (Way::Try, _) => queue.try_pop().await?,
                };
                assert_eq!(popped, expected);
            }
            Step::Peek => assert_eq!(queue.peek().await?.as_ref(), next(&model)),
            Step::Len => {
                assert_eq!(queue.len().await?, model.len() as u64);
                assert_eq!(queue.is_empty().await?, model.is_empty());
            }
        }
    }
    queue.clear().await?;
    Ok(())
}

#[test]
fn a_queue_answers_as_a_deque_does() {
    model::check(&steps(), async |client: &Client, steps| {
        let queue: RedisQueue<i32> = RedisQueue::new(client, fresh("queue"));
        by_order(queue, steps, VecDeque::pop_front, VecDeque::front)
            .await
            .expect("a reply");
    });
}

#[test]
fn a_lifo_queue_answers_as_a_stack_does() {
    model::check(&steps(), async |client: &Client, steps| {
        let queue: RedisLifoQueue<i32> = RedisLifoQueue::new(client, fresh("queue"));
        by_order(queue, steps, VecDeque::pop_back, VecDeque::back)
            .await
            .expect("a reply");
    });
}

/// Numbers by their priority, which is a third of them, and then by their age.
type Ranked = BTreeMap<(i32, u32), i32>;

async fn by_priority(client: &Client, steps: Vec<Step>) -> purse::Result<()> {
    let queue: RedisPriorityQueue<i32> = RedisPriorityQueue::new(client, fresh("queue"));
    let mut model = Ranked::new();
    let mut age = 0;
    let mut add = |model: &mut Ranked, value: i32| {
        age += 1;
        model.insert((value / 3, age), value);
    };
    let entry = |((rank, _), value): ((i32, u32), i32)| (value, f64::from(rank));
    for step in steps {
        match step {
            Step::Push(value) => {
                add(&mut model, value);
                queue.push(value, f64::from(value / 3)).await?;
            }
            Step::PushMany(values) => {
                values.iter().for_each(|&value| add(&mut model, value));
                let entries = values.iter().map(|&value| (value, f64::from(value / 3)));
                assert_eq!(
                    queue.push_many(entries.collect::<Vec<_>>()).await?,
                    values.len() as u64
                );
            }
            Step::Pop(way) => {
                let expected = model.pop_first().map(entry);
                let popped = match (way, expected) {
                    (Way::Wait, Some(_)) => Some(queue.pop().await?),
                    (Way::Timeout, _) => queue.pop_timeout(Duration::ZERO).await?,
                    (Way::Wait, None) | (Way::Try, _) => queue.try_pop().await?,
                };
                assert_eq!(popped, expected);
            }
            Step::Peek => {
                let first = model
                    .first_key_value()
                    .map(|(key, value)| entry((*key, *value)));
                assert_eq!(queue.peek().await?, first);
            }
            Step::Len => {
                assert_eq!(queue.len().await?, model.len() as u64);
                assert_eq!(queue.is_empty().await?, model.is_empty());
            }
        }
    }
    queue.clear().await?;
    Ok(())
}

#[test]
fn a_priority_queue_answers_as_an_ordered_map_does() {
    model::check(&steps(), async |client: &Client, steps| {
        by_priority(client, steps).await.expect("a reply");
    });
}

//! `RedisList` against a `VecDeque`: random operations, and every answer compared.

use std::collections::VecDeque;
use std::ops::{Bound, RangeBounds};

use futures::TryStreamExt;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use purse::{Client, End, ErrorKind, Occurrences, RedisList};
use purse_tests::{fresh, model};

type Element = &'static str;
type Range = (Bound<i64>, Bound<i64>);

#[derive(Debug, Clone)]
enum Step {
    PushBack(Element),
    PushFront(Element),
    Extend(Vec<Element>),
    ExtendFront(Vec<Element>),
    PopBack,
    PopFront,
    PopBackN(u32),
    PopFrontN(u32),
    Get(i64),
    Set(i64, Element),
    Insert(i64, Element),
    Remove(Element, Occurrences),
    RemoveAt(i64),
    PushCapped(Element, u64),
    ExtendCapped(Vec<Element>, u64),
    /// To another list of this length, or to the list itself.
    Move(Option<usize>, End, End),
    Position(Element),
    Positions(Element, Occurrences),
    Range(Range),
    Trim(Range),
    Stream(usize),
    StreamReversed(usize),
    Ends,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let element = || select(vec!["a", "b", "", "12", "message", "ä"]);
    let elements = || vec(element(), 0..5);
    let index = || prop_oneof![9 => -8..8_i64, 1 => select(vec![i64::MIN, i64::MAX, 1 << 32])];
    let bound = || {
        (-8..8_i64, 0..3_u8).prop_map(|(index, kind)| match kind {
            0 => Bound::Unbounded,
            1 => Bound::Included(index),
            _ => Bound::Excluded(index),
        })
    };
    let which = || {
        prop_oneof![
            Just(Occurrences::All),
            (0..3_u32).prop_map(Occurrences::First),
            (0..3_u32).prop_map(Occurrences::Last),
        ]
    };
    let end = || select(vec![End::Front, End::Back]);
    let most = || prop_oneof![4 => 0..9_u64, 1 => Just(u64::MAX)];
    let step = prop_oneof![
        4 => element().prop_map(Step::PushBack),
        4 => element().prop_map(Step::PushFront),
        4 => elements().prop_map(Step::Extend),
        4 => elements().prop_map(Step::ExtendFront),
        1 => Just(Step::PopBack),
        1 => Just(Step::PopFront),
        1 => (0..4_u32).prop_map(Step::PopBackN),
        1 => (0..4_u32).prop_map(Step::PopFrontN),
        2 => index().prop_map(Step::Get),
        2 => (index(), element()).prop_map(|(index, element)| Step::Set(index, element)),
        4 => (index(), element()).prop_map(|(index, element)| Step::Insert(index, element)),
        1 => (element(), which()).prop_map(|(element, which)| Step::Remove(element, which)),
        3 => index().prop_map(Step::RemoveAt),
        2 => (element(), most()).prop_map(|(element, most)| Step::PushCapped(element, most)),
        2 => (elements(), most()).prop_map(|(elements, most)| Step::ExtendCapped(elements, most)),
        2 => (option::of(0..3_usize), end(), end())
            .prop_map(|(other, from, to)| Step::Move(other, from, to)),
        1 => element().prop_map(Step::Position),
        2 => (element(), which()).prop_map(|(element, which)| Step::Positions(element, which)),
        2 => (bound(), bound()).prop_map(Step::Range),
        1 => (bound(), bound()).prop_map(Step::Trim),
        1 => (1..4_usize).prop_map(Step::Stream),
        1 => (1..4_usize).prop_map(Step::StreamReversed),
        1 => Just(Step::Ends),
        1 => Just(Step::Clear),
    ];
    vec(step, 20..80)
}

/// The place of an index in a sequence, if it is in it.
fn place(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).expect("a small length");
    let place = if index < 0 {
        index.checked_add(length)?
    } else {
        index
    };
    (0..length)
        .contains(&place)
        .then(|| usize::try_from(place).expect("not negative"))
}

/// The places that a range covers.
fn places(range: Range, length: usize) -> std::ops::Range<usize> {
    let length = i64::try_from(length).expect("a small length");
    let from_front = |index: i64| if index < 0 { index + length } else { index };
    let first = match range.start_bound() {
        Bound::Unbounded => 0,
        Bound::Included(&index) => from_front(index),
        Bound::Excluded(&index) => from_front(index) + 1,
    };
    let end = match range.end_bound() {
        Bound::Unbounded => length,
        Bound::Included(&index) => from_front(index) + 1,
        Bound::Excluded(&index) => from_front(index),
    };
    let [first, end] = [first, end].map(|place| place.clamp(0, length));
    let [first, end] =
        [first, end.max(first)].map(|place| usize::try_from(place).expect("clamped"));
    first..end
}

fn to_strings(elements: &[Element]) -> Vec<String> {
    elements
        .iter()
        .map(|element| (*element).to_owned())
        .collect()
}

/// The places of an element, in order.
fn find(model: &VecDeque<String>, element: Element, which: Occurrences) -> Vec<usize> {
    let mut at: Vec<_> = (0..model.len())
        .filter(|&place| model[place] == element)
        .collect();
    match which {
        Occurrences::All => {}
        Occurrences::First(count) => at.truncate(count as usize),
        Occurrences::Last(count) => drop(at.drain(..at.len().saturating_sub(count as usize))),
    }
    at
}

fn keep_last(model: &mut VecDeque<String>, most: u64) -> u64 {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    drop(model.drain(..model.len().saturating_sub(most)));
    model.len() as u64
}

/// Takes an element from one end of a list and adds it to one end of another.
async fn move_element(
    client: &Client,
    list: &RedisList<String>,
    model: &mut VecDeque<String>,
    other: Option<usize>,
    from: End,
    to: End,
) -> purse::Result<()> {
    let element = match from {
        End::Front => model.pop_front(),
        End::Back => model.pop_back(),
    };
    let add = |model: &mut VecDeque<String>| match (element.clone(), to) {
        (None, _) => {}
        (Some(element), End::Front) => model.push_front(element),
        (Some(element), End::Back) => model.push_back(element),
    };
    let Some(length) = other else {
        add(model);
        assert_eq!(list.move_to(list, from, to).await?, element);
        return Ok(());
    };
    let target = RedisList::new(client, fresh("list"));
    let mut expected: VecDeque<String> = (0..length).map(|n| n.to_string()).collect();
    target.extend(&expected).await?;
    add(&mut expected);
    assert_eq!(list.move_to(&target, from, to).await?, element);
    assert_eq!(expected, target.to_vec().await?);
    target.clear().await?;
    Ok(())
}

fn remove(model: &mut VecDeque<String>, element: Element, which: Occurrences) -> u64 {
    let at = find(model, element, which);
    for &place in at.iter().rev() {
        model.remove(place);
    }
    at.len() as u64
}

async fn run(client: &Client, steps: Vec<Step>) {
    let list: RedisList<String> = RedisList::new(client, fresh("list"));
    let mut model: VecDeque<String> = VecDeque::new();
    for step in steps {
        take(client, &list, &mut model, step)
            .await
            .expect("a reply");
        let all = list.to_vec().await.expect("a reply");
        assert_eq!(model, all);
        assert_eq!(list.len().await.expect("a reply"), model.len() as u64);
    }
    list.clear().await.expect("a reply");
}

async fn take(
    client: &Client,
    list: &RedisList<String>,
    model: &mut VecDeque<String>,
    step: Step,
) -> purse::Result<()> {
    match step {
        Step::PushBack(element) => {
            model.push_back(element.to_owned());
            assert_eq!(list.push_back(element).await?, model.len() as u64);
        }
        Step::PushFront(element) => {
            model.push_front(element.to_owned());
            assert_eq!(list.push_front(element).await?, model.len() as u64);
        }
        Step::Extend(elements) => {
            model.extend(to_strings(&elements));
            assert_eq!(list.extend(elements).await?, model.len() as u64);
        }
        Step::ExtendFront(elements) => {
            to_strings(&elements)
                .into_iter()
                .for_each(|element| model.push_front(element));
            assert_eq!(list.extend_front(elements).await?, model.len() as u64);
        }
        Step::PopBack => assert_eq!(list.pop_back().await?, model.pop_back()),
        Step::PopFront => assert_eq!(list.pop_front().await?, model.pop_front()),
        Step::PopBackN(count) => {
            let popped: Vec<_> = (0..count).map_while(|_| model.pop_back()).collect();
            assert_eq!(list.pop_back_n(count).await?, popped);
        }
        Step::PopFrontN(count) => {
            let popped: Vec<_> = (0..count).map_while(|_| model.pop_front()).collect();
            assert_eq!(list.pop_front_n(count).await?, popped);
        }
        Step::Get(index) => {
            let expected = place(index, model.len()).map(|place| model[place].clone());
            assert_eq!(list.get(index).await?, expected);
        }
        Step::Set(index, element) => match place(index, model.len()) {
            Some(place) => {
                list.set(index, element).await?;
                model[place] = element.to_owned();
            }
            None => check_out_of_range(list.set(index, element).await),
        },
        Step::Insert(index, element) => {
            let end = i64::try_from(model.len()).expect("a small length");
            let before = if index == end {
                Some(model.len())
            } else {
                place(index, model.len())
            };
            match before {
                Some(place) => {
                    model.insert(place, element.to_owned());
                    assert_eq!(list.insert(index, element).await?, model.len() as u64);
                }
                None => check_out_of_range(list.insert(index, element).await),
            }
        }
        Step::Remove(element, which) => {
            let removed = remove(model, element, which);
            assert_eq!(list.remove_value(element, which).await?, removed);
        }
        Step::RemoveAt(index) => {
            let expected = place(index, model.len()).and_then(|place| model.remove(place));
            assert_eq!(list.remove(index).await?, expected);
        }
        Step::PushCapped(element, most) => {
            model.push_back(element.to_owned());
            let length = keep_last(model, most);
            assert_eq!(list.push_capped(element, most).await?, length);
        }
        Step::ExtendCapped(elements, most) => {
            model.extend(to_strings(&elements));
            let length = match elements.is_empty() {
                true => model.len() as u64,
                false => keep_last(model, most),
            };
            assert_eq!(list.extend_capped(elements, most).await?, length);
        }
        Step::Move(other, from, to) => move_element(client, list, model, other, from, to).await?,
        Step::Positions(element, which) => {
            let mut expected = find(model, element, which);
            if matches!(which, Occurrences::Last(_)) {
                expected.reverse();
            }
            let expected: Vec<_> = expected.into_iter().map(|place| place as u64).collect();
            assert_eq!(list.positions(element, which).await?, expected);
            let count = find(model, element, Occurrences::All).len() as u64;
            assert_eq!(list.count(element).await?, count);
        }
        Step::Position(element) => {
            let position = model.iter().position(|other| other == element);
            assert_eq!(
                list.position(element).await?,
                position.map(|place| place as u64)
            );
            assert_eq!(list.contains(element).await?, position.is_some());
        }
        Step::Range(range) => {
            let expected: Vec<_> = model.range(places(range, model.len())).cloned().collect();
            assert_eq!(list.range(range).await?, expected);
        }
        Step::Trim(range) => {
            list.trim(range).await?;
            *model = model.range(places(range, model.len())).cloned().collect();
        }
        Step::Stream(page) => {
            let all: Vec<String> = list.stream().page_size(page).try_collect().await?;
            assert_eq!(*model, all);
        }
        Step::StreamReversed(page) => {
            let stream = list.stream().rev().page_size(page);
            let all: Vec<String> = stream.try_collect().await?;
            assert!(model.iter().rev().eq(&all), "{all:?}");
        }
        Step::Ends => {
            assert_eq!(list.front().await?.as_ref(), model.front());
            assert_eq!(list.back().await?.as_ref(), model.back());
            assert_eq!(list.is_empty().await?, model.is_empty());
        }
        Step::Clear => {
            assert_eq!(list.clear().await?, !model.is_empty());
            model.clear();
        }
    }
    Ok(())
}

fn check_out_of_range<T: std::fmt::Debug>(result: purse::Result<T>) {
    let error = result.expect_err("it is outside");
    assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
}

#[test]
fn a_list_answers_as_a_deque_does() {
    model::check(&steps(), run);
}

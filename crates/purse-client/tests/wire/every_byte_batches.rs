//! A connection that is cut at every byte of a batch.

use purse_client::{Batch, Command, Error, ErrorKind, Pending, Reply};

use crate::wire::{Cut, Wire, every_byte, key, without_value};

const OPERATIONS: usize = 10;

/// Returns a batch of increments of a counter each, of those from `first` on.
fn increments(wire: &Wire, first: usize) -> (Batch, Vec<Pending<i64>>) {
    let mut batch = wire.client.batch();
    let pending = (first..first + OPERATIONS)
        .map(|number| {
            let incr = Command::write("INCR").key(key(number));
            batch.add(wire.client.op(incr, Reply::into_int))
        })
        .collect();
    (batch, pending)
}

fn keys(first: usize) -> Vec<String> {
    (first..first + OPERATIONS).map(key).collect()
}

fn results(pending: Vec<Pending<i64>>) -> Vec<Result<i64, Error>> {
    pending.into_iter().map(Pending::take).collect()
}

#[tokio::test]
async fn batch_cut_at_every_byte_runs_as_its_results_say() {
    let mut wire = Wire::start().await;
    let (batch, _pending) = increments(&wire, 999_000);
    let (lengths, sent) = wire.lengths(batch.send()).await;
    sent.expect("a batch");
    for (step, cut) in every_byte(lengths).enumerate() {
        let first = step * OPERATIONS;
        let (batch, pending) = increments(&wire, first);
        let sent = wire.cut(cut, batch.send()).await;
        sent.expect("the results are in the operations");
        let results = results(pending);
        let context = format!("{cut:?} of {lengths:?}");
        let ran = wire.check_all(&keys(first), &results, &context);
        let is_done: Vec<_> = results.iter().map(Result::is_ok).collect();
        assert!(
            is_done.is_sorted_by(|a, b| a >= b),
            "{context}: {is_done:?}"
        );
        // The number of operations whose requests or replies were forwarded as a whole.
        let whole = |count, length| (count * OPERATIONS as u64 / length) as usize;
        match cut {
            Cut::Request(count) if count > 0 && count < lengths.0 => {
                let whole = whole(count, lengths.0);
                assert_eq!(ran.iter().sum::<i64>(), whole as i64, "{context}");
            }
            Cut::Reply(count) => {
                let is_ok = is_done.iter().filter(|is_ok| **is_ok).count();
                assert_eq!(is_ok, whole(count, lengths.1), "{context}");
                assert_eq!(ran, [1; OPERATIONS], "{context}");
            }
            Cut::Request(_) => {}
        }
    }
    wire.check_nothing_ran_later();
}

#[tokio::test]
async fn atomic_batch_cut_at_every_byte_runs_whole_or_not() {
    let mut wire = Wire::start().await;
    let (batch, _pending) = increments(&wire, 999_000);
    let (lengths, sent) = wire.lengths(batch.atomic().send()).await;
    sent.expect("a batch");
    for (step, cut) in every_byte(lengths).enumerate() {
        let first = step * OPERATIONS;
        let (batch, pending) = increments(&wire, first);
        let sent = wire.cut(cut, batch.atomic().send()).await;
        let context = format!("{cut:?} of {lengths:?}");
        let results = results(pending);
        let ran = wire.check_all(&keys(first), &results, &context);
        for result in &results {
            let (ours, whole) = (without_value(result), without_value(&sent));
            assert_eq!(
                ours.map_err(Error::kind),
                whole.map_err(Error::kind),
                "{context}"
            );
        }
        assert!(
            ran.iter().all(|count| *count == ran[0]),
            "{context}: {ran:?}"
        );
        let kind = sent.as_ref().err().map(Error::kind);
        match cut {
            Cut::Request(count) if count > 0 && count < lengths.0 => {
                assert_eq!((kind, ran[0]), (Some(ErrorKind::Ambiguous), 0), "{context}");
            }
            Cut::Request(_) => {}
            Cut::Reply(count) => {
                assert_eq!(kind.is_none(), count == lengths.1, "{context}");
                assert_eq!(ran[0], 1, "{context}");
            }
        }
    }
    wire.check_nothing_ran_later();
}

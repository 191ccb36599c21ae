//! Commands over many elements in bounded memory: one command per chunk.
//!
//! The next chunk is encoded while a chunk is in flight. Writes go one at a time, so that the
//! stored elements are a prefix of the input, also after a failure. Two reads are in flight at a
//! time.
//!
//! May import: `conversion`.

pub(crate) mod by_slot;

use std::collections::VecDeque;
use std::task::Poll;

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use futures::{FutureExt, poll};
use purse_client::{Client, Command, Effect, Error, Reply, Result};

use crate::conversion::ArgBuffer;

/// The maximal number of elements of a command.
const MAX_ELEMENTS: usize = 1_024;
/// The number of bytes after which no element is added to a command.
const MAX_BYTES: usize = 1 << 20;
/// The number of reads in flight.
const MAX_READS: usize = 2;

/// A number of elements, as the arguments of a command.
struct Chunk {
    elements: usize,
    arguments: Vec<Bytes>,
}

/// Runs `command` over all `items`, each encoded as arguments by `write`, and folds the replies.
///
/// Items that fit one command are sent as one command, which is atomic. After a write has failed,
/// no other is sent, and the error contains the number of elements written before.
pub(crate) async fn run<V, A>(
    client: &Client,
    command: Command,
    items: impl Iterator<Item = V>,
    write: impl Fn(V, &mut ArgBuffer) -> Result<()>,
    start: A,
    fold: fn(A, Reply) -> Result<A>,
) -> Result<A> {
    let step = |chunk| client.op(command.clone().args(chunk), Ok);
    in_chunks(client, &command, items, write, start, step, fold).await
}

/// Calls `step`, which runs `command` in some way, for each chunk of `items`, and folds the
/// results.
pub(crate) async fn in_chunks<V, A, R, F>(
    client: &Client,
    command: &Command,
    items: impl Iterator<Item = V>,
    write: impl Fn(V, &mut ArgBuffer) -> Result<()>,
    start: A,
    step: impl Fn(Vec<Bytes>) -> F,
    fold: fn(A, R) -> Result<A>,
) -> Result<A>
where
    F: Future<Output = Result<R>> + Send,
    R: Send,
{
    let is_write = command.effect() == Effect::Write;
    let most = if is_write { 1 } else { MAX_READS };
    let after = |done: usize, error: Error| {
        error
            .with_command(command.name(), command.keys().first().cloned())
            .with_server(client.server().into())
            .with_done(if is_write { done } else { 0 })
    };
    let mut items = items.fuse();
    let mut folded = start;
    let mut done = 0;
    let mut running = VecDeque::new();
    // The command is created with its chunk, so that the next one can be sent without a delay.
    let mut likely = 0;
    let mut make = || {
        let chunk = next_chunk(&mut items, &write, likely)?;
        likely = chunk.arguments.len();
        Ok((chunk.elements > 0).then(|| (chunk.elements, step(chunk.arguments))))
    };
    let mut next = make();
    loop {
        while running.len() < most
            && let Ok(chunk) = &mut next
            && let Some((elements, step)) = chunk.take()
        {
            running.push_back((elements, start_op(step).await));
            next = make();
        }
        let Some((elements, reply)) = running.pop_front() else {
            break;
        };
        let reply = reply.await;
        folded = reply
            .and_then(|reply| {
                fold(folded, reply).map_err(|error| command.effect().judge_unread(error))
            })
            .map_err(|error| after(done, error))?;
        done += elements;
    }
    next.map(|_| folded).map_err(|error| after(done, error))
}

/// Polls an operation once, which sends its command.
pub(crate) async fn start_op<'a, R: Send + 'a>(
    step: impl Future<Output = Result<R>> + Send + 'a,
) -> BoxFuture<'a, Result<R>> {
    let mut step = step.boxed();
    match poll!(&mut step) {
        Poll::Ready(result) => ready(result).boxed(),
        Poll::Pending => step,
    }
}

/// Adds up replies that are counts.
pub(crate) fn sum(so_far: u64, reply: Reply) -> Result<u64> {
    Ok(so_far + reply.into_count()?)
}

/// Encodes the next chunk; it is empty at the end.
fn next_chunk<V>(
    items: &mut impl Iterator<Item = V>,
    write: &impl Fn(V, &mut ArgBuffer) -> Result<()>,
    likely: usize,
) -> Result<Chunk> {
    let mut arguments = ArgBuffer::new(likely);
    let mut elements = 0;
    while elements < MAX_ELEMENTS && arguments.bytes < MAX_BYTES {
        let Some(item) = items.next() else {
            break;
        };
        write(item, &mut arguments)?;
        elements += 1;
    }
    Ok(Chunk {
        elements,
        arguments: arguments.into_vec(),
    })
}

#[cfg(test)]
mod tests {
    use purse_codec::Raw;

    use super::*;

    fn chunks(sizes: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut items = sizes.into_iter();
        let write =
            |size, arguments: &mut ArgBuffer| arguments.encode::<Vec<u8>, Raw>(vec![0; size]);
        let chunks = std::iter::from_fn(|| {
            let chunk = next_chunk(&mut items, &write, 0).expect("no item fails");
            assert_eq!(chunk.elements, chunk.arguments.len());
            (chunk.elements > 0).then_some(chunk.elements)
        });
        chunks.collect()
    }

    #[test]
    fn chunks_are_bounded_in_number_and_in_bytes() {
        assert_eq!(chunks([1; 10]), [10]);
        assert_eq!(chunks([1; 2_500]), [1_024, 1_024, 452]);
        assert_eq!(chunks([1 << 19; 5]), [2, 2, 1]);
        assert_eq!(chunks([3 << 20, 1]), [1, 1]);
        assert!(chunks([]).is_empty());
    }
}

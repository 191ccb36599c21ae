//! Many elements in bounded memory: one command a chunk.
//!
//! While a chunk is under way the next one is made. Writes go one at a time, so that what is stored
//! is a prefix whatever fails; reads go two at a time.

use std::collections::VecDeque;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use futures::future::{BoxFuture, ready};
use futures::{FutureExt, poll};
use purse_client::{Client, Command, Effect, Error, Reply, Result};

/// The most elements of one command.
const MOST_ELEMENTS: usize = 1_024;
/// The most bytes of one command, unless a single element has more.
const MOST_BYTES: usize = 1 << 20;
/// How many reads are under way at once.
const MOST_READS: usize = 2;

/// What is as small as this shares a block of memory with others.
const SMALL: usize = 1 << 10;
const BLOCK: usize = 1 << 14;

/// Runs `command` over all `items`, each `N` arguments, and folds the replies.
///
/// What fits one command is one command, so atomic. No write is sent after one that failed; the
/// error then says how many elements had been dealt with before.
pub(crate) async fn run<const N: usize, A>(
    client: &Client,
    command: Command,
    items: impl Iterator<Item = Result<[Bytes; N]>>,
    start: A,
    fold: fn(A, Reply) -> Result<A>,
) -> Result<A> {
    let step = |chunk| client.op(command.clone().args(chunk), Ok);
    in_chunks(client, &command, items, start, step, fold).await
}

/// Takes a step, which is to run `command` in some way, for each chunk of `items`, and folds what
/// comes of it.
pub(crate) async fn in_chunks<const N: usize, A, R, F>(
    client: &Client,
    command: &Command,
    items: impl Iterator<Item = Result<[Bytes; N]>>,
    start: A,
    step: impl Fn(Vec<Bytes>) -> F,
    fold: fn(A, R) -> Result<A>,
) -> Result<A>
where
    F: Future<Output = Result<R>> + Send,
    R: Send,
{
    let is_write = command.effect() == Effect::Write;
    let most = if is_write { 1 } else { MOST_READS };
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
    let mut next = next_chunk(&mut items);
    loop {
        while running.len() < most
            && let Ok(chunk) = &mut next
            && !chunk.is_empty()
        {
            let chunk = std::mem::take(chunk);
            running.push_back((chunk.len() / N, sent(step(chunk)).await));
            next = next_chunk(&mut items);
        }
        let Some((elements, reply)) = running.pop_front() else {
            break;
        };
        let reply = reply.await;
        folded = reply
            .and_then(|reply| fold(folded, reply))
            .map_err(|error| after(done, error))?;
        done += elements;
    }
    next.map(|_| folded).map_err(|error| after(done, error))
}

/// Sends what is sent when it is first polled.
async fn sent<'a, R: Send + 'a>(
    step: impl Future<Output = Result<R>> + Send + 'a,
) -> BoxFuture<'a, Result<R>> {
    let mut step = step.boxed();
    match poll!(&mut step) {
        Poll::Ready(result) => ready(result).boxed(),
        Poll::Pending => step,
    }
}

/// Folds replies that count.
pub(crate) fn sum(so_far: u64, reply: Reply) -> Result<u64> {
    Ok(so_far + reply.into_count()?)
}

/// The next chunk's arguments; none at the end.
fn next_chunk<const N: usize>(
    items: &mut impl Iterator<Item = Result<[Bytes; N]>>,
) -> Result<Vec<Bytes>> {
    let mut chunk = Vec::new();
    let mut block = BytesMut::new();
    let mut bytes = 0;
    while chunk.len() < MOST_ELEMENTS * N && bytes < MOST_BYTES {
        let Some(item) = items.next() else {
            break;
        };
        let item = item?;
        bytes += item.iter().map(Bytes::len).sum::<usize>();
        chunk.extend(item.map(|bytes| packed(bytes, &mut block)));
    }
    Ok(chunk)
}

/// Moves what is small into a block: each by itself would be freed by fred's thread, which holds up
/// the one that makes the next chunk.
fn packed(bytes: Bytes, block: &mut BytesMut) -> Bytes {
    if bytes.len() > SMALL {
        return bytes;
    }
    if block.capacity() < bytes.len() {
        *block = BytesMut::with_capacity(BLOCK);
    }
    block.extend_from_slice(&bytes);
    block.split().freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(sizes: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut items = sizes
            .into_iter()
            .map(|size| Ok([Bytes::from(vec![0; size])]));
        let chunks = std::iter::from_fn(|| {
            let chunk = next_chunk(&mut items).expect("no item fails");
            (!chunk.is_empty()).then_some(chunk.len())
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

    #[test]
    fn elements_of_all_sizes_come_through_a_chunk_as_they_are() {
        let sizes = [0, 1, 100, SMALL, SMALL + 1, BLOCK, BLOCK + 1, 5, 0];
        let element = |n: usize| Bytes::from(vec![n as u8; sizes[n % sizes.len()]]);
        let mut items = (0..900).map(|n| Ok([element(n), element(n + 1)]));
        let chunk = next_chunk(&mut items).expect("no item fails");
        assert_eq!(chunk.len() % 2, 0);
        let expected = (0..chunk.len() / 2).flat_map(|n| [element(n), element(n + 1)]);
        assert!(chunk.into_iter().eq(expected));
    }
}

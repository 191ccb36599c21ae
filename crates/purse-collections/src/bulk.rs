//! Many elements in bounded memory: one command a chunk, one chunk at a time.

use bytes::Bytes;
use purse_client::{Client, Command, Effect, Error, Reply, Result};

/// The most elements of one command.
const MOST_ELEMENTS: usize = 1_024;
/// The most bytes of one command, unless a single element has more.
const MOST_BYTES: usize = 1 << 20;

/// Runs `command` over all `items`, each `N` arguments, and folds the replies.
///
/// What fits one command is one command, so atomic. Nothing is sent after a failure, which then
/// says how many elements a write had dealt with before.
pub(crate) async fn run<const N: usize, A>(
    client: &Client,
    command: Command,
    items: impl Iterator<Item = Result<[Bytes; N]>>,
    start: A,
    fold: fn(A, Reply) -> Result<A>,
) -> Result<A> {
    let step = |folded, chunk| {
        // Boxed, as every `Op`: nested in the futures of callers, the type of what runs a command
        // is deeper than the compiler allows.
        let reply = client.op(command.clone().args(chunk), Ok);
        async move { fold(folded, reply.await?) }
    };
    in_chunks(client, &command, items, start, step).await
}

/// Takes a step, which is to run `command` in some way, for each chunk of `items`.
pub(crate) async fn in_chunks<const N: usize, A, F>(
    client: &Client,
    command: &Command,
    mut items: impl Iterator<Item = Result<[Bytes; N]>>,
    start: A,
    step: impl Fn(A, Vec<Bytes>) -> F,
) -> Result<A>
where
    F: Future<Output = Result<A>>,
{
    let is_write = command.effect() == Effect::Write;
    let after = |done: usize, error: Error| {
        error
            .with_command(command.name(), command.keys().first().cloned())
            .with_server(client.server().into())
            .with_done(if is_write { done } else { 0 })
    };
    let mut folded = start;
    let mut done = 0;
    loop {
        let (chunk, last) = next_chunk(&mut items).map_err(|error| after(done, error))?;
        let elements = chunk.len() / N;
        if elements == 0 {
            return Ok(folded);
        }
        folded = step(folded, chunk)
            .await
            .map_err(|error| after(done, error))?;
        done += elements;
        if last {
            return Ok(folded);
        }
    }
}

/// Folds replies that count.
pub(crate) fn sum(so_far: u64, reply: Reply) -> Result<u64> {
    Ok(so_far + reply.into_count()?)
}

/// The next chunk's arguments, and whether the items ended with it.
fn next_chunk<const N: usize>(
    items: &mut impl Iterator<Item = Result<[Bytes; N]>>,
) -> Result<(Vec<Bytes>, bool)> {
    let mut chunk = Vec::new();
    let mut bytes = 0;
    while chunk.len() < MOST_ELEMENTS * N && bytes < MOST_BYTES {
        let Some(item) = items.next() else {
            return Ok((chunk, true));
        };
        let item = item?;
        bytes += item.iter().map(Bytes::len).sum::<usize>();
        chunk.extend(item);
    }
    Ok((chunk, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(sizes: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut items = sizes
            .into_iter()
            .map(|size| Ok([Bytes::from(vec![0; size])]));
        let mut chunks = Vec::new();
        loop {
            let (chunk, last) = next_chunk(&mut items).expect("no item fails");
            chunks.push(chunk.len());
            if last {
                return chunks;
            }
        }
    }

    #[test]
    fn chunks_are_bounded_in_number_and_in_bytes() {
        assert_eq!(chunks([1; 10]), [10]);
        assert_eq!(chunks([1; 2_500]), [1_024, 1_024, 452]);
        assert_eq!(chunks([1 << 19; 5]), [2, 2, 1]);
        assert_eq!(chunks([3 << 20, 1]), [1, 1]);
        assert_eq!(chunks([]), [0]);
    }
}

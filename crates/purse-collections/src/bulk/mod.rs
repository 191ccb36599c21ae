//! Operations on many elements in bounded memory: one command per chunk.
//!
//! The next chunk is encoded while a chunk is in flight. Writes go one at a time, so that the
//! stored elements are a prefix of the input, also after a failure. Two reads are in flight at a
//! time. A batch takes all chunks at once.
//!
//! May import: `conversion`.

pub(crate) mod by_slot;
mod op;
mod plan;

use std::task::Poll;

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use futures::{FutureExt, poll};
use purse_client::{Client, Command, Reply, Result};

use crate::conversion::ArgBuffer;
pub use op::BulkOp;
use op::Subject;
use plan::{Part, Parts};

/// The maximal number of elements of a command.
const MAX_ELEMENTS: usize = 1_024;
/// The number of bytes after which no element is added to a command.
const MAX_BYTES: usize = 1 << 20;

/// A number of elements, as the arguments of a command.
struct Chunk {
    elements: usize,
    arguments: Vec<Bytes>,
}

/// A command that is to run over many elements.
pub(crate) struct Bulk<'c> {
    client: &'c Client,
    command: Command,
    if_empty: Option<Command>,
}

impl<'c> Bulk<'c> {
    pub(crate) const fn new(client: &'c Client, command: Command) -> Self {
        Self {
            client,
            command,
            if_empty: None,
        }
    }

    /// Runs `command` if there are no elements.
    pub(crate) fn if_empty(mut self, command: Command) -> Self {
        self.if_empty = Some(command);
        self
    }

    /// Runs the command over all `items`, each encoded as arguments by `write`, and folds the replies.
    ///
    /// Items that fit one command are sent as one command, which is atomic.
    pub(crate) fn run<'a, V, A: Send + 'static>(
        self,
        items: impl Iterator<Item = V> + Send + 'a,
        write: impl Fn(V, &mut ArgBuffer) -> Result<()> + Send + 'a,
        start: A,
        fold: fn(A, Reply) -> Result<A>,
    ) -> BulkOp<'a, A> {
        self.run_as(items, write, start, fold, |all| all)
    }

    /// Does what [`run`](Self::run) does, and makes the result of what was folded.
    pub(crate) fn run_as<'a, V, A: Send + 'static, R>(
        self,
        items: impl Iterator<Item = V> + Send + 'a,
        write: impl Fn(V, &mut ArgBuffer) -> Result<()> + Send + 'a,
        start: A,
        fold: fn(A, Reply) -> Result<A>,
        finish: impl Fn(A) -> R + Send + 'static,
    ) -> BulkOp<'a, R> {
        let with_args = |command: Command, arguments| command.args(arguments);
        self.run_with(items, write, with_args, start, fold, finish)
    }

    /// Does what [`run_as`](Self::run_as) does, with the command that `build` makes of each chunk.
    pub(crate) fn run_with<'a, V, A: Send + 'static, R>(
        self,
        items: impl Iterator<Item = V> + Send + 'a,
        write: impl Fn(V, &mut ArgBuffer) -> Result<()> + Send + 'a,
        build: fn(Command, Vec<Bytes>) -> Command,
        start: A,
        fold: fn(A, Reply) -> Result<A>,
        finish: impl Fn(A) -> R + Send + 'static,
    ) -> BulkOp<'a, R> {
        let step =
            move |command: &Command, arguments| (vec![build(command.clone(), arguments)], ());
        let fold =
            move |folded, (), replies: Vec<Reply>| replies.into_iter().try_fold(folded, fold);
        self.in_parts(items, write, step, start, fold, finish)
    }

    /// Runs the commands that `step` makes of each chunk of `items`, and folds their replies with
    /// what `step` returned beside the commands.
    pub(crate) fn in_parts<'a, V, X: Default + Send + 'static, A: Send + 'static, R>(
        self,
        items: impl Iterator<Item = V> + Send + 'a,
        write: impl Fn(V, &mut ArgBuffer) -> Result<()> + Send + 'a,
        step: impl Fn(&Command, Vec<Bytes>) -> (Vec<Command>, X) + Send + 'a,
        start: A,
        fold: impl Fn(A, X, Vec<Reply>) -> Result<A> + Send + 'static,
        finish: impl Fn(A) -> R + Send + 'static,
    ) -> BulkOp<'a, R> {
        let Self {
            client,
            command,
            mut if_empty,
        } = self;
        let subject = Subject::new(client, &command);
        let mut items = items.fuse();
        let mut likely = 0;
        let next = move || {
            let chunk = next_chunk(&mut items, &write, likely)?;
            likely = chunk.arguments.len();
            let elements = chunk.elements;
            let (commands, context) = match (elements, if_empty.take()) {
                (0, None) => return Ok(None),
                (0, Some(command)) => (vec![command], X::default()),
                _ => step(&command, chunk.arguments),
            };
            Ok(Some((Part { elements, commands }, context)))
        };
        let plan = Parts::new(next, start, fold, finish);
        BulkOp::new(subject, Box::new(plan))
    }
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

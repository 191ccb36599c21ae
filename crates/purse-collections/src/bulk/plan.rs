//! What an operation on many elements sends, and what it makes of the replies.

use std::collections::VecDeque;

use purse_client::{Command, Reply, Result};

/// The commands over one chunk of elements, which are sent at once.
pub(super) struct Part {
    pub(super) elements: usize,
    pub(super) commands: Vec<Command>,
}

/// The result of an operation as it grows with the replies.
pub(super) trait Folding<R>: Send {
    /// Adds the replies to the commands of the next part.
    fn fold(&mut self, replies: Vec<Reply>) -> Result<()>;

    /// Returns the result. It is called once.
    fn finish(&mut self) -> R;
}

/// The parts of an operation, made one by one, and its result.
pub(super) trait Plan<R>: Folding<R> {
    /// Makes the next part; `None` at the end.
    fn next(&mut self) -> Result<Option<Part>>;

    /// Drops what makes the parts, which may borrow.
    fn into_folding(self: Box<Self>) -> Box<dyn Folding<R>>;
}

/// A fold over the replies.
pub(super) struct Fold<X, A, F, G> {
    /// The data that the fold needs for each part that has no replies yet.
    contexts: VecDeque<X>,
    /// `None` once an error was returned, or the result.
    value: Option<A>,
    fold: F,
    finish: G,
}

/// A plan whose parts a function makes.
pub(super) struct Parts<N, X, A, F, G> {
    next: N,
    folded: Fold<X, A, F, G>,
}

impl<N, X, A, F, G> Parts<N, X, A, F, G> {
    pub(super) const fn new(next: N, start: A, fold: F, finish: G) -> Self {
        Self {
            next,
            folded: Fold {
                contexts: VecDeque::new(),
                value: Some(start),
                fold,
                finish,
            },
        }
    }
}

impl<X, A, R, F, G> Folding<R> for Fold<X, A, F, G>
where
    X: Send,
    A: Send,
    F: Fn(A, X, Vec<Reply>) -> Result<A> + Send,
    G: Fn(A) -> R + Send,
{
    fn fold(&mut self, replies: Vec<Reply>) -> Result<()> {
        if let Some(value) = self.value.take()
            && let Some(context) = self.contexts.pop_front()
        {
            self.value = Some((self.fold)(value, context, replies)?);
        }
        Ok(())
    }

    fn finish(&mut self) -> R {
        let value = self.value.take();
        (self.finish)(value.expect("the result is taken once, and not after an error"))
    }
}

impl<N, X, A, R, F, G> Folding<R> for Parts<N, X, A, F, G>
where
    N: Send,
    X: Send,
    A: Send,
    F: Fn(A, X, Vec<Reply>) -> Result<A> + Send,
    G: Fn(A) -> R + Send,
{
    fn fold(&mut self, replies: Vec<Reply>) -> Result<()> {
        self.folded.fold(replies)
    }

    fn finish(&mut self) -> R {
        self.folded.finish()
    }
}

impl<N, X, A, R, F, G> Plan<R> for Parts<N, X, A, F, G>
where
    N: FnMut() -> Result<Option<(Part, X)>> + Send,
    X: Send + 'static,
    A: Send + 'static,
    F: Fn(A, X, Vec<Reply>) -> Result<A> + Send + 'static,
    G: Fn(A) -> R + Send + 'static,
{
    fn next(&mut self) -> Result<Option<Part>> {
        Ok((self.next)()?.map(|(part, context)| {
            self.folded.contexts.push_back(context);
            part
        }))
    }

    fn into_folding(self: Box<Self>) -> Box<dyn Folding<R>> {
        Box::new(self.folded)
    }
}

//! The operation on many elements.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{JoinAll, join_all};
use purse_client::{
    Batch, Client, Command, Effect, Error, ErrorKind, Op, Operation, Pending, Reply, Result,
};

use super::plan::{Part, Plan};

/// The number of reads in flight.
const MAX_READS: usize = 2;

/// An operation on many elements, which takes a command per [chunk](crate#chunks).
///
/// Methods that are given an iterator return it: `.await` it, or add it to a
/// [`Batch`](purse_client::Batch). It borrows nothing but what the iterator borrows.
///
/// - If it is awaited, the next chunk is encoded while a chunk is in flight, so memory is bounded.
///   After a chunk of a write has failed, no other chunk is sent.
/// - In a batch, all chunks are encoded when it is added, and sent with the other operations; in an
///   atomic batch they run in one step. All chunks run, also after one that failed. The error is
///   that of the first chunk that failed, and [`Error::done`] is the number of elements before it;
///   if a later chunk of a write has run, the error is [`Ambiguous`](ErrorKind::Ambiguous).
///
/// # Cancel safety
/// If it is dropped before the first poll, nothing is sent. If it is dropped later, the chunks in
/// flight may run or not, and later chunks are not sent.
///
/// # Examples
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{BulkOp, RedisHash, RedisList};
///
/// let stock: RedisHash<String, u32> = RedisHash::new(&client, "stock");
/// let log: RedisList<String> = RedisList::new(&client, "log");
///
/// let fill: BulkOp<u64> = stock.extend([("tea", 2), ("milk", 5)]);
/// assert_eq!(fill.await?, 2);
///
/// let changes = (stock.remove_many(["tea", "milk"]), log.extend(["tea", "milk"]));
/// assert_eq!(client.batch().atomic().run(changes).await?, (2, 2));
/// # Ok(()) }
/// ```
///
/// A method that needs a reply before it can go on is an async function. A batch refuses it:
///
/// ```compile_fail,E0277
/// # fn add(client: &purse::Client, jobs: &purse::RedisQueue<u32>) {
/// let popped = client.batch().add(jobs.pop());
/// # }
/// ```
#[must_use = "an operation does nothing until it is awaited"]
pub struct BulkOp<'a, R>(State<'a, R>);

enum State<'a, R> {
    Known(Result<R>),
    Work(Box<Work<'a, R>>),
    Done,
}

struct Work<'a, R> {
    subject: Subject,
    plan: Box<dyn Plan<R> + 'a>,
    next: Next,
    in_flight: VecDeque<Sent>,
    /// The number of elements of the chunks that were answered.
    done: usize,
}

/// The client, and what errors say.
pub(super) struct Subject {
    client: Client,
    name: &'static str,
    key: Option<Bytes>,
    effect: Effect,
}

/// The chunk to send next.
enum Next {
    Unread,
    Part(Part),
    End,
    Failed(Error),
}

/// A chunk in flight.
struct Sent {
    elements: usize,
    replies: Replies,
}

/// The replies to the commands of a chunk.
enum Replies {
    Waiting(JoinAll<Op<Reply>>),
    Arrived(Vec<Result<Reply>>),
}

impl<'a, R> BulkOp<'a, R> {
    /// Creates an operation whose result is known without the server.
    pub(crate) const fn ready(result: Result<R>) -> Self {
        Self(State::Known(result))
    }

    /// Creates the operation that runs the parts of `plan`.
    pub(super) fn new(subject: Subject, plan: Box<dyn Plan<R> + 'a>) -> Self {
        Self(State::Work(Box::new(Work {
            subject,
            plan,
            next: Next::Unread,
            in_flight: VecDeque::new(),
            done: 0,
        })))
    }
}

impl Subject {
    pub(super) fn new(client: &Client, command: &Command) -> Self {
        Self {
            client: client.clone(),
            name: command.name(),
            key: command.keys().first().cloned(),
            effect: command.effect(),
        }
    }

    /// Adds to an error what it is about, and how many elements were processed before.
    fn add_to(&self, error: Error, done: usize) -> Error {
        let is_write = self.effect == Effect::Write;
        error
            .with_command(self.name, self.key.clone())
            .with_server(self.client.server().into())
            .with_done(if is_write { done } else { 0 })
    }
}

impl<R> Work<'_, R> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<R>> {
        let result = loop {
            self.fill(cx);
            let Some(first) = self.in_flight.front_mut() else {
                break self.finish();
            };
            let replies = ready!(first.replies.poll(cx));
            let elements = first.elements;
            self.in_flight.pop_front();
            let effect = self.subject.effect;
            let folded = combine(replies, effect).and_then(|replies| self.plan.fold(replies));
            if let Err(error) = folded {
                break Err(self.subject.effect.judge_unread(error));
            }
            self.done += elements;
        };
        Poll::Ready(result.map_err(|error| self.subject.add_to(error, self.done)))
    }

    /// Sends chunks until enough of them are in flight, and encodes the next one.
    fn fill(&mut self, cx: &mut Context<'_>) {
        let most = match self.subject.effect {
            Effect::Write => 1,
            _ => MAX_READS,
        };
        if matches!(self.next, Next::Unread) {
            self.next = Next::read(&mut *self.plan);
        }
        while self.in_flight.len() < most && matches!(self.next, Next::Part(_)) {
            let Next::Part(part) = std::mem::replace(&mut self.next, Next::End) else {
                unreachable!("the next one was a part a line above");
            };
            let client = &self.subject.client;
            let ops = part.commands.into_iter();
            let mut replies = Replies::Waiting(join_all(ops.map(|command| client.op(command, Ok))));
            // The first poll sends the commands.
            if let Poll::Ready(arrived) = replies.poll(cx) {
                replies = Replies::Arrived(arrived);
            }
            let elements = part.elements;
            self.in_flight.push_back(Sent { elements, replies });
            self.next = Next::read(&mut *self.plan);
        }
    }

    fn finish(&mut self) -> Result<R> {
        match std::mem::replace(&mut self.next, Next::End) {
            Next::Failed(error) => Err(error),
            _ => Ok(self.plan.finish()),
        }
    }
}

impl Next {
    fn read<R>(plan: &mut (impl Plan<R> + ?Sized)) -> Self {
        match plan.next() {
            Ok(Some(part)) => Self::Part(part),
            Ok(None) => Self::End,
            Err(error) => Self::Failed(error),
        }
    }
}

impl Replies {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Vec<Result<Reply>>> {
        match self {
            Self::Waiting(replies) => replies.poll_unpin(cx),
            Self::Arrived(replies) => Poll::Ready(std::mem::take(replies)),
        }
    }
}

/// Returns the answers of all commands of a chunk, or one error for all of them.
fn combine<A>(results: Vec<Result<A>>, effect: Effect) -> Result<Vec<A>> {
    let commands = results.len();
    let (answers, failures): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let failures = failures.into_iter().filter_map(Result::err);
    // If the outcome of one command is unknown, the outcome of all is unknown.
    match failures.max_by_key(Error::is_ambiguous) {
        None => answers.into_iter().collect(),
        Some(error) if effect == Effect::Write && !answers.is_empty() => {
            let done = answers.len();
            let message = format!("completed in {done} of {commands} slots");
            Err(Error::new(ErrorKind::Ambiguous, message).with_source(error))
        }
        Some(error) => Err(error),
    }
}

impl<R> Unpin for BulkOp<'_, R> {}

impl<R> Future for BulkOp<'_, R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match &mut self.0 {
            State::Work(work) => Some(ready!(work.poll(cx))),
            State::Known(_) | State::Done => None,
        };
        match (result, std::mem::replace(&mut self.0, State::Done)) {
            (Some(result), _) | (None, State::Known(result)) => Poll::Ready(result),
            (None, _) => panic!("an operation was polled after it had completed"),
        }
    }
}

impl<R: 'static> Operation for BulkOp<'_, R> {
    type Output = R;

    fn add_to(self, batch: &mut Batch) -> Pending<R> {
        let mut work = match self.0 {
            State::Work(work) if matches!(work.next, Next::Unread) => work,
            State::Known(result) => return Pending::ready(result),
            State::Work(_) | State::Done => {
                let message = "the operation was polled before";
                return Pending::ready(Err(Error::new(ErrorKind::InvalidInput, message)));
            }
        };
        let mut parts = Vec::new();
        loop {
            match work.plan.next() {
                Ok(Some(part)) => parts.push(part),
                Ok(None) => break,
                Err(error) => return Pending::ready(Err(work.subject.add_to(error, 0))),
            }
        }
        let mut folding = work.plan.into_folding();
        let subject = work.subject;
        let parts: Vec<_> = parts
            .into_iter()
            .map(|part| {
                let commands = part.commands.into_iter();
                let pending = commands.map(|command| batch.add(subject.client.op(command, Ok)));
                (part.elements, pending.collect::<Vec<_>>())
            })
            .collect();
        Pending::from_fn(subject.effect, move || {
            let results = parts.into_iter().map(|(elements, pending)| {
                let replies = pending.into_iter().map(Pending::take).collect();
                (elements, combine(replies, subject.effect))
            });
            let results: Vec<_> = results.collect();
            let mut done = 0;
            let folded = fold_all(results, subject.effect, &mut done, |replies| {
                folding.fold(replies)
            });
            match folded {
                Ok(()) => Ok(folding.finish()),
                Err(error) => Err(subject.add_to(error, done)),
            }
        })
    }
}

/// Folds the replies of chunks that were all sent, up to the first one that failed, and counts the
/// elements.
fn fold_all(
    results: Vec<(usize, Result<Vec<Reply>>)>,
    effect: Effect,
    done: &mut usize,
    mut fold: impl FnMut(Vec<Reply>) -> Result<()>,
) -> Result<()> {
    let mut results = results.into_iter();
    while let Some((elements, result)) = results.next() {
        let error = match result {
            Ok(replies) => {
                fold(replies).map_err(|error| effect.judge_unread(error))?;
                *done += elements;
                continue;
            }
            Err(error) => error,
        };
        let has_run =
            |result: Result<Vec<Reply>>| result.map_or_else(|e| e.is_ambiguous(), |_| true);
        let later_ran = effect == Effect::Write && results.any(|(_, result)| has_run(result));
        if later_ran && !error.is_ambiguous() {
            let message = "a chunk failed, and a later one has run, or may have";
            return Err(Error::new(ErrorKind::Ambiguous, message).with_source(error));
        }
        return Err(error);
    }
    Ok(())
}

impl<R> fmt::Debug for BulkOp<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Work(work) => f.debug_tuple("BulkOp").field(&work.subject.name).finish(),
            State::Known(_) => f.write_str("BulkOp(known)"),
            State::Done => f.write_str("BulkOp(done)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: ErrorKind) -> Error {
        Error::new(kind, "it failed")
    }

    fn outcome(failures: &[Option<ErrorKind>], effect: Effect) -> Option<ErrorKind> {
        let groups = failures.iter().map(|failure| match failure {
            Some(kind) => Err(failed(*kind)),
            None => Ok(()),
        });
        combine(groups.collect(), effect)
            .err()
            .map(|error| error.kind())
    }

    #[test]
    fn a_write_that_is_done_in_part_is_ambiguous() {
        let (down, lost) = (Some(ErrorKind::NotSent), Some(ErrorKind::Ambiguous));
        for (failures, write, read) in [
            (&[None, None][..], None, None),
            (&[None, down], lost, down),
            (&[down, None], lost, down),
            (&[down, down], down, down),
            (&[down, lost, down], lost, lost),
            (&[lost, down], lost, lost),
        ] {
            assert_eq!(outcome(failures, Effect::Write), write, "{failures:?}");
            assert_eq!(outcome(failures, Effect::Read), read, "{failures:?}");
        }
    }

    #[test]
    fn a_chunk_that_ran_after_a_failed_one_makes_a_write_ambiguous() {
        let (down, lost) = (Some(ErrorKind::NotSent), Some(ErrorKind::Ambiguous));
        for (chunks, write, read, processed) in [
            (&[None, None][..], None, None, 14),
            (&[None, down], down, down, 7),
            (&[down, down], down, down, 0),
            (&[None, down, None], lost, down, 7),
            (&[down, lost], lost, down, 0),
            (&[None, lost, None], lost, lost, 7),
        ] {
            for (effect, kind) in [(Effect::Write, write), (Effect::Read, read)] {
                let results = chunks.iter().map(|chunk| match chunk {
                    Some(kind) => (7, Err(failed(*kind))),
                    None => (7, Ok(Vec::new())),
                });
                let mut done = 0;
                let folded = fold_all(results.collect(), effect, &mut done, |_| Ok(()));
                assert_eq!(folded.err().map(|error| error.kind()), kind, "{chunks:?}");
                assert_eq!(done, processed, "{chunks:?}");
            }
        }
    }
}

//! What a batch takes: operations, and groups of them.

use super::{Batch, Pending, not_sent_error};
use crate::client::Op;
use crate::command::Effect;
use crate::{Error, ErrorKind};

/// An operation that a [`Batch`] can send: one command, several, or a group of operations.
///
/// - An [`Op`] is one command.
/// - Methods that take many elements, such as `extend`, return an operation of several commands.
/// - A tuple of up to twelve operations is one operation, and so is an array or a `Vec` of
///   operations. Its result is that of all of them, or the error of the first one that failed; the others run
///   nevertheless. [`Error::operation`] returns the place of the one that failed.
///
/// # Examples
/// Implement it for an operation of your own that consists of others:
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Batch, Client, Command, Effect, Operation, Pending, Reply};
///
/// /// Counts a visit, and returns the share of the visits that were by robots.
/// struct Visit {
///     client: Client,
///     by_robot: bool,
/// }
///
/// impl Operation for Visit {
///     type Output = f64;
///
///     fn add_to(self, batch: &mut Batch) -> Pending<f64> {
///         let mut count = |key: &'static str, by: bool| {
///             let command = Command::write("INCRBY").key(key).arg(i64::from(by));
///             batch.add(self.client.op(command, Reply::into_int))
///         };
///         let (robots, all) = (count("robots", self.by_robot), count("all", true));
///         Pending::from_fn(Effect::Write, || Ok(robots.take()? as f64 / all.take()? as f64))
///     }
/// }
///
/// let visit = |by_robot| Visit { client: client.clone(), by_robot };
/// let shares = client.batch().run((visit(true), visit(false))).await?;
/// assert_eq!(shares, (1.0, 0.5));
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "a batch cannot take `{Self}`",
    note = "it takes what methods return that send a known number of commands, tuples, arrays and vectors of that",
    note = "pops of queues, waits, scans and updates with a closure need replies before they can go on"
)]
pub trait Operation {
    /// The type of the result.
    type Output;

    /// Adds the commands of the operation to a batch. [`Batch::add`] calls it.
    fn add_to(self, batch: &mut Batch) -> Pending<Self::Output>;
}

impl<R> Operation for Op<R> {
    type Output = R;

    fn add_to(self, batch: &mut Batch) -> Pending<R> {
        batch.add_op(self)
    }
}

/// The results of the operations of a group, as far as they were taken.
#[derive(Default)]
struct Group {
    taken: usize,
    /// The place and the error of the first operation that failed.
    failure: Option<(usize, Error)>,
    /// True if an operation other than that one changed something, or may have.
    has_run: bool,
}

impl Group {
    /// Takes the next result; `None` if it is an error.
    fn take<R>(&mut self, pending: Pending<R>) -> Option<R> {
        let place = self.taken;
        self.taken += 1;
        let effect = pending.effect();
        match pending.take() {
            Ok(value) => {
                self.has_run |= effect == Effect::Write;
                Some(value)
            }
            Err(error) if self.failure.is_none() => {
                self.failure = Some((place, error));
                None
            }
            Err(error) => {
                self.has_run |= effect == Effect::Write && may_have_run(&error);
                None
            }
        }
    }

    fn into_error(self) -> Error {
        let (place, error) = self.failure.unwrap_or_else(|| (0, not_sent_error()));
        error.with_operation(place, self.has_run)
    }
}

/// Returns whether the write that failed changed something, or may have.
fn may_have_run(error: &Error) -> bool {
    error.is_ambiguous()
        || error.kind() == ErrorKind::Decode
        || error.done() > 0
        || error.has_run_in_part()
}

/// Returns the effect of a group of operations with these effects.
fn effect_of(effects: impl IntoIterator<Item = Effect>) -> Effect {
    let has_write = effects.into_iter().any(|effect| effect == Effect::Write);
    if has_write {
        Effect::Write
    } else {
        Effect::Read
    }
}

impl<O> Operation for Vec<O>
where
    O: Operation<Output: Send + 'static>,
{
    type Output = Vec<O::Output>;

    fn add_to(self, batch: &mut Batch) -> Pending<Self::Output> {
        let pending: Vec<_> = self.into_iter().map(|one| one.add_to(batch)).collect();
        let effect = effect_of(pending.iter().map(Pending::effect));
        Pending::from_fn(effect, move || {
            let mut group = Group::default();
            let results: Vec<_> = pending.into_iter().map(|one| group.take(one)).collect();
            let results: Option<Vec<_>> = results.into_iter().collect();
            results.ok_or_else(|| group.into_error())
        })
    }
}

impl<O, const N: usize> Operation for [O; N]
where
    O: Operation<Output: Send + 'static>,
{
    type Output = [O::Output; N];

    fn add_to(self, batch: &mut Batch) -> Pending<Self::Output> {
        let all = Vec::from(self).add_to(batch);
        Pending::from_fn(all.effect(), move || {
            let Ok(results) = <[_; N]>::try_from(all.take()?) else {
                unreachable!("there are as many results as operations");
            };
            Ok(results)
        })
    }
}

macro_rules! tuples {
    ($($name:ident $place:tt),+) => {
        impl<$($name),+> Operation for ($($name,)+)
        where
            $($name: Operation<Output: Send + 'static>,)+
        {
            type Output = ($($name::Output,)+);

            fn add_to(self, batch: &mut Batch) -> Pending<Self::Output> {
                let pending = ($(self.$place.add_to(batch),)+);
                let effect = effect_of([$(pending.$place.effect()),+]);
                Pending::from_fn(effect, move || {
                    let mut group = Group::default();
                    // All are taken, also after one that failed: it matters whether they ran.
                    let results = ($(group.take(pending.$place),)+);
                    let all = || -> Option<Self::Output> { Some(($(results.$place?,)+)) };
                    all().ok_or_else(|| group.into_error())
                })
            }
        }
    };
}

tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(effect: Effect, kind: Option<ErrorKind>) -> Pending<()> {
        Pending::from_fn(effect, move || match kind {
            Some(kind) => Err(Error::new(kind, "it failed")),
            None => Ok(()),
        })
    }

    #[test]
    fn error_of_a_group_is_retryable_only_if_nothing_else_ran() {
        let (read, write) = (Effect::Read, Effect::Write);
        let (down, lost) = (Some(ErrorKind::NotSent), Some(ErrorKind::Ambiguous));
        for (others, place, is_retryable) in [
            (vec![(read, None), (write, down)], 1, true),
            (vec![(write, None), (write, down)], 1, false),
            (vec![(write, down), (write, down)], 0, true),
            (vec![(write, down), (write, None)], 0, false),
            (vec![(write, down), (write, lost)], 0, false),
            (
                vec![(write, down), (write, Some(ErrorKind::Decode))],
                0,
                false,
            ),
            (vec![(read, down), (read, None)], 0, true),
        ] {
            let mut group = Group::default();
            for (effect, kind) in &others {
                group.take(pending(*effect, *kind));
            }
            let error = group.into_error();
            assert_eq!(error.operation(), Some(place), "{others:?}");
            assert_eq!(error.is_retryable(), is_retryable, "{others:?}");
        }
    }
}

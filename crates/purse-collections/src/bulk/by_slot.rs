//! Commands over many keys: one per chunk, and in a cluster one per chunk and slot.

use bytes::Bytes;
use futures::future::join_all;
use purse_client::{Client, Command, Effect, Error, ErrorKind, Reply, Result};

use crate::bulk::in_chunks;
use crate::conversion::ArgBuffer;

/// The positions in their chunk of the keys of one command, and its reply.
type Answer = (Vec<usize>, Reply);

/// The order of the keys and arguments of a command over several items.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Layout {
    /// Each key is followed by its value. Only the first key is added as a key.
    Pairs,
    /// The keys, and then the values, as a script gets them.
    KeysFirst,
}

/// A chunk of items, and the replies to the commands over its parts.
pub(crate) type Answers = (Vec<Bytes>, Vec<Answer>);

/// Runs `command` over all `items`, each encoded as `N` arguments, of which the first is the key.
///
/// Items that fit one chunk are sent as one command, which is atomic. In a cluster they are sent as
/// one command per slot, all at once. After a write has failed, no other is sent, and the error
/// contains the number of elements written in earlier chunks.
pub(crate) async fn run<const N: usize, V, A>(
    client: &Client,
    (command, layout): (Command, Layout),
    items: impl Iterator<Item = V>,
    write: impl Fn(V, &mut ArgBuffer) -> Result<()>,
    start: A,
    fold: fn(A, Answers) -> Result<A>,
) -> Result<A> {
    let step = |chunk| send_by_slot::<N>(client, &command, layout, chunk);
    in_chunks(client, &command, items, write, start, step, fold).await
}

/// Returns the values of `keys`, in their order; `None` for a key without a string value. Each
/// chunk is decoded when it arrives. An error of `read` names the key.
pub(crate) async fn get_values<V, R>(
    client: &Client,
    keys: impl Iterator<Item = V>,
    write: impl Fn(V, &mut ArgBuffer) -> Result<()>,
    read: fn(Reply) -> Result<R>,
) -> Result<Vec<Option<R>>> {
    let start = (Vec::new(), read);
    let (values, _) = run::<1, _, _>(
        client,
        (Command::read("MGET"), Layout::KeysFirst),
        keys,
        write,
        start,
        |(mut values, read), (keys, answers)| {
            for (key, value) in keys.into_iter().zip(sort_values(answers)?) {
                let value = value.map(read).transpose();
                values.push(value.map_err(|error| error.with_command("MGET", Some(key)))?);
            }
            Ok((values, read))
        },
    )
    .await?;
    Ok(values)
}

/// Returns the values of a chunk in the order of its keys.
fn sort_values(answers: Vec<Answer>) -> Result<Vec<Option<Reply>>> {
    let keys = answers.iter().map(|(places, _)| places.len()).sum();
    let mut values = Vec::new();
    values.resize_with(keys, || None);
    for (places, reply) in answers {
        for (place, value) in places.into_iter().zip(reply.into_list()?) {
            values[place] = value.non_nil();
        }
    }
    Ok(values)
}

/// Removes `keys`. Returns how many of them existed.
pub(crate) async fn unlink<V>(
    client: &Client,
    keys: impl Iterator<Item = V>,
    write: impl Fn(V, &mut ArgBuffer) -> Result<()>,
) -> Result<u64> {
    run::<1, _, _>(
        client,
        (Command::write("UNLINK"), Layout::KeysFirst),
        keys,
        write,
        0,
        |so_far, (_, answers)| {
            let counts = answers.into_iter().map(|(_, reply)| reply.into_count());
            Ok(so_far + counts.sum::<Result<u64>>()?)
        },
    )
    .await
}

async fn send_by_slot<const N: usize>(
    client: &Client,
    command: &Command,
    layout: Layout,
    chunk: Vec<Bytes>,
) -> Result<Answers> {
    let groups = client.group_by_slot(chunk.iter().step_by(N));
    let runs = groups.into_iter().map(|places| {
        let command = with_items::<N>(command.clone(), layout, &chunk, &places);
        async move { Ok((places, client.run(command).await?)) }
    });
    let answers = combine(join_all(runs).await, command.effect())?;
    Ok((chunk, answers))
}

/// Returns the answers of all commands, or one error for all of them.
fn combine<A>(results: Vec<Result<A>>, effect: Effect) -> Result<Vec<A>> {
    let slots = results.len();
    let (answers, failures): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let failures = failures.into_iter().filter_map(Result::err);
    // If the outcome of one command is unknown, the outcome of all is unknown.
    match failures.max_by_key(Error::is_ambiguous) {
        None => answers.into_iter().collect(),
        Some(error) if effect == Effect::Write && !answers.is_empty() => {
            let done = answers.len();
            let message = format!("completed in {done} of {slots} slots");
            Err(Error::new(ErrorKind::Ambiguous, message).with_source(error))
        }
        Some(error) => Err(error),
    }
}

/// Adds the elements at `places` of a chunk.
fn with_items<const N: usize>(
    command: Command,
    layout: Layout,
    chunk: &[Bytes],
    places: &[usize],
) -> Command {
    let items = places.iter().map(|&place| &chunk[place * N..][..N]);
    items.enumerate().fold(command, |command, (n, item)| {
        if n == 0 || matches!(layout, Layout::KeysFirst) {
            command.key(item[0].clone()).args(item[1..].iter().cloned())
        } else {
            command.args(item.iter().cloned())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(failures: &[Option<ErrorKind>], effect: Effect) -> Option<ErrorKind> {
        let groups = failures.iter().map(|failure| match failure {
            Some(kind) => Err(Error::new(*kind, "it failed")),
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
    fn command_names_its_first_key_and_includes_all_keys() {
        let chunk: Vec<_> = ["a", "1", "b", "2", "c", "3"].map(Bytes::from).into();
        let set = with_items::<2>(Command::write("MSET"), Layout::Pairs, &chunk, &[2, 0]);
        assert_eq!(set.keys(), ["c"]);
        let script = with_items::<2>(Command::write("SET"), Layout::KeysFirst, &chunk, &[2, 0]);
        assert_eq!(script.keys(), ["c", "a"]);
        let get = with_items::<1>(Command::read("MGET"), Layout::KeysFirst, &chunk, &[4, 0]);
        assert_eq!(get.keys(), ["c", "a"]);
    }
}

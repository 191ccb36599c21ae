//! Commands over many keys: one per chunk, and in a cluster one per chunk and slot.

use bytes::Bytes;
use purse_client::{Client, Command, Reply, Result};

use crate::bulk::{Bulk, BulkOp};
use crate::conversion::ArgBuffer;

/// The order of the keys and arguments of a command over several items.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Layout {
    /// Each key is followed by its value. Only the first key is added as a key.
    Pairs,
    /// The keys, and then the values, as a script gets them.
    KeysFirst,
}

/// A chunk of items, and for each command of it the positions of its keys in the chunk.
#[derive(Default)]
pub(crate) struct Split {
    chunk: Vec<Bytes>,
    places: Vec<Vec<usize>>,
}

/// Runs `command` over all `items`, each encoded as `N` arguments, of which the first is the key.
///
/// Items that fit one chunk are sent as one command, which is atomic. In a cluster they are sent as
/// one command per slot, all at once. After a write has failed, no other is sent, and the error
/// contains the number of elements written in earlier chunks.
pub(crate) fn run<'a, const N: usize, V, A: Send + 'static>(
    client: &Client,
    (command, layout): (Command, Layout),
    items: impl Iterator<Item = V> + Send + 'a,
    write: impl Fn(V, &mut ArgBuffer) -> Result<()> + Send + 'a,
    start: A,
    fold: impl Fn(A, Split, Vec<Reply>) -> Result<A> + Send + 'static,
) -> BulkOp<'a, A> {
    let grouping = client.clone();
    let step = move |command: &Command, chunk: Vec<Bytes>| {
        let places = grouping.group_by_slot(chunk.iter().step_by(N));
        let commands = places
            .iter()
            .map(|places| with_items::<N>(command.clone(), layout, &chunk, places))
            .collect();
        (commands, Split { chunk, places })
    };
    Bulk::new(client, command).in_parts(items, write, step, start, fold, |all| all)
}

/// Returns the values of `keys`, in their order; `None` for a key without a string value. Each
/// chunk is decoded when it arrives. An error of `read` names the key.
pub(crate) fn get_values<'a, V, R: Send + 'static>(
    client: &Client,
    keys: impl Iterator<Item = V> + Send + 'a,
    write: impl Fn(V, &mut ArgBuffer) -> Result<()> + Send + 'a,
    read: fn(Reply) -> Result<R>,
) -> BulkOp<'a, Vec<Option<R>>> {
    let more = move |mut values: Vec<Option<R>>, split: Split, replies: Vec<Reply>| {
        let found = sort_values(&split, replies)?;
        for (key, value) in split.chunk.into_iter().zip(found) {
            let value = value.map(read).transpose();
            values.push(value.map_err(|error| error.with_command("MGET", Some(key)))?);
        }
        Ok(values)
    };
    let command = (Command::read("MGET"), Layout::KeysFirst);
    run::<1, _, _>(client, command, keys, write, Vec::new(), more)
}

/// Returns the values of a chunk in the order of its keys.
fn sort_values(split: &Split, replies: Vec<Reply>) -> Result<Vec<Option<Reply>>> {
    let mut values = Vec::new();
    values.resize_with(split.chunk.len(), || None);
    for (places, reply) in split.places.iter().zip(replies) {
        for (place, value) in places.iter().zip(reply.into_list()?) {
            values[*place] = value.non_nil();
        }
    }
    Ok(values)
}

/// Removes `keys`. Returns how many of them existed.
pub(crate) fn unlink<'a, V>(
    client: &Client,
    keys: impl Iterator<Item = V> + Send + 'a,
    write: impl Fn(V, &mut ArgBuffer) -> Result<()> + Send + 'a,
) -> BulkOp<'a, u64> {
    let add = |so_far, _, replies: Vec<Reply>| {
        let counts = replies.into_iter().map(Reply::into_count);
        Ok(so_far + counts.sum::<Result<u64>>()?)
    };
    let command = (Command::write("UNLINK"), Layout::KeysFirst);
    run::<1, _, _>(client, command, keys, write, 0, add)
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

//! What takes elements out of a sorted set at its ends.

use std::time::Duration;

use purse_client::{BlockingPop, Command, Op, Reply, Result};
use purse_codec::Codec;

use super::RedisSortedSet;
use crate::value::decode_removed_scored;

impl<T: Send + 'static, C: Codec<T>> RedisSortedSet<T, C> {
    /// Takes the element of the lowest score out, and returns it with that score.
    ///
    /// `ZPOPMIN`, O(log(n)). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of the element and its score, which are out; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [The element may be lost](crate#cancel-safety).
    #[doc(alias = "ZPOPMIN")]
    pub fn pop_min(&self) -> Op<Option<(T, f64)>> {
        self.pop(Command::write("ZPOPMIN"))
    }

    /// Takes the element of the highest score out, and returns it with that score.
    ///
    /// `ZPOPMAX`, O(log(n)). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of the element and its score, which are out; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [The element may be lost](crate#cancel-safety).
    #[doc(alias = "ZPOPMAX")]
    pub fn pop_max(&self) -> Op<Option<(T, f64)>> {
        self.pop(Command::write("ZPOPMAX"))
    }

    /// Takes up to `count` elements of the lowest scores out, the lowest first.
    ///
    /// `ZPOPMIN` with a count, O(m log(n)) for m elements. One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of all the elements, each followed by its score, which are out;
    /// else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [The elements may be lost](crate#cancel-safety).
    #[doc(alias = "ZPOPMIN")]
    pub fn pop_min_n(&self, count: u32) -> Op<Vec<(T, f64)>> {
        self.pop_n(Command::write("ZPOPMIN"), count)
    }

    /// Takes up to `count` elements of the highest scores out, the highest first.
    ///
    /// `ZPOPMAX` with a count, O(m log(n)) for m elements. One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of all the elements, each followed by its score, which are out;
    /// else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [The elements may be lost](crate#cancel-safety).
    #[doc(alias = "ZPOPMAX")]
    pub fn pop_max_n(&self, count: u32) -> Op<Vec<(T, f64)>> {
        self.pop_n(Command::write("ZPOPMAX"), count)
    }

    /// Waits for an element, takes the one of the lowest score out, and returns it with that score;
    /// `None` once `wait` is over, and never if it is `None`.
    ///
    /// `BZPOPMIN`, O(log(n)), on a connection of its own. One round trip for every two seconds it
    /// waits, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of the element and its score, which are out; else [those of a
    /// write](crate#errors), `Ambiguous` where the connection breaks while it waits; and
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) for a few keys, as
    /// [`Client::pop_blocking`](purse_client::Client::pop_blocking) says.
    ///
    /// # Cancel safety
    /// Dropped at any point, no element is lost: one that was already taken is put back with its
    /// score, unless it was added anew meanwhile.
    #[doc(alias = "blocking_pop_min")]
    #[doc(alias = "BZPOPMIN")]
    pub async fn pop_min_wait(&self, wait: Option<Duration>) -> Result<Option<(T, f64)>> {
        self.pop_wait(Command::write("BZPOPMIN"), wait).await
    }

    /// Waits for an element, takes the one of the highest score out, and returns it with that score;
    /// `None` once `wait` is over, and never if it is `None`.
    ///
    /// `BZPOPMAX`, O(log(n)), on a connection of its own. One round trip for every two seconds it
    /// waits, atomic.
    ///
    /// # Errors
    /// As [`pop_min_wait`](Self::pop_min_wait).
    ///
    /// # Cancel safety
    /// As [`pop_min_wait`](Self::pop_min_wait).
    #[doc(alias = "blocking_pop_max")]
    #[doc(alias = "BZPOPMAX")]
    pub async fn pop_max_wait(&self, wait: Option<Duration>) -> Result<Option<(T, f64)>> {
        self.pop_wait(Command::write("BZPOPMAX"), wait).await
    }

    fn pop(&self, command: Command) -> Op<Option<(T, f64)>> {
        self.0.op(command, |reply| {
            let removed = decode_removed_scored::<T, C>(reply.into_pairs()?)?;
            Ok(removed.into_iter().next())
        })
    }

    fn pop_n(&self, command: Command, count: u32) -> Op<Vec<(T, f64)>> {
        self.0.op(command.arg(i64::from(count)), |reply| {
            decode_removed_scored::<T, C>(reply.into_pairs()?)
        })
    }

    async fn pop_wait(&self, command: Command, wait: Option<Duration>) -> Result<Option<(T, f64)>> {
        let (name, key) = (command.name(), self.0.key.clone());
        let pop = BlockingPop::new(self.0.on_key(command), put_back);
        let Some(reply) = self.0.client.pop_blocking(pop, wait).await? else {
            return Ok(None);
        };
        let [_, element, score] = reply.into_array()?;
        let removed = decode_removed_scored::<T, C>(vec![(element, score)]);
        let removed = removed.map_err(|error| {
            error
                .with_command(name, Some(key))
                .with_server(self.0.client.server().into())
        })?;
        Ok(removed.into_iter().next())
    }
}

/// What undoes a blocking pop. An element that somebody added anew meanwhile keeps its new score.
fn put_back(reply: &Reply) -> Result<Command> {
    let [key, element, score] = reply.clone().into_array()?;
    Ok(Command::write("ZADD")
        .key(key.into_bytes()?)
        .arg("NX")
        .arg(score.into_bytes()?)
        .arg(element.into_bytes()?))
}

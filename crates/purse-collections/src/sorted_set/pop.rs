//! What takes elements out of a sorted set at its ends.

use std::time::Duration;

use purse_client::{Command, Op, Pop, Reply, Result};
use purse_codec::Codec;

use super::RedisSortedSet;
use crate::encode::decode_removed_scored;

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
    /// `ZPOPMIN` in a script, O(log(n)). One round trip if there is an element; else `ZCARD` on a
    /// connection that all waits share, and a round trip once the server tells of a change. Atomic.
    /// No element is lost or doubled, whatever breaks:
    /// [`Client::take`](purse_client::Client::take) says how far that goes.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of the element and its score, which are out; else [those of a
    /// read](crate#errors), after which nothing was taken for this call. `Ambiguous` only while the
    /// key's slot moves within a cluster.
    ///
    /// # Cancel safety
    /// Dropped at any point, no element is lost: one that was already taken is put back with its
    /// score, unless it was added anew meanwhile.
    #[doc(alias = "blocking_pop_min")]
    #[doc(alias = "BZPOPMIN")]
    pub async fn pop_min_wait(&self, wait: Option<Duration>) -> Result<Option<(T, f64)>> {
        self.pop_wait(Pop::lowest(self.0.key.clone()), wait).await
    }

    /// Waits for an element, takes the one of the highest score out, and returns it with that score;
    /// `None` once `wait` is over, and never if it is `None`.
    ///
    /// `ZPOPMAX` in a script, as [`pop_min_wait`](Self::pop_min_wait).
    ///
    /// # Errors
    /// As [`pop_min_wait`](Self::pop_min_wait).
    ///
    /// # Cancel safety
    /// As [`pop_min_wait`](Self::pop_min_wait).
    #[doc(alias = "blocking_pop_max")]
    #[doc(alias = "BZPOPMAX")]
    pub async fn pop_max_wait(&self, wait: Option<Duration>) -> Result<Option<(T, f64)>> {
        self.pop_wait(Pop::highest(self.0.key.clone()), wait).await
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

    async fn pop_wait(&self, pop: Pop, wait: Option<Duration>) -> Result<Option<(T, f64)>> {
        let Some(taken) = self.0.client.take_wait(&pop, wait).await? else {
            return Ok(None);
        };
        let score = taken.score().unwrap_or_default();
        let popped = vec![(Reply::from(taken.element()), Reply::from(score))];
        // One that cannot be decoded is in the error.
        taken.keep();
        let removed = decode_removed_scored::<T, C>(popped).map_err(|error| {
            error
                .with_command(pop.name(), Some(self.0.key.clone()))
                .with_server(self.0.client.server().into())
        })?;
        Ok(removed.into_iter().next())
    }
}

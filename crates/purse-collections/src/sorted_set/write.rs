//! What adds to a sorted set, and removes from it.

use bytes::Bytes;
use purse_client::{Command, Error, ErrorKind, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg, Raw};

use super::RedisSortedSet;
use super::score::{not_nan, score};
use crate::bulk;
use crate::encode::encode;
use crate::encode::{ArgBuffer, encode_one};

static EXTEND: Script = Script::write(
    "SORTED SET EXTEND",
    include_str!("../lua/sorted_set_extend.lua"),
);
static INCREMENT: Script = Script::write(
    "SORTED SET INCREMENT",
    include_str!("../lua/sorted_set_increment.lua"),
);

/// When an element gets the score that is given with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// In any case.
    Always,
    /// Only if it is new: no score is changed.
    #[doc(alias = "NX")]
    OnlyNew,
    /// Only if it is there already: none is added.
    #[doc(alias = "XX")]
    OnlyExisting,
    /// Only if it is new, or its score is lower than that (Redis 6.2).
    #[doc(alias = "GT")]
    OnlyGreater,
    /// Only if it is new, or its score is higher than that (Redis 6.2).
    #[doc(alias = "LT")]
    OnlyLess,
}

impl Condition {
    /// Adds the condition to ZADD, and lets it count changes.
    fn on(self, command: Command) -> Command {
        let option = match self {
            Self::Always => return command.arg("CH"),
            Self::OnlyNew => "NX",
            Self::OnlyExisting => "XX",
            Self::OnlyGreater => "GT",
            Self::OnlyLess => "LT",
        };
        command.arg(option).arg("CH")
    }
}

/// SetOperation many elements a bulk insertion changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Changes {
    /// SetOperation many are new.
    pub added: u64,
    /// SetOperation many were there, and have another score now.
    pub updated: u64,
}

impl Changes {
    fn plus(self, reply: Reply) -> Result<Self> {
        let [added, updated] = reply.into_array()?;
        Ok(Self {
            added: self.added + added.into_count()?,
            updated: self.updated + updated.into_count()?,
        })
    }
}

impl<T: Send + 'static, C: Codec<T>> RedisSortedSet<T, C> {
    /// Adds an element with a score, or gives it another score. Returns whether it is new.
    ///
    /// `ZADD`, O(log(n)). One round trip, atomic.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for NaN; `Encode`; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "add")]
    #[doc(alias = "ZADD")]
    pub fn insert(&self, value: impl IntoArg<T>, score: f64) -> Op<bool> {
        self.scored(Command::write("ZADD"), score, value, Reply::into_bool)
    }

    /// Adds an element with a score, or gives it another score, if the condition holds. Returns
    /// whether that changed anything.
    ///
    /// `ZADD` with `NX`, `XX`, `GT` or `LT`, O(log(n)). One round trip, atomic.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for NaN; `Encode`; `Unsupported` for
    /// [`OnlyGreater`](Condition::OnlyGreater) and [`OnlyLess`](Condition::OnlyLess) on an older
    /// server; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "add")]
    #[doc(alias = "ZADD")]
    pub fn insert_if(&self, value: impl IntoArg<T>, score: f64, condition: Condition) -> Op<bool> {
        let args = |command| pair::<T, C>(condition.on(command), score, value);
        self.0
            .try_op(args, Command::write("ZADD"), Reply::into_bool)
    }

    /// Adds elements with their scores, or gives them other scores. Returns how many are new.
    ///
    /// `ZADD`, O(m log(n)) for m elements; nothing for none. One round trip, atomic, for up to 1024
    /// elements or a megabyte; beyond that a round trip for each such chunk, each atomic, and
    /// `items` is taken from a chunk ahead.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for NaN; `Encode`; else [those of a
    /// write](crate#errors). With several chunks the error tells how many elements were [done](Error::done) before it;
    /// nothing is sent after it.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety), for the chunk under way; later ones are not sent.
    #[doc(alias = "add_multi")]
    #[doc(alias = "ZADD")]
    pub async fn extend<I, V>(&self, items: I) -> Result<u64>
    where
        I: IntoIterator<Item = (V, f64), IntoIter: Send>,
        V: IntoArg<T>,
    {
        let items = items.into_iter();
        let command = self.0.on_key(Command::write("ZADD"));
        bulk::run(
            &self.0.client,
            command,
            items,
            scored::<T, C, _>,
            0,
            bulk::sum,
        )
        .await
    }

    /// Adds elements with their scores, or gives them other scores, each if the condition holds for
    /// it. Returns how many are new, and how many have another score.
    ///
    /// A script of `ZADD` and `ZCARD`, O(m log(n)) for m elements; nothing for none. One round
    /// trip, atomic, for up to 1024 elements or a megabyte; beyond that a round trip for each such
    /// chunk, each atomic, and `items` is taken from a chunk ahead.
    ///
    /// # Errors
    /// Those of [`insert_if`](Self::insert_if). With several chunks the error tells how many elements
    /// were [done](Error::done) before it; nothing is sent after it.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety), for the chunk under way; later ones are not sent.
    #[doc(alias = "add_multi")]
    #[doc(alias = "ZADD")]
    pub async fn extend_if<I, V>(&self, items: I, condition: Condition) -> Result<Changes>
    where
        I: IntoIterator<Item = (V, f64), IntoIter: Send>,
        V: IntoArg<T>,
    {
        let items = items.into_iter();
        let command = condition.on(self.0.on_key(Command::script(&EXTEND)));
        let start = Changes::default();
        bulk::run(
            &self.0.client,
            command,
            items,
            scored::<T, C, _>,
            start,
            Changes::plus,
        )
        .await
    }

    /// Adds to the score of an element; one that is not there is added, from zero. Returns the new
    /// score.
    ///
    /// `ZINCRBY`, O(log(n)). One round trip, atomic.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for NaN; `Encode`;
    /// [`Server`](ErrorKind::Server) if infinities would add up to no number, nothing
    /// changed; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "ZINCRBY")]
    pub fn increment(&self, value: impl IntoArg<T>, by: f64) -> Op<f64> {
        self.scored(Command::write("ZINCRBY"), by, value, Reply::into_float)
    }

    /// Adds to the scores of many elements; those that are not there are added, from zero. Returns
    /// the new scores, in the order of `items`.
    ///
    /// A script of `ZINCRBY`, O(m log(n)) for m elements; nothing for none. One round trip, atomic,
    /// for up to 1024 elements or a megabyte; beyond that a round trip for each such chunk, each
    /// atomic, and `items` is taken from a chunk ahead.
    ///
    /// # Errors
    /// Those of [`increment`](Self::increment), for the whole chunk. With several chunks the error
    /// tells how many elements were [done](Error::done) before it; nothing is sent after it.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety), for the chunk under way; later ones are not sent.
    #[doc(alias = "increment_multi")]
    #[doc(alias = "ZINCRBY")]
    pub async fn increment_many<I, V>(&self, items: I) -> Result<Vec<f64>>
    where
        I: IntoIterator<Item = (V, f64), IntoIter: Send>,
        V: IntoArg<T>,
    {
        let items = items.into_iter();
        let command = self.0.on_key(Command::script(&INCREMENT));
        let more = |mut scores: Vec<_>, reply: Reply| {
            for score in reply.non_nil().ok_or_else(no_number)?.into_list()? {
                scores.push(score.into_float()?);
            }
            Ok(scores)
        };
        bulk::run(
            &self.0.client,
            command,
            items,
            scored::<T, C, _>,
            Vec::new(),
            more,
        )
        .await
    }

    /// Removes an element. Returns whether it was there.
    ///
    /// `ZREM`, O(log(n)). One round trip, atomic. For a part of the set there is
    /// [`SortedRange::remove`](super::SortedRange::remove).
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "discard")]
    #[doc(alias = "ZREM")]
    pub fn remove(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::write("ZREM"), value, Reply::into_bool)
    }

    /// Removes many elements. Returns how many of them there were.
    ///
    /// `ZREM`, O(m log(n)) for m elements; nothing for none. One round trip, atomic, for up to 1024
    /// elements or a megabyte; beyond that a round trip for each such chunk, each atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors). With several chunks the error tells how
    /// many elements were [done](Error::done) before it; nothing is sent after it.
    ///
    /// # Cancel safety
    /// As [`extend`](Self::extend).
    #[doc(alias = "ZREM")]
    pub async fn remove_many<I>(&self, items: I) -> Result<u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send>,
    {
        let items = items.into_iter();
        let command = self.0.on_key(Command::write("ZREM"));
        bulk::run(
            &self.0.client,
            command,
            items,
            encode_one::<T, C, _>,
            0,
            bulk::sum,
        )
        .await
    }

    fn scored<R>(
        &self,
        command: Command,
        score: f64,
        value: impl IntoArg<T>,
        read: fn(Reply) -> Result<R>,
    ) -> Op<R> {
        let args = |command| pair::<T, C>(command, score, value);
        self.0.try_op(args, command, read)
    }
}

/// What the server says where ZINCRBY alone meets infinities of both signs.
fn no_number() -> Error {
    let message = "ERR resulting score is not a number (NaN)";
    Error::new(ErrorKind::Server, message)
}

/// Adds a score and its element to a command.
fn pair<T, C: Codec<T>>(command: Command, by: f64, value: impl IntoArg<T>) -> Result<Command> {
    Ok(command.arg(not_nan(by)?).arg(encode::<T, C>(value)?))
}

/// Writes an element and, before it, its score.
fn scored<T, C: Codec<T>, V: IntoArg<T>>(
    (value, by): (V, f64),
    arguments: &mut ArgBuffer,
) -> Result<()> {
    let score = score(by)?;
    arguments.encode::<Bytes, Raw>(score)?;
    arguments.encode::<T, C>(value)
}

//! What changes a key space.

use std::time::Duration;

use futures::TryStreamExt;
use purse_client::{Command, Error, ErrorKind, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg};

use super::{RedisKeySpace, SetOptions, SetOutcome};
use crate::bulk::by_slot;
use crate::encode::ArgBuffer;
use crate::encode::ok;
use crate::encode::{decode, decode_option, decode_removed, encode};

static SET: Script = Script::write("KEYSPACE SET", include_str!("../lua/keyspace_set.lua"));
static GET_OR_INSERT: Script = Script::write(
    "KEYSPACE GET OR INSERT",
    include_str!("../lua/keyspace_get_or_insert.lua"),
);
static POP: Script = Script::write("KEYSPACE POP", include_str!("../lua/keyspace_pop.lua"));

/// The most entries that are set all or none.
const MOST_ENTRIES: usize = 65_536;
/// The most bytes of keys and values that are set all or none.
const MOST_BYTES: usize = 64 << 20;

impl<T: Send + 'static, C: Codec<T>> RedisKeySpace<T, C> {
    /// Sets `key`, whatever it holds; a time to live that it has is taken away.
    ///
    /// `SET`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors), without `WrongType`.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "insert")]
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl IntoArg<T>) -> Op<()> {
        let value = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.op(key, value, Command::write("SET"), ok)
    }

    /// Sets `key` as `options` say. Returns whether it is set, and the value that it had if the
    /// options ask for it ([`SetOptions::return_old`]).
    ///
    /// `SET`, or a script of `GET` and `SET` to return the old value, since servers before 6.2 and
    /// 7.0 cannot in one command; O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `InvalidInput` for a time to live as for [`RedisKey::expire`](crate::RedisKey::expire);
    /// `Encode`. To return the old value, also `WrongType`, nothing changed, and `Decode`, holding
    /// the bytes of the old value, after the new one is set if the condition held. Else [those of a
    /// write](crate#errors), without `WrongType`.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety); the old value may be lost.
    #[doc(alias = "SETNX")]
    #[doc(alias = "PSETEX")]
    #[doc(alias = "GETSET")]
    pub fn set_with(
        &self,
        key: impl AsRef<[u8]>,
        value: impl IntoArg<T>,
        options: SetOptions,
    ) -> Op<SetOutcome<T>> {
        let args = |command| options.add_to(command, encode::<T, C>(value)?);
        if options.returns_old() {
            return self.op(key, args, Command::script(&SET), outcome::<T, C>);
        }
        self.op(key, args, Command::write("SET"), |reply| {
            Ok(if reply.into_bool()? {
                SetOutcome::Set(None)
            } else {
                SetOutcome::NotSet(None)
            })
        })
    }

    /// The value of `key`, which is set to `value` if it is absent.
    ///
    /// A script of `GET` and `SET`, O(1). One round trip, atomic: of many callers at once, all get
    /// the value of one of them.
    ///
    /// # Errors
    /// `Encode`; `Decode`, holding the bytes of the value that is there, nothing changed; else
    /// [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "setdefault")]
    pub fn get_or_insert(&self, key: impl AsRef<[u8]>, value: impl IntoArg<T>) -> Op<T> {
        self.get_or_insert_as(key, value, SetOptions::new())
    }

    /// The value of `key`, which is set to `value` for `ttl` if it is absent; the time to live of
    /// a key that is there stays as it is.
    ///
    /// A script of `GET` and `SET`, O(1). One round trip, atomic: of many callers at once, all get
    /// the value of one of them.
    ///
    /// # Errors
    /// `InvalidInput` as for [`RedisKey::expire`](crate::RedisKey::expire); else as
    /// [`get_or_insert`](Self::get_or_insert).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "setdefault")]
    pub fn get_or_insert_with_ttl(
        &self,
        key: impl AsRef<[u8]>,
        value: impl IntoArg<T>,
        ttl: Duration,
    ) -> Op<T> {
        self.get_or_insert_as(key, value, SetOptions::new().ttl(ttl))
    }

    /// Sets many keys, as [`set`](Self::set) does one.
    ///
    /// `MSET`, O(n) for n entries; nothing for none. One round trip, atomic, for up to 1024 entries
    /// or a megabyte; beyond that a round trip for each such chunk, each atomic, and `entries` is
    /// taken from a chunk ahead. In a cluster a command for each slot of a chunk, all in one
    /// round trip, each atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors), without `WrongType`. With several chunks
    /// the error says how many entries went before it; nothing is sent after it. In a cluster it is
    /// `Ambiguous` if a part of its chunk is done.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety), for the chunk under way; later ones are not sent.
    #[doc(alias = "update")]
    #[doc(alias = "MSET")]
    pub async fn extend<I, Q, V>(&self, entries: I) -> Result<()>
    where
        I: IntoIterator<Item = (Q, V), IntoIter: Send>,
        Q: AsRef<[u8]>,
        V: IntoArg<T>,
    {
        let write = |(key, value), arguments: &mut ArgBuffer| {
            self.put_name(key, arguments)?;
            arguments.encode::<T, C>(value)
        };
        let (entries, command) = (entries.into_iter(), Command::write("MSET"));
        by_slot::run::<2, _, _>(&self.0.client, command, entries, write, (), |(), _| Ok(())).await
    }

    /// Sets all keys, or none if any of them is there. Returns whether they are set; no entries
    /// always are.
    ///
    /// `MSETNX`, O(n) for n entries; nothing for none. One round trip, atomic. So it is never cut
    /// into chunks, and takes at most 65536 entries and 64 megabytes.
    ///
    /// # Errors
    /// `InvalidInput` for more entries; `Encode`;
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot), before anything is sent, for keys in
    /// different slots of a cluster: a hash tag in the prefix keeps them together; else [those of a
    /// write](crate#errors), without `WrongType`.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "update")]
    #[doc(alias = "MSETNX")]
    pub fn extend_if_none_exist<I, Q, V>(&self, entries: I) -> Op<bool>
    where
        I: IntoIterator<Item = (Q, V)>,
        Q: AsRef<[u8]>,
        V: IntoArg<T>,
    {
        match self.all_or_none(entries) {
            Ok(None) => Op::known(Ok(true)),
            Ok(Some(command)) => self.0.client.op(command, Reply::into_bool),
            Err(error) => {
                let error = error.with_command("MSETNX", None);
                Op::new(&self.0.client, Err(error), Reply::into_bool)
            }
        }
    }

    /// Removes `key`, and returns its value.
    ///
    /// A script of `GET` and `UNLINK`, since servers before 6.2 have no `GETDEL`; O(1). One round
    /// trip, atomic. [`delete`](Self::delete) costs less where the value does not matter.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of the value, which is out; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [The value may be lost](crate#cancel-safety).
    #[doc(alias = "remove")]
    #[doc(alias = "GETDEL")]
    pub fn pop(&self, key: impl AsRef<[u8]>) -> Op<Option<T>> {
        self.op(key, Ok, Command::script(&POP), decode_removed::<T, C>)
    }

    /// Removes many keys, whatever they hold. Returns how many of them there were.
    ///
    /// `UNLINK`, O(n) for n keys; nothing for none. One round trip, atomic, for up to 1024 keys;
    /// beyond that a round trip for each such chunk, each atomic. In a cluster a command for each
    /// slot of a chunk, all in one round trip, each atomic.
    ///
    /// # Errors
    /// As [`extend`](Self::extend), without `Encode`.
    ///
    /// # Cancel safety
    /// As [`extend`](Self::extend).
    #[doc(alias = "UNLINK")]
    #[doc(alias = "DEL")]
    pub async fn delete_many<I>(&self, keys: I) -> Result<u64>
    where
        I: IntoIterator<Item: AsRef<[u8]>, IntoIter: Send>,
    {
        let write = |key, arguments: &mut ArgBuffer| self.put_name(key, arguments);
        by_slot::unlink(&self.0.client, keys.into_iter(), write).await
    }

    /// Removes all keys of the space, whatever they hold. Returns how many it removed.
    ///
    /// `SCAN` and `UNLINK`, O(n) for all n keys of the server, in and outside of the space: a round
    /// trip for every 1024 of them, and one for each page that has any of the space. Not atomic:
    /// each page goes for itself, and a key that comes meanwhile may stay. With an empty prefix it
    /// empties the database.
    ///
    /// # Errors
    /// [Those of a write](crate#errors), without `WrongType`; pages before the error are gone.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety), for the page under way; later ones stay.
    #[doc(alias = "FLUSHDB")]
    pub async fn clear(&self) -> Result<u64> {
        let mut pages = self.pages();
        let mut removed = 0;
        while let Some(page) = pages.try_next().await? {
            let write = |name, arguments: &mut ArgBuffer| arguments.append(name);
            removed += by_slot::unlink(&self.0.client, page.into_iter(), write).await?;
        }
        Ok(removed)
    }

    fn get_or_insert_as(
        &self,
        key: impl AsRef<[u8]>,
        value: impl IntoArg<T>,
        options: SetOptions,
    ) -> Op<T> {
        let args = |command| options.add_to(command, encode::<T, C>(value)?);
        self.op(key, args, Command::script(&GET_OR_INSERT), decode::<T, C>)
    }

    /// MSETNX over `entries`, if there are any.
    fn all_or_none<I, Q, V>(&self, entries: I) -> Result<Option<Command>>
    where
        I: IntoIterator<Item = (Q, V)>,
        Q: AsRef<[u8]>,
        V: IntoArg<T>,
    {
        let (mut keys, mut values, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (key, value) in entries {
            let (name, value) = (self.name(key), encode::<T, C>(value)?);
            bytes += name.len() + value.len();
            if keys.len() == MOST_ENTRIES || bytes > MOST_BYTES {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    "more than 65536 entries or 64 megabytes cannot be set all or none",
                ));
            }
            keys.push(name);
            values.push(value);
        }
        self.0.client.same_slot(&keys)?;
        let mut entries = keys.into_iter().zip(values);
        Ok(entries.next().map(|(key, value)| {
            let first = Command::write("MSETNX").key(key).arg(value);
            first.args(entries.flat_map(|(key, value)| [key, value]))
        }))
    }
}

/// Reads what the script of `set_with` returns.
fn outcome<T, C: Codec<T>>(reply: Reply) -> Result<SetOutcome<T>> {
    let [set, old] = reply.into_array()?;
    Ok(if set.into_bool()? {
        SetOutcome::Set(decode_removed::<T, C>(old)?)
    } else {
        SetOutcome::NotSet(decode_option::<T, C>(old)?)
    })
}

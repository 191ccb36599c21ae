//! Writes to a bit set.

use std::borrow::Borrow;

use purse_client::{Command, Op, Reply, Result};

use super::{RedisBitSet, append, checked};
use crate::bulk::{Bulk, BulkOp};
use crate::conversion::ArgBuffer;

impl RedisBitSet {
    /// Adds an integer. Returns whether it is new.
    ///
    /// Redis: SETBIT. Time complexity: O(1), and O(n) for n bits that the value grows by. Round
    /// trips: 1.
    ///
    /// # Errors
    /// [`OutOfRange`](purse_client::ErrorKind::OutOfRange) if it is not lower than the capacity.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// assert!(seats.insert(7).await?);
    /// assert!(!seats.insert(7).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SETBIT")]
    #[doc(alias = "add")]
    #[doc(alias = "set")]
    pub fn insert(&self, bit: u32) -> Op<bool> {
        let args = |command: Command| Ok(command.arg(self.checked(bit)?).arg(1_i64));
        self.handle.try_op(args, Command::write("SETBIT"), |reply| {
            Ok(!reply.into_bool()?)
        })
    }

    /// Adds integers. Returns how many of them are new.
    ///
    /// Redis: BITFIELD. Time complexity: O(n) for n integers, and for the bits that the value grows
    /// by. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// [`OutOfRange`](purse_client::ErrorKind::OutOfRange) if one is not lower than the capacity. The integers in
    /// the chunks before it are added.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// assert_eq!(seats.extend([7, 8, 7]).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITFIELD")]
    #[doc(alias = "update")]
    pub fn extend<'a, I>(&self, bits: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: Borrow<u32>, IntoIter: Send + 'a>,
    {
        let new = |so_far, reply| count(so_far, reply, |bit| Ok(!bit.into_bool()?));
        self.set_many(bits.into_iter(), b"1", new)
    }

    /// Removes an integer. Returns whether it was in the set.
    ///
    /// Redis: SETBIT. Time complexity: O(1), and O(n) for n bits that the value grows by: it gets a
    /// zero for the integer. Round trips: 1.
    ///
    /// # Errors
    /// [`OutOfRange`](purse_client::ErrorKind::OutOfRange) if it is not lower than the capacity.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// seats.insert(7).await?;
    /// assert!(seats.remove(7).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SETBIT")]
    #[doc(alias = "discard")]
    pub fn remove(&self, bit: u32) -> Op<bool> {
        let args = |command: Command| Ok(command.arg(self.checked(bit)?).arg(0_i64));
        self.handle
            .try_op(args, Command::write("SETBIT"), Reply::into_bool)
    }

    /// Removes integers. Returns how many of them were in the set.
    ///
    /// Redis: BITFIELD. Time complexity: O(n) for n integers, and for the bits that the value grows
    /// by. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// [`OutOfRange`](purse_client::ErrorKind::OutOfRange) if one is not lower than the capacity. The integers in
    /// the chunks before it are removed.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let seats = RedisBitSet::new(&client, "seats", 300);
    /// seats.extend([7, 8]).await?;
    /// assert_eq!(seats.remove_many([7, 9]).await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITFIELD")]
    pub fn remove_many<'a, I>(&self, bits: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: Borrow<u32>, IntoIter: Send + 'a>,
    {
        let old = |so_far, reply| count(so_far, reply, Reply::into_bool);
        self.set_many(bits.into_iter(), b"0", old)
    }

    /// Adds an integer that is not in the set, or removes one that is. Returns whether it is in the
    /// set now.
    ///
    /// Redis: BITFIELD. Time complexity: O(1), and O(n) for n bits that the value grows by. Round
    /// trips: 1.
    ///
    /// # Errors
    /// [`OutOfRange`](purse_client::ErrorKind::OutOfRange) if it is not lower than the capacity.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisBitSet;
    ///
    /// let lamps = RedisBitSet::new(&client, "lamps", 16);
    /// assert!(lamps.toggle(3).await?);
    /// assert!(!lamps.toggle(3).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "BITFIELD")]
    #[doc(alias = "flip")]
    pub fn toggle(&self, bit: u32) -> Op<bool> {
        let args = |command: Command| {
            let command = command.arg("INCRBY").arg("u1");
            Ok(command.arg(self.checked(bit)?).arg(1_i64))
        };
        self.handle
            .try_op(args, Command::write("BITFIELD"), |reply| {
                let [bit] = reply.into_array()?;
                bit.into_bool()
            })
    }

    /// Sets bits to a value, and folds the replies, which are the previous bits.
    fn set_many<'a, B: Borrow<u32>>(
        &self,
        bits: impl Iterator<Item = B> + Send + 'a,
        value: &'static [u8],
        fold: fn(u64, Reply) -> Result<u64>,
    ) -> BulkOp<'a, u64> {
        let command = self.handle.on_key(Command::write("BITFIELD"));
        let capacity = self.capacity;
        let write = move |bit: B, arguments: &mut ArgBuffer| {
            let bit = checked(*bit.borrow(), capacity)?;
            append(arguments, &[b"SET", b"u1", bit.as_bytes(), value])
        };
        Bulk::new(&self.handle.client, command).run(bits, write, 0, fold)
    }
}

/// Adds the number of previous bits that `counts` accepts.
fn count(mut so_far: u64, reply: Reply, counts: fn(Reply) -> Result<bool>) -> Result<u64> {
    for old in reply.into_list()? {
        so_far += u64::from(counts(old)?);
    }
    Ok(so_far)
}

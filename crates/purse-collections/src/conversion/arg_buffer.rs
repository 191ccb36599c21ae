//! A buffer for the arguments of a command that has many.

use bytes::Bytes;
use purse_client::Result;
use purse_codec::{Codec, IntoArg};

use crate::conversion::encode_into;

/// The number of bytes in a block after which the next block is begun.
const BLOCK: usize = 1 << 14;
/// The room that a block still has then, so that it is not reallocated for an element of this size.
const SMALL: usize = 1 << 10;

/// A buffer of arguments, written one after the other into blocks of memory that they share.
///
/// With an allocation per argument, another thread would free what this one allocates, and slow
/// down the encoding of the next chunk.
#[derive(Debug, Default)]
pub(crate) struct ArgBuffer {
    done: Vec<Bytes>,
    block: Vec<u8>,
    /// The ends of the arguments in the block.
    ends: Vec<usize>,
    /// The length of all arguments, and the weight that was added to it.
    pub(crate) bytes: usize,
}

impl ArgBuffer {
    /// Creates an empty buffer with room for `likely` arguments.
    pub(crate) fn new(likely: usize) -> Self {
        Self {
            done: Vec::with_capacity(likely),
            ..Self::default()
        }
    }

    /// Encodes a value and appends it. After an error the buffer must not be used.
    pub(crate) fn encode<T, C: Codec<T>>(&mut self, value: impl IntoArg<T>) -> Result<()> {
        self.append_with(|block| encode_into::<T, C>(value, block))
    }

    /// Appends the bytes that `write` adds. After an error the buffer must not be used.
    pub(crate) fn append_with(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        if self.block.capacity() == 0 {
            self.block.reserve(BLOCK + SMALL);
        }
        let start = self.block.len();
        write(&mut self.block)?;
        self.bytes += self.block.len() - start;
        self.ends.push(self.block.len());
        if self.block.len() >= BLOCK {
            self.end_block();
        }
        Ok(())
    }

    /// Appends bytes without a copy.
    pub(crate) fn append(&mut self, bytes: Bytes) -> Result<()> {
        self.end_block();
        self.bytes += bytes.len();
        self.done.push(bytes);
        Ok(())
    }

    /// Counts `bytes` more than there are, for an element that takes the server more time than its
    /// bytes say. A chunk then ends earlier.
    pub(crate) const fn add_weight(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    fn end_block(&mut self) {
        let mut block = Bytes::from(std::mem::take(&mut self.block));
        let mut start = 0;
        for end in self.ends.drain(..) {
            self.done.push(block.split_to(end - start));
            start = end;
        }
    }

    pub(crate) fn into_vec(mut self) -> Vec<Bytes> {
        self.end_block();
        self.done
    }
}

/// Encodes an element that is one argument.
pub(crate) fn encode_one<T, C: Codec<T>, V: IntoArg<T>>(
    value: V,
    arguments: &mut ArgBuffer,
) -> Result<()> {
    arguments.encode::<T, C>(value)
}

#[cfg(test)]
mod tests {
    use purse_codec::Raw;

    use super::*;

    #[test]
    fn elements_of_all_sizes_come_through_as_they_are() {
        let sizes = [0, 1, 100, BLOCK - 1, BLOCK, 5 * BLOCK, 5, 0];
        let element = |n: usize| vec![n as u8; sizes[n % sizes.len()]];
        let mut arguments = ArgBuffer::new(1);
        for n in 0..900 {
            if n % 7 == 0 {
                let pushed = arguments.append(element(n).into());
                pushed.expect("bytes can be pushed");
            } else {
                let written = arguments.encode::<Vec<u8>, Raw>(element(n));
                written.expect("bytes can be written");
            }
        }
        let bytes: usize = (0..900).map(|n| element(n).len()).sum();
        assert_eq!(arguments.bytes, bytes);
        assert!(arguments.into_vec().into_iter().eq((0..900).map(element)));
    }
}

//! The arguments of a command that takes many.

use bytes::Bytes;
use purse_client::Result;
use purse_codec::{Codec, IntoArg};

use crate::encode::encode_into;

/// What is written of a block before the next one is begun.
const BLOCK: usize = 1 << 14;
/// What still fits then, so that an element of this size moves no block.
const SMALL: usize = 1 << 10;

/// ArgBuffer, written one after the other into blocks of memory that they share.
///
/// Each by itself would be an allocation of this thread that fred's thread frees, and so holds up
/// the one that makes the next chunk.
#[derive(Debug, Default)]
pub(crate) struct ArgBuffer {
    done: Vec<Bytes>,
    block: Vec<u8>,
    /// Where the arguments in the block end.
    ends: Vec<usize>,
    /// The bytes of them all.
    pub(crate) bytes: usize,
}

impl ArgBuffer {
    /// None yet, with room for so many.
    pub(crate) fn new(likely: usize) -> Self {
        Self {
            done: Vec::with_capacity(likely),
            ..Self::default()
        }
    }

    /// Adds what `C` writes of a value. After an error what is here is of no use.
    pub(crate) fn encode<T, C: Codec<T>>(&mut self, value: impl IntoArg<T>) -> Result<()> {
        self.append_with(|block| encode_into::<T, C>(value, block))
    }

    /// Adds what `write` appends. After an error what is here is of no use.
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

    /// Adds bytes as they are, without a copy.
    pub(crate) fn append(&mut self, bytes: Bytes) -> Result<()> {
        self.end_block();
        self.bytes += bytes.len();
        self.done.push(bytes);
        Ok(())
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

/// Writes an element that is one argument.
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

//! The layout of a Bloom filter: which bits of the value belong to an element.
//!
//! # The value
//!
//! The value is one string, so that the server removes the filter as a whole or not at all: without
//! a part of its bits, a filter would deny elements that were added. Numbers are big-endian.
//!
//! | bytes | content |
//! |---|---|
//! | 0 to 11 | `PURSE BLOOM1`, the name of this scheme |
//! | 12 to 15 | the capacity of the first layer |
//! | 16 to 19 | the number of hashes of the first layer |
//! | 20 to 27 | zeros |
//! | 28 to 31 | the number of elements |
//! | from 32 on | the bits of the layers, one layer directly behind the other |
//!
//! # The layers
//!
//! With the capacity n and the error rate p, the first layer has the least number of hashes k for
//! which 2⁻ᵏ is at most p/2. Layer i, counted from 0, takes nᵢ = 2ⁱ·n elements with kᵢ = k + i hashes,
//! and has ⌈nᵢ·kᵢ·13/9⌉ bits. As 13/9 is a little more than 1/ln 2, at most half of its bits are
//! set when it is full. A value that was not added is then found in it with a probability of 2⁻ᵏⁱ at
//! most, and in any layer with p at most. All of these numbers are integers, so that each program
//! computes the same ones. A filter has up to ten layers, as long as all of them fit into 2³² bits.
//!
//! # The bits of an element
//!
//! The digest is XXH3-128 of the encoded element, with seed 0. XXH3-128 of the 16 bytes of the
//! digest, with the seeds 0, 1, 2, …, gives two words each: the last 48 bits of the higher half, then
//! the last 48 bits of the lower half. In a layer, bit j of the element is word j modulo the number
//! of bits of the layer. Multiples of one second hash would be cheaper, but they add false positives
//! of about 1/n, which is more than a small p allows.

use bytes::Bytes;
use purse_client::{Error, ErrorKind, Result};
use twox_hash::XxHash3_128;

/// The name of the scheme, and of its version.
const NAME: &[u8; 12] = b"PURSE BLOOM1";
/// The bits before the first layer.
const HEAD: u64 = 256;
/// The bits of the longest string of a server.
const MOST_BITS: u64 = 1 << 32;
const MOST_LAYERS: u32 = 10;
/// Smaller filters have more false positives, because the number of their set bits varies more.
const LEAST_CAPACITY: u64 = 100;
const LEAST_ERROR_RATE: f64 = 1e-12;

/// The sizes of a Bloom filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scheme {
    capacity: u32,
    hashes: u32,
    layers: u32,
    /// The number of elements of all layers.
    pub(super) most: u64,
}

impl Scheme {
    /// Returns the sizes of a filter whose first layer takes `capacity` elements.
    pub(super) fn new(capacity: u64, error_rate: f64) -> Result<Self> {
        if capacity == 0 {
            return Err(invalid("the capacity must be at least 1".to_owned()));
        }
        // NaN is in no range.
        if !(LEAST_ERROR_RATE..1.0).contains(&error_rate) {
            return Err(invalid(format!(
                "the error rate {error_rate} is not from {LEAST_ERROR_RATE:e} up to 1"
            )));
        }
        let mut hashes = 1;
        let mut rate = 0.5;
        while rate > error_rate / 2.0 {
            hashes += 1;
            rate /= 2.0;
        }
        let capacity = capacity.max(LEAST_CAPACITY);
        let mut scheme = Self {
            capacity: u32::try_from(capacity).unwrap_or(u32::MAX),
            hashes,
            layers: 0,
            most: 0,
        };
        let mut end = HEAD;
        while scheme.layers < MOST_LAYERS {
            let size = capacity.saturating_mul(1 << scheme.layers);
            end = end.saturating_add(bits(size, hashes + scheme.layers));
            if end > MOST_BITS {
                break;
            }
            scheme.layers += 1;
            scheme.most += size;
        }
        if scheme.layers == 0 {
            return Err(invalid(format!(
                "{capacity} elements with an error rate of {error_rate} do not fit into the 512 MB \
                 of a string"
            )));
        }
        Ok(scheme)
    }

    /// Returns the start of the value of each filter with these sizes.
    pub(super) fn head(&self) -> Bytes {
        let numbers = [self.capacity.to_be_bytes(), self.hashes.to_be_bytes()];
        Bytes::from([NAME.as_slice(), numbers.as_flattened()].concat())
    }

    /// Appends the words of an element, as many as the last layer has hashes.
    pub(super) fn append_words(&self, element: &[u8], words: &mut Vec<u8>) {
        let digest = XxHash3_128::oneshot(element).to_be_bytes();
        let count = self.hashes + self.layers - 1;
        for word in 0..count {
            let both = XxHash3_128::oneshot_with_seed(u64::from(word / 2), &digest);
            let both = both.to_be_bytes();
            let start = if word % 2 == 0 { 2 } else { 10 };
            words.extend_from_slice(&both[start..start + 6]);
        }
    }

    /// Returns the number of bits of an element in all layers: the most that a script looks at for
    /// it.
    pub(super) fn most_bits_of_element(&self) -> usize {
        let bits: u32 = (self.hashes..self.hashes + self.layers).sum();
        bits as usize
    }
}

/// Returns the number of bits of a layer.
const fn bits(size: u64, hashes: u32) -> u64 {
    size.saturating_mul(hashes as u64)
        .saturating_mul(13)
        .div_ceil(9)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_from_capacity_and_error_rate() {
        for (error_rate, hashes) in [
            (0.999, 2),
            (0.5, 2),
            (0.499, 3),
            (0.01, 8),
            (0.001, 11),
            (1e-12, 41),
        ] {
            let scheme = Scheme::new(1_000, error_rate).expect("valid");
            assert_eq!(scheme.hashes, hashes, "{error_rate}");
            assert_eq!((scheme.layers, scheme.most), (10, 1_023_000));
        }
        let scheme = Scheme::new(1_000, 0.01).expect("valid");
        assert_eq!(scheme.most_bits_of_element(), (8..18).sum::<usize>());
        assert_eq!(bits(1_000, 8), 11_556);
        assert_eq!(bits(9, 1), 13);
        assert_eq!(*scheme.head(), *b"PURSE BLOOM1\0\0\x03\xe8\0\0\0\x08");
        let least = Scheme::new(1, 0.01).expect("valid");
        assert_eq!(least.head(), Scheme::new(100, 0.01).expect("valid").head());
    }

    #[test]
    fn layers_end_where_the_string_ends() {
        let one = Scheme::new(300_000_000, 0.01).expect("valid");
        assert_eq!((one.layers, one.most), (1, 300_000_000));
        let two = Scheme::new(100_000_000, 0.01).expect("valid");
        assert_eq!((two.layers, two.most), (2, 300_000_000));
        for capacity in [0, 400_000_000, u64::from(u32::MAX) + 1, u64::MAX] {
            assert!(Scheme::new(capacity, 0.01).is_err(), "{capacity}");
        }
    }

    #[test]
    fn error_rates_out_of_range_are_refused() {
        for error_rate in [0.0, -0.5, 1.0, 2.0, 1e-13, f64::NAN, f64::INFINITY] {
            let error = Scheme::new(1_000, error_rate).expect_err("out of range");
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error_rate}");
        }
    }

    /// A stored filter depends on these bytes.
    #[test]
    fn words_of_an_element_stay_the_same() {
        let scheme = Scheme::new(1_000, 0.5).expect("valid");
        let mut words = Vec::new();
        scheme.append_words(b"apple", &mut words);
        assert_eq!(words.len(), 6 * 11);
        let hex: String = words[..24]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, "bddeff31b82622668e0ab0cc7d627e8da743db499d66d64d");
    }
}

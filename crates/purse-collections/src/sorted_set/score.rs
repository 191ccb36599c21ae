//! Scores: as arguments, and beside the elements of replies.

use bytes::Bytes;
use purse_client::{Error, ErrorKind, Reply, Result};
use purse_codec::Codec;

use crate::encode::decode;

/// A score as the server reads it.
pub(super) fn score(score: f64) -> Result<Bytes> {
    not_nan(score).map(|score| Bytes::from(score.to_string()))
}

/// Any number but NaN, which is neither more nor less than others and so has no place.
pub(super) fn not_nan(number: f64) -> Result<f64> {
    if number.is_nan() {
        return Err(Error::new(ErrorKind::InvalidInput, "NaN is no score"));
    }
    Ok(number)
}

/// Decodes one stored element and its score.
pub(super) fn decode_scored<T, C: Codec<T>>(element: Reply, score: Reply) -> Result<(T, f64)> {
    Ok((decode::<T, C>(element)?, score.into_float()?))
}

/// Decodes stored elements and their scores.
pub(super) fn decode_scored_list<T, C: Codec<T>>(reply: Reply) -> Result<Vec<(T, f64)>> {
    let pairs = reply.into_pairs()?.into_iter();
    pairs
        .map(|(element, score)| decode_scored::<T, C>(element, score))
        .collect()
}

/// Decodes the first of stored elements and its score.
pub(super) fn decode_first<T, C: Codec<T>>(reply: Reply) -> Result<Option<(T, f64)>> {
    let first = reply.into_pairs()?.into_iter().next();
    first
        .map(|(element, score)| decode_scored::<T, C>(element, score))
        .transpose()
}

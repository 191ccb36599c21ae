//! Scores in arguments and in replies.

use bytes::Bytes;
use purse_client::{Error, ErrorKind, Reply, Result};
use purse_codec::Codec;

use crate::conversion::decode;

/// Encodes a score.
pub(super) fn score(score: f64) -> Result<Bytes> {
    not_nan(score).map(|score| Bytes::from(score.to_string()))
}

/// Refuses NaN, which has no place in an order.
pub(super) fn not_nan(number: f64) -> Result<f64> {
    if number.is_nan() {
        return Err(Error::new(ErrorKind::InvalidInput, "score must not be NaN"));
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

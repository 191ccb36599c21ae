//! Scores in arguments and in replies.

use bytes::Bytes;
use purse_client::{Reply, Result};
use purse_codec::Codec;

use crate::conversion::decode;
use crate::number_args::IntoScore;

/// Encodes a score.
pub(super) fn score(score: impl IntoScore) -> Result<Bytes> {
    let score = score.into_number()?;
    Ok(Bytes::from(score.to_string()))
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

//! The rule for elements that cannot be decoded.

use bytes::Bytes;
use purse_client::{Delivery, Error, Result};

/// A rule for elements that a queue takes out and cannot decode.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{ErrorKind, OnPoison, RedisQueue};
///
/// let text: RedisQueue<String> = RedisQueue::new(&client, "jobs");
/// text.push("not a number").await?;
///
/// let jobs: RedisQueue<u32> = RedisQueue::new(&client, "jobs");
/// let error = jobs.clone().on_poison(OnPoison::Requeue).try_pop().await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Decode);
/// assert_eq!(jobs.len().await?, 1, "the element is still there");
/// let error = jobs.on_poison(OnPoison::Error).try_pop().await.unwrap_err();
/// assert_eq!(error.removed(), ["not a number"]);
/// assert!(text.is_empty().await?);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnPoison {
    /// Removes the element. The error holds its bytes.
    #[default]
    Error,
    /// Moves the element to the back of the list at this key, and continues with the next one.
    ///
    /// If the list refuses the element, for example because the key holds another type, the pop
    /// removes the element and fails with `Decode`: the error holds its bytes, and its source is the
    /// error of the list.
    ///
    /// Do not use the queue's own key: the pop would move the same elements without an end.
    DeadLetter(Bytes),
    /// Puts the element back to its place. The error holds a copy of its bytes.
    Requeue,
}

impl OnPoison {
    /// Applies the rule to a `taken` element whose decoding failed with `error`. Returns `Ok` if
    /// the pop continues with the next element.
    pub(crate) async fn handle<V>(&self, delivery: Delivery, error: Error) -> Result<Option<V>> {
        match self {
            Self::Error => {
                delivery.ack();
                Err(error)
            }
            Self::DeadLetter(list) => match delivery.dead_letter(list.clone()).await {
                Ok(()) => Ok(None),
                // A list that cannot be pushed to leaves the element to the caller.
                Err((cause, Some(delivery))) => {
                    delivery.ack();
                    Err(error.with_source(cause))
                }
                Err((cause, None)) => Err(cause),
            },
            Self::Requeue => match delivery.requeue().await {
                Ok(()) => Err(error.with_removed(Vec::new())),
                // So does a queue that takes nothing back.
                Err(_) => Err(error),
            },
        }
    }
}

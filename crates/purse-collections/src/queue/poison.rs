//! What becomes of an element that cannot be decoded.

use bytes::Bytes;
use purse_client::{Error, Result, Taken};

/// What a queue does with an element that it takes out and cannot decode.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnPoison {
    /// The element is out, and the error holds its bytes.
    #[default]
    Error,
    /// The element goes to the back of the list at this key, and the pop goes on with the next one.
    ///
    /// Not the queue's own key: the next one would be the same again, without an end.
    DeadLetter(Bytes),
    /// The element goes back to where it was, and the error holds a copy of its bytes.
    Requeue,
}

impl OnPoison {
    /// Deals with `error`, of the element that was `taken`; `Ok` if the pop shall go on.
    pub(crate) async fn handle<V>(&self, taken: Taken, error: Error) -> Result<Option<V>> {
        match self {
            Self::Error => {
                taken.keep();
                Err(error)
            }
            Self::DeadLetter(list) => match taken.move_to(list.clone()).await {
                Ok(()) => Ok(None),
                // A list that cannot be pushed to leaves the element to the caller.
                Err((_, Some(taken))) => {
                    taken.keep();
                    Err(error)
                }
                Err((cause, None)) => Err(cause),
            },
            Self::Requeue => match taken.put_back().await {
                Ok(()) => Err(error.with_removed(Vec::new())),
                // So does a queue that takes nothing back.
                Err(_) => Err(error),
            },
        }
    }
}

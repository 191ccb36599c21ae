//! What becomes of an element that cannot be decoded.

use bytes::Bytes;
use purse_client::{Client, Command, Error, Result};

/// What a queue does with an element that it takes out and cannot decode.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnPoison {
    /// The element is out, and the error holds its bytes.
    #[default]
    Error,
    /// The element goes to the back of the list at this key, and the pop goes on with the next one.
    DeadLetter(Bytes),
    /// The element goes back to where it was, and the error holds a copy of its bytes.
    Leave,
}

impl OnPoison {
    /// Deals with `error`, of an element with these bytes that `put_back` would put back; `Ok` if
    /// the pop shall go on. The element is out of the queue when this is polled first, and in a
    /// task's hands from then on.
    pub(crate) async fn deal(
        &self,
        client: &Client,
        error: Error,
        put_back: impl FnOnce() -> Result<Command>,
    ) -> Result<()> {
        let Some(element) = error.removed().first().cloned() else {
            return Err(error);
        };
        match self {
            Self::Error => Err(error),
            Self::DeadLetter(list) => {
                let push = Command::write("RPUSH").key(list.clone()).arg(element);
                // A list that cannot be pushed to leaves the element to the caller.
                client.run_to_end(push).await.map(drop).map_err(|_| error)
            }
            Self::Leave => {
                client.run_to_end(put_back()?).await?;
                Err(error.with_removed(Vec::new()))
            }
        }
    }
}

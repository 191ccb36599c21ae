//! The pops that all queues share: each takes elements until one of them can be decoded.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{self, Stream};
use purse_client::{Client, Command, Delivery, ErrorKind, Pop, Reply, Result};

use super::poison::OnPoison;
use super::several::{Held, read_held};
use crate::handle::Handle;

/// A queue's handle, and what it does with elements that it cannot decode.
pub(super) struct QueueHandle<M> {
    pub(super) handle: Handle<M>,
    pub(super) on_poison: OnPoison,
}

/// The end of a queue at which a pop takes elements, and the decoder of what it takes.
pub(super) struct PopSource<R> {
    pub(super) pop: Pop,
    pub(super) decode: fn(&Delivery) -> Result<Option<R>>,
}

impl<M> QueueHandle<M> {
    pub(super) fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self {
            handle: Handle::new(client, key),
            on_poison: OnPoison::Error,
        }
    }

    /// Waits for an element, without an end.
    pub(super) async fn pop<R>(&self, source: &PopSource<R>) -> Result<R> {
        loop {
            if let Some(value) = self.pop_timeout(source, None).await? {
                return Ok(value);
            }
        }
    }

    /// Waits for an element as long as `wait`, without an end if that is `None`.
    pub(super) async fn pop_timeout<R>(
        &self,
        source: &PopSource<R>,
        wait: Option<Duration>,
    ) -> Result<Option<R>> {
        let start = Instant::now();
        let client = &self.handle.client;
        loop {
            let left = wait.map(|wait| wait.saturating_sub(start.elapsed()));
            let Some(delivery) = client.take_wait(&source.pop, left).await? else {
                return Ok(None);
            };
            if let Some(value) = self.read(source, delivery).await? {
                return Ok(Some(value));
            }
        }
    }

    /// Takes an element if there is one.
    pub(super) async fn try_pop<R>(&self, source: &PopSource<R>) -> Result<Option<R>> {
        loop {
            let Some(delivery) = self.handle.client.take(&source.pop).await? else {
                return Ok(None);
            };
            if let Some(value) = self.read(source, delivery).await? {
                return Ok(Some(value));
            }
        }
    }

    /// Takes up to `max` elements; waits for the first one without an end.
    pub(super) async fn pop_many<R>(&self, source: &PopSource<R>, max: usize) -> Result<Vec<R>> {
        loop {
            let values = self.try_pop_many(source, max).await?;
            if !values.is_empty() || max == 0 {
                return Ok(values);
            }
            let waited = self.handle.client.take_wait(&source.pop, None).await?;
            let Some(first) = waited else {
                continue;
            };
            if let Some(value) = self.read(source, first).await? {
                let mut values = vec![value];
                // What follows must not lose the first one.
                let more = self.try_pop_many(source, max - 1).await;
                values.extend(more.unwrap_or_default());
                return Ok(values);
            }
        }
    }

    /// Takes up to `max` elements. Those before one that cannot be decoded are returned without an
    /// error, and it goes back with those after it.
    pub(super) async fn try_pop_many<R>(
        &self,
        source: &PopSource<R>,
        max: usize,
    ) -> Result<Vec<R>> {
        let mut values = Vec::new();
        loop {
            let left = max - values.len();
            let taken = self.handle.client.take_many(&source.pop, left).await;
            let deliveries = match taken {
                Ok(deliveries) if deliveries.is_empty() => return Ok(values),
                Ok(deliveries) => deliveries,
                Err(_) if !values.is_empty() => return Ok(values),
                Err(error) => return Err(error),
            };
            for delivery in deliveries {
                if (source.decode)(&delivery).is_err() && !values.is_empty() {
                    return Ok(values);
                }
                values.extend(self.read(source, delivery).await?);
            }
        }
    }

    /// Adds an element and waits until no consumer has it and it is not in the queue.
    pub(super) async fn transfer(&self, push: &'static str, value: Result<Bytes>) -> Result<()> {
        let handle = &self.handle;
        let value = value.map_err(|error| handle.about(push, error))?;
        let command = handle.on_key(Command::write(push)).arg(value.clone());
        handle.client.run(command).await?;
        while let Some(list) = handle.client.find_in_hand(&handle.key, &value).await? {
            let position = Command::read("LPOS").key(list).arg(value.clone());
            handle.client.run_until(position, Reply::is_nil).await?;
        }
        Ok(())
    }

    /// Returns what the consumers of the queue hold.
    pub(super) async fn in_hand<R>(
        &self,
        decode: impl Fn(Bytes) -> Result<R>,
    ) -> Result<Vec<Held<R>>> {
        let held = self.handle.client.in_hand(&self.handle.key).await?;
        let held = held.into_iter().map(|held| read_held(held, &decode));
        let held: Result<_> = held.collect();
        held.map_err(|error| self.handle.about("LRANGE", error))
    }

    /// Pops an element each time that the stream is asked for one, until the client is closed.
    pub(super) fn into_stream<R>(
        self,
        source: PopSource<R>,
    ) -> impl Stream<Item = Result<R>> + Send + Unpin + use<M, R>
    where
        R: Send,
    {
        Box::pin(stream::unfold(Some((self, source)), |queue| async move {
            let (consumer, source) = queue?;
            let popped = consumer.pop(&source).await;
            let is_over = popped
                .as_ref()
                .is_err_and(|error| error.kind() == ErrorKind::Closed);
            Some((popped, (!is_over).then_some((consumer, source))))
        }))
    }

    /// Returns the value of a popped element; `None` if it was moved to the dead letters.
    async fn read<R>(&self, source: &PopSource<R>, delivery: Delivery) -> Result<Option<R>> {
        match (source.decode)(&delivery) {
            Ok(value) => {
                delivery.ack();
                Ok(value)
            }
            Err(error) => {
                let error = self.handle.about(source.pop.name(), error);
                self.on_poison.handle(delivery, error).await
            }
        }
    }
}

impl<M> Clone for QueueHandle<M> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            on_poison: self.on_poison.clone(),
        }
    }
}

impl<M> fmt::Debug for QueueHandle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}

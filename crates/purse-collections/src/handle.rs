//! The handle that every collection consists of.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use purse_client::{Client, Command, Error, Op, Reply, Result};

/// A client, a key, and the types of the key's value.
pub(crate) struct Handle<M> {
    pub(crate) client: Client,
    pub(crate) key: Bytes,
    types: PhantomData<fn() -> M>,
}

impl<M> Handle<M> {
    pub(crate) fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        let key = Bytes::copy_from_slice(key.as_ref());
        Self {
            client: client.clone(),
            key,
            types: PhantomData,
        }
    }

    /// Returns a handle of the same key with other types.
    pub(crate) fn cast<N>(&self) -> Handle<N> {
        Handle {
            client: self.client.clone(),
            key: self.key.clone(),
            types: PhantomData,
        }
    }

    /// Adds the key to `command`.
    pub(crate) fn on_key(&self, command: Command) -> Command {
        command.key(self.key.clone())
    }

    /// Returns the key of another object that takes part in an operation on this one.
    ///
    /// Every operation on several objects gets their keys here, because a key alone does not say in
    /// which database it is.
    ///
    /// # Errors
    /// `InvalidInput` if the other object is in another database.
    pub(crate) fn key_of<N>(&self, other: &Handle<N>) -> Result<Bytes> {
        self.client.same_database(&other.client)?;
        Ok(other.key.clone())
    }

    /// Creates the operation that runs `command` on the key.
    pub(crate) fn op<R>(&self, command: Command, read: fn(Reply) -> Result<R>) -> Op<R> {
        self.client.op(self.on_key(command), read)
    }

    /// Adds to an error of `command` the key and the server.
    pub(crate) fn about(&self, command: &'static str, error: Error) -> Error {
        error
            .with_command(command, Some(self.key.clone()))
            .with_server(self.client.server().into())
    }

    /// Creates the operation that runs, on the key, the command that `build` returns, or fails with
    /// its error.
    pub(crate) fn try_op<R>(
        &self,
        build: impl FnOnce(Command) -> Result<Command>,
        command: Command,
        read: fn(Reply) -> Result<R>,
    ) -> Op<R> {
        let name = command.name();
        let command = build(self.on_key(command))
            .map_err(|error| error.with_command(name, Some(self.key.clone())));
        Op::new(&self.client, command, read)
    }
}

impl<M> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            key: self.key.clone(),
            types: PhantomData,
        }
    }
}

impl<M> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" at {}",
            self.key.escape_ascii(),
            self.client.server()
        )
    }
}

/// Implements `Clone` and `Debug` for a tuple struct around a [`Handle`]. Derived implementations
/// would require `Clone` and `Debug` of the element types.
macro_rules! handle_traits {
    ($name:ident $(<$($param:ident),+>)?) => {
        impl$(<$($param),+>)? Clone for $name$(<$($param),+>)? {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl$(<$($param),+>)? std::fmt::Debug for $name$(<$($param),+>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
    };
}

pub(crate) use handle_traits;

//! The connections of a client, as its features use them.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{Call, CloseBlockers, Core, OperationOptions};
use crate::command::{Command, ErrorContext};
use crate::connection::error_map;
use crate::{Error, Reply, Result};

/// A client's connections, with the options of one handle.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) core: Arc<Core>,
    pub(crate) options: OperationOptions,
}

impl Caller {
    /// Returns the future that runs `command` with the options of this handle.
    pub(crate) fn call(&self, command: Command) -> Call {
        Call::new(self.core.clone(), self.options.apply(command))
    }

    /// Runs a command and waits for its reply.
    pub(crate) async fn run(&self, command: Command) -> Result<Reply> {
        let context = command.context();
        let answer = self.call(command).await;
        let reply = answer.map(|answer| answer.reply);
        reply.map_err(|error| self.with_context(error, &context))
    }

    /// Adds to an error what it is about.
    pub(crate) fn with_context(&self, error: Error, context: &ErrorContext) -> Error {
        self.core.with_context(error, context)
    }

    pub(crate) fn server(&self) -> &str {
        self.core.server()
    }

    pub(crate) fn server_name(&self) -> Arc<str> {
        self.core.server().clone()
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.core.cluster().is_some()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    /// Returns the error of a client that has ended, if it has.
    pub(crate) fn check_open(&self) -> Result<()> {
        match self.core.ending() {
            Some(ending) => Err(error_map::ended_error(ending)),
            None => Ok(()),
        }
    }

    /// Returns the time that a command without a timeout of its own may take.
    pub(crate) fn command_timeout(&self) -> Duration {
        self.options
            .limit()
            .unwrap_or(self.core.settings.command_timeout)
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.core.runtime
    }

    pub(crate) fn close_signal(&self) -> watch::Receiver<bool> {
        self.core.close_signal()
    }

    pub(crate) fn close_blockers(&self) -> &CloseBlockers {
        self.core.close_blockers()
    }
}

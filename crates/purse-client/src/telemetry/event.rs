//! The events that a client reports about its connections.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::log;
use crate::Error;

/// A change of a connection, which a [hook](crate::ClientBuilder::on_event) receives.
///
/// Each event is also sent to `tracing`, with that feature. All connections of a client report:
/// those to the nodes of a cluster, and those of key watches and sessions. The subscription to the
/// messages of sentinels reports [`Failover`](Self::Failover) only.
///
/// # Examples
/// ```
/// use purse::Event;
///
/// fn report(event: &Event) {
///     match event {
///         Event::Disconnected { server, cause, .. } => eprintln!("{server} is gone: {cause}"),
///         Event::Reconnected { server, address, .. } => eprintln!("{server} is back at {address}"),
///         _ => {}
///     }
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A first connection was made.
    #[non_exhaustive]
    Connected {
        /// The name of the servers in messages.
        server: Arc<str>,
        /// The address of the connection.
        address: Arc<str>,
    },
    /// An attempt to connect failed for another reason than the attempt before. The client keeps
    /// trying.
    #[non_exhaustive]
    ConnectFailed {
        /// The name of the servers in messages.
        server: Arc<str>,
        /// The reason why it failed.
        cause: Arc<Error>,
    },
    /// A connection was lost.
    #[non_exhaustive]
    Disconnected {
        /// The name of the servers in messages.
        server: Arc<str>,
        /// The reason why it was lost.
        cause: Arc<Error>,
    },
    /// A lost connection was made again.
    #[non_exhaustive]
    Reconnected {
        /// The name of the servers in messages.
        server: Arc<str>,
        /// The address of the connection.
        address: Arc<str>,
    },
    /// A connection did not answer, and a new one to the same server did; it was replaced.
    #[non_exhaustive]
    HalfOpen {
        /// The name of the servers in messages.
        server: Arc<str>,
        /// The address of the connection.
        address: Arc<str>,
    },
    /// A cluster moved a slot to another node.
    #[non_exhaustive]
    Redirected {
        /// The name of the servers in messages.
        server: Arc<str>,
        /// The slot.
        slot: u16,
        /// The address of its owner.
        to: Arc<str>,
    },
    /// A replica took the place of the primary, as sentinels or an error of the server say.
    #[non_exhaustive]
    Failover {
        /// The name of the servers in messages.
        server: Arc<str>,
    },
}

type HookFn = dyn Fn(&Event) + Send + Sync;

/// The receiver of a client's events.
#[derive(Clone, Default)]
pub(crate) struct EventHook(Option<Arc<HookFn>>);

impl EventHook {
    pub(crate) fn new(call: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(call)))
    }

    pub(crate) fn report(&self, event: &Event) {
        log::log_event(event);
        let Some(call) = &self.0 else { return };
        // A panic must not end the task that drives the connection.
        if catch_unwind(AssertUnwindSafe(|| call(event))).is_err() {
            log::log_hook_panic(event);
        }
    }
}

impl fmt::Debug for EventHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventHook")
    }
}

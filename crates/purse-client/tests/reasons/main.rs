//! Why there is no connection, or no result: the cause is told, and nothing is lost or changed.

#[path = "../support/mod.rs"]
mod support;

mod events;
mod fake;
mod logins;
mod moved;
mod not_ready;
mod refused_commands;
mod stale;
mod strangers;

use std::error::Error as _;
use std::sync::{Arc, Mutex};

use purse_client::{Client, ClientBuilder, Error, Event};

/// Returns the texts of an error and of all its causes.
pub(crate) fn text_of(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The events of a client, each by its name and the text of its cause.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    pub(crate) fn of(&self, builder: ClientBuilder) -> ClientBuilder {
        let events = self.0.clone();
        builder.on_event(move |event| {
            let text = match event {
                Event::Connected { .. } => "connected".to_owned(),
                Event::ConnectFailed { cause, .. } => format!("failed: {}", text_of(cause)),
                Event::Disconnected { cause, .. } => format!("lost: {}", text_of(cause)),
                Event::Reconnected { .. } => "reconnected".to_owned(),
                Event::HalfOpen { .. } => "half-open".to_owned(),
                Event::Redirected { slot, to, .. } => format!("redirected {slot} {to}"),
                Event::Failover { .. } => "failover".to_owned(),
                other => format!("{other:?}"),
            };
            events.lock().expect("no panic").push(text);
        })
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }

    /// Returns the number of events whose text starts with `start`.
    pub(crate) fn count(&self, start: &str) -> usize {
        let events = self.0.lock().expect("no panic");
        events.iter().filter(|text| text.starts_with(start)).count()
    }
}

pub(crate) fn lazy(builder: ClientBuilder) -> Client {
    builder.connect_lazy().expect("settings that are read")
}

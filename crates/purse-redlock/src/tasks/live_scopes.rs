//! The scopes that are alive, so that a shutdown can end the newest first.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

/// The scopes that are alive, in the order in which they began.
#[derive(Clone, Default)]
pub(crate) struct LiveScopes(Arc<watch::Sender<OpenScopes>>);

/// The numbers of the scopes that are alive.
#[derive(Default)]
struct OpenScopes {
    alive: BTreeSet<u64>,
    last: u64,
}

impl LiveScopes {
    /// Adds a scope on top of all others, as long as the result lives.
    pub(crate) fn enter(&self) -> ScopeEntry {
        let mut number = 0;
        self.0.send_modify(|scopes| {
            scopes.last += 1;
            number = scopes.last;
            scopes.alive.insert(number);
        });
        ScopeEntry {
            stack: self.clone(),
            number,
        }
    }

    /// Waits until no scope is alive.
    pub(crate) async fn wait_empty(&self) {
        // This cannot fail, because the sender lives as long as `self`.
        let _ = self
            .0
            .subscribe()
            .wait_for(|scopes| scopes.alive.is_empty())
            .await;
    }
}

/// One scope on the stack.
pub(crate) struct ScopeEntry {
    stack: LiveScopes,
    number: u64,
}

impl ScopeEntry {
    /// Waits until no newer scope is alive.
    pub(crate) async fn wait_topmost(&self) {
        // This cannot fail, because the sender lives as long as `self`.
        let _ = self
            .stack
            .0
            .subscribe()
            .wait_for(|scopes| scopes.alive.last() == Some(&self.number))
            .await;
    }
}

impl Drop for ScopeEntry {
    fn drop(&mut self) {
        self.stack.0.send_modify(|scopes| {
            scopes.alive.remove(&self.number);
        });
    }
}

//! The scopes that are alive, so that a shutdown can end the newest first.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

#[derive(Clone, Default)]
pub(crate) struct Stack(Arc<watch::Sender<Places>>);

#[derive(Default)]
struct Places {
    alive: BTreeSet<u64>,
    last: u64,
}

impl Stack {
    /// On top of all others, as long as the result lives.
    pub(crate) fn enter(&self) -> Place {
        let mut number = 0;
        self.0.send_modify(|places| {
            places.last += 1;
            number = places.last;
            places.alive.insert(number);
        });
        Place {
            stack: self.clone(),
            number,
        }
    }

    /// Resolves once nobody is on it.
    pub(crate) async fn emptied(&self) {
        // It cannot fail: the sender lives as long as `self`.
        let _ = self
            .0
            .subscribe()
            .wait_for(|places| places.alive.is_empty())
            .await;
    }
}

pub(crate) struct Place {
    stack: Stack,
    number: u64,
}

impl Place {
    /// Resolves once nobody is above it.
    pub(crate) async fn on_top(&self) {
        // As above.
        let _ = self
            .stack
            .0
            .subscribe()
            .wait_for(|places| places.alive.last() == Some(&self.number))
            .await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stack.0.send_modify(|places| {
            places.alive.remove(&self.number);
        });
    }
}

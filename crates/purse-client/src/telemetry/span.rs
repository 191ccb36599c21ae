//! A span of `tracing` per operation, at TRACE; nothing when the feature is off.

#[cfg(feature = "tracing")]
mod enabled {
    use tracing::span::Entered;
    use tracing::{Level, Span};

    /// The span of one operation, if a subscriber wants it.
    #[derive(Debug)]
    pub(crate) struct OperationSpan(Option<Box<Span>>);

    impl OperationSpan {
        /// Opens the span of `command`, which runs on `server`.
        pub(crate) fn open(command: &'static str, server: &str) -> Self {
            // Without a subscriber at TRACE this costs a look at a variable, and no allocation.
            let is_wanted = tracing::enabled!(target: "purse_client", Level::TRACE);
            Self(is_wanted.then(|| {
                Box::new(tracing::trace_span!(
                    target: "purse_client",
                    "operation",
                    command,
                    server
                ))
            }))
        }

        /// Makes the span the current one until the result is dropped.
        pub(crate) fn enter(&self) -> Option<Entered<'_>> {
            self.0.as_ref().map(|span| span.enter())
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod disabled {
    /// Nothing.
    #[derive(Debug)]
    pub(crate) struct OperationSpan;

    impl OperationSpan {
        pub(crate) const fn open(_: &'static str, _: &str) -> Self {
            Self
        }

        pub(crate) const fn enter(&self) -> Option<()> {
            None
        }
    }
}

impl OperationSpan {
    /// Polls `future` in the span.
    pub(crate) async fn run<F: Future>(self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            let _entered = self.enter();
            future.as_mut().poll(cx)
        })
        .await
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) use disabled::*;
#[cfg(feature = "tracing")]
pub(crate) use enabled::*;

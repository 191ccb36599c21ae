//! The span of one call for a lock, up to its outcome; empty if the feature `tracing` is off.

#[cfg(feature = "tracing")]
mod recorded {
    use std::time::Duration;

    use bytes::Bytes;
    use tokio::time::Instant;
    use tracing::Span;
    use tracing::field::Empty;

    use crate::keys::DisplayKeys;

    /// A span whose fields are filled in when it ends, also if the call is dropped.
    pub(crate) struct LockSpan {
        span: Span,
        start: Instant,
        attempts: u64,
        votes: usize,
    }

    impl LockSpan {
        pub(crate) fn open(keys: &[Bytes]) -> Self {
            let span = tracing::info_span!(
                target: "purse_redlock",
                "redlock.lock",
                key = ?DisplayKeys(keys),
                attempts = Empty,
                votes = Empty,
                wait = Empty,
                validity = Empty,
            );
            Self {
                span,
                start: Instant::now(),
                attempts: 0,
                votes: 0,
            }
        }

        /// Records the end of an attempt for which this number of masters voted.
        pub(crate) const fn record_attempt(&mut self, votes: usize) {
            self.attempts += 1;
            self.votes = votes;
        }

        pub(crate) fn record_split_vote(&self) {
            let votes = self.votes;
            self.span.in_scope(|| {
                tracing::debug!(
                    target: "purse_redlock",
                    votes,
                    "split vote: several clients got some of the masters each"
                );
            });
        }

        pub(crate) fn record_acquired(&self, validity: Duration) {
            self.span.record("validity", validity.as_secs_f64());
        }
    }

    impl Drop for LockSpan {
        fn drop(&mut self) {
            self.span
                .record("attempts", self.attempts)
                .record("votes", self.votes)
                .record("wait", self.start.elapsed().as_secs_f64());
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod recorded {
    use std::time::Duration;

    use bytes::Bytes;

    pub(crate) struct LockSpan;

    impl LockSpan {
        pub(crate) const fn open(_: &[Bytes]) -> Self {
            Self
        }

        pub(crate) const fn record_attempt(&mut self, _: usize) {}

        pub(crate) const fn record_split_vote(&self) {}

        pub(crate) const fn record_acquired(&self, _: Duration) {}
    }
}

pub(crate) use recorded::LockSpan;

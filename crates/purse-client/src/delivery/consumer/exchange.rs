//! A step of a consumer, until the server has decided on it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Consumer;
use super::commands::read_bare;
use super::step::{Outcome, Step};
use crate::core::CloseGuard;
use crate::delivery::Deliveries;
use crate::delivery::confirm::{MAX_ATTEMPTS_AFTER_CLOSE, may_work_later, run_once};
use crate::telemetry::log;
use crate::util::backoff::Backoff;
use crate::util::timer::{millis, sleep};
use crate::{Error, ErrorKind, Result};

const MIN_PAUSE: Duration = Duration::from_millis(2);
const MAX_PAUSE: Duration = Duration::from_millis(100);
/// The time for which an unknown outcome is asked for. A server may be away for as long.
const PATIENCE: Duration = Duration::from_secs(600);

/// A step that is under way. Only one of a consumer is at a time, so the number of the last step
/// tells whether a step whose reply was lost has been done.
#[derive(Debug)]
pub(super) struct Exchange {
    consumer: Arc<Consumer>,
    client: Deliveries,
    step: Option<Step>,
    _close_guard: CloseGuard,
}

impl Exchange {
    pub(super) fn new(consumer: &Arc<Consumer>, client: &Deliveries, step: Step) -> Self {
        Self {
            consumer: consumer.clone(),
            client: client.clone(),
            step: Some(step),
            _close_guard: client.caller.close_blockers().track(),
        }
    }

    /// Sends the step, and tells those that wait what came of it.
    pub(super) async fn run(mut self) {
        let start = Instant::now();
        let limit = self.client.caller.command_timeout();
        let mut backoff = Backoff::new(MIN_PAUSE, MAX_PAUSE);
        let mut may_have_run = false;
        let mut attempts_after_close = 0;
        while let Some(step) = &mut self.step {
            let (command, now) = (self.consumer.keys.exchange(step), unix_millis());
            let left = limit.saturating_sub(start.elapsed()).max(MIN_PAUSE);
            let command = if may_have_run {
                command
            } else {
                command.timeout(left)
            };
            let reply = run_once(&self.client, command).await;
            let error = match reply.and_then(|reply| self.consumer.keys.read(step, reply, now)) {
                Ok(Ok(reply)) => {
                    if let Some(step) = self.step.take() {
                        self.consumer.finish(&self.client, step, reply);
                    }
                    return;
                }
                // Others have reclaimed what it held: it begins again.
                Ok(Err(_)) => {
                    step.renews = true;
                    step.registers = true;
                    continue;
                }
                Err(error) => error,
            };
            attempts_after_close += u32::from(self.client.caller.is_closed());
            may_have_run |= error.is_ambiguous();
            // A request that is still in flight must find that the step was done.
            step.registers |= may_have_run;
            let is_worth_it = error.is_ambiguous() || error.is_retryable();
            let is_over =
                attempts_after_close >= MAX_ATTEMPTS_AFTER_CLOSE || start.elapsed() >= PATIENCE;
            if !may_have_run || !is_worth_it || is_over {
                self.give_up(error, may_have_run).await;
                return;
            }
            if start.elapsed() >= limit {
                let error = clear_ambiguity(error.duplicate());
                self.consumer
                    .fail(&self.client, &error, false, Duration::ZERO);
            }
            log::log_retry(self.client.caller.server(), &error, MAX_PAUSE);
            sleep(backoff.next()).await;
        }
    }

    /// Ends a step that failed: it was not done, or the server refused it.
    async fn give_up(&mut self, error: Error, may_have_run: bool) {
        let Some(mut step) = self.step.take() else {
            return;
        };
        let tolerance = self.client.caller.command_timeout();
        if error.code() == Some("TRYAGAIN") && !may_have_run && step.take > 0 {
            self.take_bare(step).await;
            return;
        }
        let is_permanent = !may_work_later(&error);
        let outcome = match is_permanent {
            true => Outcome::Refused,
            false => Outcome::Failed,
        };
        let mut state = self.consumer.state.lock();
        let left = match is_permanent && !may_have_run {
            true => state.refuse_returned(&mut step, &error),
            false => Vec::new(),
        };
        for text in left {
            log::warn_not_requeued(self.client.caller.server(), &error, &text);
        }
        let error = clear_ambiguity(error);
        match may_have_run {
            true => state.leave_undecided(step, &error, outcome),
            false => state.restore(step, outcome),
        }
        state.fail(&error, is_permanent, tolerance);
        drop(state);
        self.consumer.wake_task(&self.client);
    }

    /// Takes an element without the pending list, which cannot be written while the slot moves.
    async fn take_bare(&self, step: Step) {
        let last_ticket = step.last_ticket;
        let end = self.consumer.keys.pop().end;
        let taken: Result<_> = async {
            let reply = self
                .client
                .caller
                .run(self.consumer.keys.take_bare())
                .await?;
            read_bare(end, reply)
        }
        .await;
        let mut state = self.consumer.state.lock();
        let outcome = match taken.is_ok() {
            true => Outcome::Done,
            false => Outcome::Failed,
        };
        state.restore(step, outcome);
        match taken {
            Ok(Some(text)) => state.add_bare(text),
            Ok(None) => state.waiting.answer_impatient(last_ticket),
            Err(error) => {
                let is_permanent = !error.is_retryable();
                state.fail(&error, is_permanent, self.client.caller.command_timeout());
            }
        }
        drop(state);
        self.consumer.wake_task(&self.client);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // The runtime has ended in the middle.
        if let Some(step) = self.step.take() {
            let error = crate::delivery::runtime_ended_error();
            let mut state = self.consumer.state.lock();
            state.restore(step, Outcome::Refused);
            state.fail(&error, true, Duration::ZERO);
        }
    }
}

/// Returns the error of a call that ends without an answer. It is not ambiguous, because what was
/// taken for the call is put back.
pub(super) fn clear_ambiguity(error: Error) -> Error {
    if !error.is_ambiguous() {
        return error;
    }
    late_error().with_source(error)
}

/// Returns the error of a call that had no reply in time.
pub(super) fn late_error() -> Error {
    let message = "no reply in time; an element that was taken is requeued automatically";
    Error::new(ErrorKind::Timeout, message)
}

fn unix_millis() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    millis(since)
}

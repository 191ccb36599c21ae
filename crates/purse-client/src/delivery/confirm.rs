//! Idempotent commands that are repeated until the server confirms them.

use std::time::{Duration, Instant};

use super::Deliveries;
use crate::core::{Call, Core};
use crate::telemetry::log;
use crate::util::timer::sleep;
use crate::{Command, Error, ErrorKind, Reply, Result};

/// The time after which a mark expires. A server may be away for this time without a loss.
pub(crate) const MARK_TIME: Duration = Duration::from_secs(600);
const MIN_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// The number of attempts of a closed client.
pub(super) const MAX_ATTEMPTS_AFTER_CLOSE: u32 = 5;
/// The time that the connection of a closed client may take to close.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// Runs `command`, which may run more than once, until the server replies; for no longer than a
/// mark lives. Returns the reply, and whether the command may run again later because a reply
/// was lost.
///
/// # Errors
/// A permanent error of the server; otherwise the error of the last attempt.
pub(crate) async fn retry_until_decided(
    client: &Deliveries,
    command: Command,
) -> Result<(Reply, bool)> {
    let deadline = Instant::now() + MARK_TIME;
    let mut pause = MIN_PAUSE;
    let mut attempts_after_close = 0;
    let mut may_still_execute = false;
    loop {
        let error = match run_once(client, command.clone()).await {
            Ok(reply) => return Ok((reply, may_still_execute)),
            Err(error) => error,
        };
        may_still_execute |= error.is_ambiguous();
        attempts_after_close += u32::from(client.caller.is_closed());
        if !may_work_later(&error)
            || attempts_after_close >= MAX_ATTEMPTS_AFTER_CLOSE
            || Instant::now() >= deadline
        {
            return Err(error);
        }
        log::log_retry(client.caller.server(), &error, pause);
        sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Returns whether the error may not last, or the command may not have been refused.
pub(super) fn may_work_later(error: &Error) -> bool {
    let takes_no_writes = matches!(error.code(), Some("MISCONF" | "NOREPLICAS"));
    takes_no_writes || error.is_ambiguous() || error.is_retryable()
}

/// Runs `command` once. A closed client makes a connection for it, once its own are gone.
pub(super) async fn run_once(client: &Deliveries, command: Command) -> Result<Reply> {
    if !client.caller.is_closed() {
        return client.caller.run(command).await;
    }
    let call = client
        .caller
        .call(command.clone().fail_fast())
        .allow_closed();
    match call.await {
        Err(error) if matches!(error.kind(), ErrorKind::NotSent | ErrorKind::Closed) => {}
        result => return result.map(|answer| answer.reply),
    }
    let core = &client.caller.core;
    let last = Core::client(core.settings.clone(), core.runtime.clone());
    let answer = Call::new(last.clone(), command).await;
    last.finish(CLOSE_TIME).await;
    answer.map(|answer| answer.reply)
}

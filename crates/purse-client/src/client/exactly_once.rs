//! Scripts that are sent again after a lost reply, and the receipts by which they run once.
//!
//! A script that takes no receipt may run twice without harm. A script with a receipt looks first
//! whether its receipt exists, and stores its answer there in the same step as its change. So the
//! request of a lost reply is sent again, and gets the answer of the first one.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Client;
use crate::util::backoff::Backoff;
use crate::util::timer::{clamp, millis, sleep, time_left};
use crate::{Command, Error, ErrorKind, Reply, Result, sibling_key};

/// The time after which a receipt expires.
const RECEIPT_TIME: Duration = Duration::from_secs(600);
/// The longest time for which a script is sent again: its receipt must still be there.
const MAX_TIME: Duration = Duration::from_secs(300);
/// The pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const MAX_PAUSE: Duration = Duration::from_millis(100);

impl Client {
    /// Runs a command that may run more than once without harm, and waits for its reply. If the
    /// reply is lost, the command is sent again within its time.
    ///
    /// [`run`](Self::run) sends a command that may change data at most once. A read needs no such
    /// call, because it is sent again in any case.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run). The error is [`Ambiguous`](ErrorKind::Ambiguous) if one
    /// of the requests may have run, whichever error the last of them had.
    ///
    /// # Cancel safety
    /// If the future is dropped after its first poll, the command may or may not run.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// // To add an element to a set twice does no harm.
    /// client.run_repeatable(Command::write("SADD").key("seen").arg("Ada")).await?;
    /// # Ok(()) }
    /// ```
    pub async fn run_repeatable(&self, command: Command) -> Result<Reply> {
        let limit = self.time_of(&command);
        let replied = self.repeat(&command, limit, |_| command.clone()).await;
        replied.map(|(reply, _)| reply)
    }

    /// Runs a script exactly once, although its reply may be lost. If the reply is lost, the script
    /// is sent again within its time, at most five minutes, and answers what it answered before.
    ///
    /// The client adds a last key, the name of the receipt, and two last arguments: the time in
    /// milliseconds that the receipt stays, and `1` if an earlier request may still run, else `0`.
    /// The script keeps these rules:
    ///
    /// - If the receipt exists, the script changes nothing and answers what the receipt says.
    /// - If the script changes something, it stores its answer in the receipt with `SET` and `PX`,
    ///   in the same run.
    /// - If it changes nothing and the last argument is `1`, it stores that answer too. The earlier
    ///   request, which may still arrive, then changes nothing either.
    ///
    /// The name of the receipt is a [`sibling_key`] of the first key. Once a reply has arrived, the
    /// client removes the receipt in the background. If a request was sent again, the receipt stays
    /// until it expires after ten minutes, because the earlier request may still arrive. While the
    /// slot of the key moves within a cluster, the server refuses scripts with `TRYAGAIN`.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run). [`Ambiguous`](ErrorKind::Ambiguous) means that no reply
    /// arrived in time: the script ran once or did not run.
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the command is not a script, or has no key.
    ///
    /// # Cancel safety
    /// If the future is dropped after its first poll, the script runs once or does not run. Its
    /// receipt expires.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Script};
    ///
    /// static DOUBLE: Script = Script::write(
    ///     "DOUBLE",
    ///     "local answer = redis.call('GET', KEYS[2])
    ///      if answer then return answer end
    ///      local old = redis.call('GET', KEYS[1]) or 1
    ///      redis.call('SET', KEYS[1], 2 * old)
    ///      redis.call('SET', KEYS[2], 2 * old, 'PX', ARGV[1])
    ///      return 2 * old",
    /// );
    /// let reply = client.run_exactly_once(Command::script(&DOUBLE).key("grains")).await?;
    /// assert_eq!(reply.into_int()?, 2);
    /// # Ok(()) }
    /// ```
    pub async fn run_exactly_once(&self, script: Command) -> Result<Reply> {
        let key = match script.keys.first() {
            Some(key) if script.script.is_some() => key.clone(),
            _ => {
                let message = "only a script that has a key can run exactly once";
                let error = Error::new(ErrorKind::InvalidInput, message);
                return Err(self.with_context(error, &script.context()));
            }
        };
        let id = Uuid::new_v4().simple();
        let receipt = sibling_key(&key, &format!("receipt:{id}"));
        let command = |may_still_run| {
            let script = script.clone().key(receipt.clone());
            script
                .arg(millis(RECEIPT_TIME))
                .arg(i64::from(may_still_run))
        };
        let limit = self.time_of(&script).min(MAX_TIME);
        let (reply, may_still_run) = self.repeat(&script, limit, command).await?;
        if !may_still_run {
            self.inner.receipts.remove(self.core(), key, receipt);
        }
        Ok(reply)
    }

    /// Returns the time that `command` may take.
    fn time_of(&self, command: &Command) -> Duration {
        let limit = command.timeout;
        limit.unwrap_or_else(|| self.caller().command_timeout())
    }

    /// Sends what `request` returns until there is a reply, for `limit` at most. The argument of
    /// `request` says whether an earlier request may still run. Returns that with the reply.
    async fn repeat(
        &self,
        command: &Command,
        limit: Duration,
        request: impl Fn(bool) -> Command,
    ) -> Result<(Reply, bool)> {
        let deadline = Instant::now() + clamp(limit);
        let context = command.context();
        let mut backoff = Backoff::new(FIRST_PAUSE, MAX_PAUSE);
        let mut may_still_run = false;
        loop {
            let request = request(may_still_run).timeout(time_left(deadline));
            let error = match self.call(request).await {
                Ok(answer) => return Ok((answer.reply, may_still_run)),
                Err(error) => self.with_context(error, &context),
            };
            may_still_run |= error.is_ambiguous();
            if !may_still_run {
                return Err(error);
            }
            let pause = backoff.next();
            let may_work_later = error.is_ambiguous() || error.is_retryable();
            if !may_work_later || self.is_closed() || time_left(deadline) <= pause {
                return Err(match error.is_ambiguous() {
                    true => error,
                    false => self.with_context(ambiguous(error), &context),
                });
            }
            sleep(pause).await;
        }
    }
}

/// Returns the error of a call whose last request failed with `error`, and an earlier one may run.
fn ambiguous(error: Error) -> Error {
    let message = "no reply to an earlier request: it may have run, or not";
    Error::new(ErrorKind::Ambiguous, message).with_source(error)
}

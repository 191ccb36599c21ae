//! The loop that carries out the commands of a lease, in the task that owns it.
//!
//! One task decides on every extension, by hand or automatic, and on the release, one after the
//! other. Each [queue](crate::master::request_queue) keeps that order, so no renewal outlives a
//! release.

use purse_lease::{LeaseInstant, LostReason, RenewalSchedule, Validity, valid_until};
use tokio::sync::{mpsc, oneshot};

use super::Owner;
use crate::error::{Error, LockName, LockOperation, Result};
use crate::lease::release_outcome::Release;
use crate::lease::{LeaseCommand, LeaseInbox};
use crate::master::Action;
use crate::quorum::decision::Possession;
use crate::telemetry::events;

type Commands = mpsc::UnboundedReceiver<LeaseCommand>;

impl Owner {
    /// Serves a lease whose first command was sent after `since`, until it is released.
    pub(super) async fn serve(&mut self, mut inbox: LeaseInbox, since: LeaseInstant) {
        let mut renewal = RenewalSchedule::new(self.state.settings.ttl, since);
        let first = inbox.first_command(self.state.shutdown.closed());
        let mut next = self.masters.poll_while(first).await;
        let LeaseInbox {
            commands, validity, ..
        } = &mut inbox;
        loop {
            next = match next {
                Some(LeaseCommand::Release(reply)) => {
                    // The lock is released even if the caller does not wait for the answer any
                    // more.
                    let _ = reply.send(self.release(validity).await);
                    return;
                }
                Some(LeaseCommand::Extend(mut reply)) => tokio::select! {
                    biased;
                    next = wait_superseded(&mut reply, commands) => next,
                    result = self.extend(validity, &mut renewal) => {
                        let _ = reply.send(result);
                        self.renew_until_command(commands, validity, &mut renewal).await
                    }
                },
                // An extension follows, which writes the record.
                Some(LeaseCommand::SetRecord(record)) => {
                    self.record = Some(record);
                    self.masters.poll_while(commands.recv()).await
                }
                Some(LeaseCommand::AutoExtend(auto)) => {
                    renewal.enable(auto);
                    self.renew_until_command(commands, validity, &mut renewal)
                        .await
                }
                None => break,
            };
        }
        // The first waiter in this process is notified once an attempt makes sense.
        let mut votes = self.send_to_all(Action::Release);
        self.wait_possession(&mut votes).await;
        self.hold = None;
    }

    /// Waits for the next command, and extends the lease whenever an extension is due.
    async fn renew_until_command(
        &mut self,
        commands: &mut Commands,
        validity: &Validity,
        renewal: &mut RenewalSchedule,
    ) -> Option<LeaseCommand> {
        while let Some(due) = renewal.due()
            && validity.check().is_ok()
        {
            tokio::select! {
                biased;
                // An extension that is in flight is not awaited any more: a release is queued behind it,
                // and an extension by hand counts in its place.
                command = commands.recv() => return command,
                result = self.extend_when_due(due, validity, renewal) => match result {
                    Err(error @ Error::ExtensionCap { .. }) => {
                        validity.mark_capped();
                        events::warn_not_extended(&self.keys, &error);
                        break;
                    }
                    // The validity has already logged the loss.
                    Ok(()) | Err(Error::Lost { .. }) => {}
                    Err(error) => events::warn_not_extended(&self.keys, &error),
                },
            }
        }
        self.masters.poll_while(commands.recv()).await
    }

    /// Waits until the extension is due, then extends the lease.
    async fn extend_when_due(
        &mut self,
        due: LeaseInstant,
        validity: &Validity,
        renewal: &mut RenewalSchedule,
    ) -> Result<()> {
        self.masters
            .poll_while(self.state.timer.sleep_until(due))
            .await
            .map_err(|_| Error::closed(&self.keys, LockOperation::Extend))?;
        self.extend(validity, renewal).await
    }

    async fn extend(&mut self, validity: &Validity, renewal: &mut RenewalSchedule) -> Result<()> {
        validity.check().map_err(|reason| self.lost_error(reason))?;
        let start = self.state.timer.now();
        if !renewal.may_extend(start) {
            return Err(Error::ExtensionCap {
                lock: LockName::of(&self.keys),
            });
        }
        let mut votes = self.send_to_all(Action::Extend);
        let possession = self.wait_possession(&mut votes).await;
        let until = valid_until(start, self.state.settings.ttl);
        match possession {
            Possession::Held => {
                validity
                    .extend(until)
                    .map_err(|reason| self.lost_error(reason))?;
                renewal.record_extension(start);
                events::log_extended(&self.keys, validity.extensions());
                self.state
                    .ensure_worth_having(until, &self.keys, LockOperation::Extend)
                    .inspect_err(|_| renewal.record_failure(self.state.timer.now()))
            }
            Possession::Gone => {
                let reason = validity.invalidate(LostReason::Gone);
                if self.record.is_some() && votes.is_foreign() {
                    return Err(self.wrong_type_error(votes, LockOperation::Extend));
                }
                Err(self.lost_error(reason))
            }
            Possession::Unknown | Possession::Undecided => {
                renewal.record_failure(self.state.timer.now());
                validity.check().map_err(|reason| self.lost_error(reason))?;
                let (votes, needed, errors) = self.shortfall(votes);
                Err(Error::Ambiguous {
                    lock: LockName::of(&self.keys),
                    votes,
                    needed,
                    errors,
                })
            }
        }
    }

    fn lost_error(&self, reason: LostReason) -> Error {
        Error::lost(&self.keys, reason)
    }

    async fn release(&mut self, validity: &Validity) -> Result<Release> {
        // From here on, all that watch the lock see that it is not ours any more.
        let in_time = validity.invalidate(LostReason::Released) == LostReason::Released;
        let mut votes = self.send_to_all(Action::Release);
        let possession = self.wait_possession(&mut votes).await;
        // The hold ends before the caller learns of the release, so that the caller cannot overtake the
        // first waiter.
        self.hold = None;
        match possession {
            _ if !in_time => Ok(Release::AlreadyExpired),
            Possession::Held => Ok(Release::Released),
            Possession::Gone => Ok(Release::AlreadyExpired),
            Possession::Unknown | Possession::Undecided => {
                Err(self.no_quorum_error(votes, LockOperation::Release))
            }
        }
    }
}

/// Returns the command that follows an extension whose caller does not wait any more. That
/// extension is skipped, because the lease is released or extended again next.
async fn wait_superseded(
    reply: &mut oneshot::Sender<Result<()>>,
    commands: &mut Commands,
) -> Option<LeaseCommand> {
    reply.closed().await;
    commands.recv().await
}

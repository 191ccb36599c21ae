//! Sends a command again after an error reply that says that it did not run.
//!
//! A script that the server does not know is sent whole. A redirection is followed at once up to
//! three times, and after a pause from then on. `TRYAGAIN` always has a pause. After the third
//! redirection, the slot map names the node, instead of the reply.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Call, CallState};
use crate::cluster::{Cluster, Redirect};
use crate::command::Feature;
use crate::config::Address;
use crate::connection::{CommandTiming, Connection, Failure, error_map};
use crate::core::error_reply;
use crate::util::backoff::Backoff;
use crate::util::timer::sleep;
use crate::{Error, Result};

/// After this number of redirections there is a pause before each one.
const MAX_REDIRECTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const MAX_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Redirects {
    backoff: Backoff,
    /// The node of the next attempt, and whether it is asked with ASKING.
    pub(super) next: Option<(Address, bool)>,
    count: u32,
    pub(super) last: Error,
}

impl Call {
    /// Decides what an error reply means: the next state, or the error of the call.
    pub(super) fn resume_error_reply(
        &mut self,
        words: Bytes,
        connection: Connection,
        timing: CommandTiming,
    ) -> Result<CallState> {
        let script = self.command().and_then(|command| command.script);
        if let Some(script) = script
            && self.was_by_hash
            && error_reply::is_script_unknown(&words)
        {
            // Both trips together have the time of one command.
            connection.forget_script(script);
            return self.send(connection, timing, self.was_asking, true);
        }
        self.core.note_error_reply(&words);
        let is_script = script.is_some() || self.command().is_none();
        let redirect = self
            .core
            .redirect(&words, &connection, is_script, self.key());
        if let Some(cluster) = self.core.cluster().cloned()
            && let Some(redirect) = redirect
        {
            if let Some(script) = script {
                // The node sent the command elsewhere before it could know the script.
                connection.forget_script(script);
            }
            return self.follow(&words, &redirect, &cluster, timing);
        }
        let error = self.fail(Failure::ErrorReply(words));
        let feature = self.command().and_then(Feature::of);
        let server = connection.info();
        Err(error_map::explain_unsupported(
            error,
            feature,
            server.as_deref(),
        ))
    }

    /// Follows a redirection of the cluster.
    fn follow(
        &mut self,
        words: &[u8],
        redirect: &Redirect,
        cluster: &Cluster,
        timing: CommandTiming,
    ) -> Result<CallState> {
        if let Redirect::Moved { slot, to } = redirect {
            cluster.note_moved(*slot, to);
        }
        let fails = self.command().is_some_and(|command| {
            command.node.is_some()
                || command.fails_on_tryagain && matches!(redirect, Redirect::TryAgain)
        });
        let text = String::from_utf8_lossy(words);
        let last = match redirect {
            Redirect::TryAgain => error_map::reply_error(&text, self.name()),
            Redirect::Moved { .. } | Redirect::Ask { .. } => error_map::redirected_error(&text),
        };
        if fails || timing.deadline <= Instant::now() {
            return Err(last);
        }
        let redirects = match &mut self.redirects {
            Some(redirects) => {
                redirects.last = last;
                redirects
            }
            none => none.insert(Box::new(Redirects {
                backoff: Backoff::new(FIRST_PAUSE, MAX_PAUSE),
                next: None,
                count: 0,
                last,
            })),
        };
        redirects.count += 1;
        self.core.counters.add_redirect();
        // Two nodes that send a command to each other do not agree yet.
        let is_settled = redirects.count <= MAX_REDIRECTS;
        redirects.next = match redirect {
            Redirect::TryAgain => None,
            // The slot map knows the owner.
            Redirect::Moved { .. } if !is_settled => None,
            Redirect::Moved { to, .. } => Some((to.clone(), false)),
            Redirect::Ask { to, .. } => Some((to.clone(), true)),
        };
        if is_settled && redirects.next.is_some() {
            return self.start();
        }
        let pause = redirects.backoff.next();
        if Instant::now() + pause >= timing.deadline {
            return match self.redirects.take() {
                Some(redirects) => Err(redirects.last),
                None => Err(self.fail(Failure::Rerouted)),
            };
        }
        Ok(CallState::Pausing(sleep(pause)))
    }
}

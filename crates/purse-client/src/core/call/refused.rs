//! Commands that a server refused: they are sent again where they can run.
//!
//! A script that the server does not know is sent whole. A redirection is followed at once up to
//! three times, and after a pause from then on. `TRYAGAIN` always has a pause. After the third
//! redirection, the slot map names the node, instead of the reply.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Call, State};
use crate::cluster::{Cluster, Redirect};
use crate::config::Address;
use crate::connection::{Connection, Failure, Terms, error_map};
use crate::core::refusal;
use crate::util::backoff::Backoff;
use crate::util::time::sleep;
use crate::{Error, ErrorKind, Result};

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
    pub(super) fn resume_refused(
        &mut self,
        words: Bytes,
        connection: Connection,
        terms: Terms,
    ) -> Result<State> {
        let script = self.command().and_then(|command| command.script);
        if let Some(script) = script
            && self.was_by_hash
            && refusal::is_script_unknown(&words)
        {
            // Both trips together have the time of one command.
            connection.forget_script(script);
            return self.send(connection, terms, self.was_asking, true);
        }
        self.core.note_refusal(&words);
        let is_script = script.is_some() || self.command().is_none();
        let redirect = self
            .core
            .redirect(&words, &connection, is_script, self.key());
        if let Some(cluster) = self.core.cluster().cloned()
            && let Some(redirect) = redirect
        {
            if let Some(script) = script {
                // It was refused before the node could know it.
                connection.forget_script(script);
            }
            return self.follow(&words, &redirect, &cluster, terms);
        }
        let error = self.fail(Failure::Refused(words));
        let version = connection.info().map(|info| info.version.clone());
        Err(match (error.kind(), version) {
            (ErrorKind::Unsupported, Some(version)) if !version.is_empty() => {
                error.with_source(format!("the server's version is {version}"))
            }
            _ => error,
        })
    }

    /// Follows a redirection of the cluster.
    fn follow(
        &mut self,
        words: &[u8],
        redirect: &Redirect,
        cluster: &Cluster,
        terms: Terms,
    ) -> Result<State> {
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
        if fails || terms.deadline <= Instant::now() {
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
        if Instant::now() + pause >= terms.deadline {
            return match self.redirects.take() {
                Some(redirects) => Err(redirects.last),
                None => Err(self.fail(Failure::Rerouted)),
            };
        }
        Ok(State::Pausing(sleep(pause)))
    }
}

//! Commands that need no more than to be sent.
//!
//! Most are such, and then there is no future around fred's, and no box.

use std::task::{Context, Poll, ready};

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Client;
use crate::command::Command;
use crate::gather::{self, Presence};
use crate::lane::Started;
use crate::{Reply, Result};

/// How a command goes.
pub(crate) enum Start {
    Now(Sending),
    /// It needs more than to be sent, or has to wait.
    Later(Command),
}

/// A command under way; to be [ended](Client::ended).
#[derive(Debug)]
pub(crate) struct Sending {
    way: Way,
    presence: Option<Presence>,
}

#[derive(Debug)]
enum Way {
    /// By itself, on the lane of that number.
    Alone(Started, Option<usize>),
    /// With others.
    Together(oneshot::Receiver<Result<Reply>>),
}

impl Client {
    /// Takes on a command that needs no more than to be sent, while its connection stands; gives
    /// others back. It is sent with the first poll, or together with others soon after.
    pub(crate) fn start(&self, command: Command) -> Start {
        // Before a lane has its turn: what is given back takes one later.
        if self.is_closed() || self.is_cluster() || !self.0.writes.is_plain(&command) {
            return Start::Later(command);
        }
        let presence = self.0.gathering.enter(&command);
        if let Some(presence) = presence
            && presence.has_company
            && self.is_at_home()
        {
            return Start::Now(Sending {
                way: Way::Together(gather::join(self, presence, command)),
                presence: Some(presence),
            });
        }
        let index = self.0.next_lane(command.effect);
        let lane = self.0.lane_at(index);
        if !lane.is_connected() {
            self.leave(presence);
            return Start::Later(command);
        }
        Start::Now(Sending {
            way: Way::Alone(lane.start(command), index),
            presence,
        })
    }

    /// Goes on with a command that this client started; not to be called again once it is done.
    pub(crate) fn poll(
        &self,
        sending: &mut Sending,
        task: &mut Context<'_>,
    ) -> Poll<Result<Reply>> {
        match &mut sending.way {
            Way::Alone(started, index) => {
                let lane = self.0.lane_at(*index);
                let result = ready!(lane.poll(started, task, &self.0.server));
                if let (Some(presence), Ok(reply)) = (sending.presence, &result) {
                    self.0.gathering.heard(presence.kind, [reply]);
                }
                Poll::Ready(result.inspect_err(|error| self.heed(error)))
            }
            Way::Together(answer) => {
                let result = ready!(answer.poll_unpin(task));
                Poll::Ready(result.unwrap_or_else(|_| Err(gather::unheard())))
            }
        }
    }

    /// A command that this client started is under way no more, answered or not.
    pub(crate) fn ended(&self, sending: &Sending) {
        self.leave(sending.presence);
    }

    /// Whether who polls runs on the client's own runtime, as do those who send for many. Another
    /// one goes on where that one stands still, and only it keeps the time of a command then.
    fn is_at_home(&self) -> bool {
        Handle::try_current().is_ok_and(|here| here.id() == self.0.runtime.id())
    }

    fn leave(&self, presence: Option<Presence>) {
        if let Some(presence) = presence {
            self.0.gathering.leave(presence);
        }
    }
}

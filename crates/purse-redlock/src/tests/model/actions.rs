//! What may happen next.

use super::Lock;
use super::client::{Client, Phase, Request, Write};
use super::state::{MASTERS, MasterHandle, State, number};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Start(usize),
    /// A request is carried out, and another copy of it may stay in flight.
    Arrive {
        client: usize,
        master: usize,
        request: Phase,
        stays: bool,
    },
    Reply {
        client: usize,
        master: usize,
    },
    TimeOut {
        client: usize,
        master: usize,
    },
    Extend(usize),
    End(usize),
    Release {
        client: usize,
        master: usize,
    },
    Write(usize),
    WriteArrives(usize),
    Tick,
    Restart(usize),
    Jump(usize),
}

impl State {
    pub(super) fn actions(&self, lock: &Lock, actions: &mut Vec<Action>) {
        let is_over =
            |client: &Client| client.phase == Phase::Ended && client.write != Write::UnderWay;
        if self.clients[..lock.clients].iter().all(is_over) {
            return;
        }
        for index in 0..lock.clients {
            self.actions_of(index, lock, actions);
            for master in 0..MASTERS {
                self.actions_between(index, master, lock, actions);
            }
        }
        actions.push(Action::Tick);
        for (index, handle) in self.handles.iter().enumerate() {
            // Without a key, there is only a counter to lose, which `fence_model` looks at.
            if handle.master.holder.is_none() {
                continue;
            }
            if self.restarts > 0 {
                actions.push(Action::Restart(index));
            }
            if self.jumps > 0 {
                actions.push(Action::Jump(index));
            }
        }
    }

    fn actions_of(&self, index: usize, lock: &Lock, actions: &mut Vec<Action>) {
        let client = &self.clients[index];
        if client.phase == Phase::Idle {
            // They differ in nothing, so they may as well start in order.
            if index == 0 || self.clients[index - 1].phase != Phase::Idle {
                actions.push(Action::Start(index));
            }
        } else if client.phase != Phase::Ended {
            actions.push(Action::End(index));
        }
        let may_extend = lock.extends && client.phase == Phase::Holding && !client.was_extended;
        if may_extend && client.holds() {
            actions.push(Action::Extend(index));
        }
        if lock.writes && client.holds() && client.write == Write::None {
            actions.push(Action::Write(index));
        }
        if client.write == Write::UnderWay {
            actions.push(Action::WriteArrives(index));
        }
    }

    fn actions_between(
        &self,
        client: usize,
        master: usize,
        lock: &Lock,
        actions: &mut Vec<Action>,
    ) {
        let MasterHandle {
            master: server,
            lines,
        } = &self.handles[master];
        let (line, phase) = (&lines[client], self.clients[client].phase);
        let mut arrive = |request| {
            for stays in [false, true] {
                if !stays || self.duplicates > 0 {
                    actions.push(Action::Arrive {
                        client,
                        master,
                        request,
                        stays,
                    });
                }
            }
        };
        if line.request == Request::Sent {
            arrive(phase);
        }
        for (is_late, request) in [
            (line.late_acquire, Phase::Acquiring),
            (line.late_raise, Phase::Raising),
            (line.late_extend, Phase::Extending),
        ] {
            if is_late {
                arrive(request);
            }
        }
        if matches!(line.request, Request::Done(_)) {
            actions.push(Action::Reply { client, master });
        }
        if lock.times_out && matches!(line.request, Request::Sent | Request::Done(_)) {
            actions.push(Action::TimeOut { client, master });
        }
        let has_token = server.holder == Some(number(client));
        let is_rash = line.late_acquire && !lock.rules.releases_wait;
        if phase == Phase::Ended && !line.is_clear && (has_token || is_rash) {
            actions.push(Action::Release { client, master });
        }
    }
}

//! All that is known at one moment, and what comes of what happens.

use super::Lock;
use super::actions::Action;
use super::client::{Client, Line, Phase, Request, Verdict, Write};
use super::world::{Master, Reply};

pub(super) const MASTERS: usize = 3;
const CLIENTS: usize = 3;

/// One master, and each client's line to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct MasterHandle {
    pub(super) master: Master,
    pub(super) lines: [Line; CLIENTS],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// Sorted, since it makes no difference which is which.
    pub(super) handles: [MasterHandle; MASTERS],
    pub(super) clients: [Client; CLIENTS],
    /// The greatest count of any master ever: servers' times are ahead of it.
    most: u8,
    /// The greatest fence that what is protected has seen, if it looks at them.
    register: u8,
    /// It took a write of a client after that of a later holder.
    pub(super) took_stale: bool,
    /// A fence was not greater than one that was given out before its lock was asked for.
    pub(super) is_behind: bool,
    /// A fence was given out twice.
    pub(super) is_twin: bool,
    /// A fence was not greater than one that was given out before.
    pub(super) is_out_of_order: bool,
    pub(super) duplicates: u8,
    pub(super) restarts: u8,
    pub(super) jumps: u8,
}

impl State {
    pub(super) fn new(lock: &Lock, counts: [u8; MASTERS], fast: usize) -> Self {
        let mut handles = [0, 1, 2].map(|master| MasterHandle {
            master: Master::new(Some(counts[master]), master < fast),
            lines: [Line::new(); CLIENTS],
        });
        handles.sort_unstable();
        Self {
            handles,
            clients: [Client::new(); CLIENTS],
            most: counts.into_iter().fold(0, u8::max),
            register: 0,
            took_stale: false,
            is_behind: false,
            is_twin: false,
            is_out_of_order: false,
            duplicates: lock.duplicates,
            restarts: lock.restarts,
            jumps: lock.jumps,
        }
    }

    /// The outcome, if there is one.
    pub(super) fn after(mut self, action: Action, lock: &Lock) -> Option<Self> {
        let before = self;
        match action {
            Action::Start(index) => {
                for number in 0..CLIENTS {
                    self.clients[index].before |=
                        u8::from(self.clients[number].is_issued) << number;
                }
                self.enter(index, Phase::Acquiring);
            }
            Action::Arrive {
                client,
                master,
                request,
                stays,
            } => self.arrive(client, master, request, stays, lock),
            Action::Reply { client, master } => {
                let line = &mut self.handles[master].lines[client];
                if let Request::Done(reply) = line.request {
                    line.request = Request::Counted(reply);
                }
                self.decide(client, lock);
            }
            Action::TimeOut { client, master } => {
                let phase = self.clients[client].phase;
                let line = &mut self.handles[master].lines[client];
                line.give_up(phase);
                line.request = Request::Counted(Reply::Failed);
                self.decide(client, lock);
            }
            Action::Extend(index) => self.enter(index, Phase::Extending),
            Action::End(index) => self.next(index, Phase::Ended),
            Action::Release { client, master } => {
                let handle = &mut self.handles[master];
                handle.master.release(number(client));
                handle.lines[client].is_clear = !lock.rules.releases_wait;
            }
            Action::Write(index) => self.clients[index].write = Write::UnderWay,
            Action::WriteArrives(index) => self.write(index, lock),
            Action::Tick => {
                self.handles
                    .iter_mut()
                    .for_each(|handle| handle.master.tick());
                self.clients.iter_mut().for_each(Client::tick);
            }
            Action::Restart(master) => {
                self.handles[master].master.restart(lock.rules);
                self.restarts -= 1;
            }
            Action::Jump(master) => {
                self.handles[master].master.jump();
                self.jumps -= 1;
            }
        }
        self.tidy();
        (self != before).then_some(self)
    }

    fn arrive(&mut self, client: usize, master: usize, request: Phase, stays: bool, lock: &Lock) {
        let fence = self.clients[client].fence;
        let is_current = self.clients[client].phase == request
            && self.handles[master].lines[client].request == Request::Sent;
        let MasterHandle {
            master: server,
            lines,
        } = &mut self.handles[master];
        let line = &mut lines[client];
        let reply = match request {
            Phase::Raising => server.raise(number(client), fence, lock.rules),
            Phase::Extending => server.extend(number(client)),
            _ => server.acquire(number(client), lock.is_fenced.then_some(&mut self.most)),
        };
        *line.late(request) = stays;
        self.duplicates -= u8::from(stays);
        if is_current {
            line.request = match lock.has_slow_replies {
                true => Request::Done(reply),
                false => Request::Counted(reply),
            };
            self.decide(client, lock);
        }
    }

    /// Continues with the result of the votes.
    fn decide(&mut self, index: usize, lock: &Lock) {
        let lines = self.handles.map(|handle| handle.lines[index]);
        match self.clients[index].decide(&lines, lock.is_fenced, lock.rules) {
            Verdict::Wait => {}
            Verdict::Next(phase) => self.next(index, phase),
            Verdict::Issue => {
                if lock.is_fenced {
                    self.compare(index);
                }
                self.next(index, Phase::Holding);
            }
        }
    }

    /// Compares the fence that is given out with those that were.
    fn compare(&mut self, index: usize) {
        let Client { fence, before, .. } = self.clients[index];
        for (number, other) in self.clients.iter().enumerate() {
            if number != index && other.is_issued && other.fence >= fence {
                self.is_out_of_order = true;
                self.is_behind |= before & (1 << number) != 0;
                self.is_twin |= other.fence == fence;
            }
        }
    }

    /// Leaves one round for the next phase.
    fn next(&mut self, index: usize, phase: Phase) {
        let current = self.clients[index].phase;
        for handle in &mut self.handles {
            handle.lines[index].give_up(current);
            handle.lines[index].request = Request::None;
        }
        self.enter(index, phase);
    }

    fn enter(&mut self, index: usize, phase: Phase) {
        let client = &mut self.clients[index];
        match phase {
            Phase::Ended => client.end(),
            // Its time counts from the first request.
            Phase::Raising => client.phase = phase,
            _ => {
                client.phase = phase;
                client.age = 0;
            }
        }
        if client.is_waiting() {
            for handle in &mut self.handles {
                handle.lines[index].request = Request::Sent;
            }
        }
    }

    fn write(&mut self, index: usize, lock: &Lock) {
        let Client { fence, .. } = self.clients[index];
        if lock.checks_fences && fence < self.register {
            self.clients[index].write = Write::Rejected;
            return;
        }
        if lock.checks_fences {
            self.register = fence;
        }
        self.clients[index].write = Write::Accepted;
        let is_later = |other: &Client| other.before & (1 << index) != 0;
        self.took_stale |= self
            .clients
            .iter()
            .any(|other| other.write == Write::Accepted && is_later(other));
    }

    /// Forgets what makes no difference any more, so that like states are the same.
    fn tidy(&mut self) {
        for handle in &mut self.handles {
            for (index, line) in handle.lines.iter_mut().enumerate() {
                let may_have_token = handle.master.holder == Some(number(index))
                    || line.late_acquire
                    || line.request == Request::Sent;
                line.late_raise &= may_have_token;
                line.late_extend &= may_have_token;
                line.is_clear |= self.clients[index].phase == Phase::Ended && !may_have_token;
            }
        }
        self.handles.sort_unstable();
    }
}

pub(super) fn number(index: usize) -> u8 {
    u8::try_from(index).unwrap()
}

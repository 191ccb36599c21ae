//! Every interleaving of a few clients that acquire a fenced lock on three masters: replies lost,
//! requests that arrive late or never, clients that stop anywhere, a master that loses its data.
//!
//! The decisions are the crate's own; the masters do what the scripts do. A client that ended can
//! issue nothing any more, and only then its tokens may go, at any time, by expiry or by release.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use crate::quorum::decision::{Acquisition, Possession, Tally, Vote};
use crate::quorum::fence::settle_fence;

const MASTERS: usize = 3;
const CLIENTS: usize = 2;

/// The time by which a server's time is ahead of all that was counted, at least: many microseconds
/// pass for each lock.
const LONG: u8 = 10;

/// A request of one client to one master, and what the client made of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Request {
    /// It may arrive yet, even if the client waits no more.
    is_under_way: bool,
    vote: Option<Ballot>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Ballot {
    Granted(u8),
    Refused,
    Failed,
}

const UNSENT: Request = Request {
    is_under_way: false,
    vote: None,
};

const SENT: Request = Request {
    is_under_way: true,
    vote: None,
};

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    Acquiring,
    Raising,
    Issued,
    Ended,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Client {
    phase: Phase,
    acquires: [Request; MASTERS],
    raises: [Request; MASTERS],
    /// The value that is written back, if there is one.
    fence: u8,
    /// The greatest fence that was issued before this client started.
    floor: u8,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Master {
    holder: Option<usize>,
    count: Option<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    masters: [Master; MASTERS],
    clients: [Client; CLIENTS],
    /// In the order of issue, up to the first 0.
    issued: [u8; CLIENTS],
    /// The most that any master ever counted: servers' times are ahead of it.
    most: u8,
    /// The master that may lose its data yet.
    frail: Option<usize>,
    has_lost: bool,
}

/// The part that is left out, to see the model find it.
#[derive(Clone, Copy)]
struct Rules {
    writes_back: bool,
    starts_ahead: bool,
}

const ALL: Rules = Rules {
    writes_back: true,
    starts_ahead: true,
};

impl State {
    fn new(counts: [Option<u8>; MASTERS], frail: Option<usize>) -> Self {
        let client = Client {
            phase: Phase::Idle,
            acquires: [UNSENT; MASTERS],
            raises: [UNSENT; MASTERS],
            fence: 0,
            floor: 0,
        };
        let master = |count| Master {
            holder: None,
            count,
        };
        Self {
            masters: counts.map(master),
            clients: [client; CLIENTS],
            issued: [0; CLIENTS],
            most: counts.into_iter().flatten().max().unwrap_or(0),
            frail,
            has_lost: false,
        }
    }

    fn start(&mut self, client: usize) {
        let floor = self.issued.into_iter().max().unwrap_or(0);
        let client = &mut self.clients[client];
        client.phase = Phase::Acquiring;
        client.acquires = [SENT; MASTERS];
        client.floor = floor;
    }

    fn acquire(&mut self, client: usize, master: usize, rules: Rules) -> Ballot {
        let start = if rules.starts_ahead {
            self.most + LONG
        } else {
            0
        };
        let master = &mut self.masters[master];
        if master.holder.is_some() {
            return Ballot::Refused;
        }
        let count = master.count.unwrap_or(start) + 1;
        *master = Master {
            holder: Some(client),
            count: Some(count),
        };
        self.most = self.most.max(count);
        Ballot::Granted(count)
    }

    fn raise(&mut self, client: usize, master: usize, fence: u8) -> Ballot {
        let master = &mut self.masters[master];
        if master.holder != Some(client) {
            return Ballot::Refused;
        }
        master.count = master.count.max(Some(fence));
        Ballot::Granted(fence)
    }

    /// Continues with the result of the votes, as the owner of an attempt does.
    fn decide(&mut self, index: usize, rules: Rules) {
        let client = &mut self.clients[index];
        match client.phase {
            Phase::Acquiring => {
                let (tally, counts) = tally(&client.acquires);
                match tally.acquisition() {
                    Acquisition::Acquired => {
                        let (fence, is_settled) = settle_fence(&counts, tally.quorum());
                        let fence = u8::try_from(fence).unwrap();
                        if is_settled || !rules.writes_back {
                            self.issue(index, fence);
                        } else {
                            client.phase = Phase::Raising;
                            client.fence = fence;
                            client.raises = [SENT; MASTERS];
                            client.acquires.iter_mut().for_each(Request::give_up);
                        }
                    }
                    Acquisition::Undecided => {}
                    Acquisition::Held | Acquisition::NoQuorum => client.end(Phase::Ended),
                }
            }
            Phase::Raising => match tally(&client.raises).0.possession() {
                Possession::Held => {
                    let fence = client.fence;
                    self.issue(index, fence);
                }
                Possession::Undecided => {}
                Possession::Gone | Possession::Unknown => client.end(Phase::Ended),
            },
            Phase::Idle | Phase::Issued | Phase::Ended => {}
        }
    }

    fn issue(&mut self, index: usize, fence: u8) {
        self.clients[index].end(Phase::Issued);
        let place = self.issued.iter().position(|fence| *fence == 0);
        self.issued[place.unwrap()] = fence;
    }

    /// Returns whether each fence is greater than those issued before its client started, and no
    /// two are the same; and, as long as no master lost a lock, whether they grow in the order of
    /// issue.
    fn is_sound(&self) -> bool {
        match self.issued {
            [_, 0] => true,
            [first, second] if self.has_lost => first != second,
            [first, second] => first < second,
        }
    }

    /// All states that may come next; an error if one is not sound.
    fn next(&self, rules: Rules) -> Result<Vec<Self>, String> {
        let mut states = Vec::new();
        for index in 0..self.clients.len() {
            let client = &self.clients[index];
            if client.phase == Phase::Idle {
                // They differ in nothing, so they may as well start in order.
                if index == 0 || self.clients[index - 1].phase != Phase::Idle {
                    let mut state = *self;
                    state.start(index);
                    states.push(state);
                }
                continue;
            }
            if client.phase != Phase::Ended {
                let mut state = *self;
                state.clients[index].end(Phase::Ended);
                states.push(state);
            }
            for master in 0..MASTERS {
                self.at(index, master, rules, &mut states)?;
            }
        }
        if let Some(master) = self.frail {
            let mut state = *self;
            state.masters[master] = Master::default();
            state.frail = None;
            state.has_lost = true;
            states.push(state);
        }
        Ok(states)
    }

    /// The events between one client and one master.
    fn at(
        &self,
        index: usize,
        master: usize,
        rules: Rules,
        states: &mut Vec<Self>,
    ) -> Result<(), String> {
        let client = &self.clients[index];
        if client.phase == Phase::Ended && self.masters[master].holder == Some(index) {
            let mut state = *self;
            state.masters[master].holder = None;
            states.push(state);
        }
        let acquire = client.acquires[master];
        if acquire.is_under_way {
            let mut state = *self;
            let ballot = state.acquire(index, master, rules);
            let request = &mut state.clients[index].acquires[master];
            request.is_under_way = false;
            request.vote.get_or_insert(ballot);
            states.push(state.next_decision(index, rules)?);
        }
        if acquire == SENT {
            let mut state = *self;
            state.clients[index].acquires[master].vote = Some(Ballot::Failed);
            states.push(state.next_decision(index, rules)?);
        }
        let raise = client.raises[master];
        if raise.is_under_way {
            let mut state = *self;
            let ballot = state.raise(index, master, client.fence);
            let request = &mut state.clients[index].raises[master];
            request.is_under_way = false;
            request.vote.get_or_insert(ballot);
            states.push(state.next_decision(index, rules)?);
        }
        if raise == SENT {
            let mut state = *self;
            state.clients[index].raises[master].vote = Some(Ballot::Failed);
            states.push(state.next_decision(index, rules)?);
        }
        Ok(())
    }

    /// Without what changes nothing any more, so that like states are the same.
    fn tidy(mut self) -> Self {
        for (index, client) in self.clients.iter_mut().enumerate() {
            for (number, master) in self.masters.iter().enumerate() {
                let never_ours =
                    master.holder != Some(index) && !client.acquires[number].is_under_way;
                let raise = &mut client.raises[number];
                raise.is_under_way &= raise.vote.is_none() || !never_ours;
            }
            if client.phase != Phase::Raising
                && !client.raises.iter().any(|raise| raise.is_under_way)
            {
                client.fence = 0;
            }
        }
        self
    }

    fn next_decision(mut self, index: usize, rules: Rules) -> Result<Self, String> {
        let issued = self.issued;
        self.decide(index, rules);
        let floor = self.clients[index].floor;
        let mut new = self.issued.into_iter().zip(issued);
        let is_above = new.all(|(now, before)| now == before || now > floor);
        if self.is_sound() && is_above {
            return Ok(self);
        }
        Err(format!("{:?} after {floor}", self.issued))
    }
}

impl Request {
    /// A request whose caller does not wait any more; it may still arrive.
    const fn give_up(&mut self) {
        self.vote = Some(Ballot::Failed);
    }
}

impl Client {
    fn end(&mut self, phase: Phase) {
        self.phase = phase;
        let requests = self.acquires.iter_mut().chain(&mut self.raises);
        requests.for_each(Request::give_up);
    }
}

fn tally(requests: &[Request]) -> (Tally, Vec<u64>) {
    let mut tally = Tally::new(MASTERS);
    let mut counts = Vec::new();
    for ballot in requests.iter().filter_map(|request| request.vote) {
        tally.add(match ballot {
            Ballot::Granted(count) => {
                counts.push(u64::from(count));
                Vote::Granted
            }
            Ballot::Refused => Vote::Refused,
            Ballot::Failed => Vote::Failed,
        });
    }
    (tally, counts)
}

/// Much faster than std's, which makes a difference for so many states.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u8(*byte));
    }

    fn write_u8(&mut self, n: u8) {
        self.write_u64(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.write_u64(n.unsigned_abs() as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// Visits every state that can come of `state`, and says how many there are.
fn explore(state: State, rules: Rules) -> Result<usize, String> {
    let mut seen = HashSet::<_, BuildHasherDefault<Mix>>::default();
    seen.insert(state);
    let mut open = vec![state];
    while let Some(state) = open.pop() {
        for next in state.next(rules)?.into_iter().map(State::tidy) {
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    Ok(seen.len())
}

/// Masters that do not agree, as after an attempt that one of them granted late.
const APART: [Option<u8>; MASTERS] = [Some(1), Some(1), Some(5)];

#[test]
fn fences_grow_in_every_interleaving() {
    let states = explore(State::new(APART, None), ALL).unwrap();
    assert!(states > 10_000, "{states}");
}

#[test]
fn fences_grow_when_lagging_master_loses_data() {
    let states = explore(State::new(APART, Some(0)), ALL).unwrap();
    assert!(states > 10_000, "{states}");
}

#[test]
fn fences_grow_when_leading_master_loses_data() {
    let states = explore(State::new(APART, Some(2)), ALL).unwrap();
    assert!(states > 10_000, "{states}");
}

#[test]
fn model_refutes_plain_maximum() {
    let rules = Rules {
        writes_back: false,
        ..ALL
    };
    explore(State::new(APART, None), rules).unwrap_err();
}

#[test]
fn model_refutes_counter_starting_at_zero() {
    let rules = Rules {
        starts_ahead: false,
        ..ALL
    };
    explore(State::new(APART, Some(2)), rules).unwrap_err();
}

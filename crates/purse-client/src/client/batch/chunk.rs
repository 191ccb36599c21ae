//! The operations of a batch that are sent at once.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::{Board, limits};
use crate::client::Client;
use crate::command::{Command, Effect, slot::slot_of};
use crate::connection::{Connection, Failure, Outcome, Terms, Waiting, error_map};
use crate::util::time::left;
use crate::{Reply, Result};

/// Commands of a batch that were sent together.
pub(super) struct Chunk<'a> {
    client: &'a Client,
    board: &'a Board,
    effect: Effect,
    /// The place of the first one on the board.
    start: usize,
    commands: &'a [Command],
    /// The terms of all commands together, also of those that are sent again.
    terms: Terms,
    runs: Vec<Run>,
}

/// The commands of a chunk that went to one node.
struct Run {
    indexes: Vec<usize>,
    waiting: Waiting<Vec<Outcome>>,
}

impl<'a> Chunk<'a> {
    pub(super) fn send(
        client: &'a Client,
        board: &'a Board,
        effect: Effect,
        start: usize,
        commands: &'a [Command],
    ) -> Self {
        let (limit, fail_fast) = limits(commands.iter());
        let mut chunk = Self {
            client,
            board,
            effect,
            start,
            commands,
            terms: client.core().terms(limit, fail_fast),
            runs: Vec::new(),
        };
        board.mark_sending(start..start + commands.len());
        for (connection, indexes) in chunk.by_node() {
            chunk.send_to(&connection, indexes);
        }
        chunk
    }

    /// Groups the commands by the connection that they go over.
    fn by_node(&self) -> Vec<(Connection, Vec<usize>)> {
        let core = self.client.core();
        if core.cluster().is_none() {
            let connection = core.connection(self.effect).cloned();
            let all = (0..self.commands.len()).collect();
            if connection.is_none() {
                (0..self.commands.len()).for_each(|index| self.fail(index, Failure::NotSent(None)));
            }
            return connection.map(|it| (it, all)).into_iter().collect();
        }
        let mut groups: Vec<(Connection, Vec<usize>)> = Vec::new();
        let mut group_of = HashMap::new();
        for (index, command) in self.commands.iter().enumerate() {
            let Some(connection) = core.route_now(command) else {
                continue;
            };
            let group = *group_of.entry(connection.id()).or_insert(groups.len());
            if group == groups.len() {
                groups.push((connection, Vec::new()));
            }
            groups[group].1.push(index);
        }
        groups
    }

    fn send_to(&mut self, connection: &Connection, indexes: Vec<usize>) {
        let core = self.client.core();
        let commands = indexes.iter().map(|&index| &self.commands[index]);
        let terms = self.terms;
        match connection.send_run(commands, terms) {
            Ok(ticket) => {
                let home = core.runtime.id();
                let waiting = Waiting::new(connection.clone(), ticket, terms.deadline, home);
                self.runs.push(Run { indexes, waiting });
            }
            Err(failure) => indexes
                .into_iter()
                .for_each(|index| self.fail(index, failure.clone())),
        }
    }

    fn fail(&self, index: usize, failure: Failure) {
        let command = &self.commands[index];
        let error = error_map::command_error(failure, command.name, command.effect);
        self.give(index, Err(error));
    }

    fn give(&self, index: usize, result: Result<Reply>) {
        if let Err(error) = &result {
            self.client.core().counters.add_error(error.kind());
        }
        self.give_counted(index, result);
    }

    /// Sets the result of a command whose error is counted already.
    fn give_counted(&self, index: usize, result: Result<Reply>) {
        let context = self.commands[index].context();
        let result = result.map_err(|error| self.client.with_context(error, &context));
        self.board.set(self.start + index, result);
    }

    /// Waits for the replies, and sends again what did not run.
    pub(super) async fn finish(mut self) {
        let mut answered = vec![false; self.commands.len()];
        let mut again = Vec::new();
        for Run { indexes, waiting } in std::mem::take(&mut self.runs) {
            let outcomes = waiting.await;
            let mut outcomes = match outcomes {
                Ok(outcomes) => outcomes.into_iter(),
                Err(failure) => vec![Err(failure); indexes.len()].into_iter(),
            };
            for index in indexes {
                answered[index] = true;
                let outcome = outcomes.next().unwrap_or(Err(Failure::Lost(None)));
                match self.judge(index, outcome) {
                    Some(result) => self.give(index, result),
                    None => again.push(index),
                }
            }
        }
        if self.client.core().cluster().is_some() {
            let of_nobody = (0..answered.len()).filter(|&index| !answered[index]);
            again.extend(of_nobody);
            again.sort_unstable();
            // Reads alone have no order to keep.
            if self.effect == Effect::Write {
                again = self.in_order(again);
            }
        }
        for index in again {
            let left = left(self.terms.deadline);
            let command = self.commands[index].clone().timeout(left);
            let result = self.client.call(command).await;
            self.give_counted(index, result.map(|answer| answer.reply));
        }
    }

    /// Returns the result of a command; `None` if it is to be sent again.
    fn judge(&self, index: usize, outcome: Outcome) -> Option<Result<Reply>> {
        let command = &self.commands[index];
        let failure = match outcome {
            Ok(value) => return Some(Ok(Reply(value))),
            Err(failure) => failure,
        };
        let core = self.client.core();
        let is_cluster = core.cluster().is_some();
        let has_time = self.terms.deadline > Instant::now();
        let is_again = match &failure {
            Failure::Refused(words) if words.starts_with(b"READONLY") => {
                core.leave_replica();
                false
            }
            Failure::Refused(words) => {
                is_cluster
                    && [&b"MOVED "[..], b"ASK ", b"TRYAGAIN"]
                        .iter()
                        .any(|code| words.starts_with(code))
            }
            Failure::Rerouted => has_time,
            Failure::Lost(_) | Failure::NotSent(_) => {
                self.effect == Effect::Read && core.settings.retry_reads && has_time
            }
            Failure::Late | Failure::Ended { .. } => false,
        };
        let error = || error_map::command_error(failure.clone(), command.name, command.effect);
        (!is_again).then(|| Err(error()))
    }

    /// Leaves out what must not run any more, because a later command in the same slot has run.
    fn in_order(&self, again: Vec<usize>) -> Vec<usize> {
        let slot = |index: usize| self.commands[index].keys.first().map(|key| slot_of(key));
        let mut kept = Vec::new();
        let mut ran = HashSet::new();
        let again: HashSet<_> = again.into_iter().collect();
        for index in (0..self.commands.len()).rev() {
            if !again.contains(&index) {
                ran.extend(slot(index));
            } else if slot(index).is_some_and(|slot| ran.contains(&slot)) {
                let error = error_map::redirected("the slot has moved");
                self.give(index, Err(error));
            } else {
                kept.push(index);
            }
        }
        kept.reverse();
        kept
    }
}

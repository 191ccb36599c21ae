//! The operations of a batch that are sent at once.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::{ResultBoard, limits};
use crate::client::Client;
use crate::command::{Command, Effect, Feature, key_slots::slot_of};
use crate::connection::{CommandTiming, Connection, Failure, Outcome, ReplyFuture, error_map};
use crate::core::is_script_unknown;
use crate::util::timer::time_left;
use crate::{Error, ErrorKind, Reply, Result};

/// Commands of a batch that were sent together.
pub(super) struct Chunk<'a> {
    client: &'a Client,
    board: &'a ResultBoard,
    effect: Effect,
    /// The place of the first one on the board.
    start: usize,
    commands: &'a [Command],
    /// The timing of all commands together, also of those that are sent again.
    timing: CommandTiming,
    runs: Vec<NodeRun>,
    /// The commands in a cluster whose node is not known.
    unrouted: Vec<usize>,
}

/// The commands of a chunk that went to one node.
struct NodeRun {
    indexes: Vec<usize>,
    /// True if each is a script that was sent by its hash.
    by_hash: Vec<bool>,
    waiting: ReplyFuture<Vec<Outcome>>,
}

impl<'a> Chunk<'a> {
    pub(super) fn send(
        client: &'a Client,
        board: &'a ResultBoard,
        effect: Effect,
        start: usize,
        commands: &'a [Command],
    ) -> Self {
        let (limit, fail_fast) = limits(client, commands);
        let mut chunk = Self {
            client,
            board,
            effect,
            start,
            commands,
            timing: client.core().timing(Some(limit), fail_fast),
            runs: Vec::new(),
            unrouted: Vec::new(),
        };
        board.mark_sending(start..start + commands.len());
        for (connection, indexes) in chunk.by_node() {
            chunk.send_to(&connection, indexes);
        }
        chunk
    }

    /// Groups the commands by the connection that they go over.
    fn by_node(&mut self) -> Vec<(Connection, Vec<usize>)> {
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
                self.unrouted.push(index);
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
        let timing = self.timing;
        match connection.send_run(commands, timing) {
            Ok((ticket, by_hash)) => {
                let home = core.runtime.id();
                let waiting = ReplyFuture::new(connection.clone(), ticket, timing.deadline, home);
                self.runs.push(NodeRun {
                    indexes,
                    by_hash,
                    waiting,
                });
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
        let mut again = std::mem::take(&mut self.unrouted);
        for run in std::mem::take(&mut self.runs) {
            let connection = run.waiting.connection().clone();
            let mut outcomes = match run.waiting.await {
                Ok(outcomes) => outcomes.into_iter(),
                Err(failure) => vec![Err(failure); run.indexes.len()].into_iter(),
            };
            for (index, by_hash) in run.indexes.into_iter().zip(run.by_hash) {
                let outcome = outcomes.next().unwrap_or(Err(Failure::Lost(None)));
                match self.judge(index, outcome, &connection, by_hash) {
                    Some(result) => self.give(index, result),
                    None => again.push(index),
                }
            }
        }
        again.sort_unstable();
        // Reads alone have no order to keep.
        if self.effect == Effect::Write && !again.is_empty() {
            again = self.drop_overtaken(again);
        }
        for index in again {
            let left = time_left(self.timing.deadline);
            if left.is_zero() {
                self.fail(index, Failure::NotSent(None));
                continue;
            }
            let command = self.commands[index].clone().timeout(left);
            let result = self.client.call(command).await;
            self.give_counted(index, result.map(|answer| answer.reply));
        }
    }

    /// Returns the result of a command; `None` if it is to be sent again.
    fn judge(
        &self,
        index: usize,
        outcome: Outcome,
        connection: &Connection,
        by_hash: bool,
    ) -> Option<Result<Reply>> {
        let failure = match outcome {
            Ok(value) => return Some(Ok(Reply(value))),
            Err(failure) => failure,
        };
        let command = &self.commands[index];
        let core = self.client.core();
        let has_time = self.timing.deadline > Instant::now();
        let is_again = match &failure {
            Failure::ErrorReply(words) => self.is_unrun(command, words, connection, by_hash),
            Failure::Rerouted => has_time,
            Failure::Lost(_) | Failure::NotSent(_) => {
                self.effect == Effect::Read && core.settings.retry_reads && has_time
            }
            Failure::Late | Failure::Ended { .. } => false,
        };
        (!is_again).then(|| {
            let error = error_map::command_error(failure, command.name, command.effect);
            Err(error_map::explain_unsupported(
                error,
                Feature::of(command),
                connection.info().as_deref(),
            ))
        })
    }

    /// Returns whether the server refused a command in a way that lets it be sent again.
    fn is_unrun(
        &self,
        command: &Command,
        words: &[u8],
        connection: &Connection,
        by_hash: bool,
    ) -> bool {
        let core = self.client.core();
        core.note_error_reply(words);
        let redirect = core.redirect(
            words,
            connection,
            command.script.is_some(),
            command.keys.first(),
        );
        let is_unrun = redirect.is_some() || by_hash && is_script_unknown(words);
        if is_unrun && let Some(script) = command.script {
            connection.forget_script(script);
        }
        is_unrun
    }

    /// Leaves out what must not run any more, because a later command in the same slot has run.
    fn drop_overtaken(&self, again: Vec<usize>) -> Vec<usize> {
        let slot = |index: usize| self.commands[index].keys.first().map(|key| slot_of(key));
        let mut kept = Vec::new();
        let mut ran = HashSet::new();
        let again: HashSet<_> = again.into_iter().collect();
        for index in (0..self.commands.len()).rev() {
            if !again.contains(&index) {
                ran.extend(slot(index));
            } else if slot(index).is_some_and(|slot| ran.contains(&slot)) {
                let message = "not run: a later operation of the batch in its slot has run";
                self.give(index, Err(Error::new(ErrorKind::NotSent, message)));
            } else {
                kept.push(index);
            }
        }
        kept.reverse();
        kept
    }
}

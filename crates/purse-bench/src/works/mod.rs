//! The works: what is measured, by which peers, on which servers. One file for each group.
//!
//! A new work is a [`Work`] in one of the files, and a `match` arm for its operation in each peer
//! that it names. Its name is the row's name in the table; `bin/plot` and README.md refer to it.
//!
//! May import: `protocol`, `peers`.

mod bulk;
mod codecs;
mod growth;
mod iterate;
mod locks;
mod queues;
mod singles;
mod startup;

use crate::protocol::Request;

/// A work to measure. It becomes a row of the table for each peer and metric.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) name: String,
    pub(crate) request: Request,
    /// True if each run does the count of the request. Otherwise the count is raised until a run takes
    /// long enough.
    pub(crate) has_fixed_count: bool,
    pub(crate) metrics: &'static [Metric],
    pub(crate) peers: &'static [&'static str],
    pub(crate) topology: Topology,
    pub(crate) preload: Preload,
    /// The number of rounds, if it is not the usual one.
    pub(crate) rounds: Option<usize>,
}

impl Work {
    /// Creates a work on one server, with its rate as the metric.
    pub(crate) fn new(
        name: impl Into<String>,
        op: &str,
        tasks: usize,
        peers: &'static [&'static str],
    ) -> Self {
        Self {
            name: name.into(),
            request: Request {
                op: op.to_owned(),
                key: format!("bench:{op}"),
                tasks,
                count: tasks,
            },
            has_fixed_count: false,
            metrics: &[Metric::Rate],
            peers,
            topology: Topology::Masters(1),
            preload: Preload::Keep,
            rounds: None,
        }
    }

    pub(crate) fn count(mut self, count: usize) -> Self {
        self.request.count = count;
        self.has_fixed_count = true;
        self
    }

    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.request.key = key.into();
        self
    }

    pub(crate) fn metrics(mut self, metrics: &'static [Metric]) -> Self {
        self.metrics = metrics;
        self
    }

    pub(crate) fn topology(mut self, topology: Topology) -> Self {
        self.topology = topology;
        self
    }

    pub(crate) fn preload(mut self, preload: Preload) -> Self {
        self.preload = preload;
        self
    }

    pub(crate) fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = Some(rounds);
        self
    }

    /// Returns whether each peer runs in a process of its own, which is started for each run.
    pub(crate) fn needs_own_process(&self) -> bool {
        self.metrics.contains(&Metric::Memory)
    }
}

/// A value that is computed from a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    /// Operations per second.
    Rate,
    /// Seconds for all operations.
    Seconds,
    /// The median of the times of single operations.
    Median,
    /// The 99th percentile of the times of single operations.
    Slowest,
    /// The largest growth of the process's memory.
    Memory,
}

impl Metric {
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Rate => "op/s",
            Self::Seconds => "s",
            Self::Median => "ms median",
            Self::Slowest => "ms p99",
            Self::Memory => "MiB peak",
        }
    }

    pub(crate) const fn is_better_when_larger(self) -> bool {
        matches!(self, Self::Rate)
    }
}

/// The servers of a work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Topology {
    /// This number of masters; collections use the first one.
    Masters(usize),
    /// Three masters, of which one is stopped.
    OneStopped,
    /// Three masters, of which one replies 20 ms late.
    OneSlow,
}

/// The data on the server before a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Preload {
    /// The data that earlier runs left.
    Keep,
    /// No key at all.
    Clear,
    /// A queue with one element for each pop of the run.
    Queue,
    /// A collection of this size with these values. Later runs use it again.
    Elements(Collection, usize, &'static str),
}

/// A type of collection; its name is a part of the keys.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Collection {
    List,
    Hash,
    Set,
    Sorted,
    Space,
}

/// Returns all works, in the order in which they run.
pub(crate) fn all(quick: bool) -> Vec<Work> {
    [
        singles::works(quick),
        codecs::works(quick),
        locks::works(quick),
        queues::works(quick),
        startup::works(quick),
        bulk::works(quick),
        iterate::works(quick),
        growth::works(quick),
    ]
    .concat()
}

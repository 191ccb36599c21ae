//! What is measured, and how.

use crate::order::Order;
use crate::works;

/// One line of the comparison, or more where it has more than one metric.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) name: String,
    pub(crate) order: Order,
    /// The fixed number of operations is the order's, or it is found so that a run takes long
    /// enough.
    pub(crate) fixed: bool,
    pub(crate) metrics: &'static [Metric],
    pub(crate) peers: &'static [&'static str],
    pub(crate) site: Site,
    pub(crate) fill: Fill,
    /// In how few rounds, if not in the usual number.
    pub(crate) rounds: Option<usize>,
}

impl Work {
    /// A work on one server, with its rate as the metric.
    pub(crate) fn new(
        name: impl Into<String>,
        op: &str,
        tasks: usize,
        peers: &'static [&'static str],
    ) -> Self {
        Self {
            name: name.into(),
            order: Order {
                op: op.to_owned(),
                key: format!("bench:{op}"),
                tasks,
                count: tasks,
            },
            fixed: false,
            metrics: &[Metric::Rate],
            peers,
            site: Site::Masters(1),
            fill: Fill::Nothing,
            rounds: None,
        }
    }

    pub(crate) fn count(mut self, count: usize) -> Self {
        self.order.count = count;
        self.fixed = true;
        self
    }

    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.order.key = key.into();
        self
    }

    pub(crate) fn metrics(mut self, metrics: &'static [Metric]) -> Self {
        self.metrics = metrics;
        self
    }

    pub(crate) fn site(mut self, site: Site) -> Self {
        self.site = site;
        self
    }

    pub(crate) fn fill(mut self, fill: Fill) -> Self {
        self.fill = fill;
        self
    }

    pub(crate) fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = Some(rounds);
        self
    }

    /// Whether each peer runs in a process of its own, made anew for each round.
    pub(crate) fn is_apart(&self) -> bool {
        self.metrics.contains(&Metric::Memory)
    }
}

/// What is taken from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    /// Operations per second.
    Rate,
    /// Seconds for all of it.
    Seconds,
    /// The median of single times.
    Median,
    /// What one in a hundred single times exceeds.
    Slowest,
    /// By how much the process grew at most.
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

/// Which servers are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Site {
    /// So many; collections use the first.
    Masters(usize),
    /// Three masters, of which one is stopped.
    Stopped,
    /// Three masters, of which one answers 20 ms late.
    Slow,
}

/// What is there before a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fill {
    /// Whatever there was.
    Nothing,
    /// Nothing at the key.
    Fresh,
    /// As many elements in a queue as are to be popped.
    Queue,
    /// So many elements, which stay.
    Elements(Shape, usize, &'static str),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    List,
    Hash,
    Set,
    Sorted,
    Space,
}

/// All works, in the order in which they run.
pub(crate) fn all(quick: bool) -> Vec<Work> {
    [
        works::singles::works(quick),
        works::codecs::works(quick),
        works::locks::works(quick),
        works::queues::works(quick),
        works::startup::works(quick),
        works::bulk::works(quick),
        works::iterate::works(quick),
        works::growth::works(quick),
    ]
    .concat()
}

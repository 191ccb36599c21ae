//! One work, by purse and its peers in turn; `fair` says how.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::drivers::Drivers;
use crate::fair;
use crate::figures;
use crate::memory;
use crate::order::{Answer, Order, Result};
use crate::peer::{Peer, connect, connect_apart};
use crate::report::{Line, Measured};
use crate::stage::Stage;
use crate::work::{Metric, Site, Work};

/// How thoroughly to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) rounds: usize,
    /// How long each run should last at least.
    pub(crate) run: Duration,
    /// How long it may last at most.
    pub(crate) patience: Duration,
    /// Once a peer has taken so long for one work, it is not asked again: where it is that slow, more
    /// rounds would tell no more.
    pub(crate) allowance: Duration,
}

/// The most operations that one run has.
const MOST: usize = 2_000_000;

type Connected = HashMap<(String, Site), Box<dyn Peer>>;

pub(crate) struct Bench {
    pub(crate) stage: Stage,
    pub(crate) drivers: Drivers,
    pub(crate) pace: Pace,
    connected: Connected,
    /// How many runs there were of locks.
    runs: usize,
}

/// What a peer did in all rounds, or why not.
struct Runs {
    peer: &'static str,
    count: usize,
    answers: Vec<Answer>,
    memory: Vec<f64>,
    took: Duration,
    failure: Option<String>,
}

impl Bench {
    pub(crate) fn new(stage: Stage, drivers: Drivers, pace: Pace) -> Self {
        Self {
            stage,
            drivers,
            pace,
            connected: HashMap::new(),
            runs: 0,
        }
    }

    /// Measures one work, and gives a line for each peer and metric.
    pub(crate) async fn measure(&mut self, work: &Work) -> Vec<Line> {
        let mut all = vec![Runs::new("purse", work)];
        all.extend(work.peers.iter().map(|peer| Runs::new(peer, work)));
        if !work.fixed {
            for runs in &mut all {
                if let Err(error) = self.calibrate(work, runs).await {
                    runs.failure = Some(error.to_string());
                }
            }
        }
        for round in 0..work.rounds.unwrap_or(self.pace.rounds) {
            for turn in fair::turns(all.len(), round) {
                let runs = &mut all[turn];
                let is_done = runs.peer != "purse" && runs.took > self.pace.allowance;
                if is_done || runs.failure.is_some() {
                    continue;
                }
                if let Err(error) = self.run(work, runs).await {
                    runs.failure = Some(error.to_string());
                }
            }
        }
        let mut lines = Vec::new();
        if let Some((purse, peers)) = all.split_first() {
            for metric in work.metrics {
                for peer in peers {
                    lines.push(line(work, *metric, purse, peer));
                }
            }
        }
        lines
    }

    /// Finds how many operations take long enough to be measured.
    async fn calibrate(&mut self, work: &Work, runs: &mut Runs) -> Result<()> {
        let wanted = self.pace.run.as_secs_f64();
        loop {
            let seconds = self.once(work, runs.peer, &[runs.count]).await?.0.seconds;
            if seconds >= wanted / 2.0 || runs.count >= MOST {
                return Ok(());
            }
            let factor = (wanted / seconds.max(1e-6)).clamp(2.0, 20.0);
            runs.count = ((runs.count as f64 * factor) as usize).min(MOST);
        }
    }

    async fn run(&mut self, work: &Work, runs: &mut Runs) -> Result<()> {
        let started = Instant::now();
        let counts = fair::counts(work, runs.count);
        let (answer, memory) = self.once(work, runs.peer, &counts).await?;
        runs.took += started.elapsed();
        runs.answers.push(answer);
        runs.memory.extend(memory);
        Ok(())
    }

    /// Lets a peer do it so often, run by run, and tells how the last run went; where one does not
    /// come to an end, the connection is not used again.
    async fn once(
        &mut self,
        work: &Work,
        peer: &'static str,
        counts: &[usize],
    ) -> Result<(Answer, Option<f64>)> {
        let place = (peer.to_owned(), work.site);
        let urls = self.stage.urls(work.site);
        let connected = match self.connected.remove(&place) {
            Some(connected) if !work.is_apart() => connected,
            _ if work.is_apart() => connect_apart(peer, &urls, &self.drivers).await?,
            _ => connect(peer, &urls, &self.drivers).await?,
        };
        let before = match connected.pid().filter(|_| work.is_apart()) {
            Some(pid) => Some((pid, memory::now(pid)?)),
            None => None,
        };
        self.stage.break_down(work.site)?;
        let answer = self.orders(work, peer, connected.as_ref(), counts).await;
        self.stage.mend(work.site)?;
        let answer = answer?;
        let grown = match before {
            Some((pid, before)) => Some((memory::peak(pid)? - before).max(0.0)),
            None => None,
        };
        if !work.is_apart() {
            self.connected.insert(place, connected);
        }
        Ok((answer, grown))
    }

    /// Orders one run after the other, and gives the last answer.
    async fn orders(
        &mut self,
        work: &Work,
        peer: &str,
        connected: &dyn Peer,
        counts: &[usize],
    ) -> Result<Answer> {
        let mut answer = Answer::default();
        for &count in counts {
            let mut order = Order {
                count,
                ..work.order.clone()
            };
            if order.op.starts_with("lock") {
                // Each peer and run has a name of its own: redisson leaves hashes where the others
                // look for strings, and a peer that was not done in time may still hold or wait.
                self.runs += 1;
                order.key = format!("{}:{peer}:{}", order.key, self.runs);
            }
            self.stage.fill(&order, work.fill).await?;
            answer = match timeout(self.pace.patience, connected.run(&order)).await {
                Ok(answer) => answer?,
                Err(_) => return Err(format!("not done after {:?}", self.pace.patience).into()),
            };
        }
        Ok(answer)
    }
}

impl Runs {
    fn new(peer: &'static str, work: &Work) -> Self {
        Self {
            peer,
            count: work.order.count,
            answers: Vec::new(),
            memory: Vec::new(),
            took: Duration::ZERO,
            failure: None,
        }
    }

    /// The value of each round.
    fn values(&self, metric: Metric) -> Vec<f64> {
        let millis = |part| {
            let of = move |answer: &Answer| figures::quantile(&answer.samples, part) * 1e3;
            self.answers.iter().map(of).collect()
        };
        match metric {
            Metric::Rate => self.answers.iter().map(Answer::rate).collect(),
            Metric::Seconds => self.answers.iter().map(|answer| answer.seconds).collect(),
            Metric::Median => millis(0.5),
            Metric::Slowest => millis(0.99),
            Metric::Memory => self.memory.clone(),
        }
    }

    /// The single times of all rounds, in milliseconds.
    fn percentiles(&self) -> Vec<(f64, f64)> {
        let samples: Vec<f64> = self
            .answers
            .iter()
            .flat_map(|answer| answer.samples.iter().map(|seconds| seconds * 1e3))
            .collect();
        if samples.is_empty() {
            return Vec::new();
        }
        figures::percentiles(&samples)
    }
}

fn line(work: &Work, metric: Metric, purse: &Runs, peer: &Runs) -> Line {
    let line = |outcome| Line {
        work: work.name.clone(),
        peer: peer.peer.to_owned(),
        unit: metric.unit().to_owned(),
        outcome,
    };
    for runs in [purse, peer] {
        if let Some(failure) = &runs.failure {
            return line(Err(format!("{}: {failure}", runs.peer)));
        }
    }
    let (ours, theirs) = (purse.values(metric), peer.values(metric));
    let ratios: Vec<f64> = ours
        .iter()
        .zip(&theirs)
        .map(|(ours, theirs)| {
            if metric.is_better_when_larger() {
                ours / theirs
            } else {
                theirs / ours
            }
        })
        .collect();
    let shows = metric == Metric::Median;
    line(Ok(Measured {
        purse: figures::median(&ours),
        peer_value: figures::median(&theirs),
        ratio: figures::median(&ratios),
        spread: figures::spread(&ratios),
        rounds: ratios.len(),
        purse_percentiles: if shows { purse.percentiles() } else { vec![] },
        peer_percentiles: if shows { peer.percentiles() } else { vec![] },
    }))
}

//! Measures one work: purse and its peers take turns, round by round. `fairness` orders the turns.
//!
//! May import: `protocol`, `statistics`, `peers`, `works`, `servers`, `report`.

pub(crate) mod dependency_cost;
mod fairness;
mod memory;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::peers::{Peer, PeerCommands, connect, connect_in_new_process};
use crate::protocol::{Request, Response, Result};
use crate::report::{Measured, Row};
use crate::servers::Servers;
use crate::statistics;
use crate::works::{Metric, Topology, Work};

/// The bounds of how thoroughly a work is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// The number of rounds.
    pub(crate) rounds: usize,
    /// The time that a run should take at least, if its count is not fixed.
    pub(crate) min_run_time: Duration,
    /// The time after which a run has failed.
    pub(crate) max_run_time: Duration,
    /// The time of all runs of a peer after which it skips the rounds that are left, because more
    /// rounds of a peer that slow show nothing new.
    pub(crate) max_peer_time: Duration,
}

/// The largest count to which [`Runner::calibrate`] raises a run.
const MAX_COUNT: usize = 2_000_000;

/// Measures works on one set of servers, and keeps the connections of the peers.
pub(crate) struct Runner {
    servers: Servers,
    commands: PeerCommands,
    settings: Settings,
    connections: HashMap<(String, Topology), Box<dyn Peer>>,
    /// The number of runs of locks so far.
    lock_runs: usize,
}

/// The runs of one peer in all rounds, or the reason why it failed.
struct PeerRuns {
    peer: &'static str,
    count: usize,
    responses: Vec<Response>,
    memory: Vec<f64>,
    elapsed: Duration,
    failure: Option<String>,
}

impl Runner {
    pub(crate) fn new(servers: Servers, commands: PeerCommands, settings: Settings) -> Self {
        Self {
            servers,
            commands,
            settings,
            connections: HashMap::new(),
            lock_runs: 0,
        }
    }

    /// Measures one work, and returns a row for each peer and metric.
    pub(crate) async fn measure(&mut self, work: &Work) -> Vec<Row> {
        let mut all = vec![PeerRuns::new("purse", work)];
        all.extend(work.peers.iter().map(|peer| PeerRuns::new(peer, work)));
        if !work.has_fixed_count {
            for runs in &mut all {
                if let Err(error) = self.calibrate(work, runs).await {
                    runs.failure = Some(error.to_string());
                }
            }
        }
        for round in 0..work.rounds.unwrap_or(self.settings.rounds) {
            for index in fairness::peer_order(all.len(), round) {
                let runs = &mut all[index];
                let is_done = runs.peer != "purse" && runs.elapsed > self.settings.max_peer_time;
                if is_done || runs.failure.is_some() {
                    continue;
                }
                if let Err(error) = self.run_round(work, runs).await {
                    runs.failure = Some(error.to_string());
                }
            }
        }
        let mut rows = Vec::new();
        if let Some((purse, peers)) = all.split_first() {
            for metric in work.metrics {
                for peer in peers {
                    rows.push(compare(work, *metric, purse, peer));
                }
            }
        }
        rows
    }

    /// Raises the count of the peer until a run takes long enough.
    async fn calibrate(&mut self, work: &Work, runs: &mut PeerRuns) -> Result<()> {
        let wanted = self.settings.min_run_time.as_secs_f64();
        loop {
            let (response, _) = self.run(work, runs.peer, &[runs.count]).await?;
            if response.seconds >= wanted / 2.0 || runs.count >= MAX_COUNT {
                return Ok(());
            }
            let factor = (wanted / response.seconds.max(1e-6)).clamp(2.0, 20.0);
            runs.count = ((runs.count as f64 * factor) as usize).min(MAX_COUNT);
        }
    }

    async fn run_round(&mut self, work: &Work, runs: &mut PeerRuns) -> Result<()> {
        let started = Instant::now();
        let counts = fairness::run_counts(work, runs.count);
        let (response, memory) = self.run(work, runs.peer, &counts).await?;
        runs.elapsed += started.elapsed();
        runs.responses.push(response);
        runs.memory.extend(memory);
        Ok(())
    }

    /// Lets a peer do one run for each count. Returns the response of the last run, and the growth of
    /// memory if it is measured. The connection of a peer that fails is not used again.
    async fn run(
        &mut self,
        work: &Work,
        peer: &'static str,
        counts: &[usize],
    ) -> Result<(Response, Option<f64>)> {
        let key = (peer.to_owned(), work.topology);
        let urls = self.servers.urls(work.topology);
        let connection = match self.connections.remove(&key) {
            Some(connection) if !work.needs_own_process() => connection,
            _ if work.needs_own_process() => {
                connect_in_new_process(peer, &urls, &self.commands).await?
            }
            _ => connect(peer, &urls, &self.commands).await?,
        };
        let before = match connection.pid().filter(|_| work.needs_own_process()) {
            Some(pid) => Some((pid, memory::reset_peak(pid)?)),
            None => None,
        };
        self.servers.inject_fault(work.topology)?;
        let response = self.request(work, peer, connection.as_ref(), counts).await;
        self.servers.heal(work.topology)?;
        let response = response?;
        let growth = match before {
            Some((pid, before)) => Some((memory::peak(pid)? - before).max(0.0)),
            None => None,
        };
        if !work.needs_own_process() {
            self.connections.insert(key, connection);
        }
        Ok((response, growth))
    }

    /// Sends a request for each count, and returns the last response.
    async fn request(
        &mut self,
        work: &Work,
        peer: &str,
        connection: &dyn Peer,
        counts: &[usize],
    ) -> Result<Response> {
        let limit = self.settings.max_run_time;
        let mut response = Response::default();
        for &count in counts {
            let mut request = Request {
                count,
                ..work.request.clone()
            };
            if request.op.starts_with("lock") {
                // Each run has a key of its own, because redisson leaves hashes where other peers
                // expect strings, and a peer that timed out may still hold or wait for a lock.
                self.lock_runs += 1;
                request.key = format!("{}:{peer}:{}", request.key, self.lock_runs);
            }
            self.servers.preload(&request, work.preload).await?;
            response = match timeout(limit, connection.run(&request)).await {
                Ok(response) => response?,
                Err(_) => return Err(format!("not done after {limit:?}").into()),
            };
        }
        Ok(response)
    }
}

impl PeerRuns {
    fn new(peer: &'static str, work: &Work) -> Self {
        Self {
            peer,
            count: work.request.count,
            responses: Vec::new(),
            memory: Vec::new(),
            elapsed: Duration::ZERO,
            failure: None,
        }
    }

    /// Returns the value of each round.
    fn values(&self, metric: Metric) -> Vec<f64> {
        let millis = |part| {
            let of = move |it: &Response| statistics::quantile(&it.samples, part) * 1e3;
            self.responses.iter().map(of).collect()
        };
        match metric {
            Metric::Rate => self.responses.iter().map(Response::rate).collect(),
            Metric::Seconds => self.responses.iter().map(|it| it.seconds).collect(),
            Metric::Median => millis(0.5),
            Metric::Slowest => millis(0.99),
            Metric::Memory => self.memory.clone(),
        }
    }

    /// Returns the percentiles of the single times of all rounds, in milliseconds.
    fn percentiles(&self) -> Vec<(f64, f64)> {
        let samples: Vec<f64> = self
            .responses
            .iter()
            .flat_map(|response| response.samples.iter().map(|seconds| seconds * 1e3))
            .collect();
        if samples.is_empty() {
            return Vec::new();
        }
        statistics::percentiles(&samples)
    }
}

/// Returns the row of one metric: the ratio of purse to the peer, over the rounds that both did.
fn compare(work: &Work, metric: Metric, purse: &PeerRuns, peer: &PeerRuns) -> Row {
    let row = |outcome| Row {
        work: work.name.clone(),
        peer: peer.peer.to_owned(),
        unit: metric.unit().to_owned(),
        outcome,
    };
    for runs in [purse, peer] {
        if let Some(failure) = &runs.failure {
            return row(Err(format!("{}: {failure}", runs.peer)));
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
    let has_percentiles = metric == Metric::Median;
    let percentiles = |runs: &PeerRuns| match has_percentiles {
        true => runs.percentiles(),
        false => Vec::new(),
    };
    row(Ok(Measured {
        purse: statistics::median(&ours),
        peer_value: statistics::median(&theirs),
        ratio: statistics::median(&ratios),
        spread: statistics::relative_spread(&ratios),
        rounds: ratios.len(),
        purse_percentiles: percentiles(purse),
        peer_percentiles: percentiles(peer),
    }))
}

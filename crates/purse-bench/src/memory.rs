//! The memory of a process, from `/proc`; it is missing elsewhere than on Linux.
//!
//! A work measures the growth of a peer's process during one run, with a new process for each run.

use std::fs;

use crate::order::Result;

const KIB_PER_MIB: f64 = 1_024.0;

/// What it has now, in MiB; from here on its peak is counted anew.
pub(crate) fn now(pid: u32) -> Result<f64> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    entry(pid, "VmRSS:")
}

/// The most it had, in MiB.
pub(crate) fn peak(pid: u32) -> Result<f64> {
    entry(pid, "VmHWM:")
}

fn entry(pid: u32, name: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.ok_or("no memory is told of that process")?.parse()?;
    Ok(kib / KIB_PER_MIB)
}

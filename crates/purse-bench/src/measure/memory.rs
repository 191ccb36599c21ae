//! The memory of a process, from `/proc`; on other systems than Linux it is missing.
//!
//! A work measures the growth of a peer's process during one run, with a new process for each run.

use std::fs;

use crate::protocol::Result;

const KIB_PER_MIB: f64 = 1_024.0;

/// Returns the present memory in MiB, and resets the peak.
pub(super) fn reset_peak(pid: u32) -> Result<f64> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    read_entry(pid, "VmRSS:")
}

/// Returns the largest memory since the reset, in MiB.
pub(super) fn peak(pid: u32) -> Result<f64> {
    read_entry(pid, "VmHWM:")
}

fn read_entry(pid: u32, name: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.ok_or("/proc has no memory of that process")?.parse()?;
    Ok(kib / KIB_PER_MIB)
}

//! How many instructions each codec and each operation takes, counted by callgrind.
//!
//! The name of a benchmark ends in the place of what it measures in its list; `budget` knows that.

#![allow(missing_docs, reason = "what the macros make of it has none")]

use gungraun::Callgrind;
use gungraun::prelude::*;
use purse_benches::{Coding, Operation, Side, Stage, TIMES, codings, operations};

/// Freed memory is kept as it is: otherwise glibc joins it now and then, as the heap happens to
/// lie, which makes a process take 2 % more than the next one.
const ALLOCATOR: &str = "glibc.malloc.tcache_max=65536:glibc.malloc.tcache_count=1000";

fn coding(index: usize) -> Coding {
    let coding = codings().swap_remove(index);
    coding.run();
    coding
}

#[library_benchmark]
#[benches::of(iter = 0..codings().len(), setup = coding)]
fn codec(coding: Coding) -> Coding {
    coding.run();
    coding
}

fn start_stage(index: usize) -> (Stage, Operation, Side) {
    let operation = operations().swap_remove(index / Side::ALL.len());
    let side = Side::ALL[index % Side::ALL.len()];
    let stage = Stage::start().expect("a server that answers");
    stage
        .run(&operation, side, 10)
        .expect("a server that answers");
    (stage, operation, side)
}

#[library_benchmark]
#[benches::of(iter = 0..operations().len() * Side::ALL.len(), setup = start_stage)]
fn operation((stage, operation, side): (Stage, Operation, Side)) -> Stage {
    stage
        .run(&operation, side, TIMES)
        .expect("a server that answers");
    stage
}

library_benchmark_group!(name = codecs, benchmarks = [codec]);
library_benchmark_group!(name = collections, benchmarks = [operation]);

main!(
    config = LibraryBenchmarkConfig::default()
        .env_clear(false)
        .env("GLIBC_TUNABLES", ALLOCATOR)
        .valgrind_args(["--trace-children=no"])
        .tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = [codecs, collections]
);

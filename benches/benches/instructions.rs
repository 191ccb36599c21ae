//! Counts the instructions of each codec and each operation, with callgrind.
//!
//! The name of a benchmark ends in the index of its case; `src/instructions.rs` reads that.

#![allow(missing_docs, reason = "the items that the macros generate have none")]

use gungraun::Callgrind;
use gungraun::prelude::*;
use purse_benches::{CodecCase, Fixture, Library, Operation, REPETITIONS, codec_cases, operations};

/// A setting that keeps glibc from joining freed memory. It does so now and then, depending on the
/// addresses of the heap, and one process then takes 2 % more instructions than the next one.
const ALLOCATOR: &str = "glibc.malloc.tcache_max=65536:glibc.malloc.tcache_count=1000";

fn start_codec(index: usize) -> CodecCase {
    let case = codec_cases().swap_remove(index);
    case.run();
    case
}

#[library_benchmark]
#[benches::of(iter = 0..codec_cases().len(), setup = start_codec)]
fn codec(case: CodecCase) -> CodecCase {
    case.run();
    case
}

fn start_fixture(index: usize) -> (Fixture, Operation, Library) {
    let operation = operations().swap_remove(index / Library::ALL.len());
    let library = Library::ALL[index % Library::ALL.len()];
    let fixture = Fixture::start().expect("a server that replies");
    fixture
        .run(&operation, library, 10)
        .expect("a server that replies");
    (fixture, operation, library)
}

#[library_benchmark]
#[benches::of(iter = 0..operations().len() * Library::ALL.len(), setup = start_fixture)]
fn operation((fixture, operation, library): (Fixture, Operation, Library)) -> Fixture {
    fixture
        .run(&operation, library, REPETITIONS)
        .expect("a server that replies");
    fixture
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

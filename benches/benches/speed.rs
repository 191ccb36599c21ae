//! Measures the time of each codec, and of each operation next to the same command of fred and redis-rs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use purse_benches::{Fixture, Library, codec_cases, operations};

fn codecs(criterion: &mut Criterion) {
    for case in codec_cases() {
        criterion.bench_function(case.name(), |it| it.iter(|| black_box(&case).run()));
    }
}

fn collections(criterion: &mut Criterion) {
    let fixture = Fixture::start().expect("a server");
    for operation in operations() {
        for library in Library::ALL {
            let name = format!("{} {}", operation.name(), library.name());
            criterion.bench_function(&name, |it| {
                it.iter_custom(|times| {
                    let times = usize::try_from(times).expect("a number of times");
                    let started = Instant::now();
                    fixture.run(&operation, library, times).expect("replies");
                    started.elapsed()
                });
            });
        }
    }
}

criterion_group! {
    name = speed;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = codecs, collections
}
criterion_main!(speed);

//! How long each codec and each operation takes, the latter next to the same command of fred and redis-rs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use purse_benches::{Side, Stage, codings, operations};

fn codecs(criterion: &mut Criterion) {
    for coding in codings() {
        criterion.bench_function(coding.name(), |it| it.iter(|| black_box(&coding).run()));
    }
}

fn collections(criterion: &mut Criterion) {
    let stage = Stage::start().expect("a server");
    for operation in operations() {
        for side in Side::ALL {
            let name = format!("{} {}", operation.name(), side.name());
            criterion.bench_function(&name, |it| {
                it.iter_custom(|times| {
                    let times = usize::try_from(times).expect("a number of times");
                    let started = Instant::now();
                    stage.run(&operation, side, times).expect("replies");
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

//! Random operations on a collection and on its model, and every answer compared.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};
use purse::Client;
use tokio::runtime::Builder;

/// The number of sequences, each of 20 to 80 operations: 12,500 in all, ten times that with
/// `PURSE_SOAK`.
const SEQUENCES: u32 = 250;

/// Runs sequences of operations, shrinks one that fails, and fails with the shortest.
///
/// # Panics
/// If a sequence fails, or there is no server.
pub fn check<S: Strategy>(sequences: &S, run: impl AsyncFn(&Client, S::Value)) {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("{error}"),
    };
    let client = runtime.block_on(crate::client());
    let soak = if std::env::var_os("PURSE_SOAK").is_some() {
        10
    } else {
        1
    };
    let config = Config {
        cases: SEQUENCES * soak,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(sequences, |sequence| {
        runtime.block_on(run(&client, sequence));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

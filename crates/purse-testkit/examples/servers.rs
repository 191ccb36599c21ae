//! Lists the servers that tests can run against: `cargo run --example servers [-- --all]`.
//!
//! Fetches the default server if there is none; with `--all`, every release. One line each:
//! release, state, version, and the path or the reason why there is none.

use std::error::Error as _;
use std::process::ExitCode;

use purse_testkit::{Binary, Error, Release};

fn main() -> ExitCode {
    let all = std::env::args().any(|argument| argument == "--all");
    let mut complete = true;
    println!("{:<16} {:<13} {:<14} path", "release", "state", "version");
    for &release in [Release::Default].iter().chain(Release::ALL) {
        let fetch = all || release == Release::Default;
        let (state, version, place) = match look(release, fetch) {
            Ok((state, Some(binary))) => {
                let path = binary.path().display().to_string();
                (state, binary.to_string(), path)
            }
            Ok((state, None)) => (state, "-".to_owned(), "-".to_owned()),
            Err(Error::NotForThisMachine { .. }) => {
                ("not available", "-".to_owned(), "-".to_owned())
            }
            Err(error) => {
                complete = false;
                ("missing", "-".to_owned(), with_causes(&error))
            }
        };
        println!(
            "{:<16} {state:<13} {version:<14} {place}",
            release.to_string()
        );
    }
    match complete {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn look(release: Release, fetch: bool) -> Result<(&'static str, Option<Binary>), Error> {
    if let Some(found) = release.find()? {
        return Ok(("found", Some(found)));
    }
    match (release.is_prebuilt_here(), fetch) {
        (true, false) => Ok(("not fetched", None)),
        _ => Ok(("fetched", Some(release.locate()?))),
    }
}

fn with_causes(error: &Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

//! Each input either gives exactly the target that it describes, or an error of kind `Config`.

mod accepted_urls;
mod fred;
mod rejected_urls;

use super::{Address, Credentials, Servers};
use crate::{Error, ErrorKind};

/// The password in the tables. No error may contain it.
const SECRET: &str = "hunter2";

fn single(host: &str, port: u16) -> Servers {
    Servers::Single(Address::new(host, port))
}

fn cluster(seeds: &[(&str, u16)]) -> Servers {
    Servers::Cluster(addresses(seeds))
}

fn sentinel(sentinels: &[(&str, u16)]) -> Servers {
    Servers::Sentinel {
        sentinels: addresses(sentinels),
        service: "main".into(),
    }
}

fn addresses(list: &[(&str, u16)]) -> Vec<Address> {
    list.iter().map(|(h, p)| Address::new(h, *p)).collect()
}

fn user(name: &str, password: &str) -> Option<Credentials> {
    Some(Credentials::new(name, password))
}

fn default_user(password: &str) -> Option<Credentials> {
    Some(Credentials::password(password))
}

#[track_caller]
fn assert_rejected(error: &Error, word: &str, input: &str) {
    let text = format!("{error} {error:?}");
    assert_eq!(error.kind(), ErrorKind::Config, "{input}: {text}");
    assert!(
        error.to_string().contains(word),
        "{input}: no {word:?} in {text}"
    );
    assert!(!text.contains(SECRET), "{input}: {text}");
}

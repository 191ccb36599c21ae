//! Conversions from and to fred's configuration.

use fred::types::RespVersion;
use fred::types::config::{Blocking, ClusterDiscoveryPolicy, Config, Server, ServerConfig};

use super::{SECRET, assert_rejected, single, user};
use crate::config::Target;

#[test]
fn fred_config_keeps_what_a_target_holds() {
    for input in [
        "redis://h/255",
        "redis://:pw@[::1]:1/3",
        "redis-cluster://u:pw@h:1?node=[::1]:2",
        "redis-sentinel://u:p@h/3?sentinelServiceName=m&sentinelUsername=s&sentinelPassword=q",
    ] {
        let target = Target::from_url(input, None).unwrap();
        let config = target.to_fred().unwrap();
        assert_eq!(config.version, RespVersion::RESP3);
        let read = Target::from_fred(&config).unwrap();
        assert_eq!(read.servers, target.servers, "{input}");
        assert_eq!(read.credentials, target.credentials, "{input}");
        assert_eq!(
            read.sentinel_credentials, target.sentinel_credentials,
            "{input}"
        );
        assert_eq!(read.database, target.database, "{input}");
    }
}

#[test]
fn fred_config_gets_credentials_as_inline_words() {
    let target = Target::from_url("redis://bob:%20x%0D%0A@h", None).unwrap();
    let config = target.to_fred().unwrap();
    assert_eq!(config.username.as_deref(), Some("bob"));
    assert_eq!(config.password.as_deref(), Some("\" x\\x0d\\x0a\""));
    let config = Target::from_url("redis://bob@h", None)
        .unwrap()
        .to_fred()
        .unwrap();
    assert_eq!(config.password.as_deref(), Some("\"\""));
}

#[test]
fn fred_config_without_the_database_is_refused() {
    for input in ["redis://:hunter2@h/256", "redis-cluster://:hunter2@h/1"] {
        let error = Target::from_url(input, None)
            .unwrap()
            .to_fred()
            .unwrap_err();
        assert_rejected(&error, "database", input);
    }
}

#[test]
fn fred_config_that_cannot_be_honoured_is_refused() {
    let of = |server| Config {
        server,
        password: Some(SECRET.to_owned()),
        ..Config::default()
    };
    let blocking = Config {
        blocking: Blocking::Interrupt,
        ..of(ServerConfig::default())
    };
    let use_cache = ServerConfig::Clustered {
        hosts: vec![Server::new("h", 1)],
        policy: ClusterDiscoveryPolicy::UseCache,
    };
    for (config, word) in [
        (blocking, "blocking"),
        (of(use_cache), "ConfigEndpoint"),
        (
            of(ServerConfig::new_clustered(Vec::<(String, u16)>::new())),
            "no server",
        ),
        (of(ServerConfig::new_centralized("", 1)), "host"),
        (of(ServerConfig::new_centralized("h", 0)), "port"),
        (
            of(ServerConfig::new_sentinel(vec![("h", 1)], "")),
            "service",
        ),
    ] {
        assert_rejected(&Target::from_fred(&config).unwrap_err(), word, "fred");
    }
}

#[test]
fn fred_user_without_password_logs_in() {
    let config = Config {
        username: Some("bob".to_owned()),
        server: ServerConfig::new_centralized("[::1]", 1),
        ..Config::default()
    };
    let target = Target::from_fred(&config).unwrap();
    assert_eq!(target.credentials, user("bob", ""));
    assert_eq!(target.servers, single("::1", 1));
}

//! URLs that are refused.

use super::assert_rejected;
use crate::config::Target;

#[test]
fn url_part_without_effect_is_refused_by_name() {
    for (input, word) in [
        // Schemes.
        ("", "redis://"),
        ("hunter2@h:1", "must start with"),
        ("http://:hunter2@h", "must start with"),
        ("redisss://h", "must start with"),
        ("redis-clusters://h", "must start with"),
        ("rediss+unix:///s", "must start with"),
        ("redis:h", "must start with"),
        // Hosts and ports.
        ("redis://", "host is missing"),
        ("redis:///3", "host is missing"),
        ("redis://:hunter2@", "host is missing"),
        ("redis://:1", "host is missing"),
        ("redis://h1:1,h2:2", "node="),
        ("redis-cluster://u:hunter2@h1,h2", "node="),
        ("redis://::1", "brackets"),
        ("redis://u:hunter2@fe80::1:6379", "brackets"),
        ("redis://[::1", "brackets"),
        ("redis://[::1]6379", "brackets"),
        ("redis://[127.0.0.1]", "brackets"),
        ("redis://[::1%]", "brackets"),
        ("redis://hé", "punycode"),
        ("redis://h%20", "percent-encode"),
        ("redis://h:", "port"),
        ("redis://h:0", "port"),
        ("redis://h:65536", "port"),
        ("redis://h:+1", "port"),
        ("redis://user:hunter2", "port"),
        // Characters that must be encoded.
        ("redis://h ", "space"),
        ("redis://h/1\n", "control"),
        ("redis://:hunter2 x@h", "%20"),
        ("redis://:hunter2/x@h", "percent-encode"),
        ("redis://:/hunter2@h", "percent-encode"),
        ("redis://:1/hunter2@h", "percent-encode"),
        ("redis://u:1?hunter2@h", "percent-encode"),
        ("redis://u:1?hunter2=1&x@h", "percent-encode"),
        ("redis://u:1#hunter2@h", "%23"),
        ("redis-cluster://u:1?node=hunter2@h", "percent-encode"),
        ("redis://:hunter2%@h", "password"),
        ("redis://:hunter2%2@h", "hexadecimal"),
        ("redis://%zz:hunter2@h", "user"),
        ("redis://:hunter2%FF@h", "UTF-8"),
        // Databases.
        ("redis://:hunter2@h/300x", "database"),
        ("redis://h/-1", "database"),
        ("redis://h/+1", "database"),
        ("redis://h/app", "database"),
        ("redis://h/%33", "database"),
        ("redis://h/1/", "database"),
        ("redis://h//1", "database"),
        ("redis://h/2147483648", "database"),
        ("redis://h?db=", "database"),
        ("redis://h?db", "database"),
        ("redis://h?db=x", "database"),
        ("redis://h/3?db=5", "database 3"),
        // UrlParameters.
        ("redis://:hunter2@h?typo=1", "\"typo\""),
        ("redis://h?DB=1", "\"DB\""),
        ("redis://h?timeout=10", "\"timeout\""),
        ("redis://h?protocol=resp3", "\"protocol\""),
        ("redis://h?node=i:1", "\"node\""),
        ("redis://h?password=hunter2", "\"password\""),
        (
            "redis-cluster://h?sentinelPassword=hunter2",
            "\"sentinelPassword\"",
        ),
        ("redis-cluster://h?node=i:x", "node"),
        ("redis-cluster://h?node=", "node"),
        ("redis-cluster://h?node=::1", "brackets"),
        ("redis-cluster://h?node=i:1,j:2", "node"),
        ("redis://h?db=1&db=1", "repeats the parameter db"),
        ("redis-sentinel://h", "sentinelServiceName"),
        (
            "redis-sentinel://h?sentinelServiceName=",
            "sentinelServiceName",
        ),
        (
            "redis-sentinel://h?sentinelServiceName=a&sentinelServiceName=b",
            "repeats",
        ),
        (
            "redis-sentinel://h?sentinelServiceName=a&sentinelPassword=hunter2+x",
            "%2B",
        ),
        (
            "redis-sentinel://h?sentinelServiceName=a&sentinelPassword=hunter2%",
            "sentinelPassword",
        ),
        // Fragments.
        ("redis://h#insecure", "fragment"),
        ("redis://h/1?db=1#", "fragment"),
    ] {
        assert_rejected(&Target::from_url(input, None).unwrap_err(), word, input);
    }
}

#[cfg(not(feature = "unix-sockets"))]
#[test]
fn unix_socket_url_names_the_missing_feature() {
    let input = "redis+unix://:hunter2@/s";
    assert_rejected(
        &Target::from_url(input, None).unwrap_err(),
        "feature unix-sockets",
        input,
    );
}

#[cfg(not(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
)))]
#[test]
fn tls_url_names_the_missing_features() {
    let input = "rediss://:hunter2@h";
    assert_rejected(
        &Target::from_url(input, None).unwrap_err(),
        "tls- features",
        input,
    );
}

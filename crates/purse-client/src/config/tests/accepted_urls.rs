//! URLs that are read.

#[cfg(feature = "unix-sockets")]
use super::assert_rejected;
use super::{SECRET, cluster, default_user, sentinel, single, user};
#[cfg(feature = "unix-sockets")]
use crate::config::Servers;
use crate::config::{Target, url};

#[test]
fn url_servers_are_read_exactly() {
    for (input, expected, secure) in [
        ("redis://h", single("h", 6379), false),
        ("REDIS://h", single("h", 6379), false),
        ("redis://h/", single("h", 6379), false),
        ("redis://h?", single("h", 6379), false),
        ("valkey://h:7000", single("h", 7000), false),
        ("rediss://h", single("h", 6379), true),
        (
            "valkeys://h_1.example-a.com:65535",
            single("h_1.example-a.com", 65535),
            true,
        ),
        ("redis://127.0.0.1:1", single("127.0.0.1", 1), false),
        ("redis://[::1]", single("::1", 6379), false),
        ("rediss://u:p@[::1]:7000/1", single("::1", 7000), true),
        (
            "redis://[fe80::1%25eth0]:7000",
            single("fe80::1%eth0", 7000),
            false,
        ),
        (
            "redis://[fe80::1%eth0]",
            single("fe80::1%eth0", 6379),
            false,
        ),
        ("redis-cluster://h", cluster(&[("h", 6379)]), false),
        ("valkeys-cluster://h:1", cluster(&[("h", 1)]), true),
        (
            "redis-cluster://h:1?node=[::1]:2&node=i&node=h:1&node=[fe80::1%25en0]:3",
            cluster(&[("h", 1), ("::1", 2), ("i", 6379), ("fe80::1%en0", 3)]),
            false,
        ),
        (
            "redis-sentinel://h?sentinelServiceName=main",
            sentinel(&[("h", 26379)]),
            false,
        ),
        (
            "rediss-sentinel://h:1?node=i:2&sentinelServiceName=ma%69n&node=j",
            sentinel(&[("h", 1), ("i", 2), ("j", 26379)]),
            true,
        ),
    ] {
        let (target, asks_for_tls) = url::parse(input).unwrap();
        assert_eq!(target.servers, expected, "{input}");
        assert_eq!(asks_for_tls, secure, "{input}");
        assert_eq!(target.sentinel_credentials, None, "{input}");
    }
}

#[test]
fn url_login_is_read_exactly() {
    for (input, expected) in [
        ("redis://h", None),
        ("redis://@h", None),
        ("redis://:@h", None),
        ("redis://:pw@h", default_user("pw")),
        ("redis://bob@h", user("bob", "")),
        ("redis://bob:@h", user("bob", "")),
        ("redis://default:pw@h", user("default", "pw")),
        ("redis://bob:a:b@h", user("bob", "a:b")),
        ("redis://bob:a@b@h", user("bob", "a@b")),
        ("redis://bob:+%2B@h", user("bob", "++")),
        (
            "redis://b%6Fb:%20%22%27%2F%3F%23%25%0d%0A@h",
            user("bob", " \"'/?#%\r\n"),
        ),
        ("redis://:%C3%A9é@h", default_user("éé")),
        ("redis-cluster://bob:pw@h:1?node=i:2", user("bob", "pw")),
    ] {
        let target = Target::from_url(input, None).unwrap();
        assert_eq!(target.credentials, expected, "{input}");
        assert_eq!(target.database, 0, "{input}");
        assert!(target.tls.is_none(), "{input}");
    }
}

#[test]
fn url_sentinel_login_is_separate() {
    for (parameters, expected) in [
        ("", None),
        ("&sentinelUsername=&sentinelPassword=", None),
        ("&sentinelPassword=a%20b%2B%40", default_user("a b+@")),
        ("&sentinelUsername=s", user("s", "")),
        ("&sentinelUsername=s&sentinelPassword=p", user("s", "p")),
    ] {
        let input = format!("redis-sentinel://u:q@h/2?sentinelServiceName=main{parameters}");
        let target = Target::from_url(&input, None).unwrap();
        assert_eq!(target.credentials, user("u", "q"), "{input}");
        assert_eq!(target.sentinel_credentials, expected, "{input}");
        assert_eq!(target.database, 2, "{input}");
    }
}

#[test]
fn url_database_is_read_exactly() {
    for (input, expected) in [
        ("redis://h/0", 0),
        ("redis://h/3", 3),
        ("redis://h?db=3", 3),
        ("redis://h/?db=3", 3),
        ("redis://h/3?db=3", 3),
        ("redis://h/300", 300),
        ("redis://h/2147483647", 2_147_483_647),
        ("redis-cluster://h/3?node=i", 3),
        ("redis-cluster://h?node=i&db=4", 4),
    ] {
        assert_eq!(
            Target::from_url(input, None).unwrap().database,
            expected,
            "{input}"
        );
    }
}

#[cfg(feature = "unix-sockets")]
#[test]
fn unix_socket_url_is_read_exactly() {
    for (input, path, credentials, database) in [
        ("redis+unix:///run/a.sock", "/run/a.sock", None, 0),
        ("unix:///run/a%20b@c.sock", "/run/a b@c.sock", None, 0),
        ("valkey+unix://u:p@/s?db=2", "/s", user("u", "p"), 2),
        ("redis+unix://u:p@localhost/s", "/s", user("u", "p"), 0),
        ("unix:///s?password=p%40&db=3", "/s", default_user("p@"), 3),
        (
            "unix:///s?username=u&password=p@q",
            "/s",
            user("u", "p@q"),
            0,
        ),
        ("unix:///s?username=u", "/s", user("u", ""), 0),
    ] {
        let target = Target::from_url(input, None).unwrap();
        assert_eq!(target.servers, Servers::Unix(path.into()), "{input}");
        assert_eq!(target.credentials, credentials, "{input}");
        assert_eq!(target.database, database, "{input}");
        assert_eq!(&*target.label(), path, "{input}");
        let read = Target::from_fred(&target.to_fred().unwrap()).unwrap();
        assert_eq!(read.servers, target.servers, "{input}");
    }
    for (input, word) in [
        ("redis+unix://", "path"),
        ("redis+unix:///", "path"),
        ("redis+unix:///s%00", "path"),
        ("redis+unix:///s%2", "path"),
        ("redis+unix://run/a.sock", "no host"),
        ("redis+unix://u:hunter2@h/s", "no host"),
        ("redis+unix://u:hunter2@/x@/s", "percent-encode"),
        ("redis+unix://u:hunter2@/s?username=u", "give one"),
        ("redis+unix:///s?node=h", "\"node\""),
        ("redis+unix:///s?pass=hunter2", "\"pass\""),
        ("redis+unix:///s#1", "fragment"),
    ] {
        assert_rejected(&Target::from_url(input, None).unwrap_err(), word, input);
    }
}

#[test]
fn label_names_servers_without_credentials() {
    for (input, expected) in [
        ("redis://u:hunter2@h/1", "h:6379"),
        ("redis://[::1]:7000", "[::1]:7000"),
        ("redis-cluster://u:hunter2@h:1?node=i:2", "cluster h:1"),
        (
            "redis-sentinel://h?sentinelServiceName=main",
            "main by sentinel h:26379",
        ),
    ] {
        let target = Target::from_url(input, None).unwrap();
        assert_eq!(&*target.label(), expected);
        assert!(!format!("{target:?}").contains(SECRET));
    }
}

//! URLs of a live server: `CLIENT INFO` shows that each part takes effect.

use purse_client::{Client, Command, ErrorKind};
use purse_testkit::{Cluster, Proxy, Release, Server};

use crate::support::start_release;
use crate::{assert_info, assert_permanent, info, text_of};

const RIGHTS: &str = "~* &* +@all";

/// Returns a server with the users `app`, who has a password, and `open`, who needs none.
fn server_with_users() -> Server {
    let server = Server::start().expect("a server");
    server.user("app", "secret", RIGHTS).expect("a user");
    let open = ["ACL", "SETUSER", "open", "reset", "on", "nopass"];
    let open: Vec<_> = open.into_iter().chain(RIGHTS.split(' ')).collect();
    assert_eq!(server.command(&open).expect("a user").text(), Some("OK"));
    server
}

#[tokio::test]
async fn url_parts_take_effect_on_the_connection() {
    let server = server_with_users();
    let at = format!("127.0.0.1:{}", server.port());
    for (url, db, user) in [
        (format!("redis://{at}"), "0", "default"),
        (format!("valkey://{at}/"), "0", "default"),
        (format!("redis://{at}/3"), "3", "default"),
        (format!("redis://{at}?db=3"), "3", "default"),
        (format!("redis://{at}/?db=3"), "3", "default"),
        (format!("redis://{at}/3?db=3"), "3", "default"),
        (format!("redis://{at}/15"), "15", "default"),
        (format!("redis://app:secret@{at}/2"), "2", "app"),
        (format!("redis://app:%73ecret@{at}"), "0", "app"),
        (format!("redis://open@{at}"), "0", "open"),
        (format!("redis://open:@{at}"), "0", "open"),
        (format!("redis://:any@{at}"), "0", "default"),
    ] {
        let client = Client::connect(&url).await.expect("a URL that works");
        let info = info(&client).await;
        assert_eq!((&*info["db"], &*info["user"]), (db, user), "{url}");
        assert_info(&info, "resp", "3");
        assert_info(&info, "lib-name", "purse");
        let name = concat!("purse:", env!("CARGO_PKG_VERSION"));
        assert_eq!(info["name"], name, "{url}");
        assert_eq!(client.database().to_string(), db, "{url}");
    }
}

#[tokio::test]
async fn url_user_without_login_right_is_auth() {
    let server = server_with_users();
    for user in ["nobody", "nobody:", "nobody:x", "app", "app:", "app:Secret"] {
        let url = format!("redis://{user}@127.0.0.1:{}", server.port());
        let error = Client::connect(&url).await.expect_err(user);
        assert_permanent(&error, ErrorKind::Auth, "WRONGPASS");
        let port = server.port().to_string();
        assert!(error.to_string().contains(&port), "{error}");
    }
}

#[tokio::test]
async fn url_that_cannot_work_opens_no_connection() {
    let proxy = Proxy::to(Server::shared()).expect("a proxy");
    let at = format!("127.0.0.1:{}", proxy.port());
    for (url, words) in [
        (format!("redis://{at}?typo=1"), "\"typo\""),
        (format!("redis://{at}/#insecure"), "fragment"),
        (format!("redisfoo://{at}"), "redis://"),
        (format!("redis-xyz://{at}"), "redis://"),
        (format!("redis://{at}/-1"), "database"),
        (format!("redis://{at}/app"), "database"),
        (format!("redis://{at}/%33"), "database"),
        (format!("redis://{at}/3?db=5"), "database 3"),
        (format!("redis://{at} "), "space"),
        (format!("redis://u:50%@{at}"), "%25"),
        (format!("redis://u:a b@{at}"), "%20"),
    ] {
        let error = Client::connect(&url).await.expect_err(&url);
        assert_permanent(&error, ErrorKind::Config, words);
        let error = Client::builder(&url).connect_lazy().expect_err(&url);
        assert_permanent(&error, ErrorKind::Config, words);
        let error = Client::builder(&url).connect_session().await;
        assert_permanent(&error.expect_err(&url), ErrorKind::Config, words);
    }
    assert_eq!(proxy.accepted_count(), 0);
}

#[tokio::test]
async fn database_out_of_the_servers_range_is_config() {
    let server = Server::start().expect("a server");
    for database in [16, 300, 70_000] {
        let url = format!("{}/{database}", server.url());
        let error = Client::connect(&url).await.expect_err("16 databases");
        assert_permanent(&error, ErrorKind::Config, "database");
        assert_permanent(&error, ErrorKind::Config, "out of range");
    }
    let lazy = Client::builder(&format!("{}/16", server.url()))
        .command_timeout(std::time::Duration::from_millis(500))
        .connect_lazy()
        .expect("a URL that is read");
    let write = Command::write("SET").key("k").arg("v");
    let error = lazy.run(write).await.expect_err("16 databases");
    assert_permanent(&error, ErrorKind::Config, "out of range");
    let keys = server.command(&["DBSIZE"]).expect("DBSIZE");
    assert_eq!(keys.int(), Some(0));

    let large = Server::builder().databases(400).start().expect("a server");
    let client = Client::connect(&format!("{}/300", large.url())).await;
    let client = client.expect("400 databases");
    assert_eq!(info(&client).await["db"], "300");
}

#[tokio::test]
async fn database_of_a_cluster_takes_effect_or_is_config() {
    let settings = Server::builder().release(Release::Valkey9_1);
    let none = Cluster::start_with(2, 0, &settings).expect("a cluster");
    let url = format!("{}&db=3", none.url());
    let error = Client::connect(&url).await.expect_err("one database");
    assert_permanent(&error, ErrorKind::Config, "database");
    drop(none);

    let settings = settings.config("cluster-databases", "16");
    let some = Cluster::start_with(2, 0, &settings).expect("a cluster");
    let url = format!("{}&db=3", some.url());
    let client = Client::connect(&url).await.expect("16 databases");
    for key in ["a", "b", "c", "d"] {
        let set = Command::write("SET").key(key).arg("v");
        client.run(set).await.expect("SET");
        let owner = some.primary_of(key).expect("an owner");
        let in_zero = owner.command(&["EXISTS", key]).expect("EXISTS");
        assert_eq!(in_zero.int(), Some(0), "{key} is in database 0");
    }
    assert_eq!(client.database(), 3);
}

#[tokio::test]
async fn database_of_a_cluster_before_valkey_9_is_config() {
    let settings = Server::builder().release(Release::Redis6_2_5);
    let cluster = Cluster::start_with(2, 0, &settings).expect("a cluster");
    let url = format!("{}&db=1", cluster.url());
    let error = Client::connect(&url).await.expect_err("one database");
    assert_permanent(&error, ErrorKind::Config, "database");
}

#[tokio::test]
async fn database_without_the_right_to_select_is_auth() {
    for release in [Release::Valkey9_1, Release::Redis6_2_5] {
        let server = start_release(release);
        let rights = "~* +@all -select";
        server.user("app", "secret", rights).expect("a user");
        let url = format!("{}/3", server.url_of("app", "secret"));
        let error = Client::connect(&url).await.expect_err("no SELECT");
        assert_permanent(&error, ErrorKind::Auth, "NOPERM");
    }
}

#[tokio::test]
async fn ipv6_address_and_zone_are_connected_to() {
    let server = Server::builder().ipv6().start().expect("a server");
    let zone = format!("redis://[::1%251]:{}/2", server.port());
    for (url, db) in [(server.url_v6(), "0"), (zone, "2")] {
        let client = Client::connect(&url).await.expect("IPv6");
        let info = info(&client).await;
        assert_eq!(info["db"], db);
        assert!(info["addr"].starts_with("[::1]:"), "{info:?}");
        assert!(client.server().starts_with("[::1"), "{}", client.server());
    }
    let url = format!("redis://[fe80::1%25nosuch]:{}", server.port());
    let error = Client::connect(&url).await.expect_err("no such interface");
    assert_eq!(error.kind(), ErrorKind::NotSent);
    assert!(text_of(&error).contains("[fe80::1%nosuch]"), "{error}");
}

#[tokio::test]
async fn cluster_nodes_by_ipv6_are_connected_to() {
    let settings = Server::builder().ipv6();
    let cluster = Cluster::start_with(2, 0, &settings).expect("a cluster");
    let [first, second] = cluster.nodes() else {
        panic!("two nodes");
    };
    first.kill().expect("kill");
    let (first, second) = (first.port(), second.port());
    // The first node is down, so the slots come from the one in the parameter.
    let url = format!("redis-cluster://[::1]:{first}?node=[::1]:{second}");
    let client = Client::connect(&url).await.expect("the other node");
    assert!(client.is_cluster());
}

#[tokio::test]
async fn host_that_cannot_be_resolved_is_not_sent() {
    let url = "redis://no-such-host.invalid:6379";
    let error = Client::connect(url).await.expect_err("no such host");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
    assert!(error.is_retryable());
    let text = text_of(&error);
    assert!(text.contains("no-such-host.invalid:6379"), "{text}");
    assert!(text.contains("cannot be resolved"), "{text}");
}

/// A unix socket, which is removed at the end of the test.
#[cfg(feature = "unix-sockets")]
struct Socket(std::path::PathBuf);

#[cfg(feature = "unix-sockets")]
impl Drop for Socket {
    fn drop(&mut self) {
        // The server may have removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(feature = "unix-sockets")]
#[tokio::test]
async fn unix_socket_url_takes_effect() {
    let name = format!("purse test {}.sock", std::process::id());
    let socket = Socket(std::env::temp_dir().join(name));
    let path = socket.0.display().to_string();
    let settings = Server::builder().config("unixsocket", format!("\"{path}\""));
    let server = settings.start().expect("a server");
    server.user("app", "pass word", RIGHTS).expect("a user");
    let url = format!("redis+unix://{}", path.replace(' ', "%20"));
    for (rest, db, user) in [
        ("", "0", "default"),
        ("?db=3", "3", "default"),
        ("?db=2&username=app&password=pass%20word", "2", "app"),
    ] {
        let client = Client::connect(&format!("{url}{rest}")).await;
        let client = client.unwrap_or_else(|error| panic!("{rest}: {error:?}"));
        let info = info(&client).await;
        assert_eq!((&*info["db"], &*info["user"]), (db, user), "{rest}");
    }
    let logged_in = url.replace("://", "://app:pass%20word@");
    let client = Client::connect(&logged_in).await.expect("a user");
    assert_eq!(info(&client).await["user"], "app");
    for (rest, kind, words) in [
        ("?username=app&password=x", ErrorKind::Auth, "WRONGPASS"),
        ("?username=nobody", ErrorKind::Auth, "WRONGPASS"),
        ("?db=16", ErrorKind::Config, "out of range"),
        ("?pass=x", ErrorKind::Config, "\"pass\""),
    ] {
        let error = Client::connect(&format!("{url}{rest}")).await;
        assert_permanent(&error.expect_err(rest), kind, words);
    }
    let missing = Client::connect("redis+unix:///no/such.sock").await;
    let error = missing.expect_err("no socket");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
    assert!(text_of(&error).contains("/no/such.sock"), "{error:?}");
}

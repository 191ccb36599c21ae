//! Each setting of the builder has an effect.

use std::time::{Duration, Instant};

use futures::TryStreamExt;
use futures::future::join_all;
use purse_client::{
    Client, Command, Credentials, ErrorKind, OperationOptions, Pop, ReadFrom, Scan,
};
use purse_testkit::{Cluster, Proxy, Server};

use crate::support::{calls, connections, get, incr, until};
use crate::{assert_permanent, info};

#[tokio::test]
async fn command_timeout_bounds_each_command() {
    let server = Server::start().expect("a server");
    let limit = Duration::from_millis(300);
    let builder = Client::builder(&server.url()).command_timeout(limit);
    let client = builder.connect().await.expect("a server");
    server.pause().expect("pause");
    let started = Instant::now();
    let error = client.run(Command::read("GET").key("k")).await;
    assert_eq!(error.expect_err("paused").kind(), ErrorKind::Timeout);
    let took = started.elapsed();
    // Without the setting it would be five seconds.
    assert!(took >= limit && took < Duration::from_secs(4), "{took:?}");
    server.resume().expect("resume");
}

/// Starts a client whose attempts are all refused, and each is one connection of the proxy.
fn refused_client(proxy: &Proxy, first: Duration, longest: Duration) -> Client {
    let url = format!("redis://nobody:x@127.0.0.1:{}", proxy.port());
    let builder = Client::builder(&url).backoff(first, longest);
    builder.connect_lazy().expect("a URL that is read")
}

#[tokio::test]
async fn backoff_sets_the_pauses_between_attempts() {
    let proxy = Proxy::to(Server::shared()).expect("a proxy");
    let started = Instant::now();
    let slow = refused_client(&proxy, Duration::from_secs(1), Duration::from_secs(1));
    until("four attempts", async || proxy.accepted_count() >= 4).await;
    // The second attempt follows the first one at once.
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(2), "four attempts in {took:?}");
    drop(slow);

    let proxy = Proxy::to(Server::shared()).expect("a proxy");
    let short = Duration::from_millis(1);
    // With the default pauses, these attempts would take most of a minute.
    let fast = refused_client(&proxy, short, short);
    until("thirty attempts", async || proxy.accepted_count() >= 30).await;
    drop(fast);
}

/// Returns the ticks (of 10 ms) until the kernel asks whether the peer of a socket is there.
#[cfg(target_os = "linux")]
fn keep_alive_ticks(port: u16, server: &Server) -> Option<u64> {
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("procfs");
    // A local port may be in use once for each peer.
    let ends = [port, server.port()].map(|port| format!("0100007F:{port:04X}"));
    let mut lines = sockets
        .lines()
        .map(|line| line.split_whitespace().collect());
    let line: Vec<&str> =
        lines.find(|line: &Vec<_>| line.get(1..3).is_some_and(|of| of == ends))?;
    let (timer, ticks) = line.get(5)?.split_once(':')?;
    (timer == "02").then(|| u64::from_str_radix(ticks, 16).expect("a number"))
}

/// Returns the ports of the clients of a server that are of purse.
#[cfg(target_os = "linux")]
fn client_ports(server: &Server) -> Vec<u16> {
    let list = server.command(&["CLIENT", "LIST"]).expect("CLIENT LIST");
    let list = list.text().expect("text").to_owned();
    let of_purse = list.lines().filter(|line| line.contains("name=purse:"));
    of_purse
        .filter_map(|line| {
            let mut words = line.split(' ');
            let address = words.find_map(|word| word.strip_prefix("addr="))?;
            address.rsplit_once(':')?.1.parse().ok()
        })
        .collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn keep_alive_is_set_on_every_socket() {
    let server = Server::builder().tls().start().expect("a server");
    let seconds = |n| Some(Duration::from_secs(n));
    for (idle, least, most) in [
        (None, 3_000, 6_000),
        (Some(seconds(1_000)), 60_000, 100_000),
        (Some(None), 0, 0),
    ] {
        let mut builder = Client::builder(&server.url());
        if let Some(idle) = idle {
            builder = builder.keep_alive(idle);
        }
        let client = builder.clone().connections(2).connect().await;
        let client = client.expect("a server");
        let session = builder.connect_session().await.expect("a server");
        let get = Command::read("GET").key("k");
        let watch = client.watch(get).await.expect("a watch");
        until("each socket has the timer", async || {
            let ports = client_ports(&server);
            assert_eq!(ports.len(), 4, "{ports:?}");
            let ticks = ports
                .into_iter()
                .map(|port| keep_alive_ticks(port, &server));
            ticks.into_iter().all(|ticks| match ticks {
                None => most == 0,
                Some(ticks) => (least..=most).contains(&ticks) && most > 0,
            })
        })
        .await;
        drop((session, watch));
        client.close().await;
        until("all are closed", async || client_ports(&server).is_empty()).await;
    }
    let longest = Client::builder(&server.url()).keep_alive(seconds(32_767));
    longest.connect().await.expect("a server");
    let short = Duration::from_millis(10);
    for idle in [Some(short), seconds(32_768), Some(Duration::MAX)] {
        let builder = Client::builder(&server.url()).keep_alive(idle);
        let error = builder.connect_lazy().expect_err("out of range");
        assert_permanent(&error, ErrorKind::Config, "keep_alive");
    }
}

#[tokio::test]
async fn endless_durations_are_as_good_as_a_year() {
    let proxy = Proxy::to(Server::shared()).expect("a proxy");
    let builder = Client::builder(&proxy.url())
        .command_timeout(Duration::MAX)
        .connect_timeout(Duration::MAX)
        .backoff(Duration::ZERO, Duration::MAX);
    let client = builder.clone().connect().await.expect("a server");
    for endless in [
        client.clone(),
        client.with(OperationOptions::new().timeout(Duration::MAX)),
    ] {
        let get = Command::read("GET").key("endless");
        endless.run(get.clone()).await.expect("GET");
        for read in [get.clone(), get.timeout(Duration::MAX)] {
            let (_, _watch) = endless.watch(read).await.expect("a watch");
        }
        let pop = Pop::front("endless");
        let delivery = endless.take(&pop).await.expect("a reply");
        assert!(delivery.is_none());
        let mut batch = endless.batch().atomic();
        let ping = batch.add(endless.op(Command::read("PING"), |_| Ok(())));
        batch.send().await.expect("a batch");
        ping.take().expect("PONG");
    }
    // An attempt that fails makes the next pause.
    let failures = client.stats().connect_failures;
    proxy.refuse(true).expect("refuse");
    proxy.cut();
    until("some attempts fail", async || {
        client.stats().connect_failures >= failures + 2
    })
    .await;
    drop(client);

    let slow = refused_client(&proxy, Duration::MAX, Duration::MAX);
    until("two attempts fail", async || {
        slow.stats().connect_failures == 2
    })
    .await;
    let limit = OperationOptions::new().timeout(Duration::from_millis(100));
    let error = slow.with(limit).run(Command::read("PING")).await;
    assert_eq!(error.expect_err("refused").kind(), ErrorKind::NotSent);
}

#[tokio::test]
async fn client_name_is_shown_or_refused() {
    let server = Server::start().expect("a server");
    for name in ["billing", "a/b:c", ""] {
        let builder = Client::builder(&server.url()).client_name(name);
        let client = builder.clone().connect().await.expect("a server");
        assert_eq!(info(&client).await["name"], name);
        let session = builder.connect_session().await.expect("a server");
        let read = Command::read("CLIENT").arg("GETNAME");
        let reply = session.run(read).await.expect("CLIENT GETNAME");
        let of_session = reply
            .non_nil()
            .map(|reply| reply.into_bytes().expect("text"));
        assert_eq!(&of_session.unwrap_or_default()[..], name.as_bytes());
    }
    for name in ["two words", "line\n", "é"] {
        let builder = Client::builder(&server.url()).client_name(name);
        let error = builder.connect().await.expect_err(name);
        assert_permanent(&error, ErrorKind::Config, "client name");
    }
}

#[tokio::test]
async fn connections_share_reads_and_keep_the_order_of_writes() {
    let server = Server::start().expect("a server");
    for (number, expected) in [(0, 1), (1, 1), (3, 3)] {
        let builder = Client::builder(&server.url()).connections(number);
        let client = builder.connect().await.expect("a server");
        assert_eq!(connections(&server), expected);
        let id = |command: Command| {
            let reply = client.run(command.arg("ID"));
            async move {
                reply
                    .await
                    .expect("CLIENT ID")
                    .into_int()
                    .expect("a number")
            }
        };
        let ids = async |command: fn(&'static str) -> Command| {
            let ids = join_all((0..12).map(|_| id(command("CLIENT")))).await;
            std::collections::HashSet::<i64>::from_iter(ids).len()
        };
        assert_eq!(ids(Command::read).await, expected);
        assert_eq!(ids(Command::write).await, 1);
        client.close().await;
        until("all are closed", async || connections(&server) == 0).await;
    }
}

#[tokio::test]
async fn read_from_replicas_sends_them_reads_only() {
    let cluster = Cluster::start(1, 1).expect("a cluster");
    let (primary, replica) = (&cluster.nodes()[0], &cluster.nodes()[1]);
    let read = || Command::read("GET").key("n");
    let client = Client::connect(&cluster.url()).await.expect("a cluster");
    for _ in 0..20 {
        client.run(read()).await.expect("GET");
    }
    assert_eq!(calls(replica, "get"), 0);
    assert_eq!(calls(primary, "get"), 20);

    let builder = Client::builder(&cluster.url()).read_from(ReadFrom::PreferReplica);
    let client = builder.connect().await.expect("a cluster");
    until("the replica is asked", async || {
        client.run(read()).await.expect("GET");
        calls(replica, "get") > 0
    })
    .await;
    let before = calls(primary, "get");
    for _ in 0..20 {
        client.run(read()).await.expect("GET");
        client.run(incr("n")).await.expect("INCR");
    }
    assert_eq!(calls(primary, "get"), before);
    assert_eq!(get(primary, "n").as_deref(), Some("20"));
    // A scan goes to the primary alone, also where its replica is asked for reads.
    let fields = (0..2_000).fold(Command::write("HSET").key("h"), |set, field: i64| {
        set.arg(field).arg(field)
    });
    client.run(fields).await.expect("HSET");
    let pages: Vec<_> = client
        .scan(Scan::new("HSCAN", "h"))
        .try_collect()
        .await
        .expect("pages");
    assert_eq!(pages.concat().len(), 4_000);
    assert_eq!(calls(replica, "hscan"), 0);
    // Without the replica the primary is asked.
    replica.kill().expect("kill");
    until("the loss is noticed", async || {
        client.run(read()).await.expect("GET");
        calls(primary, "get") > before
    })
    .await;
    // And the replica again, once it is back.
    replica.restart().expect("restart");
    until("the replica is asked again", async || {
        client.run(read()).await.expect("GET");
        calls(replica, "get") > 0
    })
    .await;

    let builder = Client::builder("redis://127.0.0.1").read_from(ReadFrom::PreferReplica);
    let error = builder.connect_lazy().expect_err("no cluster");
    assert_permanent(&error, ErrorKind::Config, "redis-cluster://");
}

#[tokio::test]
async fn retry_of_reads_can_be_turned_off() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::to(&server).expect("a proxy");
    for retries in [true, false] {
        let builder = Client::builder(&proxy.url()).retry_reads(retries);
        let client = builder.connect().await.expect("a server");
        proxy.cut_after_reply_bytes(1);
        let result = client.run(Command::read("GET").key("k")).await;
        match result {
            Ok(reply) => assert!(retries && reply.is_nil()),
            Err(error) => {
                assert!(!retries, "{error:?}");
                assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
                assert!(error.is_retryable());
            }
        }
    }
}

#[tokio::test]
async fn credentials_that_were_set_last_are_used() {
    let server = Server::start().expect("a server");
    for (name, password) in [("one", "1"), ("two", "2")] {
        server.user(name, password, "~* +@all").expect("a user");
    }
    let one = || async { Ok(Credentials::new("one", "1")) };
    let two = Credentials::new("two", "2");
    let builder = Client::builder(&server.url_of("nobody", "x"));
    let provider_last = builder
        .clone()
        .credentials(two.clone())
        .credentials_provider(one);
    let provider_first = builder.credentials_provider(one).credentials(two.clone());
    let client = provider_last.connect().await.expect("a user");
    assert_eq!(info(&client).await["user"], "one");
    // Another client of the same configuration has the same source, unless it is given one.
    let again = client.to_builder().connect().await.expect("a user");
    assert_eq!(info(&again).await["user"], "one");
    let other = client.to_builder().credentials(two).connect().await;
    assert_eq!(info(&other.expect("a user")).await["user"], "two");
    let client = provider_first.connect().await.expect("a user");
    assert_eq!(info(&client).await["user"], "two");
}

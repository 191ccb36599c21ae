//! Servers that do not know HELLO: everything but tracking works.

use std::time::Duration;

use futures::TryStreamExt;
use purse_client::{Client, Command, ErrorKind, Pop, Reply, Scan, Script};
use purse_testkit::{Release, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{SOON, until, waits};
use crate::{assert_info, assert_permanent, info};

fn without_hello(release: Release) -> Server {
    let settings = Server::builder().release(release);
    let settings = settings.config("rename-command", "HELLO \"\"");
    settings.start().expect("a server")
}

fn servers() -> [Server; 2] {
    [Release::Valkey9_1, Release::Redis6_2_5].map(without_hello)
}

/// Starts a proxy that closes a connection on which HELLO is said, as twemproxy does.
async fn start_proxy_without_hello(server: &Server) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (near, far) = (listener.local_addr().expect("an address"), server.port());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let far = TcpStream::connect(("127.0.0.1", far)).await;
                let mut far = far.expect("the server");
                let (mut replies, mut requests) = far.split();
                let (mut near_in, mut near_out) = socket.split();
                // Either end may close at any time.
                let forward = async {
                    let mut bytes = vec![0; 4096];
                    loop {
                        let read = near_in.read(&mut bytes).await.unwrap_or(0);
                        let request = &bytes[..read];
                        let is_hello = request.windows(5).any(|word| word == b"HELLO");
                        if read == 0 || is_hello || requests.write_all(request).await.is_err() {
                            return;
                        }
                    }
                };
                tokio::select! {
                    () = forward => {}
                    _ = copy(&mut replies, &mut near_out) => {}
                }
            });
        }
    });
    near.port()
}

static PAIR: Script = Script::write("PAIR", "return {redis.call('INCR', KEYS[1]), false, 'x'}");

/// Runs one command of each kind, and reads its reply.
async fn check_everything(client: &Client) {
    let run = async |command: Command| client.run(command).await.expect("a reply");
    run(Command::write("SET").key("{k}s").arg("v")).await;
    let value = run(Command::read("GET").key("{k}s")).await;
    assert_eq!(&value.into_bytes().expect("bytes")[..], b"v");
    assert!(run(Command::read("GET").key("{k}none")).await.is_nil());
    let set = Command::write("HSET").key("{k}h").arg("f").arg("1");
    assert_eq!(
        run(set.arg("g").arg("2"))
            .await
            .into_int()
            .expect("a number"),
        2
    );
    let pairs = run(Command::read("HGETALL").key("{k}h")).await;
    assert_eq!(pairs.into_pairs().expect("pairs").len(), 2);
    let add = Command::write("ZADD").key("{k}z").arg("1.5").arg("m");
    run(add).await;
    let score = run(Command::read("ZSCORE").key("{k}z").arg("m")).await;
    assert!((score.into_float().expect("a number") - 1.5).abs() < 1e-9);
    let range = Command::read("ZRANGE").key("{k}z").arg(0_i64).arg(-1_i64);
    let scores = run(range.arg("WITHSCORES")).await;
    assert_eq!(scores.into_pairs().expect("pairs").len(), 1);
    let is_member = Command::read("SISMEMBER").key("{k}set").arg("m");
    assert!(!run(is_member).await.into_bool().expect("a yes or no"));
    for number in 1..=2 {
        let reply = run(Command::script(&PAIR).key("{k}n")).await;
        let [n, nil, x] = reply.into_array().expect("an array");
        assert_eq!(n.into_int().expect("a number"), number);
        assert!(nil.is_nil());
        assert_eq!(&x.into_bytes().expect("bytes")[..], b"x");
    }
    for atomic in [false, true] {
        let batch = client.batch();
        let mut batch = if atomic { batch.atomic() } else { batch };
        let length = Command::read("HLEN").key("{k}h");
        let length = batch.add(client.op(length, Reply::into_int));
        let wrong = Command::write("RPUSH").key("{k}s").arg("x");
        let wrong = batch.add(client.op(wrong, Reply::into_int));
        batch.send().await.expect("a batch");
        assert_eq!(length.take().expect("a number"), 2);
        let error = wrong.take().expect_err("a string is no list");
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error:?}");
    }
    let pages = client.scan(Scan::new("HSCAN", "{k}h"));
    let pages: Vec<_> = pages.try_collect().await.expect("pages");
    assert_eq!(pages.concat().len(), 4);
    let keys = client.scan_keys(None, 10);
    let keys: Vec<_> = keys.try_collect().await.expect("pages");
    assert_eq!(keys.concat().len(), 4);
}

async fn check_waiting_pop(client: &Client, server: &Server) {
    let pop = Pop::front("queue");
    assert!(client.take(&pop).await.expect("a reply").is_none());
    let waiting = client.clone();
    let wait = tokio::spawn(async move { waiting.take_wait(&Pop::front("queue"), None).await });
    let before = waits(server);
    until("the pop polls", async || waits(server) >= before + 3).await;
    let push = Command::write("RPUSH").key("queue").arg("x");
    client.run(push).await.expect("RPUSH");
    let delivery = tokio::time::timeout(SOON, wait).await.expect("in time");
    let delivery = delivery.expect("no panic").expect("a reply").expect("one");
    assert_eq!(&delivery.element()[..], b"x");
    delivery.ack();
    let wait = Some(Duration::from_millis(20));
    assert!(
        client
            .take_wait(&pop, wait)
            .await
            .expect("a reply")
            .is_none()
    );
}

#[tokio::test]
async fn server_without_hello_serves_everything_but_tracking() {
    for server in servers() {
        server
            .user("app", "pass word", "~* &* +@all")
            .expect("a user");
        let url = format!("{}/3", server.url_of("app", "pass word"));
        let client = Client::connect(&url).await.expect("RESP2");
        let (users, db) = (client.run(Command::read("ACL").arg("WHOAMI")).await, "3");
        let user = users.and_then(Reply::into_bytes).expect("a name");
        assert_eq!((&user[..], &*info(&client).await["db"]), (&b"app"[..], db));
        check_everything(&client).await;
        check_waiting_pop(&client, &server).await;
        let watch = client.watch(Command::read("GET").key("k")).await;
        let error = watch.expect_err("no RESP3");
        assert_permanent(&error, ErrorKind::Unsupported, "RESP3");
        let session = Client::builder(&url).connect_session().await;
        let session = session.expect("a session");
        let ping = session.run(Command::read("PING")).await;
        assert_eq!(
            &ping.expect("PONG").into_bytes().expect("text")[..],
            b"PONG"
        );
    }
}

#[tokio::test]
async fn connection_without_hello_has_its_name() {
    for server in servers() {
        let builder = Client::builder(&server.url()).client_name("billing");
        let client = builder.connect().await.expect("RESP2");
        assert_eq!(info(&client).await["name"], "billing");
    }
}

#[tokio::test]
async fn server_without_hello_refuses_a_wrong_login_as_auth() {
    for server in servers() {
        server.user("app", "right", "~* +@all").expect("a user");
        let url = server.url_of("app", "wrong");
        let error = Client::connect(&url).await.expect_err("a wrong password");
        assert_permanent(&error, ErrorKind::Auth, "WRONGPASS");
        let url = format!("{}/99", server.url());
        let error = Client::connect(&url).await.expect_err("16 databases");
        assert_permanent(&error, ErrorKind::Config, "database");
    }
}

#[tokio::test]
async fn proxy_that_closes_on_hello_serves_everything_but_tracking() {
    let server = Server::start().expect("a server");
    server.user("app", "right", "~* &* +@all").expect("a user");
    let port = start_proxy_without_hello(&server).await;
    let url = format!("redis://app:right@127.0.0.1:{port}");
    let client = Client::connect(&url).await.expect("RESP2");
    check_everything(&client).await;
    check_waiting_pop(&client, &server).await;
    let watch = client.watch(Command::read("GET").key("k")).await;
    let error = watch.expect_err("no RESP3");
    assert_permanent(&error, ErrorKind::Unsupported, "RESP3");
    assert_info(&info(&client).await, "resp", "2");

    let url = format!("redis://app:wrong@127.0.0.1:{port}");
    let error = Client::connect(&url).await.expect_err("a wrong password");
    assert_permanent(&error, ErrorKind::Auth, "WRONGPASS");
}

//! Replies that fred would blur, scripts, scans and batches of commands.

mod support;

use std::collections::HashSet;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse_client::{Client, Command, ErrorKind, Op, Pattern, Reply, Scan, Script};
use purse_testkit::Server;
use support::{calls, client, servers, until};

#[tokio::test]
async fn nil_empty_and_single_stay_apart() {
    for server in servers() {
        let client = client(&server).await;
        let get = client
            .run(Command::read("GET").key("none"))
            .await
            .expect("GET");
        assert!(get.is_nil());
        client
            .run(Command::write("SET").key("empty").arg(""))
            .await
            .expect("SET");
        let get = client
            .run(Command::read("GET").key("empty"))
            .await
            .expect("GET");
        assert_eq!(get.into_bytes().expect("bytes").len(), 0);

        let range = |key| Command::read("LRANGE").key(key).arg(0_i64).arg(-1_i64);
        let none = client.run(range("none")).await.expect("LRANGE");
        assert_eq!(none.into_list().expect("a list").len(), 0);
        client
            .run(Command::write("RPUSH").key("one").arg("x"))
            .await
            .expect("RPUSH");
        let one = client.run(range("one")).await.expect("LRANGE");
        assert_eq!(one.into_list().expect("a list").len(), 1);

        let pop = |key| Command::write("LPOP").key(key).arg(2_i64);
        assert!(client.run(pop("none")).await.expect("LPOP").is_nil());
        let popped = client.run(pop("one")).await.expect("LPOP");
        assert_eq!(popped.into_list().expect("a list").len(), 1);

        client
            .run(Command::write("HSET").key("h").arg("f").arg("v"))
            .await
            .expect("HSET");
        let map = client
            .run(Command::read("HGETALL").key("h"))
            .await
            .expect("HGETALL");
        assert_eq!(map.into_pairs().expect("pairs").len(), 1);
        let map = client
            .run(Command::read("HGETALL").key("none"))
            .await
            .expect("HGETALL");
        assert_eq!(map.into_pairs().expect("pairs").len(), 0);
    }
}

#[tokio::test]
async fn bytes_of_every_value_go_there_and_back() {
    let all: Vec<u8> = (0..=255).collect();
    for server in servers() {
        let client = client(&server).await;
        let key = Bytes::from(all.clone());
        let set = Command::write("SET")
            .key(key.clone())
            .arg(Bytes::from(all.clone()));
        client.run(set).await.expect("SET");
        let get = client
            .run(Command::read("GET").key(key))
            .await
            .expect("GET");
        assert_eq!(get.into_bytes().expect("bytes"), all);
    }
}

#[tokio::test]
async fn a_command_with_a_method_of_freds_answers_as_any_other() {
    for server in servers() {
        let client = client(&server).await;
        let run = async |command| client.run(command).await.expect("a reply");
        let key = |command: Command| command.key("l");
        assert_eq!(
            run(key(Command::write("RPUSH")).arg("a").arg("b"))
                .await
                .into_int()
                .ok(),
            Some(2)
        );
        assert_eq!(
            run(key(Command::write("LPUSH")).arg("z"))
                .await
                .into_int()
                .ok(),
            Some(3)
        );
        assert_eq!(
            run(key(Command::read("LLEN"))).await.into_int().ok(),
            Some(3)
        );
        assert_eq!(
            run(key(Command::read("LINDEX")).arg(-1_i64))
                .await
                .into_bytes()
                .ok(),
            Some("b".into())
        );
        assert_eq!(
            run(key(Command::write("LPOP"))).await.into_bytes().ok(),
            Some("z".into())
        );
        assert_eq!(
            run(key(Command::write("RPOP"))).await.into_bytes().ok(),
            Some("b".into())
        );
        let field = |command: Command| command.key("h").arg(Bytes::from("f"));
        assert!(
            run(field(Command::write("HSET")).arg("v"))
                .await
                .into_bool()
                .expect("new")
        );
        assert!(
            !run(field(Command::write("HSET")).arg("w"))
                .await
                .into_bool()
                .expect("not new")
        );
        assert_eq!(
            run(field(Command::read("HGET"))).await.into_bytes().ok(),
            Some("w".into())
        );
        assert!(
            run(field(Command::read("HEXISTS")))
                .await
                .into_bool()
                .expect("there")
        );
        assert_eq!(
            run(Command::read("HLEN").key("h")).await.into_int().ok(),
            Some(1)
        );
    }
}

#[tokio::test]
async fn message_like_reply_is_a_reply() {
    for server in servers() {
        let client = client(&server).await;
        server.command(&["SET", "k", "SECRET"]).expect("SET");
        for word in [
            "message",
            "smessage",
            "pmessage",
            "subscribe",
            "sunsubscribe",
            "pubsub",
        ] {
            let push = ["RPUSH", word, word, "message", "c", "d"];
            server.command(&push).expect("RPUSH");
            for length in 1..=4_i64 {
                let range = Command::read("LRANGE").key(word).arg(0_i64).arg(length - 1);
                let get = Command::read("GET").key("k");
                let (range, get) = tokio::join!(client.run(range), client.run(get));
                let range = range.expect("a reply").into_list().expect("a list");
                let range = range
                    .into_iter()
                    .map(|item| item.into_bytes().expect("bytes"));
                let expected = push[2..]
                    .iter()
                    .copied()
                    .take(length as usize)
                    .map(Bytes::from);
                assert!(range.eq(expected), "the first {length} of {push:?}");
                let get = get.expect("a reply").into_bytes().expect("bytes");
                assert_eq!(&get[..], b"SECRET", "the reply of another caller");
            }
            // Within another array, as a page of a scan is.
            server
                .command(&["SADD", "set", word, "x", "y"])
                .expect("SADD");
            let scan = client.scan(Scan::new("SSCAN", "set"));
            let pages: Vec<Vec<Reply>> = scan.try_collect().await.expect("pages");
            assert_eq!(pages.concat().len(), 3, "{word}");
            server.command(&["DEL", "set"]).expect("DEL");
        }
    }
}

#[tokio::test]
async fn replies_of_known_length_are_returned_whole() {
    for server in servers() {
        let client = client(&server).await;
        server.command(&["SET", "k", "SECRET"]).expect("SET");
        let calls = |script: &str| calls(&server, script);
        for word in [
            "message",
            "smessage",
            "pmessage",
            "subscribe",
            "psubscribe",
            "unsubscribe",
            "punsubscribe",
            "sunsubscribe",
            "pubsub",
            "invalidate",
            "MOVED 1 127.0.0.1:1",
        ] {
            let second = if word == "pubsub" { "message" } else { word };
            let stored = [word, second, "c", "d", "e", "f", "g", "h"];
            for (n, value) in stored.iter().enumerate() {
                let n = n.to_string();
                server.command(&["HSET", "h", &n, value]).expect("HSET");
                server.command(&["SET", &n, value]).expect("SET");
            }
            for length in 0..=stored.len() {
                let names = || (0..length).map(|n| Bytes::from(n.to_string()));
                let hmget = Command::read("HMGET").key("h").args(names());
                let mget = names().fold(Command::read("MGET"), Command::key);
                // All but the first one as arguments.
                let odd = names().take(1).fold(Command::read("MGET"), Command::key);
                let odd = odd.args(names().skip(1));
                for command in [hmget, mget, odd] {
                    let name = command.name();
                    let wrapped = calls("evalsha");
                    let get = Command::read("GET").key("k");
                    let (reply, get) = tokio::join!(client.run(command), client.run(get));
                    let get = get.expect("a reply").into_bytes().expect("bytes");
                    assert_eq!(&get[..], b"SECRET", "the reply of another caller");
                    if length == 0 {
                        assert_eq!(reply.expect_err("nothing to get").code(), Some("ERR"));
                        continue;
                    }
                    let reply = reply.expect("a reply").into_list().expect("a list");
                    let reply = reply
                        .into_iter()
                        .map(|item| item.into_bytes().expect("bytes"));
                    let expected = stored.iter().take(length).map(|text| Bytes::from(*text));
                    assert!(
                        reply.eq(expected),
                        "{name}: the first {length} of {stored:?}"
                    );
                    assert_eq!(
                        calls("evalsha"),
                        wrapped,
                        "{name} of {length} needs no script"
                    );
                }
            }
        }
    }
}

static ECHO: Script = Script::read("ECHO", "return {KEYS[1], ARGV[1]}");

#[tokio::test]
async fn a_script_survives_a_flush_of_the_scripts() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let echo = || Command::script(&ECHO).key("key").arg("arg");
    for _ in 0..3 {
        let [key, arg] = client
            .run(echo())
            .await
            .expect("a reply")
            .into_array()
            .expect("two");
        assert_eq!(
            (key.into_bytes().ok(), arg.into_bytes().ok()),
            (Some("key".into()), Some("arg".into()))
        );
        server.command(&["SCRIPT", "FLUSH"]).expect("SCRIPT FLUSH");
    }
    assert_eq!(calls(&server, "eval"), 3, "one EVAL for each flush");
    client.run(echo()).await.expect("a reply");
    client.run(echo()).await.expect("a reply");
    assert_eq!(calls(&server, "eval"), 4, "and EVALSHA from then on");
}

fn fill(server: &Server, fields: usize) {
    for chunk in (0..fields).collect::<Vec<_>>().chunks(500) {
        let mut command = vec!["HSET".to_owned(), "h".to_owned()];
        command.extend(
            chunk
                .iter()
                .flat_map(|n| [format!("field:{n}"), n.to_string()]),
        );
        server.command(&command).expect("HSET");
    }
}

#[tokio::test]
async fn a_scan_sees_everything_and_stops_when_it_is_dropped() {
    for server in servers() {
        fill(&server, 5_000);
        let client = client(&server).await;
        let scan = Scan::new("HSCAN", "h").count(10);
        let pages: Vec<Vec<Reply>> = client
            .scan(scan.clone())
            .try_collect()
            .await
            .expect("pages");
        let mut fields: Vec<Bytes> = pages
            .into_iter()
            .flatten()
            .step_by(2)
            .map(|field| field.into_bytes().expect("a field"))
            .collect();
        fields.sort();
        fields.dedup();
        assert_eq!(fields.len(), 5_000);

        let before = calls(&server, "hscan");
        let mut pages = client.scan(scan).boxed();
        for _ in 0..3 {
            pages.next().await.expect("a page").expect("no error");
        }
        drop(pages);
        // Requests of the dropped stream would be sent before one of these on some connection.
        for _ in 0..4 {
            client.run(Command::read("PING")).await.expect("PING");
        }
        let sent = calls(&server, "hscan") - before;
        assert_eq!(sent, 4, "three pages, and the one that was on its way");
    }
}

#[tokio::test]
async fn scan_filters_by_pattern() {
    let server = Server::start().expect("a server");
    server
        .command(&["HSET", "h", "a*b", "1", "axb", "2", "a*c", "3", "[x]", "4"])
        .expect("HSET");
    let client = client(&server).await;
    let fields = async |pattern: Pattern| {
        let scan = Scan::new("HSCAN", "h").matching(Some(pattern));
        let pages: Vec<Vec<Reply>> = client.scan(scan).try_collect().await.expect("pages");
        let mut fields: Vec<_> = pages
            .into_iter()
            .flatten()
            .step_by(2)
            .map(|field| {
                String::from_utf8_lossy(&field.into_bytes().expect("a field")).into_owned()
            })
            .collect();
        fields.sort();
        fields
    };
    assert_eq!(fields(Pattern::glob("a*b")).await, ["a*b", "axb"]);
    assert_eq!(fields(Pattern::prefix("a*")).await, ["a*b", "a*c"]);
    assert_eq!(fields(Pattern::literal("[x]")).await, ["[x]"]);
}

#[tokio::test]
async fn a_scan_of_another_type_fails_once_and_ends() {
    let server = Server::start().expect("a server");
    server.command(&["SET", "text", "t"]).expect("SET");
    let client = client(&server).await;
    let pages: Vec<_> = client.scan(Scan::new("HSCAN", "text")).collect().await;
    let [Err(error)] = &pages[..] else {
        panic!("{pages:?}")
    };
    assert_eq!(error.kind(), ErrorKind::WrongType);
}

#[tokio::test]
async fn an_operation_sends_nothing_until_it_is_polled() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let count: Op<i64> = client.op(Command::write("INCR").key("n"), Reply::into_int);
    assert_eq!(format!("{count:?}"), "Op(\"INCR\")");
    drop(count);
    let count: Op<i64> = client.op(Command::write("INCR").key("n"), Reply::into_int);
    assert_eq!(count.await.expect("a number"), 1);
    assert_eq!(calls(&server, "incr"), 1);
}

/// Every form that goes through a method of fred's, and the nearest one that does not.
#[tokio::test]
async fn a_method_of_freds_sends_what_the_command_says() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let bytes = |text: &'static str| Bytes::from(text);
    let write = |name, key: &'static str| Command::write(name).key(key);
    let read = |name, key: &'static str| Command::read(name).key(key);
    let cases = [
        (write("SADD", "s").arg("a").arg("b").arg("a"), "2"),
        (read("SISMEMBER", "s").arg("a"), "1"),
        (read("SISMEMBER", "s").arg("z"), "0"),
        (write("SREM", "s").arg("a").arg("z"), "1"),
        (read("SCARD", "s"), "1"),
        (write("ZADD", "z").arg(0.1).arg("m"), "1"),
        (write("ZADD", "z").arg("NX").arg(5.0).arg("m"), "0"),
        (write("ZADD", "z").arg(f64::INFINITY).arg("top"), "1"),
        (write("ZADD", "z").arg(f64::NEG_INFINITY).arg("low"), "1"),
        (write("ZADD", "z").arg(1.0).arg("c").arg(2.0).arg("d"), "2"),
        (read("ZSCORE", "z").arg("m"), "0.1"),
        (read("ZSCORE", "z").arg("top"), "inf"),
        (read("ZSCORE", "z").arg("low"), "-inf"),
        (write("ZREM", "z").arg("m").arg("c").arg("?"), "2"),
        (read("ZCARD", "z"), "3"),
        (write("HSET", "h").arg(bytes("f")).arg(7_i64), "1"),
        (
            write("HSET", "h")
                .arg(bytes("a"))
                .arg(1_i64)
                .arg(bytes("b"))
                .arg(2_i64),
            "2",
        ),
        (write("HINCRBY", "h").arg(bytes("f")).arg(-9_i64), "-2"),
        (write("HDEL", "h").arg(bytes("f")), "1"),
        (write("HDEL", "h").arg(bytes("a")).arg(bytes("b")), "2"),
        (
            write("SET", "k")
                .arg(bytes("v"))
                .arg("NX")
                .arg("PX")
                .arg(90_000_i64),
            "OK",
        ),
        (read("EXISTS", "k"), "1"),
        (
            write("SET", "k")
                .arg(bytes("v"))
                .arg("XX")
                .arg("PX")
                .arg(90_000_i64),
            "OK",
        ),
        (write("UNLINK", "k"), "1"),
        (read("PTTL", "k"), "-2"),
    ];
    for (command, answer) in cases {
        let case = format!("{command:?}");
        let reply = client.run(command).await.expect("a reply");
        let reply = reply.into_bytes().expect("a string or a number");
        assert_eq!(String::from_utf8_lossy(&reply), answer, "{case}");
    }
    let lock = || {
        write("SET", "lock")
            .arg(bytes("v"))
            .arg("NX")
            .arg("PX")
            .arg(90_000_i64)
    };
    assert!(
        client
            .run(lock())
            .await
            .expect("SET")
            .into_bool()
            .expect("OK")
    );
    assert!(client.run(lock()).await.expect("SET").is_nil(), "NX");
    let left = client.run(read("PTTL", "lock")).await.expect("PTTL");
    assert!(
        (1..=90_000).contains(&left.into_int().expect("a time")),
        "PX"
    );
}

#[tokio::test]
async fn many_operations_at_once_share_their_writes() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let push = |n: i64| client.op(Command::write("RPUSH").key("l").arg(n), Reply::into_count);
    let lengths = futures::future::try_join_all((0..500).map(push))
        .await
        .expect("lengths");
    assert_eq!(
        lengths,
        (1..=500).collect::<Vec<_>>(),
        "in the order they were made"
    );
    until("the reads see them", async || {
        let length = client
            .run(Command::read("LLEN").key("l"))
            .await
            .expect("LLEN");
        length.into_count().expect("a count") == 500
    })
    .await;
}

#[tokio::test]
async fn operations_take_turns_on_the_connections_of_reads() {
    let server = Server::start().expect("a server");
    let client = Client::builder(&server.url())
        .connections(2)
        .connect()
        .await;
    let client = client.expect("a client");
    let mut connections = HashSet::new();
    for _ in 0..4 {
        let id = client.op(Command::read("CLIENT").arg("ID"), Reply::into_int);
        connections.insert(id.await.expect("CLIENT ID"));
    }
    assert_eq!(connections.len(), 2);
}

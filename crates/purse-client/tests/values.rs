//! Replies that fred would blur, scripts, scans and batches of commands.

mod support;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse_client::{Client, Command, ErrorKind, Op, Pattern, Reply, Scan, Script};
use purse_testkit::Server;
use support::{calls, client, until};

async fn both(server: &Server) -> [Client; 2] {
    let resp3 = Client::builder(&server.url())
        .resp3()
        .connect()
        .await
        .expect("RESP3");
    [client(server).await, resp3]
}

#[tokio::test]
async fn nil_empty_and_single_stay_apart() {
    let server = Server::start().expect("a server");
    for client in both(&server).await {
        server.command(&["FLUSHALL"]).expect("FLUSHALL");
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
    let server = Server::start().expect("a server");
    let all: Vec<u8> = (0..=255).collect();
    for client in both(&server).await {
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
    let server = Server::start().expect("a server");
    for client in both(&server).await {
        server.command(&["FLUSHALL"]).expect("FLUSHALL");
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
    let server = Server::start().expect("a server");
    fill(&server, 5_000);
    for client in both(&server).await {
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
        // Whatever the dropped stream had sent would come before this on some connection.
        for _ in 0..4 {
            client.run(Command::read("PING")).await.expect("PING");
        }
        assert_eq!(calls(&server, "hscan") - before, 3);
    }
}

#[tokio::test]
async fn a_scan_takes_only_what_matches() {
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

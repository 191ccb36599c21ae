//! Commands that a connection cannot carry, and batches that cannot be sent.

use std::time::{Duration, Instant};

use purse_client::{Client, Command, ErrorKind, Reply};
use purse_testkit::Server;

use crate::support::{SOON, client};

/// Commands without exactly one reply, or after which replies have another form.
fn unpaired_commands() -> [Command; 9] {
    [
        Command::read("SUBSCRIBE").arg("news"),
        Command::read("UNSUBSCRIBE"),
        Command::read("MONITOR"),
        Command::read("CLIENT").arg("REPLY").arg("SKIP"),
        Command::read("RESET"),
        Command::read("REPLCONF").arg("ACK").arg(0),
        Command::read("monitor"),
        Command::read("Subscribe").arg("news"),
        Command::read("client").arg("reply").arg("off"),
    ]
}

#[tokio::test]
async fn command_without_one_reply_is_refused_everywhere() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let session = client
        .to_builder()
        .connect_session()
        .await
        .expect("a session");
    session
        .run(Command::write("SET").key("k").arg("v"))
        .await
        .expect("SET");
    for command in unpaired_commands() {
        let error = client.run(command.clone()).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let error = session.run(command).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        // The replies after it still belong to their commands.
        let value = session
            .run(Command::read("GET").key("k"))
            .await
            .expect("GET");
        assert_eq!(&value.into_bytes().expect("bytes")[..], b"v");
    }
}

#[tokio::test]
async fn blocking_command_in_a_batch_is_refused() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let mut batch = client.batch();
    let pop = Command::write("BLPOP").key("queue").arg(0);
    let refused = batch.add(client.op(pop, |_| Ok(())));
    let increment = batch.add(client.op(Command::write("INCR").key("n"), Reply::into_int));
    batch.send().await.expect("a batch");
    let error = refused.take().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(increment.take().expect("INCR"), 1);
}

#[tokio::test]
async fn lower_case_increment_in_an_atomic_batch_is_exact() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let mut batch = client.batch().atomic();
    let number = Command::write("incrby").key("n").arg(i64::MAX);
    let number = batch.add(client.op(number, Reply::into_int));
    let field = Command::write("hincrby").key("h").arg("f").arg(i64::MAX);
    let field = batch.add(client.op(field, Reply::into_int));
    batch.send().await.expect("a batch");
    assert_eq!(number.take().expect("a number"), i64::MAX);
    assert_eq!(field.take().expect("a number"), i64::MAX);
}

#[tokio::test]
async fn batch_of_reads_without_a_server_takes_one_timeout() {
    let server = Server::start().expect("a server");
    let builder = Client::builder(&server.url()).command_timeout(Duration::from_millis(300));
    let client = builder.connect().await.expect("a client");
    server.kill().expect("kill");
    let mut batch = client.batch();
    let get = |n: u32| client.op(Command::read("GET").key(n.to_string()), |_| Ok(()));
    let reads: Vec<_> = (0..100).map(|n| batch.add(get(n))).collect();
    let started = Instant::now();
    batch.send().await.expect("each read has its own error");
    // One after the other, they would take thirty seconds.
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    for read in reads {
        let error = read.take().expect_err("no server");
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::NotSent | ErrorKind::Timeout),
            "{error}"
        );
    }
}

#[tokio::test]
async fn client_of_fred_connects_once_the_server_is_there() {
    use purse_client::fred::interfaces::ClientLike;

    let server = Server::start().expect("a server");
    let client = client(&server).await;
    server.kill().expect("kill");
    let fred = client.fred().clone();
    let failed: Result<String, _> = fred.ping(None).await;
    failed.expect_err("no server");
    server.restart().expect("restart");
    let deadline = Instant::now() + 2 * SOON;
    loop {
        let reply: Result<String, _> = fred.ping(None).await;
        if reply.is_ok() {
            break;
        }
        assert!(Instant::now() < deadline, "{reply:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.close().await;
}

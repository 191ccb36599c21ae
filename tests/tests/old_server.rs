//! What an older server lacks: a clear error, or a script in its place.

use futures::TryStreamExt;
use purse::{
    Client, Command, Condition, Error, ErrorKind, RedisHash, RedisList, RedisSet, RedisSortedSet,
    Result,
};
use purse_testkit::{Release, Server};
use purse_tests::calls;

async fn start(release: Release) -> (Server, Client) {
    let server = Server::builder()
        .release(release)
        .start()
        .expect("a server");
    let client = Client::connect(&server.url()).await.expect("a client");
    (server, client)
}

/// Asserts that the error names the feature, the version that has it, and that of the server.
fn check<R>(result: Result<R>, server: &Server, words: &str) -> Error {
    let error = result.err().unwrap_or_else(|| panic!("no error: {words}"));
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    let text = error.to_string();
    let version = format!("the server is {}", server.binary());
    assert!(text.contains(words) && text.contains(&version), "{text}");
    // The words of the server are the cause.
    assert!(std::error::Error::source(&error).is_some(), "{error:?}");
    error
}

#[tokio::test]
async fn unknown_option_is_unsupported_and_names_versions() {
    let (server, client) = start(Release::Redis6_0_9).await;
    let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    board.insert("Ada", 1.0).await.unwrap();
    let scores = "ZADD with GT or LT needs Redis 6.2 or later, or Valkey;";
    for condition in [Condition::OnlyGreater, Condition::OnlyLess] {
        let inserted = board.insert_if("Ada", 2.0, condition).await;
        check(inserted, &server, scores);
        check(
            board.extend_if([("Ada", 2.0)], condition).await,
            &server,
            scores,
        );
        let mut batch = client.batch();
        let one = batch.add(board.insert_if("Ada", 2.0, condition));
        batch.send().await.unwrap();
        check(one.take(), &server, scores);
        let mut batch = client.batch().atomic();
        let one = batch.add(board.insert_if("Ada", 2.0, condition));
        batch.send().await.unwrap();
        check(one.take(), &server, scores);
    }
    assert_eq!(board.score("Ada").await.unwrap(), Some(1.0));
    // The error of another option keeps its kind.
    let nan = board
        .insert_if("Ada", f64::NAN, Condition::OnlyGreater)
        .await;
    assert_eq!(nan.unwrap_err().kind(), ErrorKind::InvalidInput);
    client
        .run(Command::write("SET").key("text").arg("x"))
        .await
        .unwrap();
    let text: RedisSortedSet<String> = RedisSortedSet::new(&client, "text");
    let error = text.insert("Ada", 1.0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
}

#[tokio::test]
async fn unknown_command_is_unsupported_and_names_versions() {
    for release in [Release::Redis6_0_9, Release::Redis6_2_5, Release::Valkey8_1] {
        let (server, client) = start(release).await;
        let hash: RedisHash<String, u32> = RedisHash::new(&client, "hash");
        hash.set("a", 1).await.unwrap();
        let minute = std::time::Duration::from_secs(60);
        let ttl = "needs Redis 7.4 or later, or Valkey 9.0 or later;";
        check(hash.expire_field("a", minute).await, &server, ttl);
        check(hash.persist_field("a").await, &server, ttl);
        let error = check(hash.field_ttl("a").await, &server, ttl);
        assert!(error.to_string().starts_with("HPTTL on key"), "{error}");
        let mut batch = client.batch().atomic();
        let one = batch.add(hash.field_ttl("a"));
        batch.send().await.unwrap();
        check(one.take(), &server, ttl);
    }
    let (server, client) = start(Release::Redis6_0_9).await;
    // Also of commands that a program writes itself, in small letters, and without a client's options.
    for (command, words) in [
        (
            Command::write("getdel").key("k"),
            "GETDEL needs Redis 6.2 or later, or Valkey;",
        ),
        (
            Command::write("LMOVE")
                .key("k")
                .key("l")
                .arg("LEFT")
                .arg("LEFT"),
            "LMOVE needs Redis 6.2",
        ),
        (
            Command::read("EXPIRETIME").key("k"),
            "EXPIRETIME needs Redis 7.0",
        ),
        (
            Command::write("LPOP").key("k").arg(2),
            "LPOP with a count needs Redis 6.2",
        ),
        (
            Command::write("PEXPIRE").key("k").arg(2).arg("NX"),
            "PEXPIRE with a condition needs Redis 7.0",
        ),
        (
            Command::write("SET").key("k").arg("v").arg("GET"),
            "SET with GET needs Redis 6.2",
        ),
        (
            Command::write("SET").key("k").arg("v").arg("IFEQ").arg("w"),
            "SET with IFEQ needs Redis 8.4 or later, or Valkey 8.1 or later;",
        ),
        (
            Command::read("ZRANGE").key("k").arg(0).arg(1).arg("REV"),
            "LIMIT needs Redis 6.2",
        ),
    ] {
        check(client.run(command).await, &server, words);
    }
    let error = client
        .run(Command::read("NOSUCH").key("k"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(cause, Some(format!("the server is {}", server.binary())));
}

/// A server that does not say its version is taken by its words.
#[tokio::test]
async fn unknown_version_names_what_is_needed() {
    let settings = Server::builder().release(Release::Redis6_0_9);
    let server = settings
        .config("rename-command", "HELLO \"\"")
        .start()
        .unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let error = client
        .run(Command::write("GETDEL").key("k"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(
        text.contains("GETDEL needs Redis 6.2 or later, or Valkey"),
        "{text}"
    );
    assert!(!text.contains("the server is"), "{text}");
    check_stand_ins(&server, &client, true).await.unwrap();
}

/// Pops and looks that need a script on an older server.
async fn check_stand_ins(server: &Server, client: &Client, is_script: bool) -> Result<()> {
    let list: RedisList<u32> = RedisList::new(client, "list");
    assert!(list.pop_front_n(2).await?.is_empty());
    list.extend(0..10).await?;
    assert!(list.pop_front_n(0).await?.is_empty());
    assert!(list.pop_back_n(0).await?.is_empty());
    assert_eq!(list.pop_front_n(3).await?, [0, 1, 2]);
    assert_eq!(list.pop_back_n(3).await?, [9, 8, 7]);
    assert_eq!(list.pop_back_n(u32::MAX).await?, [6, 5, 4, 3]);
    assert!(!list.exists().await?);
    list.extend(0..3).await?;
    assert_eq!(list.pop_front_n(u32::MAX).await?, [0, 1, 2]);
    assert!(!list.exists().await?);

    let set: RedisSet<u32> = RedisSet::new(client, "set");
    let other: RedisSet<u32> = RedisSet::new(client, "other");
    set.extend(0..3_000).await?;
    other.extend(1_000..4_000).await?;
    let has = set.contains_many(1_500..4_500).await?;
    assert!(has.into_iter().eq((1_500..4_500).map(|n| n < 3_000)));
    let both: Vec<u32> = set.intersection([&other]).stream().try_collect().await?;
    assert_eq!(both.len(), 2_000);
    list.extend(0..3).await?;
    for error in [
        RedisSet::<u32>::new(client, "list")
            .contains_many([1])
            .await
            .map(drop),
        RedisList::<u32>::new(client, "set")
            .pop_front_n(1)
            .await
            .map(drop),
        RedisList::<u32>::new(client, "set")
            .pop_back_n(1)
            .await
            .map(drop),
    ] {
        assert_eq!(error.expect_err("a refusal").kind(), ErrorKind::WrongType);
    }
    for command in ["lpop", "rpop", "smismember"] {
        assert_eq!(calls(server, command) == 0, is_script, "{command}");
    }
    assert_eq!(calls(server, "eval") > 0, is_script);
    Ok(())
}

#[tokio::test]
async fn script_stands_in_for_a_command_that_is_lacking() {
    for (release, is_script) in [
        (Release::Redis6_0_9, true),
        (Release::Redis6_2_5, false),
        (Release::Valkey9_1, false),
    ] {
        let (server, client) = start(release).await;
        check_stand_ins(&server, &client, is_script).await.unwrap();
    }
}

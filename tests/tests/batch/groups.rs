//! Tuples and vectors of operations.

use purse::{Client, Command, ErrorKind, Op, RedisHash, RedisList, RedisSet, Reply};
use purse_testkit::Server;
use purse_tests::{client, fresh};

#[tokio::test]
async fn tuple_returns_the_results_of_its_operations() {
    let client = client().await;
    let list: RedisList<String> = RedisList::new(&client, fresh("group"));
    let hash: RedisHash<String, u32> = RedisHash::new(&client, fresh("group"));
    for atomic in [false, true] {
        list.clear().await.unwrap();
        let batch = || match atomic {
            true => client.batch().atomic(),
            false => client.batch(),
        };
        let operations = (
            list.push_back("a"),
            list.extend(["b", "c"]),
            (hash.set("n", 7), hash.get("n")),
            ["a", "z"].map(|value| list.contains(value)),
            vec![list.is_empty()],
            list.range(..0),
        );
        let (length, more, (_, value), found, empty, none) = batch().run(operations).await.unwrap();
        assert_eq!((length, more, value), (1, 3, Some(7)), "atomic: {atomic}");
        assert_eq!((found, empty), ([true, false], vec![false]));
        assert!(none.is_empty());
        assert_eq!(batch().run((list.len(),)).await.unwrap(), (3,));
        assert!(batch().run(Vec::<Op<u64>>::new()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn tuple_has_up_to_twelve_operations() {
    let client = client().await;
    let key = fresh("group");
    let next = || client.op(Command::write("INCR").key(key.clone()), Reply::into_int);
    let all = (
        next(),
        next(),
        next(),
        next(),
        next(),
        next(),
        next(),
        next(),
        next(),
        next(),
        next(),
        next(),
    );
    let sums = client.batch().atomic().run(all).await.unwrap();
    assert_eq!(sums, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
}

#[tokio::test]
async fn error_of_a_tuple_names_the_operation_that_failed() {
    let client = client().await;
    let key = fresh("group");
    let list: RedisList<u32> = RedisList::new(&client, &key);
    let wrong: RedisSet<u32> = RedisSet::new(&client, &key);
    for atomic in [false, true] {
        list.clear().await.unwrap();
        let batch = || match atomic {
            true => client.batch().atomic(),
            false => client.batch(),
        };
        let operations = (
            list.push_back(1),
            wrong.add(1),
            wrong.len(),
            list.push_back(2),
        );
        let error = batch().run(operations).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.operation()),
            (ErrorKind::WrongType, Some(1))
        );
        let text = error.to_string();
        assert!(text.starts_with("SADD on key"), "{text}");
        assert!(
            text.ends_with("(the operation at index 1 of the batch)"),
            "{text}"
        );
        assert_eq!(list.to_vec().await.unwrap(), [1, 2], "the others ran");
        let vector = [wrong.len(), list.len()]
            .into_iter()
            .rev()
            .collect::<Vec<_>>();
        let error = batch().run(vector).await.unwrap_err();
        assert_eq!(error.operation(), Some(1));
        let nested = (list.len(), (list.len(), list.len(), wrong.len()));
        let error = batch().run(nested).await.unwrap_err();
        assert_eq!(error.operation(), Some(1), "the outer place");
        let alone = batch().run(wrong.len()).await.unwrap_err();
        assert_eq!(alone.operation(), None);
    }
}

/// A command that was refused while the server loads may be repeated, but not the ones around it.
#[tokio::test]
async fn error_is_not_retryable_if_another_operation_ran() {
    let client = client().await;
    let key = fresh("group");
    let visit = || client.op(Command::write("INCR").key(key.clone()), Reply::into_int);
    let read = || client.op(Command::read("GET").key(key.clone()), Ok);
    let busy = || {
        let error = purse::Error::new(ErrorKind::NotSent, "not connected");
        Op::<i64>::ready(Err(error))
    };
    let error = client.batch().run((read(), busy())).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    for error in [
        client.batch().run((visit(), busy())).await.unwrap_err(),
        client.batch().run((busy(), visit())).await.unwrap_err(),
        client
            .batch()
            .run((busy(), (visit(), busy())))
            .await
            .unwrap_err(),
        client.batch().run(vec![busy(), visit()]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotSent);
        assert!(!error.is_retryable(), "{error}");
    }
}

#[tokio::test]
async fn operations_added_before_the_tuple_are_sent_first() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    let mut batch = client.batch();
    let first = batch.add(list.push_back(1));
    let (second, all) = batch.run((list.push_back(2), list.to_vec())).await.unwrap();
    assert_eq!((first.take().unwrap(), second), (1, 2));
    assert_eq!(all, [1, 2]);
    let foreign = RedisList::<u32>::new(&Client::connect(&server.url()).await.unwrap(), "list");
    let error = client
        .batch()
        .run((list.len(), foreign.push_back(3)))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::InvalidInput, Some(1))
    );
    assert_eq!(list.len().await.unwrap(), 2);
}

//! Calls that take several commands, as operations of a batch.

use std::time::Duration;

use futures::FutureExt;
use purse::{BulkOp, Client, ErrorKind, RedisHash, RedisList};
use purse_testkit::{Release, Server};
use purse_tests::{calls, client, cluster_of_one, fresh};

use super::{
    ALL, CHUNK, Call, Count, Text, additions, bits, count, numbers, reads, removals, sketches,
    space,
};

/// The addition of the elements that a removal or read is about.
fn addition_to(counts: Count) -> Option<Call> {
    let mut additions = additions().into_iter();
    additions.find_map(|(_, call, of)| (of == counts).then_some(call))
}

fn kind_of(result: Text) -> Result<String, ErrorKind> {
    result.map_err(|error| error.kind())
}

#[tokio::test]
async fn results_in_a_batch_are_those_of_the_calls_alone() {
    for release in [Release::Default, Release::Redis6_2_5, Release::Redis6_0_9] {
        let server = Server::builder().release(release).start().unwrap();
        let client = Client::connect(&server.url()).await.unwrap();
        let all = additions().into_iter().chain(sketches());
        let all = all.map(|call| (call, false));
        let others = removals().into_iter().chain(reads());
        for ((name, call, counts), is_after) in all.chain(others.map(|call| (call, true))) {
            let mut outcomes = Vec::new();
            for way in ["alone", "batch", "atomic"] {
                server.command(&["FLUSHALL"]).unwrap();
                if is_after && let Some(add) = addition_to(counts) {
                    (add.alone)(client.clone(), numbers(|| ())).await.unwrap();
                }
                let mut batch = match way {
                    "alone" => {
                        let result = (call.alone)(client.clone(), numbers(|| ())).await;
                        outcomes.push((kind_of(result), count(&server, counts)));
                        continue;
                    }
                    "batch" => client.batch(),
                    _ => client.batch().atomic(),
                };
                let take = (call.add)(&client, numbers(|| ()), &mut batch);
                assert!(batch.len() >= 3, "{name}: {}", batch.len());
                batch.send().await.expect(name);
                outcomes.push((kind_of(take()), count(&server, counts)));
            }
            let [alone, batch, atomic] = outcomes.try_into().expect("three");
            assert!(alone.0.is_ok(), "{name} {release:?}: {alone:?}");
            assert_eq!(alone, batch, "{name} {release:?}");
            assert_eq!(alone, atomic, "{name} {release:?}");
        }
    }
}

/// A chunk in the middle fails: alone the rest is not sent; in a batch it is.
#[tokio::test]
async fn failed_chunk_of_a_batch_is_ambiguous_if_a_later_one_ran() {
    let client = client().await;
    let key = fresh("bulk");
    let sums: RedisHash<u32, u32> = RedisHash::new(&client, &key);
    let texts: RedisHash<u32, String> = RedisHash::new(&client, &key);
    let items = || (0..ALL).map(|n| (n, 1));
    for way in ["alone", "batch", "atomic"] {
        sums.clear().await.unwrap();
        texts.set(1_500, "many").await.unwrap();
        let add = sums.increment_many(items());
        let error = match way {
            "alone" => add.await.unwrap_err(),
            "batch" => client.batch().run(add).await.unwrap_err(),
            _ => client.batch().atomic().run(add).await.unwrap_err(),
        };
        let (kind, chunks) = match way {
            "alone" => (ErrorKind::Server, CHUNK),
            _ => (ErrorKind::Ambiguous, u64::from(ALL) - CHUNK),
        };
        assert_eq!(
            (error.kind(), error.done() as u64),
            (kind, CHUNK),
            "{way}: {error:?}"
        );
        assert!(!error.is_retryable(), "{way}: {error:?}");
        assert_eq!(
            error.key().map(|key| &key[..]),
            Some(key.as_bytes()),
            "{way}"
        );
        assert_eq!(sums.len().await.unwrap(), chunks + 1, "{way}");

        let values = texts.lenient().get_many(0..ALL);
        let values = client.batch().run(values).await.unwrap();
        assert_eq!(values.into_iter().flatten().count() as u64, chunks + 1);
        let read = client.batch().run(sums.get_many(0..ALL));
        let error = read.await.unwrap_err();
        assert_eq!(
            (error.kind(), error.done()),
            (ErrorKind::Decode, 0),
            "{way}: {error:?}"
        );
        assert_eq!(
            error.field().map(|field| &field[..]),
            Some(&b"1500"[..]),
            "{way}"
        );
    }
}

#[tokio::test]
async fn operation_that_cannot_be_encoded_is_not_sent_in_part() {
    let client = client().await;
    let floats: RedisList<f64> = RedisList::new(&client, fresh("bulk"));
    let mut values = vec![0.5; 3_000];
    values[2_500] = f64::NAN;
    let mut batch = client.batch();
    let before = batch.add(floats.push_back(1.0));
    let refused = batch.add(floats.extend(&values));
    let seats = batch.add(bits(&client).extend([1, ALL]));
    let after = batch.add(floats.extend([2.0, 3.0]));
    assert_eq!(batch.len(), 2);
    batch.send().await.unwrap();
    assert_eq!(before.take().unwrap(), 1);
    let error = refused.take().unwrap_err();
    assert_eq!(
        (error.kind(), error.done()),
        (ErrorKind::Encode, 0),
        "{error}"
    );
    assert_eq!(error.command(), Some("RPUSH"));
    assert_eq!(seats.take().unwrap_err().kind(), ErrorKind::OutOfRange);
    assert_eq!(after.take().unwrap(), 3);
}

#[tokio::test]
async fn without_elements_a_batch_sends_what_the_call_sends() {
    let client = client().await;
    let list: RedisList<u32> = RedisList::new(&client, fresh("bulk"));
    let hash: RedisHash<u32, u32> = RedisHash::new(&client, fresh("bulk"));
    list.extend([1, 2]).await.unwrap();
    let mut batch = client.batch();
    let length = batch.add(list.extend([0; 0]));
    let new = batch.add(hash.extend([(0, 0); 0]));
    assert_eq!(batch.len(), 1, "the length of the list is asked for");
    batch.send().await.unwrap();
    assert_eq!((length.take().unwrap(), new.take().unwrap()), (2, 0));
    assert_eq!(list.extend([0; 0]).await.unwrap(), 2);
    assert_eq!(hash.extend([(0, 0); 0]).await.unwrap(), 0);
}

#[tokio::test]
async fn operation_that_was_polled_or_is_of_another_client_is_refused() {
    let (client, other) = (client().await, client().await);
    let list: RedisList<u32> = RedisList::new(&client, fresh("bulk"));
    let foreign: RedisList<u32> = RedisList::new(&other, fresh("bulk"));
    let mut polled: BulkOp<u64> = list.extend([1]);
    let done = (&mut polled).await;
    assert_eq!(done.unwrap(), 1);
    let mut running = list.extend([2]);
    assert!((&mut running).now_or_never().is_none());
    let mut batch = client.batch();
    let refused = [polled, running, foreign.extend([3])].map(|op| batch.add(op));
    assert!(batch.is_empty());
    batch.send().await.unwrap();
    for pending in refused {
        assert_eq!(pending.take().unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert!(!foreign.exists().await.unwrap());
}

#[tokio::test]
async fn dropped_operation_sends_no_later_chunk() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    drop(list.extend(0..ALL));
    let mut extend = list.extend(0..ALL);
    server.pause().unwrap();
    assert!(futures::poll!(&mut extend).is_pending());
    drop(extend);
    server.resume().unwrap();
    client.ping().await.unwrap();
    assert_eq!(calls(&server, "rpush"), 1);
    assert_eq!(list.len().await.unwrap(), CHUNK);
}

#[tokio::test]
async fn dropped_batch_says_what_may_have_run() {
    let server = Server::start().unwrap();
    let client = Client::builder(&server.url());
    let client = client
        .command_timeout(Duration::from_secs(30))
        .connect()
        .await
        .unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    for is_polled in [false, true] {
        let mut batch = client.batch();
        let pushed = batch.add(list.extend(0..ALL));
        let read = batch.add(list.len());
        let mut send = Box::pin(batch.send());
        server.pause().unwrap();
        if is_polled {
            assert!(futures::poll!(&mut send).is_pending());
        }
        drop(send);
        server.resume().unwrap();
        let error = pushed.take().unwrap_err();
        let kind = if is_polled {
            ErrorKind::Ambiguous
        } else {
            ErrorKind::NotSent
        };
        assert_eq!((error.kind(), error.done()), (kind, 0), "{error}");
        assert_eq!(read.take().unwrap_err().kind(), ErrorKind::NotSent);
    }
}

#[tokio::test]
async fn in_a_cluster_a_key_space_takes_a_command_per_slot() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    let space = space(&client);
    let names = || (0..20).map(|n: u32| n.to_string());
    let mut batch = client.batch();
    let set = batch.add(space.extend(names().zip(0..)));
    let values = batch.add(space.get_many(names().rev()));
    let gone = batch.add(space.delete_many(names().take(5)));
    assert!(batch.len() > 20, "{}", batch.len());
    batch.send().await.unwrap();
    set.take().unwrap();
    let expected: Vec<_> = (0..20).rev().map(Some).collect();
    assert_eq!(values.take().unwrap(), expected);
    assert_eq!(gone.take().unwrap(), 5);
    let error = client
        .batch()
        .atomic()
        .run(space.get_many(names()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CrossSlot);
}

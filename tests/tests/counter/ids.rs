//! Ids in blocks.

use std::collections::HashSet;
use std::time::Duration;

use futures::FutureExt;
use purse::{Client, ErrorKind, RedisIdGenerator, RedisList};
use purse_testkit::Server;
use purse_tests::{client, fresh, until};

use super::{text, write};

async fn next(ids: &RedisIdGenerator) -> u64 {
    ids.next_id().await.expect("a reply")
}

#[tokio::test]
async fn ids_count_from_one_and_processes_have_their_blocks() {
    let client = client().await;
    let key = fresh("ids");
    let generator = || RedisIdGenerator::new(&client, &key).block_size(3);
    let (one, two) = (generator(), generator());
    let got = [next(&one).await, next(&two).await, next(&one).await];
    assert_eq!(got, [1, 4, 2]);
    // The next block of the first one was assigned when half of its block was used.
    assert_eq!([next(&one).await, next(&one).await], [3, 7]);
    assert_eq!(next(&two.clone()).await, 5);
}

#[tokio::test]
async fn next_block_is_requested_when_half_is_used() {
    let client = client().await;
    let key = fresh("ids");
    let ids = RedisIdGenerator::new(&client, &key).block_size(100);
    let before = client.stats().commands;
    for id in 1..=49 {
        assert_eq!(next(&ids).await, id);
    }
    assert_eq!(client.stats().commands - before, 1);
    assert_eq!(text(&client, key.as_bytes()).await.as_deref(), Some("100"));
    assert_eq!(next(&ids).await, 50);
    until("the block is assigned", async || {
        text(&client, key.as_bytes()).await.as_deref() == Some("200")
    })
    .await;
    let before = client.stats().commands;
    for id in 51..=149 {
        // No id waits for a reply.
        assert_eq!(ids.next_id().now_or_never().unwrap().unwrap(), id);
    }
    assert_eq!(client.stats().commands, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_many_tasks_and_clients_are_unique_and_increase() {
    let key = fresh("ids");
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let ids = RedisIdGenerator::new(&client().await, &key).block_size(7);
        for _ in 0..4 {
            let ids = ids.clone();
            tasks.push(tokio::spawn(async move {
                let mut mine = Vec::new();
                for _ in 0..200 {
                    mine.push(next(&ids).await);
                }
                mine
            }));
        }
    }
    let mut all = HashSet::new();
    for task in tasks {
        let mine = task.await.unwrap();
        assert!(mine.is_sorted_by(|a, b| a < b));
        all.extend(mine);
    }
    assert_eq!(all.len(), 16 * 200);
}

#[tokio::test]
async fn dropped_call_loses_no_id() {
    let client = client().await;
    let ids = RedisIdGenerator::new(&client, fresh("ids")).block_size(4);
    let mut expected = 1;
    for round in 0..200 {
        let mut call = Box::pin(ids.next_id());
        for _ in 0..round % 5 {
            if let Some(id) = (&mut call).now_or_never() {
                assert_eq!(id.unwrap(), expected);
                expected += 1;
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(next(&ids).await, expected);
}

#[tokio::test]
async fn lost_key_is_not_counted_from_again() {
    let client = client().await;
    let key = fresh("ids");
    let ids = RedisIdGenerator::new(&client, &key).block_size(1);
    for id in 1..=5 {
        assert_eq!(next(&ids).await, id);
    }
    for lost in [None, Some("4")] {
        ids.key().delete().await.unwrap();
        if let Some(older) = lost {
            write(&client, key.as_bytes(), older).await;
        }
        for _ in 0..2 {
            let error = ids.next_id().await.unwrap_err();
            assert_eq!(
                (error.kind(), error.code()),
                (ErrorKind::Server, Some("ERR"))
            );
            let text = error.to_string();
            assert!(text.contains("advance_to") && text.contains('5'), "{text}");
        }
        assert_eq!(text(&client, key.as_bytes()).await.as_deref(), lost);
    }
    assert_eq!(ids.advance_to(100).await.unwrap(), 100);
    assert_eq!(next(&ids).await, 101);
}

#[tokio::test]
async fn floor_holds_for_a_new_process() {
    let client = client().await;
    let key = fresh("ids");
    let ids = RedisIdGenerator::new(&client, &key).floor((1 << 53) + 1);
    assert_eq!(ids.next_id().await.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(ids.advance_to(1 << 53).await.unwrap(), 1 << 53);
    assert_eq!(ids.next_id().await.unwrap_err().kind(), ErrorKind::Server);
    ids.advance_to((1 << 53) + 1).await.unwrap();
    assert_eq!(next(&ids).await, (1 << 53) + 2);
    // It only goes up.
    let last = ids.advance_to(5).await.unwrap();
    assert_eq!(last, (1 << 53) + 1_001);
    let most = i64::MAX.unsigned_abs();
    assert_eq!(ids.advance_to(most - 1).await.unwrap(), most - 1);
    assert_eq!(ids.advance_to(most - 2).await.unwrap(), most - 1);
}

#[tokio::test]
async fn ids_end_with_64_bits() {
    let client = client().await;
    let key = fresh("ids");
    write(&client, key.as_bytes(), &(i64::MAX - 2).to_string()).await;
    let ids = RedisIdGenerator::new(&client, &key).block_size(2);
    assert_eq!(next(&ids).await, i64::MAX.unsigned_abs() - 1);
    assert_eq!(next(&ids).await, i64::MAX.unsigned_abs());
    let error = ids.next_id().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Server, Some("ERR"))
    );
}

#[tokio::test]
async fn key_that_holds_no_id_is_refused_and_kept() {
    let client = client().await;
    let key = fresh("ids");
    let ids = RedisIdGenerator::new(&client, &key);
    for bad in ["text", "", "-5", "007", "1.5", "9223372036854775808"] {
        write(&client, key.as_bytes(), bad).await;
        let error = ids.next_id().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Server, Some("ERR")),
            "{bad}"
        );
        assert_eq!(error.key().unwrap(), key.as_bytes());
        assert_eq!(text(&client, key.as_bytes()).await.as_deref(), Some(bad));
    }
    ids.key().delete().await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, &key);
    list.push_back(1).await.unwrap();
    assert_eq!(
        ids.next_id().await.unwrap_err().kind(),
        ErrorKind::WrongType
    );
    assert_eq!(
        ids.advance_to(1).await.unwrap_err().kind(),
        ErrorKind::WrongType
    );
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_unsent() {
    let client = client().await;
    let key = fresh("ids");
    let before = client.stats().commands;
    let errors = [
        RedisIdGenerator::new(&client, &key)
            .block_size(0)
            .next_id()
            .await,
        RedisIdGenerator::new(&client, &key)
            .floor(u64::MAX)
            .next_id()
            .await,
        RedisIdGenerator::new(&client, &key)
            .advance_to(u64::MAX)
            .await,
    ];
    for error in errors {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(error.key().unwrap(), key.as_bytes());
    }
    assert_eq!(client.stats().commands, before);
}

#[tokio::test]
async fn generator_continues_after_an_outage() {
    let server = Server::start().unwrap();
    let builder = Client::builder(&server.url()).command_timeout(Duration::from_millis(100));
    let client = builder.connect().await.unwrap();
    let ids = RedisIdGenerator::new(&client, "ids").block_size(4);
    assert_eq!(next(&ids).await, 1);
    // The request that is sent ahead gets no reply, and neither does the one after it.
    server.pause().unwrap();
    for id in 2..=4 {
        assert_eq!(next(&ids).await, id);
    }
    let error = ids.next_id().await.unwrap_err();
    assert!(error.is_retryable() && !error.is_ambiguous(), "{error:?}");
    server.resume().unwrap();
    until("there is a block", async || {
        ids.next_id().await.is_ok_and(|id| id > 4)
    })
    .await;
}

//! `RedisCell` on a real server; `RedisVersioned` in a module of its own.

#[path = "cell/versioned.rs"]
mod versioned;

use std::time::Duration;

use purse::{Command, ErrorKind, Json, RedisCell, RedisHash, RedisList, Ttl};
use purse_tests::{client, fresh};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn empty_cell() {
    let client = client().await;
    let cell: RedisCell<u32> = RedisCell::new(&client, fresh("cell"));
    assert_eq!(cell.load().await.unwrap(), None);
    assert_eq!(cell.take().await.unwrap(), None);
    assert_eq!(cell.compare_exchange(1, 2).await.unwrap(), Err(None));
    assert!(!cell.exists().await.unwrap());
    assert_eq!(cell.swap(1).await.unwrap(), None);
    assert_eq!(cell.load().await.unwrap(), Some(1));
}

#[tokio::test]
async fn value_is_stored_swapped_and_taken() {
    let client = client().await;
    let cell: RedisCell<String> = RedisCell::new(&client, fresh("cell"));
    cell.store("a").await.unwrap();
    assert_eq!(cell.load().await.unwrap().as_deref(), Some("a"));
    assert_eq!(cell.swap("b").await.unwrap().as_deref(), Some("a"));
    assert!(!cell.store_if_empty("c").await.unwrap());
    assert_eq!(cell.take().await.unwrap().as_deref(), Some("b"));
    assert!(!cell.exists().await.unwrap());
    assert!(cell.store_if_empty("c").await.unwrap());
    assert_eq!(cell.load().await.unwrap().as_deref(), Some("c"));
    // An empty value is a value.
    cell.store("").await.unwrap();
    assert_eq!(cell.load().await.unwrap().as_deref(), Some(""));
    assert!(!cell.store_if_empty("c").await.unwrap());
    let exchanged = cell.compare_exchange("", "d").await.unwrap();
    assert_eq!(exchanged, Ok(String::new()));
}

#[tokio::test]
async fn exchange_happens_if_the_value_is_the_expected_one() {
    let client = client().await;
    let cell: RedisCell<Vec<u32>, Json> = RedisCell::new(&client, fresh("cell"));
    let (one, two, three) = (vec![1], vec![1, 2], vec![1, 2, 3]);
    cell.store(&one).await.unwrap();
    let other = cell.compare_exchange(&two, &three).await.unwrap();
    assert_eq!(other, Err(Some(one.clone())));
    let done = cell.compare_exchange(&one, &three).await.unwrap();
    assert_eq!(done, Ok(one));
    assert_eq!(cell.load().await.unwrap(), Some(three));
}

#[tokio::test]
async fn every_write_keeps_the_time_to_live() {
    let client = client().await;
    let cell: RedisCell<u32> = RedisCell::new(&client, fresh("cell"));
    cell.store(1).await.unwrap();
    assert_eq!(cell.ttl().await.unwrap(), Ttl::Persistent);
    assert!(cell.expire(MINUTE).await.unwrap());
    cell.store(2).await.unwrap();
    cell.swap(3).await.unwrap();
    assert_eq!(cell.compare_exchange(3, 4).await.unwrap(), Ok(3));
    cell.update(|_| 5).await.unwrap();
    assert!(!cell.store_if_empty(6).await.unwrap());
    assert_eq!(cell.load().await.unwrap(), Some(5));
    assert!(cell.ttl().await.unwrap().remaining().is_some());
    assert!(cell.clear().await.unwrap());
    cell.store(7).await.unwrap();
    assert_eq!(cell.ttl().await.unwrap(), Ttl::Persistent);
}

#[tokio::test]
async fn concurrent_updates_are_all_applied() {
    let client = client().await;
    let cell: RedisCell<u64> = RedisCell::new(&client, fresh("cell"));
    let tasks = (0..8).map(|_| {
        let cell = cell.clone();
        tokio::spawn(async move {
            for _ in 0..25 {
                cell.update(|old| old.unwrap_or(0) + 1).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(cell.load().await.unwrap(), Some(200));
}

#[tokio::test]
async fn update_sees_the_value_of_the_other_writer() {
    let client = client().await;
    let key = fresh("cell");
    let cell: RedisCell<u64> = RedisCell::new(&client, &key);
    let (handle, mut seen) = (tokio::runtime::Handle::current(), Vec::new());
    let other = cell.clone();
    let updated = tokio::task::spawn_blocking(move || {
        let update = cell.update(|old| {
            seen.push(old);
            // Another writer, between the read and the write of the first two attempts.
            if seen.len() < 3 {
                handle
                    .block_on(other.store(10 * seen.len() as u64))
                    .unwrap();
            }
            old.unwrap_or(0) + 1
        });
        let updated = futures::executor::block_on(update).unwrap();
        assert_eq!(seen, [None, Some(10), Some(20)]);
        updated
    });
    assert_eq!(updated.await.unwrap(), 21);
}

#[tokio::test]
async fn update_compares_the_stored_bytes() {
    let client = client().await;
    let key = fresh("cell");
    let cell: RedisCell<Vec<f64>, Json> = RedisCell::new(&client, &key);
    let set = Command::write("SET").key(&*key).arg("[ 1.50, 2 ]");
    client.run(set).await.unwrap();
    let exchanged = cell.compare_exchange(vec![1.5, 2.0], vec![]).await.unwrap();
    assert_eq!(exchanged, Err(Some(vec![1.5, 2.0])), "other bytes");
    let updated = cell.update(|old| old.unwrap_or_default().into_iter().rev().collect());
    assert_eq!(updated.await.unwrap(), [2.0, 1.5]);
}

#[tokio::test]
async fn batch_takes_the_operations_of_a_cell() {
    let client = client().await;
    let cell: RedisCell<u32> = RedisCell::new(&client, fresh("cell"));
    for atomic in [false, true] {
        let mut batch = client.batch();
        if atomic {
            batch = batch.atomic();
        }
        let stored = batch.add(cell.store(1));
        let swapped = batch.add(cell.swap(2));
        let exchanged = batch.add(cell.compare_exchange(2, 3));
        let loaded = batch.add(cell.load());
        let taken = batch.add(cell.take());
        let empty = batch.add(cell.store_if_empty(4));
        batch.send().await.unwrap();
        stored.take().unwrap();
        assert_eq!(swapped.take().unwrap(), Some(1));
        assert_eq!(exchanged.take().unwrap(), Ok(2));
        assert_eq!(loaded.take().unwrap(), Some(3));
        assert_eq!(taken.take().unwrap(), Some(3));
        assert!(empty.take().unwrap());
    }
}

#[tokio::test]
async fn key_of_another_type_is_refused_and_kept() {
    let client = client().await;
    let key = fresh("cell");
    let list: RedisList<u32> = RedisList::new(&client, &key);
    list.push_back(1).await.unwrap();
    let cell: RedisCell<u32> = RedisCell::new(&client, &key);
    let kinds = [
        cell.load().await.map(drop).unwrap_err().kind(),
        cell.swap(1).await.map(drop).unwrap_err().kind(),
        cell.take().await.map(drop).unwrap_err().kind(),
        cell.compare_exchange(1, 2)
            .await
            .map(drop)
            .unwrap_err()
            .kind(),
        cell.update(|_| 1).await.map(drop).unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::WrongType; 5]);
    assert_eq!(list.to_vec().await.unwrap(), [1]);
    // A plain SET replaces any value, as that of a key space does.
    cell.store(2).await.unwrap();
    assert_eq!(cell.load().await.unwrap(), Some(2));
}

#[tokio::test]
async fn update_of_a_value_that_cannot_be_decoded_changes_nothing() {
    let client = client().await;
    let key = fresh("cell");
    let text: RedisCell<String> = RedisCell::new(&client, &key);
    text.store("many").await.unwrap();
    let cell: RedisCell<u32> = RedisCell::new(&client, &key);
    let error = cell
        .update(|_| panic!("there is no value"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert_eq!(error.bytes().unwrap(), "many");
    assert_eq!(error.key().unwrap(), key.as_bytes());
    let error = cell.compare_exchange(1, 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert_eq!(text.load().await.unwrap().as_deref(), Some("many"));
}

#[tokio::test]
async fn value_that_cannot_be_encoded_is_not_sent() {
    let client = client().await;
    let cell: RedisCell<f64, Json> = RedisCell::new(&client, fresh("cell"));
    let before = client.stats().commands;
    let errors = [
        cell.store(f64::NAN).await.map(drop).unwrap_err(),
        cell.swap(f64::NAN).await.map(drop).unwrap_err(),
        cell.store_if_empty(f64::NAN).await.map(drop).unwrap_err(),
        cell.compare_exchange(f64::NAN, 1.0)
            .await
            .map(drop)
            .unwrap_err(),
        cell.compare_exchange(1.0, f64::NAN)
            .await
            .map(drop)
            .unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Encode));
    assert_eq!(client.stats().commands, before);
    let error = cell.update(|_| f64::NAN).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    assert!(!cell.exists().await.unwrap());
}

#[tokio::test]
async fn other_clients_read_a_cell() {
    let client = client().await;
    let key = fresh("cell");
    let cell: RedisCell<(u32, String), Json> = RedisCell::new(&client, &key);
    cell.store((1, "a".to_owned())).await.unwrap();
    let get = client.run(Command::read("GET").key(&*key)).await.unwrap();
    assert_eq!(get.into_bytes().unwrap(), r#"[1,"a"]"#);
    let hash: RedisHash<String, u32> = RedisHash::new(&client, &key);
    assert_eq!(hash.len().await.unwrap_err().kind(), ErrorKind::WrongType);
}

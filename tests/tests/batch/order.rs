//! The order of a batch, and what became of one, while connections break.

use std::time::Duration;

use purse::{Client, ErrorKind, RedisList};
use purse_testkit::Server;
use purse_tests::until;

#[tokio::test(flavor = "multi_thread")]
async fn operations_keep_their_order_over_a_reconnect() {
    let server = Server::start().unwrap();
    let client = Client::builder(&server.url())
        .command_timeout(Duration::from_secs(30))
        // So that it is the one for writes that is told of as connected or not.
        .connections(0)
        .connect()
        .await
        .unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    for round in 0..8 {
        server.kill().unwrap();
        until("the client knows", async || !client.is_connected()).await;
        let mut batch = client.batch();
        let pushes: Vec<_> = (0..1_000).map(|n| batch.add(list.push_back(n))).collect();
        let sent = tokio::spawn(batch.send());
        server.restart().unwrap();
        sent.await.unwrap().unwrap();
        for (n, push) in pushes.into_iter().enumerate() {
            if let Err(error) = push.take() {
                panic!("{n} in round {round}: {error}");
            }
        }
        let pushed = list.to_vec().await.unwrap();
        let first = (0..1_000).find(|&n| pushed.get(n as usize) != Some(&n));
        assert_eq!((pushed.len(), first), (1_000, None), "round {round}");
    }
}

#[tokio::test]
async fn unsent_rest_of_a_dropped_batch_is_not_sent() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    for atomic in [false, true] {
        let mut batch = client.batch();
        if atomic {
            batch = batch.atomic();
        }
        let [read, write] = [batch.add(list.len()), batch.add(list.push_back(1))];
        drop(batch);
        assert_eq!(read.take().unwrap_err().kind(), ErrorKind::NotSent);
        assert_eq!(write.take().unwrap_err().kind(), ErrorKind::NotSent);

        let mut batch = client.batch();
        if atomic {
            batch = batch.atomic();
        }
        let pushes: Vec<_> = (0..3_000).map(|n| batch.add(list.push_back(n))).collect();
        let mut send = Box::pin(batch.send());
        server.pause().unwrap();
        assert!(futures::poll!(&mut send).is_pending());
        drop(send);
        server.resume().unwrap();
        let sent = if atomic { 3_000 } else { 1_024 };
        for (n, push) in pushes.into_iter().enumerate() {
            let kind = push.take().unwrap_err().kind();
            let expected = match n < sent {
                true => ErrorKind::Ambiguous,
                false => ErrorKind::NotSent,
            };
            assert_eq!(kind, expected, "{n}");
        }
    }
}

//! Requests that arrive after their clients have given up and asked again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use purse::{Client, Command, RedisCounter, RedisVersioned};
use purse_testkit::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A proxy that holds back one request, and closes the connection to its client.
struct LateRequest {
    url: String,
    is_armed: Arc<AtomicBool>,
    release: watch::Sender<bool>,
    is_answered: watch::Receiver<bool>,
}

impl LateRequest {
    async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        let target = format!("127.0.0.1:{}", server.port());
        let is_armed = Arc::new(AtomicBool::new(false));
        let (release, is_released) = watch::channel(false);
        let (answered, is_answered) = watch::channel(false);
        let holds = is_armed.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&target).await.expect("the server");
                let wire = (holds.clone(), is_released.clone(), answered.clone());
                tokio::spawn(carry(near, far, wire));
            }
        });
        Self {
            url,
            is_armed,
            release,
            is_answered,
        }
    }

    /// Sends the request that was held back, and waits for the reply of the server.
    async fn release(&mut self) {
        assert!(!self.is_armed.load(Ordering::SeqCst), "no request was held");
        self.release.send_replace(true);
        let answered = self.is_answered.wait_for(|answered| *answered).await;
        assert!(answered.is_ok(), "the request was not answered");
    }
}

async fn carry(
    mut near: TcpStream,
    mut far: TcpStream,
    (is_armed, mut is_released, answered): (
        Arc<AtomicBool>,
        watch::Receiver<bool>,
        watch::Sender<bool>,
    ),
) {
    let (mut request, mut reply) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = near.read(&mut request) => match read {
                Ok(read) if read > 0 && is_armed.swap(false, Ordering::SeqCst) => {
                    drop(near);
                    // The test that releases may have ended.
                    let _ = is_released.wait_for(|released| *released).await;
                    far.write_all(&request[..read]).await.expect("the server");
                    let read = far.read(&mut reply).await.expect("the server");
                    answered.send_replace(read > 0);
                    return;
                }
                Ok(read) if read > 0 => far.write_all(&request[..read]).await.expect("the server"),
                _ => return,
            },
            read = far.read(&mut reply) => match read {
                Ok(read) if read > 0 => near.write_all(&reply[..read]).await.expect("the client"),
                _ => return,
            },
        }
    }
}

/// A client whose next request is late, and a client of the same server.
async fn start(server: &Server) -> (LateRequest, Client, Client) {
    let late = LateRequest::before(server).await;
    let client = Client::connect(&late.url).await.expect("a client");
    let other = Client::connect(&server.url()).await.expect("a client");
    (late, client, other)
}

#[tokio::test]
async fn late_addition_that_was_done_changes_nothing() {
    for server in super::servers() {
        let (mut late, client, other) = start(&server).await;
        let counter: RedisCounter<i64> = RedisCounter::new(&client, "counter");
        let same: RedisCounter<i64> = RedisCounter::new(&other, "counter");
        late.is_armed.store(true, Ordering::SeqCst);
        assert_eq!(counter.add_once(1).await.unwrap(), 1);
        same.set(10).await.unwrap();
        late.release().await;
        assert_eq!(same.get().await.unwrap(), 10);
    }
}

#[tokio::test]
async fn late_addition_that_was_refused_changes_nothing() {
    for server in super::servers() {
        let (mut late, client, other) = start(&server).await;
        let counter: RedisCounter<i64> = RedisCounter::new(&client, "counter");
        let same: RedisCounter<i64> = RedisCounter::new(&other, "counter");
        same.set(10).await.unwrap();
        late.is_armed.store(true, Ordering::SeqCst);
        let bounded = counter.bounded(..=10);
        assert_eq!(bounded.checked_add_once(1).await.unwrap(), None);
        // There is room by now.
        same.set(0).await.unwrap();
        late.release().await;
        assert_eq!(same.get().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn late_float_addition_that_was_refused_changes_nothing() {
    for server in super::servers() {
        let (mut late, client, other) = start(&server).await;
        let counter: RedisCounter<f64> = RedisCounter::new(&client, "counter");
        let same: RedisCounter<f64> = RedisCounter::new(&other, "counter");
        same.set(1e308).await.unwrap();
        late.is_armed.store(true, Ordering::SeqCst);
        counter.add_float_once(1e308).await.unwrap_err();
        same.set(0.0).await.unwrap();
        late.release().await;
        assert_eq!(same.get().await.unwrap(), 0.0);
    }
}

#[tokio::test]
async fn late_store_that_met_a_conflict_changes_nothing() {
    for server in super::servers() {
        let (mut late, client, other) = start(&server).await;
        let value: RedisVersioned<u32> = RedisVersioned::new(&client, "value");
        let same: RedisVersioned<u32> = RedisVersioned::new(&other, "value");
        let (_, first) = same.update(|_| 1).await.unwrap();
        let second = same.update(|_| 2).await.unwrap();
        late.is_armed.store(true, Ordering::SeqCst);
        assert_eq!(value.store_if(first, 9).await.unwrap(), Err(Some(second)));
        // As if a backup had been restored.
        let restore = Command::write("HSET")
            .key("value")
            .arg("v")
            .arg(u64::from(first));
        other.run(restore).await.unwrap();
        late.release().await;
        assert_eq!(same.load().await.unwrap(), Some((2, first)));
    }
}

#[tokio::test]
async fn late_store_that_was_done_changes_nothing() {
    for server in super::servers() {
        let (mut late, client, other) = start(&server).await;
        let value: RedisVersioned<u32> = RedisVersioned::new(&client, "value");
        let same: RedisVersioned<u32> = RedisVersioned::new(&other, "value");
        late.is_armed.store(true, Ordering::SeqCst);
        value
            .store_if(None, 1)
            .await
            .unwrap()
            .expect("no other writer");
        same.clear().await.unwrap();
        late.release().await;
        assert_eq!(same.load().await.unwrap(), None);
    }
}

//! The order of elements although replies are lost.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use purse_client::{Client, Command};
use purse_testkit::Server;
use support::queue::{element, pending, pop};
use support::{Proxy, SOON, client, until};
use tokio::task::JoinHandle;

const ELEMENTS: usize = 2_000;

/// Pops until all elements are popped, without waiting for one or for a while each time.
fn consume(
    client: &Client,
    wait: Option<Duration>,
    popped: &Arc<AtomicUsize>,
) -> JoinHandle<Vec<usize>> {
    let (client, popped) = (client.clone(), popped.clone());
    tokio::spawn(async move {
        let mut own = Vec::new();
        while popped.load(Ordering::SeqCst) < ELEMENTS {
            let taken = match wait {
                None => client.take(&pop()).await,
                wait => client.take_wait(&pop(), wait).await,
            };
            if let Some(element) = element(taken) {
                own.push(element.parse().expect("a number"));
                popped.fetch_add(1, Ordering::SeqCst);
            }
        }
        own
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_of_a_client_get_elements_in_order() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let consumer = Client::builder(&proxy.url).command_timeout(SOON);
    let consumer = consumer.connect().await.expect("through the proxy");
    let popped = Arc::default();
    let waits = [None, Some(3), Some(200), Some(200)];
    let consumers =
        waits.map(|millis| consume(&consumer, millis.map(Duration::from_millis), &popped));
    let producer = client(&server).await;
    let pushes = async {
        for number in 0..ELEMENTS {
            let push = Command::write("LPUSH").key("queue").arg(number);
            producer.run(push).await.expect("LPUSH");
        }
    };
    // The next reply is lost once the client has recovered from the loss of the last one.
    let faults = async {
        while popped.load(Ordering::SeqCst) < ELEMENTS {
            proxy.lose_next_reply();
            let enough = (popped.load(Ordering::SeqCst) + 3).min(ELEMENTS);
            until("elements are popped", async || {
                popped.load(Ordering::SeqCst) >= enough
            })
            .await;
        }
    };
    tokio::join!(pushes, faults);
    let mut all = Vec::new();
    for consumer in consumers {
        let own = consumer.await.expect("no panic");
        let moved = own.windows(2).find(|pair| pair[0] > pair[1]);
        assert_eq!(moved, None, "in order");
        all.extend(own);
    }
    all.sort_unstable();
    assert!(all.into_iter().eq(0..ELEMENTS), "all, once");
    until("nothing is pending", async || pending(&server).is_empty()).await;
}

//! A filter that replaces another one.

use std::time::Duration;

use super::*;

/// The keys that are not the filter's.
fn others(server: &Server) -> Vec<String> {
    let keys = server.command(&["KEYS", "*:purse:*"]).expect("a reply");
    let keys = keys.items().iter().filter_map(purse_testkit::Reply::text);
    keys.map(str::to_owned).collect()
}

async fn start() -> (Arc<Server>, Filter<f64>) {
    let server = Arc::new(Server::start().expect("a server"));
    let client = Client::connect(&server.url()).await.expect("a reply");
    let filter = Filter::new(&client, "bloom", 1_000, 0.001).expect("valid");
    filter.add_many([1.0, 2.0]).await.expect("a reply");
    (server, filter)
}

fn values(trap: impl Fn(f64) -> f64 + Send) -> impl Iterator<Item = f64> + Send {
    (1_000..1_500).map(move |n| trap(n.into()))
}

#[tokio::test]
async fn replaced_filter_has_the_new_elements_only() {
    let (server, filter) = start().await;
    filter.expire(Duration::from_secs(60)).await.unwrap();
    let elements = filter.replace(values(|n| n)).await.unwrap();
    assert_eq!(elements, filter.len().await.unwrap());
    assert!((490..=500).contains(&elements), "{elements}");
    let answers = filter.contains_many(values(|n| n)).await.unwrap();
    assert!(answers.iter().all(|found| *found));
    assert!(!filter.contains(1.0).await.unwrap());
    assert_eq!(filter.ttl().await.unwrap(), Ttl::Persistent);
    assert!(others(&server).is_empty());
    // No element is a chunk that is not sent.
    let none: [f64; 0] = [];
    assert_eq!(filter.replace(none).await.unwrap(), 0);
    assert!(!filter.exists().await.unwrap());
    assert_eq!(filter.replace(none).await.unwrap(), 0);
    assert_eq!(filter.replace([7.0, 7.0]).await.unwrap(), 1);
}

#[tokio::test]
async fn value_of_any_kind_is_replaced() {
    let (server, filter) = start().await;
    let client = Client::connect(&server.url()).await.unwrap();
    let larger: Filter<f64> = Filter::new(&client, "bloom", 5_000, 0.01).unwrap();
    assert_eq!(larger.replace([5.0]).await.unwrap(), 1);
    assert!(larger.contains(5.0).await.unwrap());
    assert!(filter.len().await.is_err(), "it has another capacity");
    server.command(&["DEL", "bloom"]).unwrap();
    server.command(&["RPUSH", "bloom", "v"]).unwrap();
    assert_eq!(filter.replace([5.0]).await.unwrap(), 1);
    assert_eq!(filter.len().await.unwrap(), 1);
}

#[tokio::test]
async fn failed_replacement_leaves_the_filter_and_no_key() {
    let (server, filter) = start().await;
    let trap = |n| if n == 1_400.0 { f64::NAN } else { n };
    let error = filter.replace(values(trap)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.done()),
        (ErrorKind::Encode, 0),
        "{error}"
    );
    assert!(filter.contains(1.0).await.unwrap());
    assert_eq!(filter.len().await.unwrap(), 2);
    assert!(others(&server).is_empty());
}

#[tokio::test]
async fn filter_that_was_removed_while_it_was_built_is_not_used() {
    let (server, filter) = start().await;
    let look = server.clone();
    let trap = move |n| {
        if n == 1_400.0 {
            let built = others(&look);
            assert_eq!(built.len(), 1, "{built:?}");
            let ttl = look.command(&["PTTL", &built[0]]).unwrap().int().unwrap();
            assert!((1..=600_000).contains(&ttl), "{ttl}");
            look.command(&["DEL", &built[0]]).unwrap();
        }
        n
    };
    let error = filter.replace(values(trap)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    assert!(error.to_string().contains("while it was built"), "{error}");
    assert!(
        filter
            .contains_many([1.0, 2.0])
            .await
            .unwrap()
            .iter()
            .all(|found| *found)
    );
    assert!(others(&server).is_empty());
}

#[tokio::test]
async fn dropped_replacement_leaves_a_key_that_expires() {
    let (server, filter) = start().await;
    {
        let replace = filter.replace(values(|n| n));
        let mut replace = std::pin::pin!(replace);
        while others(&server).is_empty() {
            assert!(futures::poll!(&mut replace).is_pending());
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(filter.len().await.unwrap(), 2);
    for key in others(&server) {
        let ttl = server.command(&["PTTL", &key]).unwrap().int().unwrap();
        assert!(ttl > 0, "{key} stays");
    }
}

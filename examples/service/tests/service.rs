//! Two replicas on one server.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use purse::{Client, RedisKeySpace, Redlock};
use purse_testkit::Server;
use serde_json::{Value, json};
use service_example::{App, report, worker};
use tokio::sync::watch;
use tower::ServiceExt;

async fn send(
    router: &Router,
    method: &str,
    path: &str,
    session: Option<&str>,
    body: Value,
) -> (StatusCode, String) {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    if let Some(session) = session {
        request = request.header("session", session);
    }
    let request = request
        .body(Body::from(body.to_string()))
        .expect("a request");
    let answer = router.clone().oneshot(request).await.expect("an answer");
    let status = answer.status();
    let body = answer
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

/// Checks until `condition` holds, for at most a minute.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let checks = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let result = tokio::time::timeout(Duration::from_secs(60), checks).await;
    result.unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[tokio::test]
async fn post_on_one_replica_is_seen_and_counted_on_the_other() {
    let server = Server::start().expect("a server");
    let first = App::new(Client::connect(&server.url()).await.expect("a server"));
    let second = App::new(Client::connect(&server.url()).await.expect("a server"));
    let (stop, stopped) = watch::channel(false);
    let workers =
        [&first, &second].map(|app| tokio::spawn(worker::run(app.posts.clone(), stopped.clone())));
    let (here, there) = (first.clone().router(), second.clone().router());

    let (status, _) = send(&here, "GET", "/health", None, Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let post = json!({ "text": "to be or not to be" });
    let (status, _) = send(&here, "POST", "/posts", None, post.clone()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);

    let (_, session) = send(&here, "POST", "/login", None, json!({ "user": "Ada" })).await;
    let (status, _) = send(&there, "POST", "/posts", Some(&session), post).await;
    assert_eq!(status, StatusCode::OK);
    let (_, feed) = send(&here, "GET", "/feed", None, Value::Null).await;
    assert_eq!(feed, r#"[{"user":"Ada","text":"to be or not to be"}]"#);
    let (_, leaders) = send(&here, "GET", "/leaders", None, Value::Null).await;
    assert_eq!(leaders, r#"[["Ada",1.0]]"#);
    until("a worker has counted the words", async || {
        first.posts.words.get("be").await.expect("HGET") == Some(2)
    })
    .await;

    let (status, _) = send(&there, "POST", "/logout", Some(&session), Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = send(&here, "POST", "/logout", Some(&session), Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);

    stop.send(true).expect("the workers run");
    for worker in workers {
        worker.await.expect("no panic");
    }
    server.stop().expect("a server that runs");
    let (status, _) = send(&here, "GET", "/health", None, Value::Null).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn next_replica_writes_the_report_when_the_first_stops() {
    let server = Server::start().expect("a server");
    let client = Client::connect(&server.url()).await.expect("a server");
    let app = App::new(client.clone());
    let redlock = Redlock::builder([server.url()])
        .build()
        .await
        .expect("a master");
    let reports: RedisKeySpace<String> = RedisKeySpace::new(&client, "report:");
    for name in ["first", "second"] {
        let (stop, stopped) = watch::channel(false);
        let replica = tokio::spawn(report::run(
            client.clone(),
            app.posts.clone(),
            redlock.clone(),
            name.to_owned(),
            Duration::from_millis(10),
            stopped,
        ));
        until("a report is written", async || {
            reports.pop("latest").await.expect("GETDEL").is_some()
        })
        .await;
        stop.send(true).expect("the replica runs");
        replica.await.expect("no panic");
    }
}

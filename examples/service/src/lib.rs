//! A service with sessions, posts, a leaderboard, workers, and a report that one replica writes.
//!
//! Any number of replicas can run on the same servers. `main.rs` starts one, and stops it gracefully.

pub mod error;
pub mod posts;
pub mod report;
pub mod sessions;
pub mod worker;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use purse::Client;
use tokio::sync::watch;

use crate::posts::Posts;
use crate::sessions::Sessions;

/// The state that the handlers share. Handles of purse are cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The connection to the server.
    pub client: Client,
    /// The sessions of users who are logged in.
    pub sessions: Sessions,
    /// The feed, the leaderboard, and the queue of new posts.
    pub posts: Posts,
}

impl App {
    /// Creates the service on a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            sessions: Sessions::new(&client),
            posts: Posts::new(&client),
            client,
        }
    }

    /// Returns the routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/health", get(health))
            .route("/login", post(sessions::login))
            .route("/logout", post(sessions::logout))
            .route("/posts", post(posts::publish))
            .route("/feed", get(posts::feed))
            .route("/leaders", get(posts::leaders))
            .with_state(self)
    }
}

/// Answers 200 if the server of the data answers.
async fn health(State(app): State<App>) -> (StatusCode, String) {
    match app.client.ping().await {
        Ok(took) => (StatusCode::OK, format!("round trip: {took:?}\n")),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

/// Waits until `stop` becomes true, or its sender is dropped.
async fn wait_stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

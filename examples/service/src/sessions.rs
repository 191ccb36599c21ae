//! Sessions with a sliding time to live.

use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use purse::{Client, RedisKeySpace};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::error::{Failure, Result};

/// A session ends after this time without a request.
const IDLE: Duration = Duration::from_secs(30 * 60);

/// A user who is logged in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    /// The name of the user.
    pub user: String,
}

/// All sessions, by their ids.
#[derive(Debug, Clone)]
pub struct Sessions {
    space: RedisKeySpace<Session>,
}

impl Sessions {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            space: RedisKeySpace::new(client, "session:").with_ttl(IDLE),
        }
    }

    async fn begin(&self, user: String) -> purse::Result<String> {
        let id = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        self.space.set(&id, Session { user }).await?;
        Ok(id)
    }

    /// Returns a session, and gives it its whole time again.
    async fn load(&self, id: &str) -> purse::Result<Option<Session>> {
        self.space.get_and_touch(id).await
    }
}

/// The session of a request, named by the header `session`.
#[derive(Debug)]
pub struct LoggedIn {
    /// The id.
    pub id: String,
    /// The session.
    pub session: Session,
}

impl FromRequestParts<App> for LoggedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let id = parts.headers.get("session").and_then(|id| id.to_str().ok());
        let id = id.ok_or(Failure::NotLoggedIn)?.to_owned();
        let session = app.sessions.load(&id).await?;
        let session = session.ok_or(Failure::NotLoggedIn)?;
        Ok(Self { id, session })
    }
}

/// The body of a login.
#[derive(Debug, Deserialize)]
pub struct Login {
    user: String,
}

pub(crate) async fn login(State(app): State<App>, Json(login): Json<Login>) -> Result<String> {
    Ok(app.sessions.begin(login.user).await?)
}

pub(crate) async fn logout(State(app): State<App>, login: LoggedIn) -> Result<()> {
    app.sessions.space.delete(&login.id).await?;
    Ok(())
}

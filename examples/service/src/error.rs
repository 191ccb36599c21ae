//! The errors of handlers, as HTTP answers.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// A result whose error is an HTTP answer.
pub type Result<T> = std::result::Result<T, Failure>;

/// The reason why a request failed.
#[derive(Debug)]
pub enum Failure {
    /// The request has no session, or one that has ended.
    NotLoggedIn,
    /// The data could not be read or written.
    Data(purse::Error),
}

impl From<purse::Error> for Failure {
    fn from(error: purse::Error) -> Self {
        Self::Data(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::NotLoggedIn => (StatusCode::UNAUTHORIZED, "log in first\n").into_response(),
            Self::Data(error) => {
                tracing::error!(%error, kind = %error.kind(), "a request failed");
                // A write that is ambiguous may have happened: the client must not be told to retry.
                let status = match error.is_retryable() {
                    true => StatusCode::SERVICE_UNAVAILABLE,
                    false => StatusCode::INTERNAL_SERVER_ERROR,
                };
                (status, "the data cannot be reached\n").into_response()
            }
        }
    }
}

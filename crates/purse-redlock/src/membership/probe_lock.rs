//! A lock on a random key, with which a server is tested.

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Result, Session};

use crate::master::commands::{command, read};
use crate::master::token::Token;
use crate::master::{Action, Answer, Request};

/// The timeout of each command.
const TIMEOUT: Duration = Duration::from_millis(500);

/// The ttl of a key that could not be deleted.
const TTL: Duration = Duration::from_secs(5);

/// A lock on a random key that no client uses.
pub(super) struct ProbeLock {
    key: Bytes,
    token: Token,
}

impl ProbeLock {
    pub(super) fn new() -> Self {
        Self {
            key: Bytes::from(format!("purse:probe:{}", uuid::Uuid::new_v4())),
            token: Token::generate(),
        }
    }

    pub(super) async fn run(&self, session: &Session, action: Action) -> Result<Answer> {
        let request = Request {
            action,
            keys: [self.key.clone()].into(),
            token: self.token.clone(),
            ttl: TTL,
            record: None,
        };
        let reply = session.run(command(&request).timeout(TIMEOUT)).await?;
        read(&request, reply)
    }
}

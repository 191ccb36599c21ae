//! One fred client, with bounds that hold and a watch on its silence.

use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::error::ErrorKind as FredKind;
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy};
use tokio::time::{Instant, sleep, timeout};

use crate::command::Command;
use crate::silence::Silence;
use crate::{Error, ErrorKind, Reply, Result, convert, wire};

#[derive(Debug)]
pub(crate) struct Lane {
    client: FredClient,
    command_timeout: Duration,
    silence: Silence,
}

impl Lane {
    pub(crate) fn new(
        config: Config,
        performance: PerformanceConfig,
        connection: ConnectionConfig,
        policy: ReconnectPolicy,
        command_timeout: Duration,
    ) -> Self {
        let client = FredClient::new(config, Some(performance), Some(connection), Some(policy));
        Self {
            client,
            command_timeout,
            silence: Silence::default(),
        }
    }

    pub(crate) const fn fred(&self) -> &FredClient {
        &self.client
    }

    pub(crate) async fn run(&self, command: Command, server: &str) -> Result<Reply> {
        let (name, effect) = (command.name, command.effect);
        let limit = command.timeout.unwrap_or(self.command_timeout);
        let mut left = command.timeout;
        if !self.client.is_connected() {
            if command.fail_fast {
                return Err(not_connected());
            }
            let started = Instant::now();
            if timeout(limit, self.connected()).await.is_err() {
                return Err(not_connected());
            }
            left = Some(
                limit
                    .saturating_sub(started.elapsed())
                    .max(Duration::from_millis(1)),
            );
        }
        let generation = self.silence.generation();
        let result = wire::send(&self.client, command, left).await;
        match &result {
            Err(error) if *error.kind() == FredKind::Timeout => {
                self.silence.lasted(generation, &self.client, server);
            }
            _ => self.silence.broken(),
        }
        result.map_err(|error| convert::command_error(error, name, effect))
    }

    /// Resolves once the client is connected.
    async fn connected(&self) {
        let mut events = self.client.reconnect_rx();
        while !self.client.is_connected() {
            // fred announces a connection before it calls itself connected, and drops events when
            // it is slow to be read: hence the short look in between.
            let _ = timeout(Duration::from_millis(20), events.recv()).await;
            if !self.client.is_connected() {
                sleep(Duration::from_millis(2)).await;
            }
        }
    }
}

fn not_connected() -> Error {
    Error::new(ErrorKind::NotSent, "not connected")
}

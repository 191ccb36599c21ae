//! Finds the primary of a sentinel group and connects to it.
//!
//! Sentinels are asked in URL order. With n sentinels, the connect timeout is divided into n + 1
//! equal shares. If the attempt through one sentinel has not ended after one share, the next
//! sentinel is asked too, and the earlier attempt continues. The last share is left for connecting
//! to the primary. An address is tried only once per attempt.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::error_map;
use super::handshake::{Dialer, Endpoint, OpenConnection, Purpose};
use super::settings::Settings;
use crate::config::Address;
use crate::util::sync::Mutex;
use crate::util::timer::{MAX_TIMEOUT, timeout};
use crate::{Error, ErrorKind, Reply, Result};

/// The primaries that were tried in one attempt to connect.
type Tried = Mutex<HashSet<Address>>;

/// Connects to the primary that the sentinels name.
///
/// A sentinel may name a server that is gone or is a replica now. Therefore the next sentinel is
/// asked when the attempt through the one before has failed, or takes long: the first one that leads
/// to a primary counts.
pub(super) async fn open_primary(
    dialer: &Dialer,
    sentinels: &[Address],
    service: &str,
) -> Result<OpenConnection> {
    let limit = dialer.settings.connect_timeout;
    // One sentinel or primary that does not answer must not take the time of all.
    let share = limit / u32::try_from(sentinels.len() + 1).unwrap_or(u32::MAX);
    let tried = Tried::default();
    let mut attempts = FuturesUnordered::new();
    let mut last = None;
    for sentinel in sentinels.iter().map(Some).chain([None]) {
        let patience = match sentinel {
            Some(_) => share,
            None => MAX_TIMEOUT,
        };
        attempts.extend(sentinel.map(|sentinel| open_by(dialer, sentinel, service, share, &tried)));
        while let Some(Some(outcome)) = timeout(patience, attempts.next()).await {
            match outcome {
                Ok(Some(opened)) => return Ok(opened),
                Ok(None) => {}
                Err(error) => last = Some(worse(last, error)),
            }
        }
    }
    Err(last.unwrap_or_else(error_map::sentinel_timeout))
}

/// Connects to the primary that one sentinel names, unless it was tried before.
async fn open_by(
    dialer: &Dialer,
    sentinel: &Address,
    service: &str,
    limit: Duration,
    tried: &Tried,
) -> Result<Option<OpenConnection>> {
    let asked = timeout(limit, ask(&dialer.settings, sentinel, service)).await;
    let asked = asked.unwrap_or_else(|| Err(error_map::sentinel_timeout()));
    let primary = asked.map_err(|error| error.with_server(sentinel.to_string().into()))?;
    if !tried.lock().insert(primary.clone()) {
        return Ok(None);
    }
    dialer.open_at(Some(&primary)).await.map(Some)
}

/// Returns the more useful error: one from an answer, before one for want of an answer.
fn worse(last: Option<Error>, error: Error) -> Error {
    match last {
        Some(last) if !matches!(last.kind(), ErrorKind::NotSent | ErrorKind::Timeout) => last,
        _ => error,
    }
}

async fn ask(settings: &Arc<Settings>, sentinel: &Address, service: &str) -> Result<Address> {
    let dialer = Dialer {
        settings: settings.clone(),
        endpoint: Endpoint::Sentinel(sentinel.clone()),
        purpose: Purpose::Sentinel,
    };
    let opened = dialer.open_at(Some(sentinel)).await.map_err(name_login)?;
    let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", service];
    let (_, reply) = opened.call(&question).await?;
    let reply = reply.map_err(|words| {
        let words = String::from_utf8_lossy(&words);
        let error = error_map::reply_error(&words, "SENTINEL");
        match error.kind() {
            ErrorKind::Unsupported => {
                let message = "cannot connect: the server is not a sentinel; use redis:// for it";
                Error::new(ErrorKind::Config, message).with_source(words.into_owned())
            }
            _ => error,
        }
    })?;
    let Some(reply) = Reply(reply).non_nil() else {
        let message = format!(
            "cannot connect: the sentinels do not know a primary by this name: {service:?}"
        );
        return Err(Error::new(ErrorKind::Config, message));
    };
    let [host, port] = reply.into_array()?;
    let host = host.into_bytes()?;
    let port = port.into_int()?;
    let port = u16::try_from(port).map_err(|_| {
        let message = format!("a sentinel gives {port} as the port of the primary");
        Error::new(ErrorKind::Protocol, message)
    })?;
    Ok(Address::new(&String::from_utf8_lossy(&host), port))
}

/// Says of a refused login that it was the one of the sentinels, which is not the servers' own.
fn name_login(error: Error) -> Error {
    if error.kind() != ErrorKind::Auth {
        return error;
    }
    let message = "cannot connect: the sentinel refuses the login; its user and password are the \
                   parameters sentinelUsername and sentinelPassword of the URL";
    Error::new(ErrorKind::Auth, message).with_source(error_map::describe(&error))
}

/// Checks that a server is a primary: sentinels may tell the address of one that is none any more.
pub(super) async fn check_role(opened: OpenConnection) -> Result<OpenConnection> {
    let (opened, reply) = opened.call(&["ROLE"]).await?;
    // A user without the right to ask finds out with the first write.
    let role = reply.ok().and_then(|reply| Reply(reply).into_list().ok());
    let role = role.and_then(|role| role.into_iter().next());
    let role = role.and_then(|role| role.into_bytes().ok());
    match role {
        Some(role) if role != "master" => {
            let message = "cannot connect: the sentinels name a replica as the primary";
            Err(Error::new(ErrorKind::NotSent, message))
        }
        _ => Ok(opened),
    }
}

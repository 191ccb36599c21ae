//! The lookup of the primary of a sentinel group.

use std::sync::Arc;

use super::error_map;
use super::handshake::{Dialer, Opened, Place, Setup};
use super::settings::Settings;
use crate::config::Address;
use crate::util::time::timeout;
use crate::{Error, ErrorKind, Reply, Result};

/// Asks the sentinels, one after the other, for the address of the primary.
pub(super) async fn primary(
    settings: &Arc<Settings>,
    sentinels: &[Address],
    service: &str,
) -> Result<Address> {
    let mut last = None;
    // One sentinel that does not answer must not take the time of all.
    let share = settings.connect_timeout / u32::try_from(sentinels.len() + 1).unwrap_or(u32::MAX);
    for sentinel in sentinels {
        let asked = timeout(share, ask(settings, sentinel, service)).await;
        match asked.unwrap_or_else(|| Err(error_map::sentinel_timeout())) {
            Ok(address) => return Ok(address),
            Err(error) => last = Some(worse(last, error.with_server(sentinel.to_string().into()))),
        }
    }
    Err(last.unwrap_or_else(error_map::sentinel_timeout))
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
        place: Place::Sentinel(sentinel.clone()),
        setup: Setup::Sentinel,
    };
    let opened = dialer.open().await.map_err(name_login)?;
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
pub(super) async fn check_role(opened: Opened) -> Result<Opened> {
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

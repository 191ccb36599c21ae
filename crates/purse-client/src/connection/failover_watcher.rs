//! The task that subscribes to the failover messages of sentinels.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::handshake::{Dialer, Endpoint, OpenConnection, Purpose};
use super::settings::Settings;
use crate::command::Command;
use crate::config::Servers;
use crate::resp::{Frame, Value};
use crate::telemetry::Counters;
use crate::util::timer::{sleep, timeout};

const PAUSE: Duration = Duration::from_secs(1);

/// Subscribes to the sentinels' messages of failovers, and calls `on_failover` for those of the
/// client's primary. The task ends when it is aborted.
///
/// It needs no driver, because a subscription has no replies to match. It reports no events: while
/// the sentinels are away, an attempt a second would be reported as a change.
pub(crate) async fn watch_for_failover(
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    on_failover: impl Fn() + Send + Sync + 'static,
) {
    let Servers::Sentinel { sentinels, service } = &settings.target.servers else {
        return;
    };
    for sentinel in sentinels.iter().cycle() {
        let dialer = Dialer {
            settings: settings.clone(),
            endpoint: Endpoint::Sentinel(sentinel.clone()),
            purpose: Purpose::Sentinel,
        };
        match timeout(settings.connect_timeout, dialer.open()).await {
            Some(Ok(opened)) => {
                // The next sentinel may answer. Commands report what is wrong with all of them.
                let _ = listen(opened, service, &on_failover).await;
            }
            Some(Err(_)) | None => counters.add_connect_failure(),
        }
        sleep(PAUSE).await;
    }
}

/// Reads the messages of one sentinel until the connection breaks.
async fn listen(opened: OpenConnection, service: &str, on_failover: &impl Fn()) -> io::Result<()> {
    let OpenConnection {
        mut stream,
        mut read,
        mut parser,
        ..
    } = opened;
    let mut subscribe = Vec::new();
    let command = Command::read("SUBSCRIBE").arg("+switch-master");
    command.put(&mut subscribe, true);
    stream.write_all(&subscribe).await?;
    stream.flush().await?;
    loop {
        while let Some(frame) = parser.next(&mut read).map_err(io::Error::other)? {
            // In RESP2, a message has the form of a reply.
            if let Frame::Push(message) | Frame::Reply(Value::List(message)) = frame
                && is_of(&message, service)
            {
                on_failover();
            }
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
}

/// Returns whether a message says that the primary of `service` has changed: `message`, the
/// channel, and the name with the old and the new address.
fn is_of(message: &[Value], service: &str) -> bool {
    let [
        Value::Bytes(kind),
        Value::Bytes(channel),
        Value::Bytes(text),
    ] = message
    else {
        return false;
    };
    let name = text.split(|&byte| byte == b' ').next();
    kind == "message" && channel == "+switch-master" && name == Some(service.as_bytes())
}

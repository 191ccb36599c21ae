//! The task that hears of failovers from sentinels.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::handshake::{Dialer, Place, Setup};
use super::settings::Settings;
use super::{Connection, Options, Status, Terms};
use crate::command::Command;
use crate::config::Servers;
use crate::resp::Value;
use crate::telemetry::Counters;
use crate::util::time::sleep;

const PAUSE: Duration = Duration::from_secs(1);

/// Subscribes to the sentinels' messages of failovers, and calls `on_failover` for those of the
/// client's primary. The task ends when it is aborted.
pub(crate) async fn watch_for_failover(
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    on_failover: impl Fn() + Clone + Send + 'static,
) {
    let Servers::Sentinel { sentinels, service } = &settings.target.servers else {
        return;
    };
    for sentinel in sentinels.iter().cycle() {
        let dialer = Dialer {
            settings: settings.clone(),
            place: Place::Sentinel(sentinel.clone()),
            setup: Setup::Sentinel,
        };
        let (on_failover, service) = (on_failover.clone(), service.clone());
        let options = Options {
            is_single: true,
            // While the sentinels are away, an attempt a second would be reported as a change.
            is_quiet: true,
            on_push: Some(Box::new(move |message| {
                if is_of(&message, &service) {
                    on_failover();
                }
            })),
            on_loss: None,
        };
        let connection = Connection::start(&Handle::current(), dialer, options, counters.clone());
        let now = std::time::Instant::now();
        let terms = Terms {
            since: now,
            deadline: now + settings.connect_timeout + settings.command_timeout,
            fail_fast: false,
        };
        let subscribe = Command::read("SUBSCRIBE").arg("+switch-master");
        let _ = connection.send_unawaited(&subscribe, terms);
        let mut status = connection.status();
        let _ = status
            .wait_for(|status| matches!(status, Status::Over))
            .await;
        sleep(PAUSE).await;
    }
}

/// Whether a message says that the primary of `service` has changed: `message`, the channel, and
/// the name with the old and the new address.
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

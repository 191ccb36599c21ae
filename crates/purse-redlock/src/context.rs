//! What all locks of one [`Redlock`](crate::Redlock) share.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::reaper::Reaper;
use crate::settings::Settings;
use crate::transport::Transport;

pub(crate) struct Context {
    pub(crate) masters: Vec<Arc<dyn Transport>>,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) reaper: Reaper,
    pub(crate) runtime: Handle,
}

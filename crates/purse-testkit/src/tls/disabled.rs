//! Stands for the TLS ports of servers in builds without the feature `tls`.

use crate::error::Error;
use crate::process::server_files::ServerFiles;

/// The settings of a TLS port, which there is not.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings;

/// A TLS port, which there is not.
#[derive(Debug)]
pub(crate) enum Tls {}

impl TlsSettings {
    pub(crate) fn start(&self, _port: u16, _home: &ServerFiles) -> Result<Option<Tls>, Error> {
        Ok(None)
    }
}

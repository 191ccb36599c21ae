//! Free ports of this machine.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// The distance from the port of a cluster's node to the port of its bus.
const TO_BUS: u16 = 10_000;

/// Returns a port on which no process listens, from below the ports that systems hand out
/// automatically (32768 and up on Linux, 49152 and up elsewhere), so that no outgoing connection can
/// take it while the server is down. With a bus, the port of a cluster node's bus is free as well.
pub(crate) fn free_port(has_bus: bool) -> io::Result<u16> {
    loop {
        let high = fastrand::u16(20_000..32_000);
        let port = if has_bus { high - TO_BUS } else { high };
        if is_free(high)? && (port == high || is_free(port)?) {
            return Ok(port);
        }
    }
}

fn is_free(port: u16) -> io::Result<bool> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(false),
        Err(error) => Err(error),
    }
}

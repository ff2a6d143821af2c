//! Microsocks: a SOCKS5 proxy, as one stands in another network.

use std::net::SocketAddr;

use super::{Cell, Inmate};

/// A running proxy without a password.
#[derive(Debug)]
pub struct Microsocks {
    address: SocketAddr,
    _cell: Cell,
    _server: Inmate,
}

impl Microsocks {
    /// Starts one and waits until it listens.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(address: SocketAddr) -> Self {
        let cell = Cell::new();
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let server = cell.serve(
            address,
            "microsocks.log",
            "/usr/bin/microsocks",
            &["-i", &ip, "-p", &port],
        );
        Self {
            address,
            _cell: cell,
            _server: server,
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

//! The web as strangers see it: a listener of its own, off unless `[web]` names an address, with nothing on it but what
//! the operator publishes. HTTP/1.1 in the clear, since a partner that does not trust our root could not read about it
//! otherwise, and under TLS. What is answered is left to `pages`; no cookie, no password and no change comes this way.

mod listener;
mod metrics;
mod pages;
mod rendered;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sekisho_tls::ServerCertificates;

pub use listener::{WebCertificates, WebError, WebListener};
pub use metrics::WebMetrics;
pub use pages::router;

/// Where the page is.
pub const PAGE: &str = "/.well-known/sekisho/certificates";

/// What `[web]` comes to.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// In the clear.
    pub http: Option<SocketAddr>,
    /// Under TLS, with [`Self::certificates`].
    pub https: Option<SocketAddr>,
    /// What is presented there.
    pub certificates: Option<Arc<ServerCertificates>>,
    /// What clients may take.
    pub limits: WebLimits,
}

/// What clients may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebLimits {
    /// Connections at a time.
    pub connections: u32,
    /// Connections at a time from one address; a /64 of IPv6 counts as one.
    pub connections_per_address: u32,
    /// For the TLS handshake.
    pub handshake_timeout: Duration,
    /// For the head of a request, the wait for it included.
    pub head_timeout: Duration,
    /// For a whole connection.
    pub connection_timeout: Duration,
    /// For the head of a request, in octets.
    pub head_len: usize,
}

impl Default for WebLimits {
    fn default() -> Self {
        Self {
            connections: 200,
            connections_per_address: 20,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            connection_timeout: Duration::from_secs(60),
            head_len: 16 * 1024,
        }
    }
}

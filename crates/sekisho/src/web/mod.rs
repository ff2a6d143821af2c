//! The web as strangers see it: a listener of its own, off unless `[web]` names an address, with nothing on it but what
//! the operator publishes. HTTP/1.1 in the clear, since a partner that does not trust our root could not read about it
//! otherwise, and under TLS. What is answered is left to `pages`; no cookie, no password and no change comes this way.

mod listener;
mod metrics;
mod pages;
mod rendered;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{Identity, IdentityFiles, ServerCertificates};

use crate::certificates::Certificates;

pub use listener::{WebCertificates, WebError, WebListener};
pub use metrics::WebMetrics;
pub use pages::router;

/// By which its listener under TLS is known to people; no listener for mail can be called so.
pub const HTTPS: &str = "[web] https";
/// Where the page is.
pub const PAGE: &str = "/.well-known/sekisho/certificates";

/// What `[web]` comes to.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// In the clear.
    pub http: Option<SocketAddr>,
    /// Under TLS, with [`Self::certificates`] and [`Self::roles`].
    pub https: Option<SocketAddr>,
    /// Certificates that the configuration names, with their files; presented first.
    pub certificates: Vec<(IdentityFiles, Identity)>,
    /// Roles of the directory whose certificates are presented behind them.
    pub roles: Vec<CertificateRoleKey>,
    /// What clients may take.
    pub limits: WebLimits,
}

impl WebSettings {
    /// What is presented under TLS just now; `self_signed` where that comes to nothing: an authority finds its
    /// challenges all the same, and the page is there in the clear.
    #[must_use]
    pub fn presented(&self, ours: &Certificates, self_signed: &Arc<ServerCertificates>) -> Arc<ServerCertificates> {
        let together = ours.together(&self.certificates, &self.roles);
        together.map_or_else(|| Arc::clone(self_signed), Arc::new)
    }
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

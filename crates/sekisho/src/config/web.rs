//! `[web]`: from texts to [`WebSettings`].

use std::{net::SocketAddr, sync::Arc};

use sekisho_tls::ServerCertificates;

use super::{checker::Checker, listener, raw::Raw};
use crate::web::{WebLimits, WebSettings};

/// What is written there, with the certificates that it names.
pub(super) fn build(raw: &Raw, checker: &mut Checker<'_>) -> WebSettings {
    let web = &raw.web;
    let mut address = |key: &str, text: &str| {
        let parsed = || checker.parse(key, text, "write address:port, as in [::]:80, or off");
        (text != "off").then(parsed).flatten()
    };
    let (http, https): (Option<SocketAddr>, _) = (address("web.http", &web.http), address("web.https", &web.https));
    let certificates = listener::certificates(&web.certificates, "web.certificates", checker);
    let identities = certificates.into_iter().map(|(_, identity)| identity).collect();
    let certificates = ServerCertificates::new(identities).map(Arc::new);
    if https.is_some() && web.certificates.is_empty() {
        checker.fault(
            "web.https",
            "there is no certificate for it",
            "name one in web.certificates, or write off",
        );
    }
    if https.is_none() && web.https == "off" && !web.certificates.is_empty() {
        checker.fault(
            "web.certificates",
            "nobody is shown them while https is off",
            "name an address in web.https, or take them out",
        );
    }
    WebSettings {
        http,
        https,
        certificates,
        limits: WebLimits {
            connections: checker.at_least("web.connections", web.connections, 1),
            connections_per_address: checker.at_least("web.connections-per-address", web.connections_per_address, 1),
            ..WebLimits::default()
        },
    }
}

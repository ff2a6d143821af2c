//! `[web]`: from texts to [`WebSettings`].

use std::net::SocketAddr;

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
    let roles = listener::roles(&web.roles, "web.roles", checker);
    if https.is_some() && web.certificates.is_empty() && web.roles.is_empty() {
        checker.fault(
            "web.https",
            "there is no certificate for it",
            "name a role in web.roles or a file in web.certificates, or write off",
        );
    }
    for (key, is_empty) in [
        ("web.certificates", web.certificates.is_empty()),
        ("web.roles", web.roles.is_empty()),
    ] {
        if web.https == "off" && !is_empty {
            let remedy = "name an address in web.https, or take them out";
            checker.fault(key, "nobody is shown them while https is off", remedy);
        }
    }
    WebSettings {
        http,
        https,
        certificates,
        roles,
        limits: WebLimits {
            connections: checker.at_least("web.connections", web.connections, 1),
            connections_per_address: checker.at_least("web.connections-per-address", web.connections_per_address, 1),
            ..WebLimits::default()
        },
    }
}

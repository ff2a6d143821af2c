//! What `sekisho serve` says when it is up: where it listens, whose mail it takes, who may relay, what to try next.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::view::listener_view;
use crate::{
    config::{Loaded, Settings},
    inbound::ListenerMode,
    web,
};

/// A few lines for whoever started the server.
pub(super) fn banner(loaded: &Loaded, health: Option<SocketAddr>) -> String {
    let settings = &loaded.settings;
    let mut text = format!("sekisho {} is {}\n", env!("CARGO_PKG_VERSION"), settings.hostname);
    // Writing to a String cannot fail.
    for listener in settings.listeners.iter().map(listener_view) {
        let _ = writeln!(
            text,
            "  listens on     {} ({}, relays for {})",
            listener.address, listener.mode, listener.relay
        );
    }
    let domains: Vec<String> = settings.local.domains.iter().map(ToString::to_string).collect();
    let _ = writeln!(text, "  takes mail for {}", domains.join(", "));
    let users: Vec<String> = settings.local.users.iter().map(|user| user.name.to_string()).collect();
    let mailboxes = settings.data_folder.join("mail");
    let _ = writeln!(text, "  mailboxes      {} in {}", users.join(", "), mailboxes.display());
    if let Some(address) = health {
        let _ = writeln!(
            text,
            "  metrics        http://{address}/metrics, health on /healthz/ready"
        );
    }
    for (scheme, address) in [("http", settings.web.http), ("https", settings.web.https)] {
        if let Some(address) = address {
            let _ = writeln!(text, "  page           {scheme}://{address}{}", web::PAGE);
        }
    }
    match &loaded.file {
        Some(file) => {
            let _ = writeln!(text, "  configuration  {}", file.display());
        }
        None => text.push_str("  configuration  none: the defaults hold (docs/config.md)\n"),
    }
    try_next(&mut text, settings);
    text
}

fn try_next(text: &mut String, settings: &Settings) {
    let first = settings
        .listeners
        .iter()
        .find(|listener| listener.mode == ListenerMode::Smtp);
    let (Some(listener), Some(user), Some(domain)) =
        (first, settings.local.users.first(), settings.local.domains.last())
    else {
        return;
    };
    let user = user.name.local();
    let _ = writeln!(
        text,
        "try: swaks --server {address} --tls --to {user}@{domain}\n     \
         openssl s_client -starttls smtp -connect {address}\n     \
         sekisho trace",
        address = reachable(listener.address)
    );
}

/// An address that a client on this machine can be pointed at.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(loopback, address.port())
}

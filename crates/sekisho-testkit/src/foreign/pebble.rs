//! Pebble, the ACME authority that its makers test clients with: strict, forgetful, and rude on request.

use std::net::{IpAddr, SocketAddr};

use super::{Cell, Inmate};
use crate::{
    authority::Authority,
    enclosure::{RESOLVER, Release},
};

/// The name under which it must be reachable; its certificate has it.
pub const PEBBLE_NAME: &str = "ca.acme.example";
/// Where it takes requests.
const PORT: u16 = 14_000;
/// Where it tells tests what it knows.
const MANAGEMENT_PORT: u16 = 15_000;

/// How it behaves.
#[derive(Clone, Debug)]
pub struct PebbleSettings<'a> {
    /// How long its certificates live.
    pub validity_secs: u32,
    /// Key ids and keys (base64url) of its customers; others get no account. Anyone does when there are none.
    pub customers: &'a [(&'a str, &'a str)],
    /// Variables of its environment (`PEBBLE_WFE_NONCEREJECT` and the like), beside those that make it quick.
    pub environment: &'a [(&'a str, &'a str)],
}

impl Default for PebbleSettings<'_> {
    fn default() -> Self {
        Self {
            validity_secs: 90 * 86_400,
            customers: &[],
            environment: &[],
        }
    }
}

/// A running one. It looks at the usual ports, 80 and 443, and asks the world's resolver.
#[derive(Debug)]
pub struct Pebble {
    cell: Cell,
    _inmate: Inmate,
}

impl Pebble {
    /// Starts it at `address`; `authority` vouches for its own HTTPS.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn serve(address: IpAddr, authority: &Authority, settings: &PebbleSettings<'_>) -> Self {
        let cell = Cell::of(Release::Trixie);
        let pem = authority.server(&[PEBBLE_NAME]);
        cell.write("etc/pebble/chain.pem", &pem.chain);
        cell.write_secret("etc/pebble/key.pem", &pem.key);
        cell.write("etc/pebble/pebble.json", configuration(address, settings));
        let environment = [("PEBBLE_VA_NOSLEEP", "1")]
            .into_iter()
            .chain(settings.environment.iter().copied());
        let environment: Vec<String> = environment.map(|(name, value)| format!("{name}={value}")).collect();
        let command = format!(
            "{} exec /usr/bin/pebble -config /etc/pebble/pebble.json -dnsserver {RESOLVER}:53",
            environment.join(" ")
        );
        let inmate = cell.serve(
            SocketAddr::new(address, PORT),
            "pebble.log",
            "/bin/sh",
            &["-c", &command],
        );
        Self { cell, _inmate: inmate }
    }

    /// The URL of its directory.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://{PEBBLE_NAME}:{PORT}/dir")
    }

    /// The record that makes its name known.
    #[must_use]
    pub fn record(address: IpAddr) -> String {
        let label = PEBBLE_NAME.split('.').next().unwrap_or_default();
        format!("{label} A {address}")
    }

    /// What it said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.cell.log("pebble.log")
    }
}

fn configuration(address: IpAddr, settings: &PebbleSettings<'_>) -> String {
    let customers: serde_json::Map<String, serde_json::Value> = settings
        .customers
        .iter()
        .map(|(id, key)| ((*id).to_owned(), (*key).into()))
        .collect();
    let pebble = serde_json::json!({
        "listenAddress": format!("{address}:{PORT}"),
        "managementListenAddress": format!("{address}:{MANAGEMENT_PORT}"),
        "certificate": "/etc/pebble/chain.pem",
        "privateKey": "/etc/pebble/key.pem",
        "httpPort": 80,
        "tlsPort": 443,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": !settings.customers.is_empty(),
        "externalAccountMACKeys": customers,
        "certificateValidityPeriod": settings.validity_secs,
    });
    serde_json::json!({ "pebble": pebble }).to_string()
}

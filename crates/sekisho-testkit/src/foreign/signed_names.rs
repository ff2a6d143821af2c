//! A signed zone that changes while it is served: NSD serves what `ldns-signzone` has signed, and Unbound validates it
//! by the zone's own key, since there is no root above it.

use std::{fs, net::SocketAddr};

use super::{Cell, Inmate};
use crate::enclosure::{NAME_SERVER, RESOLVER};

const NSD_CONF: &str = "/etc/nsd/test.conf";

/// A running name server for one signed zone with a running, validating resolver before it.
#[derive(Debug)]
pub struct SignedNames {
    cell: Cell,
    zone: String,
    key: String,
    _server: Inmate,
    _resolver: Inmate,
}

impl SignedNames {
    /// Signs and serves a zone with these records, which stand without SOA and NS. Each may be remembered for a second.
    ///
    /// # Panics
    /// When it cannot be signed, or the servers do not come up.
    #[must_use]
    pub fn serve(zone: &str, records: &str) -> Self {
        let cell = Cell::new();
        let made = cell.run(
            "/bin/sh",
            &[
                "-c",
                &format!("cd /etc/nsd && ldns-keygen -a ECDSAP256SHA256 -k {zone}"),
            ],
        );
        let key = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        assert!(key.starts_with('K'), "ldns-keygen: {made:?}");
        sign(&cell, zone, &key, records);
        cell.write(
            "etc/nsd/test.conf",
            format!(
                "server:\n  ip-address: {NAME_SERVER}\n  username: \"\"\n  pidfile: \"\"\n  server-count: 1\n  \
                   zonesdir: /etc/nsd\n  database: \"\"\n  xfrdfile: /tmp/xfrd.state\n  zonelistfile: /tmp/zone.list\n\
                 remote-control:\n  control-enable: yes\n  control-interface: /run/nsd.ctl\n\
                 zone:\n  name: {zone}\n  zonefile: signed.{zone}\n"
            ),
        );
        let server = cell.serve(
            SocketAddr::new(NAME_SERVER, 53),
            "nsd.log",
            "/usr/sbin/nsd",
            &["-d", "-c", NSD_CONF],
        );
        cell.write(
            "etc/unbound/test.conf",
            format!(
                "server:\n  interface: {RESOLVER}\n  port: 53\n  username: \"\"\n  chroot: \"\"\n  pidfile: \"\"\n  \
                   use-syslog: no\n  do-ip6: no\n  do-not-query-localhost: no\n  \
                   module-config: \"validator iterator\"\n  trust-anchor-file: /etc/nsd/{key}.ds\n  \
                   directory: /etc/unbound\n  num-threads: 1\n  so-sndbuf: 0\n  so-rcvbuf: 0\n  \
                   cache-max-negative-ttl: 1\n  access-control: 127.0.0.0/8 allow\n\
                 remote-control:\n  control-enable: no\n\
                 stub-zone:\n  name: {zone}\n  stub-addr: {NAME_SERVER}\n  stub-prime: no\n"
            ),
        );
        let resolver = cell.serve(
            SocketAddr::new(RESOLVER, 53),
            "unbound.log",
            "/usr/sbin/unbound",
            &["-d", "-c", "/etc/unbound/test.conf"],
        );
        let names = Self {
            cell,
            zone: zone.to_owned(),
            key,
            _server: server,
            _resolver: resolver,
        };
        let answer = names.ask(zone, "SOA");
        assert!(
            answer.contains(" ad"),
            "{zone} does not validate: {answer}\n{}",
            names.cell.log("unbound.log")
        );
        names
    }

    /// Signs the zone anew with other records and has it served, without a pause.
    ///
    /// # Panics
    /// When it cannot be signed, or the server does not take it.
    pub fn change(&self, records: &str) {
        sign(&self.cell, &self.zone, &self.key, records);
        let reloaded = self.cell.run("/usr/sbin/nsd-control", &["-c", NSD_CONF, "reload"]);
        assert!(
            reloaded.status.success(),
            "nsd-control: {reloaded:?}\n{}",
            self.cell.log("nsd.log")
        );
    }

    /// Asks the resolver as `drill` does, with signatures; the answer is the tool's text.
    #[must_use]
    pub fn ask(&self, name: &str, kind: &str) -> String {
        let output = self
            .cell
            .run("/usr/bin/drill", &["-D", &format!("@{RESOLVER}"), name, kind]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn sign(cell: &Cell, zone: &str, key: &str, records: &str) {
    // NSD takes up a zone whose file is another; the serial number rises all the same, as a zone's must.
    let serial = fs::read_to_string(cell.path("etc/nsd/serial"))
        .ok()
        .and_then(|text| text.parse().ok());
    let serial: u32 = serial.unwrap_or(0) + 1;
    cell.write("etc/nsd/serial", serial.to_string());
    cell.write(
        &format!("etc/nsd/plain.{zone}"),
        format!(
            "$ORIGIN {zone}.\n$TTL 1\n@ SOA ns.{zone}. root.{zone}. {serial} 60 60 60 1\n@ NS ns\n\
             ns A {NAME_SERVER}\n{records}\n"
        ),
    );
    let line = format!("cd /etc/nsd && ldns-signzone -f new.{zone} plain.{zone} {key}");
    let signed = cell.run("/bin/sh", &["-c", &line]);
    assert!(signed.status.success(), "ldns-signzone: {signed:?}");
    let path = |name: &str| cell.path(&format!("etc/nsd/{name}.{zone}"));
    fs::rename(path("new"), path("signed")).expect("a file of the cell can be renamed");
}

//! Real names: NSD serves the zones, or BIND where they are to be updated; Unbound resolves them on the world's
//! loopback, as `/etc/resolv.conf` says.

use std::net::SocketAddr;

use super::{Cell, Inmate};
use crate::enclosure::{NAME_SERVER, RESOLVER, Release};

/// The name of the key under which BIND takes updates of TXT records.
pub const UPDATE_KEY: &str = "acme-key.example";

/// One zone, in the text form of RFC 1035 §5.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Its name without the final dot.
    pub name: String,
    /// Its records without SOA and NS; `None` for a zone that is delegated but broken, so that questions about it end
    /// in SERVFAIL.
    pub records: Option<String>,
}

impl Zone {
    /// A zone with these records.
    #[must_use]
    pub fn new(name: &str, records: &str) -> Self {
        Self {
            name: name.to_owned(),
            records: Some(records.to_owned()),
        }
    }

    /// A zone whose server cannot answer for it.
    #[must_use]
    pub fn broken(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            records: None,
        }
    }
}

/// A running name server with a running resolver before it.
#[derive(Debug)]
pub struct Names {
    cell: Cell,
    /// Of the name server, where it does not share the resolver's.
    _server_cell: Option<Cell>,
    _server: Inmate,
    _resolver: Inmate,
}

impl Names {
    /// Serves these zones; every other name does not exist as far as the resolver can tell, which has no other server
    /// to ask.
    ///
    /// # Panics
    /// When the servers do not come up.
    #[must_use]
    pub fn serve(zones: &[Zone]) -> Self {
        let cell = Cell::new();
        cell.write("etc/nsd/test.conf", nsd_conf(zones));
        write_zones(&cell, "etc/nsd", zones);
        cell.write("etc/unbound/test.conf", unbound_conf(zones, ""));
        let server = cell.serve(
            SocketAddr::new(NAME_SERVER, 53),
            "nsd.log",
            "/usr/sbin/nsd",
            &["-d", "-c", "/etc/nsd/test.conf"],
        );
        Self {
            _resolver: resolve(&cell),
            cell,
            _server_cell: None,
            _server: server,
        }
    }

    /// As [`Self::serve`], by BIND, which takes updates of TXT records under [`UPDATE_KEY`]; the key comes along, as
    /// `tsig-keygen` writes it for this algorithm. The resolver remembers nothing.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn serve_updatable(zones: &[Zone], algorithm: &str) -> (Self, String) {
        let server_cell = Cell::of(Release::Trixie);
        let made = server_cell.run("/usr/sbin/tsig-keygen", &["-a", algorithm, UPDATE_KEY]);
        let key = String::from_utf8_lossy(&made.stdout).into_owned();
        assert!(key.starts_with("key"), "tsig-keygen: {made:?}");
        write_zones(&server_cell, "var/lib/bind", zones);
        server_cell.write("etc/bind/test.conf", named_conf(zones, &key));
        let server = server_cell.serve(
            SocketAddr::new(NAME_SERVER, 53),
            "named.log",
            "/usr/sbin/named",
            &["-g", "-c", "/etc/bind/test.conf"],
        );
        let cell = Cell::new();
        cell.write(
            "etc/unbound/test.conf",
            unbound_conf(zones, "  cache-max-ttl: 0\n  cache-max-negative-ttl: 0\n"),
        );
        let names = Self {
            _resolver: resolve(&cell),
            cell,
            _server_cell: Some(server_cell),
            _server: server,
        };
        (names, key)
    }

    /// Asks the resolver as `drill` does; the answer is the tool's text with status and records.
    #[must_use]
    pub fn ask(&self, name: &str, kind: &str) -> String {
        let at = format!("@{RESOLVER}");
        let output = self.cell.run("/usr/bin/drill", &[&at, name, kind]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn write_zones(cell: &Cell, folder: &str, zones: &[Zone]) {
    for zone in zones {
        let Some(records) = &zone.records else { continue };
        let name = &zone.name;
        let head = format!("$ORIGIN {name}.\n$TTL 60\n@ SOA ns.{name}. root.{name}. 1 60 60 60 60\n@ NS ns\n");
        let text = format!("{head}ns A {NAME_SERVER}\n{records}\n");
        cell.write(&format!("{folder}/zone.{name}"), text);
    }
}

/// A question that comes before it listens is answered only when it is asked again, seconds later: so it is waited for.
fn resolve(cell: &Cell) -> Inmate {
    cell.serve(
        SocketAddr::new(RESOLVER, 53),
        "unbound.log",
        "/usr/sbin/unbound",
        &["-d", "-c", "/etc/unbound/test.conf"],
    )
}

fn named_conf(zones: &[Zone], key: &str) -> String {
    let mut text = format!(
        "{key}\noptions {{\n  directory \"/var/cache/bind\";\n  listen-on {{ {NAME_SERVER}; }};\n  \
           listen-on-v6 {{ none; }};\n  recursion no;\n  dnssec-validation no;\n  pid-file none;\n  \
           session-keyfile none;\n}};\ncontrols {{ }};\n"
    );
    for Zone { name, .. } in zones {
        text += &format!(
            "zone \"{name}\" {{\n  type primary;\n  file \"/var/lib/bind/zone.{name}\";\n  \
               update-policy {{ grant {UPDATE_KEY} zonesub TXT; }};\n}};\n"
        );
    }
    text
}

fn nsd_conf(zones: &[Zone]) -> String {
    let mut text = format!(
        "server:\n  ip-address: {NAME_SERVER}\n  username: \"\"\n  pidfile: \"\"\n  server-count: 1\n  \
           zonesdir: /etc/nsd\n  database: \"\"\n  xfrdfile: /tmp/xfrd.state\n  zonelistfile: /tmp/zone.list\n\
         remote-control:\n  control-enable: no\n"
    );
    for Zone { name, .. } in zones {
        // The file of a broken zone does not exist: NSD answers SERVFAIL for it.
        text += &format!("zone:\n  name: {name}\n  zonefile: zone.{name}\n");
    }
    text
}

fn unbound_conf(zones: &[Zone], more: &str) -> String {
    let mut text = format!(
        "server:\n  interface: {RESOLVER}\n  port: 53\n  username: \"\"\n  chroot: \"\"\n  pidfile: \"\"\n  \
           use-syslog: no\n  do-ip6: no\n  do-not-query-localhost: no\n  module-config: \"iterator\"\n  \
           directory: /etc/unbound\n  num-threads: 1\n  so-sndbuf: 0\n  so-rcvbuf: 0\n  \
           local-zone: \"test.\" nodefault\n  local-zone: \"invalid.\" nodefault\n  \
           access-control: 127.0.0.0/8 allow\n{more}\
         remote-control:\n  control-enable: no\n"
    );
    for Zone { name, .. } in zones {
        text += &format!("stub-zone:\n  name: {name}\n  stub-addr: {NAME_SERVER}\n  stub-prime: no\n");
    }
    text
}

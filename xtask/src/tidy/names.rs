//! Who may name what: the walls inside the workspace that crate edges alone do not draw.

use super::{
    Finding,
    source::{Source, names_identifier},
};

/// What only one place may name.
struct Wall {
    /// Path prefix of the files that it stands in; empty for all.
    within: &'static str,
    /// The identifiers as they stand in code.
    identifiers: &'static [&'static str],
    /// Path prefixes that may; none where nobody may.
    allowed: &'static [&'static str],
    /// Why.
    reason: &'static str,
}

const WALLS: &[Wall] = &[
    Wall {
        within: "",
        identifiers: &[
            "rustls",
            "tokio_rustls",
            "rustls_pki_types",
            "rustls_native_certs",
            "webpki",
            "aws_lc_rs",
        ],
        allowed: &["crates/sekisho-tls/"],
        reason: "one TLS provider, one crate: the rest sees plain facts",
    },
    Wall {
        within: "",
        identifiers: &["hickory_resolver", "hickory_proto"],
        allowed: &["crates/sekisho/src/dns/"],
        reason: "only dns/ knows the DNS library, so that everybody else gets a Lookup",
    },
    Wall {
        within: "",
        identifiers: &["instant_acme"],
        allowed: &["crates/sekisho/src/acme/"],
        reason: "what an authority may do wrong is met in one place",
    },
    Wall {
        within: "",
        identifiers: &["rusqlite", "libsqlite3_sys"],
        allowed: &["crates/sekisho-store/", "crates/sekisho-testkit/src/vfs"],
        reason: "how the store keeps things is the store's own affair",
    },
    Wall {
        within: "crates/",
        identifiers: &["hyper::client", "hyper_util::client", "client::conn", "client::legacy"],
        allowed: &["crates/sekisho/src/fetch/", "crates/sekisho/src/cli/door.rs"],
        reason: "outgoing HTTP goes through fetch/, with the limits and the address filter built in",
    },
    Wall {
        within: COMMANDS,
        identifiers: &["sekisho_store", "UnixStream", "hyper", "hyper_util", "axum"],
        allowed: &["crates/sekisho/src/cli/door.rs"],
        reason: "a command uses the management API and no other door (law 10)",
    },
    Wall {
        within: COMMANDS,
        identifiers: &["app"],
        allowed: &["crates/sekisho/src/cli/door.rs", "crates/sekisho/src/cli/serve.rs"],
        reason: "the server is run by `serve` and its handlers are reached by the door alone (law 10)",
    },
    Wall {
        within: COMMANDS,
        identifiers: &[
            // Other doors to the network and to the data folder.
            "TcpStream",
            "TcpListener",
            "TcpSocket",
            "UdpSocket",
            "UnixListener",
            "UnixDatagram",
            "UnixSocket",
            "socket2",
            "rustix",
            "fs",
            "File",
            "OpenOptions",
            // What decides, delivers and keeps.
            "sekisho_smtp",
            "sekisho_tls",
            "sekisho_policy",
            "crate::admin",
            "crate::dns",
            "crate::inbound",
            "crate::local",
            "crate::notify",
            "crate::outbound",
        ],
        allowed: &[],
        reason: "a command uses the management API and no other door (law 10)",
    },
];

/// The subcommands.
const COMMANDS: &str = "crates/sekisho/src/cli/";

pub(super) fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for wall in WALLS {
            if !source.file.starts_with(wall.within) || wall.allowed.iter().any(|may| source.file.starts_with(may)) {
                continue;
            }
            for (line, name) in named(&source.code, wall.identifiers) {
                let text = if wall.allowed.is_empty() {
                    format!("`{name}` is named in {}: {}", wall.within, wall.reason)
                } else {
                    format!(
                        "`{name}` is named outside {}: {}",
                        wall.allowed.join(" and "),
                        wall.reason
                    )
                };
                findings.push(Finding {
                    file: source.file.clone(),
                    line,
                    text,
                });
            }
        }
    }
    findings
}

/// The lines, from 1, on which one of the identifiers stands. A path is found as it stands, and so is a module that is
/// taken out of a list: `use crate::{…, admin}`.
fn named<'a>(code: &str, identifiers: &[&'a str]) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    let mut imports_from_crate = false;
    for (place, line) in code.lines().enumerate() {
        imports_from_crate |= line.contains("crate::{");
        let names = |name: &&&str| match name.strip_prefix("crate::") {
            Some(module) => names_identifier(line, name) || imports_from_crate && names_identifier(line, module),
            None => names_identifier(line, name),
        };
        found.extend(identifiers.iter().find(names).map(|name| (place + 1, *name)));
        imports_from_crate &= !line.contains(';');
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(file: &str, text: &str) -> Source {
        Source::new(file.to_owned(), text.to_owned())
    }

    #[test]
    fn a_wall_keeps_a_library_in_its_place() {
        let inside = source("crates/sekisho-tls/src/lib.rs", "use rustls::X;");
        let outside = source(
            "crates/sekisho/src/dns/mod.rs",
            "// rustls is fine here\nuse rustls::X;\nuse hickory_resolver::Y;",
        );
        let found = findings(&[inside, outside]);
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn outgoing_http_goes_through_one_place() {
        let lines = |file: &str, text: &str| -> Vec<usize> {
            let found = findings(&[source(file, text)]);
            found.iter().map(|finding| finding.line).collect()
        };
        for text in [
            "use hyper::client::conn::http1;",
            "use hyper::{Method, client::conn::http1};",
            "hyper_util::client::legacy::Client::builder()",
            "use hyper_util::{client::legacy::Client, rt::TokioIo};",
        ] {
            assert_eq!(lines("crates/sekisho/src/partners/mod.rs", text), [1], "{text}");
            assert!(lines("crates/sekisho/src/fetch/exchange.rs", text).is_empty(), "{text}");
        }
        assert!(
            lines(
                "crates/sekisho/src/admin/http.rs",
                "hyper::server::conn::http1::Builder::new()"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_command_uses_the_management_api_and_no_other_door() {
        let lines = |file: &str, text: &str| -> Vec<usize> {
            let found = findings(&[source(&format!("{COMMANDS}{file}"), text)]);
            found.iter().map(|finding| finding.line).collect()
        };
        for (text, line) in [
            ("use sekisho_store::Store;", 1),
            ("use tokio::net::UnixStream;", 1),
            ("let bytes = std::fs::read(place)?;", 1),
            ("use crate::{\n    config::Place,\n    outbound::route,\n};", 3),
            ("use crate::admin;", 1),
            ("let app = crate::app::open_offline(place);", 1),
            ("std::net::TcpStream::connect(peer)", 1),
        ] {
            assert_eq!(lines("queue.rs", text), [line], "{text}");
        }
        assert!(
            lines(
                "queue.rs",
                "use crate::{config::human};\ntext::local(at);\nprintln!(\"fs\");"
            )
            .is_empty()
        );
        let door = "use sekisho_store::Store;\nuse tokio::net::UnixStream;\nuse crate::{app, config::Place};\n";
        assert!(lines("door.rs", door).is_empty());
        assert_eq!(
            lines("door.rs", "use tokio::net::TcpStream;\nuse crate::outbound;"),
            [1, 2]
        );
        assert!(lines("serve.rs", "use crate::app;").is_empty());
        assert_eq!(lines("serve.rs", "use sekisho_store::Store;"), [1]);
    }
}

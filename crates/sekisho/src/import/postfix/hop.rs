//! Next hops of Postfix: `[mail.example.org]:587` is a host, `example.org` one with MX records.

use sekisho_policy::directory::SUBMISSIONS_PORT;

/// Service names that stand for a port.
const SERVICES: [(&str, u16); 5] = [
    ("smtp", 25),
    ("smtps", 465),
    ("submissions", 465),
    ("submission", 587),
    ("urd", 465),
];

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// As it is written, by which TLS policies are looked up.
    pub key: String,
    /// As smart hosts of a connector.
    pub smart_hosts: Vec<String>,
    /// The names without brackets and ports.
    pub names: Vec<String>,
    /// Whether it is a host, and not a domain whose MX records are looked up.
    pub is_host: bool,
    /// Whether every port is that of TLS from the first octet on.
    pub implicit_tls: bool,
}

/// What becomes of mail by a transport table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// As if the entry were not there.
    Unchanged,
    /// Over SMTP by the MX records of the recipient's domain.
    Mx,
    /// Over SMTP to there.
    Hop(Hop),
    /// By something else than the smtp client.
    Other(String),
}

/// The right side of a transport table.
///
/// # Errors
/// Why it is none.
pub(super) fn transport(text: &str) -> Result<Transport, String> {
    let Some((agent, hop)) = text.split_once(':') else {
        return Err("this is no transport:nexthop".to_owned());
    };
    let (agent, next) = (agent.trim(), hop.trim());
    match (agent, next) {
        ("", "") => Ok(Transport::Unchanged),
        ("smtp" | "relay", "") => Ok(Transport::Mx),
        ("smtp" | "relay" | "", next) => Ok(Transport::Hop(hop_of(next)?)),
        (other, _) => Ok(Transport::Other(other.to_owned())),
    }
}

/// A next hop, or several with commas.
///
/// # Errors
/// Why it is none.
pub(super) fn hop_of(text: &str) -> Result<Hop, String> {
    let mut hop = Hop {
        key: text.to_ascii_lowercase(),
        smart_hosts: Vec::new(),
        names: Vec::new(),
        is_host: true,
        implicit_tls: false,
    };
    let mut ports = Vec::new();
    let parts = text.split([',', ' ', '\t']).filter(|part| !part.is_empty());
    for part in parts {
        let (name, port, is_host) = parts_of(part)?;
        let port = port.map(port_of).transpose()?.unwrap_or(25);
        ports.push(port);
        hop.is_host &= is_host;
        hop.smart_hosts
            .push(match name.strip_prefix("ipv6:").filter(|_| is_host) {
                Some(address) => format!("[{address}]:{port}"),
                None if is_host && name.contains(':') => format!("[{name}]:{port}"),
                None if is_host => format!("{name}:{port}"),
                None if port == 25 => format!("mx:{name}"),
                None => format!("mx:{name}:{port}"),
            });
        hop.names.push(name);
    }
    if hop.names.is_empty() {
        return Err("there is no next hop".to_owned());
    }
    hop.implicit_tls = ports.iter().all(|port| *port == SUBMISSIONS_PORT);
    if !hop.implicit_tls && ports.contains(&SUBMISSIONS_PORT) {
        return Err(format!(
            "{text}: on port 465 TLS begins with the first octet, and on the other ports it does not; that takes two \
             connectors"
        ));
    }
    Ok(hop)
}

fn parts_of(text: &str) -> Result<(String, Option<&str>, bool), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (name, behind) = rest
            .split_once(']')
            .ok_or_else(|| format!("{text}: a bracket is not closed"))?;
        let port = match behind.strip_prefix(':') {
            Some(port) => Some(port),
            None if behind.is_empty() => None,
            None => return Err(format!("{text}: only :port may follow a bracket")),
        };
        return Ok((name.to_ascii_lowercase(), port, true));
    }
    match text.split_once(':') {
        Some((name, port)) => Ok((name.to_ascii_lowercase(), Some(port), false)),
        None => Ok((text.to_ascii_lowercase(), None, false)),
    }
}

fn port_of(text: &str) -> Result<u16, String> {
    if let Some((_, port)) = SERVICES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Ok(*port);
    }
    let is_number = text.bytes().all(|c| c.is_ascii_digit());
    let port = text.parse().ok().filter(|port| is_number && *port > 0);
    port.ok_or_else(|| format!("{text:?} is neither a port nor a service that is known here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_make_a_host_and_their_absence_mx_records() {
        for (text, expected) in [
            ("[mail.Example.org]:587", "mail.example.org:587"),
            ("[mail.example.org]:submission", "mail.example.org:587"),
            ("[mail.example.org]", "mail.example.org:25"),
            ("example.org", "mx:example.org"),
            ("example.org:2525", "mx:example.org:2525"),
            ("[192.0.2.1]", "192.0.2.1:25"),
            ("[IPv6:2001:db8::1]:26", "[2001:db8::1]:26"),
            ("[2001:db8::1]", "[2001:db8::1]:25"),
            ("[a.example], [b.example]:26", "a.example:25 b.example:26"),
        ] {
            assert_eq!(hop_of(text).unwrap().smart_hosts.join(" "), expected, "{text}");
        }
        for text in [
            "",
            "[a.example",
            "[a.example]x",
            "a:b:c",
            "[a.example]:465, [b.example]:25",
            "a:0",
            "a:+25",
        ] {
            assert!(hop_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn on_port_465_tls_begins_with_the_first_octet() {
        for (text, implicit) in [
            ("[a.example]:465", true),
            ("[a.example]:smtps [b.example]:submissions", true),
            ("[a.example]:587", false),
            ("a.example", false),
        ] {
            assert_eq!(hop_of(text).unwrap().implicit_tls, implicit, "{text}");
        }
    }

    #[test]
    fn a_transport_is_smtp_or_something_else() {
        assert_eq!(transport(":"), Ok(Transport::Unchanged));
        assert_eq!(transport("smtp:"), Ok(Transport::Mx));
        assert_eq!(transport("error:moved away"), Ok(Transport::Other("error".to_owned())));
        assert!(matches!(transport("relay:[mx.example.org]"), Ok(Transport::Hop(_))));
        assert!(matches!(transport(":[mx.example.org]"), Ok(Transport::Hop(_))));
        assert!(transport("mx.example.org").is_err());
    }
}

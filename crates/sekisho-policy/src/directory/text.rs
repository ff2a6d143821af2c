//! How scopes, certificate names and next hops are written: `example.org`, `*.example.org`, `*`; `192.0.2.1:25`,
//! `[2001:db8::1]:25`, `192.0.2.0/28:25`, `mail.example.org:25`, `mx:example.org`.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use sekisho_mail::{Domain, DomainError, Host};
use thiserror::Error;

use super::{CertificateName, DomainScope, IssuerPattern, SmartHost};
use crate::{Network, NetworkError};

/// The port where none is written.
pub const SMTP_PORT: u16 = 25;
/// The port where none is written and TLS begins with the first octet (RFC 8314 §7.3).
pub const SUBMISSIONS_PORT: u16 = 465;
/// The largest block whose hosts may be next hops, as the bits that are left for them.
const BLOCK_BITS_MAX: u8 = 8;

/// Why a text is no scope, certificate name or next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// `*` anywhere but as the whole first label.
    #[error("'*' may stand only as the whole first label: *.example.org")]
    Wildcard,
    /// `*` alone where a name is needed.
    #[error("'*' alone is no name; write *.example.org")]
    NoName,
    /// What follows the last colon is no port.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// A block of next hops that is no network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A block of more next hops than anybody would try.
    #[error("a block of hosts is from /24 to /32, of IPv6 from /120 to /128: they are tried one by one")]
    Block,
    /// The rest of it.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

/// The domain, and whether `*.` stood before it.
fn parse_starred(text: &str) -> Result<(bool, Domain), ScopeError> {
    let (starred, rest) = match text.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if rest.contains('*') {
        return Err(ScopeError::Wildcard);
    }
    Ok((starred, Domain::parse(rest)?))
}

impl FromStr for DomainScope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Everything);
        }
        Ok(match parse_starred(text)? {
            (true, domain) => Self::Within(domain),
            (false, domain) => Self::Exact(domain),
        })
    }
}

impl fmt::Display for DomainScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(domain) => domain.fmt(f),
            Self::Within(domain) => write!(f, "*.{domain}"),
            Self::Everything => f.write_str("*"),
        }
    }
}

impl FromStr for CertificateName {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Err(ScopeError::NoName);
        }
        let (within, domain) = parse_starred(text)?;
        Ok(Self { within, domain })
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.within { "*." } else { "" }, self.domain)
    }
}

/// `O=Example Trust, C=CH`
impl fmt::Display for IssuerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attributes.join(", "))
    }
}

impl FromStr for SmartHost {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, SMTP_PORT)
    }
}

impl SmartHost {
    /// From a text, on `port` where it names none.
    ///
    /// # Errors
    /// When it is no next hop.
    pub fn parse(text: &str, port: u16) -> Result<Self, ScopeError> {
        if let Some(rest) = text.strip_prefix("mx:") {
            let (name, port) = split_port(rest, port)?;
            return Ok(Self::Mx(Domain::parse(name)?, port));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Host(Host::Literal(address), port));
        }
        if !text.starts_with('[') && text.contains('/') {
            let (block, port) = match text.parse::<Network>() {
                // Of IPv6, colons are part of it.
                Ok(_) | Err(NetworkError::HostBits) => (text, port),
                Err(_) => split_port(text, port)?,
            };
            return parse_block(block, port);
        }
        if let Some((inner, behind)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let port = match behind.strip_prefix(':') {
                Some(digits) => parse_port(digits)?,
                None if behind.is_empty() => port,
                None => return Err(ScopeError::Port),
            };
            if inner.contains('/') {
                return parse_block(inner, port);
            }
            let host = match inner.parse::<Ipv6Addr>() {
                Ok(address) => Host::Literal(address.into()),
                Err(_) => Host::parse(&format!("[{inner}]"))?,
            };
            return Ok(Self::Host(host, port));
        }
        let (name, port) = split_port(text, port)?;
        let host = match name.parse::<IpAddr>() {
            Ok(address) => Host::Literal(address),
            Err(_) => Host::Domain(Domain::parse(name)?),
        };
        Ok(Self::Host(host, port))
    }
}

fn parse_block(text: &str, port: u16) -> Result<SmartHost, ScopeError> {
    let block: Network = text.parse()?;
    if block.host_bits() > BLOCK_BITS_MAX {
        return Err(ScopeError::Block);
    }
    Ok(SmartHost::Block(block, port))
}

fn split_port(text: &str, otherwise: u16) -> Result<(&str, u16), ScopeError> {
    match text.rsplit_once(':') {
        Some((name, digits)) => Ok((name, parse_port(digits)?)),
        None => Ok((text, otherwise)),
    }
}

fn parse_port(digits: &str) -> Result<u16, ScopeError> {
    // `parse` alone would take "+25".
    let is_number = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    let port = digits.parse().ok().filter(|port| is_number && *port > 0);
    port.ok_or(ScopeError::Port)
}

/// With the port, always.
impl fmt::Display for SmartHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(Host::Literal(IpAddr::V6(address)), port) => write!(f, "[{address}]:{port}"),
            Self::Host(Host::Literal(IpAddr::V4(address)), port) => write!(f, "{address}:{port}"),
            Self::Host(Host::Domain(domain), port) => write!(f, "{domain}:{port}"),
            Self::Block(block, port) if block.is_v4() => write!(f, "{block}:{port}"),
            Self::Block(block, port) => write!(f, "[{block}]:{port}"),
            Self::Mx(domain, port) => write!(f, "mx:{domain}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// V11.
    #[test]
    fn a_star_is_the_whole_first_label_or_everything() {
        for text in ["example.org", "*.example.org", "*"] {
            assert_eq!(text.parse::<DomainScope>().unwrap().to_string(), text);
        }
        for text in ["example.org", "*.example.org"] {
            assert_eq!(text.parse::<CertificateName>().unwrap().to_string(), text);
        }
        assert_eq!("*".parse::<CertificateName>(), Err(ScopeError::NoName));
        for text in ["domain.*.example.org", "a*.example.org", "*.*.org", "**.example.org"] {
            assert_eq!(text.parse::<DomainScope>(), Err(ScopeError::Wildcard), "{text}");
            assert_eq!(text.parse::<CertificateName>(), Err(ScopeError::Wildcard), "{text}");
        }
    }

    #[test]
    fn a_next_hop_is_a_name_an_address_or_the_mx_records_of_a_domain() {
        for (text, shown) in [
            ("mail.example.org", "mail.example.org:25"),
            ("mail.example.org:2525", "mail.example.org:2525"),
            ("192.0.2.1", "192.0.2.1:25"),
            ("192.0.2.1:26", "192.0.2.1:26"),
            ("[192.0.2.1]:26", "192.0.2.1:26"),
            ("2001:db8::1", "[2001:db8::1]:25"),
            ("[2001:db8::1]", "[2001:db8::1]:25"),
            ("[2001:db8::1]:26", "[2001:db8::1]:26"),
            ("[IPv6:2001:db8::1]:26", "[2001:db8::1]:26"),
            ("mx:example.org", "mx:example.org:25"),
            ("192.0.2.0/24", "192.0.2.0/24:25"),
            ("192.0.2.16/28:26", "192.0.2.16/28:26"),
            ("192.0.2.1/32", "192.0.2.1/32:25"),
            ("2001:db8::/120", "[2001:db8::/120]:25"),
            ("[2001:db8::1/128]:26", "[2001:db8::1/128]:26"),
        ] {
            let host: SmartHost = text.parse().unwrap();
            assert_eq!(host.to_string(), shown);
            assert_eq!(shown.parse::<SmartHost>().unwrap(), host);
        }
        for (text, shown) in [
            ("mail.example.org", "mail.example.org:465"),
            ("mail.example.org:25", "mail.example.org:25"),
            ("192.0.2.1", "192.0.2.1:465"),
            ("2001:db8::1", "[2001:db8::1]:465"),
            ("[2001:db8::1]", "[2001:db8::1]:465"),
            ("mx:example.org", "mx:example.org:465"),
        ] {
            assert_eq!(SmartHost::parse(text, SUBMISSIONS_PORT).unwrap().to_string(), shown);
        }
        for text in [
            "",
            "mail.example.org:0",
            "a:+25",
            "a:",
            "[2001:db8::1]25",
            "[x]:25",
            "mx:",
            "mx:[192.0.2.1]",
            "mx:192.0.2.0/28",
            "mail.example.org/28",
            "192.0.2.0/28:0",
            "[2001:db8::/124]25",
        ] {
            assert!(text.parse::<SmartHost>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_block_of_next_hops_is_bounded_and_written_by_its_first_address() {
        let network = ScopeError::Network;
        for (text, why) in [
            ("192.0.2.0/23", ScopeError::Block),
            ("10.0.0.0/8:26", ScopeError::Block),
            ("2001:db8::/119", ScopeError::Block),
            ("[2001:db8::/64]:26", ScopeError::Block),
            ("192.0.2.5/28", network(NetworkError::HostBits)),
            ("2001:db8::5/124", network(NetworkError::HostBits)),
            ("192.0.2.0/33", network(NetworkError::Prefix)),
            ("192.0.2.0/:26", network(NetworkError::Prefix)),
        ] {
            assert_eq!(text.parse::<SmartHost>(), Err(why), "{text}");
        }
    }
}

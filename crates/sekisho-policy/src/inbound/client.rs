//! What is known of a client: whether its certificate is the one that a connector names, and whether its TLS is good
//! enough for one.

use std::{fmt, net::IpAddr};

use sekisho_mail::{
    CertificateFacts, CertificateFault, ChannelSecurity, Check, Domain, KeyExchangeGroups, KeyProof, OrganizationName,
    TlsFacts, TlsVersion, Verdict,
};

use super::{InboundFacts, exceptions::excepted};
use crate::{
    Reason,
    directory::{ConnectorKey, InboundConnector, IssuerPattern, Relaxation, TlsFloor},
    outbound::is_pinned,
};

/// By what a client was known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The name on its certificate; the client's text.
    pub certificate: Option<String>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// The domain of MAIL FROM.
    pub sender_domain: Option<Domain>,
    /// The recipient's domain.
    pub recipient_domain: Option<Domain>,
}

/// `address 192.0.2.1, sender domain acme.example`
impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificate = self.certificate.as_ref().map(|name| format!("certificate {name}"));
        let address = self.address.map(|address| format!("address {address}"));
        let sender = self.sender_domain.as_ref();
        let recipient = self.recipient_domain.as_ref();
        let parts: Vec<String> = certificate
            .into_iter()
            .chain(address)
            .chain(sender.map(|domain| format!("sender domain {domain}")))
            .chain(recipient.map(|domain| format!("recipient domain {domain}")))
            .collect();
        if parts.is_empty() {
            return f.write_str("any sender");
        }
        f.write_str(&parts.join(", "))
    }
}

/// Who demands something of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demander {
    /// A connector.
    Connector(ConnectorKey),
    /// An organization, of all mail for its domains.
    Organization(OrganizationName),
}

/// `connector acme/bank`, `organization acme`
impl fmt::Display for Demander {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connector(key) => write!(f, "connector {key}"),
            Self::Organization(name) => write!(f, "organization {name}"),
        }
    }
}

/// What a connection lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsShortfall {
    /// TLS.
    Plaintext,
    /// A later version.
    OlderVersion {
        /// The oldest that will do.
        at_least: TlsVersion,
        /// The one that it has.
        found: TlsVersion,
    },
    /// A key exchange by one of the groups that will do.
    OtherKeyExchange {
        /// These.
        wanted: KeyExchangeGroups,
        /// IANA's name of the group that it has.
        found: String,
    },
}

/// A sentence without its full stop.
impl fmt::Display for TlsShortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plaintext => f.write_str("TLS is required, and this connection is in the clear"),
            Self::OlderVersion { at_least, found } => {
                write!(f, "{at_least} or later is required, and this connection is {found}")
            }
            Self::OtherKeyExchange { wanted, found } => {
                write!(
                    f,
                    "the key exchange {wanted} is required, and this connection used {found}"
                )
            }
        }
    }
}

impl TlsFloor {
    /// What a connection under TLS lacks.
    fn shortfall(&self, tls: &TlsFacts) -> Option<TlsShortfall> {
        if tls.version < self.min_version {
            return Some(TlsShortfall::OlderVersion {
                at_least: self.min_version,
                found: tls.version,
            });
        }
        let wanted = self.groups.filter(|groups| !groups.contains_name(&tls.group))?;
        Some(TlsShortfall::OtherKeyExchange {
            wanted,
            found: tls.group.clone(),
        })
    }
}

impl InboundConnector {
    /// What the connection lacks of the TLS that this connector demands.
    pub(super) fn shortfall(&self, security: &ChannelSecurity) -> Option<TlsShortfall> {
        match security {
            ChannelSecurity::Plaintext(_) => self.require_tls.then_some(TlsShortfall::Plaintext),
            ChannelSecurity::Tls(tls) => self.floor.shortfall(tls),
        }
    }

    /// Whether a partner's mail is from a sender in this domain; `None` for one without a domain.
    pub(super) fn covers_sender(&self, sender: Option<&Domain>) -> bool {
        self.sender_domains.iter().any(|scope| scope.covers(sender))
    }

    /// Whether the client may be at this address, by the connector's own list.
    pub(super) fn holds_address(&self, client: IpAddr) -> bool {
        self.sender_addresses.holding(client).is_some()
    }
}

/// Whether a client's certificate is the one that a connector names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity<'a> {
    /// It is.
    Holds(Named<'a>),
    /// It is not; why.
    Fails(String),
    /// It is as far as can be known; the rest cannot be found out, for this reason of ours.
    Unknown(String),
}

/// A certificate that is the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named<'a> {
    /// By which of its names.
    pub(super) name: &'a str,
    /// The exceptions without which it would not be.
    pub(super) exceptions: Vec<Reason>,
}

/// Compares the client's certificate with what the connector asks of it. The common name counts by an exception alone;
/// what is asked of the chain comes last, so that its answer alone is what cannot be known.
pub(super) fn identify<'a>(connector: &InboundConnector, facts: &InboundFacts<'a>) -> Identity<'a> {
    let fails = |why: &str| Identity::Fails(why.to_owned());
    let Some(tls) = facts.security.tls() else {
        return fails("the connection is in the clear");
    };
    let Some(leaf) = tls.chain.first() else {
        return fails("no certificate was presented");
    };
    if let KeyProof::NotProven(why) = &tls.key {
        return Identity::Fails(format!("the client did not prove that it holds the key: {why}"));
    }
    let named = match find_name(connector, facts, leaf) {
        Ok(named) => named,
        Err(why) => return Identity::Fails(why),
    };
    if !connector.server_auth_certificates && leaf.not_for_clients {
        return fails("the certificate is not for clients: its extended key usages leave clientAuth out");
    }
    if !connector.pins.is_empty() && !is_pinned(leaf, &connector.pins) {
        return Identity::Fails(format!("the certificate has another key, {}", leaf.spki_sha256));
    }
    if !connector.issuers.is_empty() && !connector.issuers.iter().any(|issuer| issuer.is_in(&leaf.issuer)) {
        return Identity::Fails(format!("the certificate was issued by {}", leaf.issuer));
    }
    if !connector.wants_path() {
        return Identity::Holds(named);
    }
    look_at_path(connector, facts, tls, named)
}

fn find_name<'a>(
    connector: &InboundConnector,
    facts: &InboundFacts<'a>,
    leaf: &'a CertificateFacts,
) -> Result<Named<'a>, String> {
    let Some(wanted) = &connector.tls_sender_certificate_name else {
        return Err("no certificate is asked for".to_owned());
    };
    if let Some(name) = leaf.dns_names.iter().find(|name| wanted.is_matched_by(name)) {
        let exceptions = Vec::new();
        return Ok(Named { name, exceptions });
    }
    const NO_NAME: &str = "the certificate names no host (SAN dNSName)";
    if !leaf.dns_names.is_empty() {
        return Err(format!("the certificate is for {}", leaf.dns_names.join(", ")));
    }
    let common_name = leaf.common_name.as_deref().filter(|name| wanted.is_matched_by(name));
    let exception = facts.exception(connector, Relaxation::CommonName);
    match (common_name, exception) {
        (Some(name), Some(exception)) => Ok(Named {
            name,
            exceptions: vec![excepted(
                exception,
                connector,
                "a certificate that names a host (SAN dNSName)",
                format!("this one has the common name {name} alone"),
            )],
        }),
        (Some(_), None) | (None, _) => Err(NO_NAME.to_owned()),
    }
}

fn look_at_path<'a>(
    connector: &InboundConnector,
    facts: &InboundFacts<'_>,
    tls: &TlsFacts,
    mut named: Named<'a>,
) -> Identity<'a> {
    let path = Check::Path {
        anchors: connector.anchors.clone(),
    };
    match tls.verdict(&path) {
        Some(Verdict::Holds) => look_at_revocation(connector, facts, tls, named),
        Some(Verdict::Fails(fault @ CertificateFault::Expired(_))) => {
            let Some(exception) = facts.exception(connector, Relaxation::ExpiredCertificate) else {
                return Identity::Fails(fault.to_string());
            };
            let what = "a certificate that is valid today";
            named
                .exceptions
                .push(excepted(exception, connector, what, fault.to_string()));
            look_at_revocation(connector, facts, tls, named)
        }
        Some(Verdict::Fails(fault)) => Identity::Fails(fault.to_string()),
        Some(Verdict::Unknown(why)) => Identity::Unknown(why.clone()),
        // The connector may be newer than the handshake.
        None => Identity::Unknown("its chain was not checked for this connector".to_owned()),
    }
}

/// Last of all: what is revoked is not the one, and where nobody can say, the connector says what holds.
fn look_at_revocation<'a>(
    connector: &InboundConnector,
    facts: &InboundFacts<'_>,
    tls: &TlsFacts,
    mut named: Named<'a>,
) -> Identity<'a> {
    let Some(revocation) = connector.revocation else {
        return Identity::Holds(named);
    };
    let check = Check::Revocation {
        anchors: connector.anchors.clone(),
    };
    let verdict = tls.verdict(&check);
    if verdict.is_some_and(|verdict| revocation.takes(verdict)) {
        return Identity::Holds(named);
    }
    let not_known = |why: &str| format!("whether its certificate is revoked is not known: {why}");
    let without_exception = match verdict {
        Some(Verdict::Holds) => return Identity::Holds(named),
        Some(Verdict::Fails(fault @ CertificateFault::NotRevocable(_))) => Identity::Fails(fault.to_string()),
        Some(Verdict::Fails(fault)) => return Identity::Fails(fault.to_string()),
        Some(Verdict::Unknown(why)) => Identity::Unknown(not_known(why)),
        // The connector may be newer than the handshake.
        None => return Identity::Unknown(not_known("it was not looked up for this connector")),
    };
    match (
        without_exception,
        facts.exception(connector, Relaxation::UnknownRevocation),
    ) {
        (Identity::Fails(why) | Identity::Unknown(why), Some(exception)) => {
            let what = "a certificate that is known not to be revoked";
            named.exceptions.push(excepted(exception, connector, what, why));
            Identity::Holds(named)
        }
        (identity, _) => identity,
    }
}

impl IssuerPattern {
    /// Whether each attribute is one of the issuer's, in its RFC 4514 text.
    #[must_use]
    pub fn is_in(&self, issuer: &str) -> bool {
        let issuer = issuer.to_lowercase();
        self.attributes
            .iter()
            .all(|attribute| holds_attribute(&issuer, &attribute.to_lowercase()))
    }
}

/// Whether a distinguished name has an attribute. Values hold commas of their own (`O=Example, Inc.`), so an attribute
/// ends only where another one begins.
fn holds_attribute(name: &str, attribute: &str) -> bool {
    name.match_indices(attribute).any(|(at, _)| {
        let (before, behind) = (&name[..at], &name[at + attribute.len()..]);
        let begins = before.is_empty() || before.ends_with([',', '+']) || {
            let trimmed = before.trim_end_matches(' ');
            trimmed.len() < before.len() && trimmed.ends_with([',', '+'])
        };
        begins && (behind.is_empty() || begins_attribute(behind))
    })
}

/// Whether a text is `, key=…` or ` + key=…`.
fn begins_attribute(text: &str) -> bool {
    let Some(rest) = text.trim_start_matches(' ').strip_prefix([',', '+']) else {
        return false;
    };
    let Some((key, _)) = rest.trim_start_matches(' ').split_once('=') else {
        return false;
    };
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-');
    !key.is_empty() && key.bytes().all(fits)
}

//! What a partner may be told of one of our certificates: the chain as it is presented and the root that it leads to,
//! as plain values, and never the key. Who is told, and in which words, is left to the pages.
//!
//! RFC 5280 §4.2.1.6; RFC 7468; RFC 6698 §2.1 (the `3 1 1` record is the digest of the key).

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sekisho_mail::{AnchorSetId, Digest, KeyProof, Timestamp, hexadecimal};
use x509_parser::{
    prelude::{FromDer as _, GeneralName, X509Certificate},
    x509::{AttributeTypeAndValue, X509Name},
};

use crate::{
    Anchor, CertificateEndpoints, Identity, PeerChain, Verifier,
    anchors::is_self_issued,
    chain::{Presenter, facts_of},
};

/// How many names of one certificate are told.
const MAX_TOLD_NAMES: usize = 1000;
/// Octets in a line of PEM: 64 characters (RFC 7468 §2).
const PEM_LINE_LEN: usize = 48;

/// A chain of ours. Texts are from the certificates: escape them when shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicChain {
    /// As presented, leaf first; never empty.
    pub certificates: Vec<PublicCertificate>,
    /// Where it leads.
    pub end: ChainEnd,
    /// Where the authority at its end publishes itself, as the topmost certificate below that says.
    pub end_urls: Vec<String>,
    /// All that is presented, in PEM: certificates and nothing else.
    pub pem: String,
}

/// What a chain leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainEnd {
    /// A root that this node trusts.
    Trusted(PublicRoot),
    /// An authority that signed itself and is presented along; this node does not trust it.
    Presented(PublicRoot),
    /// The leaf signed itself: there is nothing to trust but it.
    SelfSigned,
    /// Somebody of whom nothing is known but the name, in RFC 4514 style.
    Named(String),
}

/// An authority at the end of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicRoot {
    /// Its subject, RFC 4514 style.
    pub subject: String,
    /// Algorithm and size of its key.
    pub key: String,
    /// Over its certificate in DER, in hexadecimal digits.
    pub sha1: String,
    /// Likewise.
    pub sha256: Digest,
    /// Last moment of its certificate.
    pub not_after: Timestamp,
}

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicCertificate {
    /// The subject, RFC 4514 style.
    pub subject: String,
    /// The issuer, likewise.
    pub issuer: String,
    /// The subject's common names; most have one.
    pub common_names: Vec<String>,
    /// Its organizations.
    pub organizations: Vec<String>,
    /// Its organizational units.
    pub units: Vec<String>,
    /// Names that it is for: DNS names as they are, addresses, others behind their kind (`email:`, `URI:`).
    pub names: Vec<String>,
    /// How many more there are.
    pub more_names: usize,
    /// The serial number in hexadecimal digits.
    pub serial: String,
    /// Algorithm and size of the key: `RSA 2048`, `P-256`.
    pub key: String,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
    /// Whether its extended key usages leave clients out.
    pub is_not_for_clients: bool,
    /// Over the certificate in DER, in hexadecimal digits.
    pub sha1: String,
    /// Likewise.
    pub sha256: Digest,
    /// Over its SubjectPublicKeyInfo in DER: what pins and TLSA `3 1 1` name.
    pub spki_sha256: Digest,
    /// What it says of where more is known of it; why that cannot be read.
    pub endpoints: Result<CertificateEndpoints, String>,
}

impl PublicChain {
    /// What is presented by `identity`, and where that leads by the trust anchors of this name.
    #[must_use]
    pub fn of(identity: &Identity, verifier: &Verifier, anchors: &AnchorSetId, now: Timestamp) -> Self {
        let presented = &identity.certified().cert;
        let chain = PeerChain::new(presented.clone(), KeyProof::Proven, Presenter::Server);
        let certificates: Vec<_> = presented.iter().map(|one| PublicCertificate::of(one)).collect();
        let path = verifier.path(&chain, anchors, now).path;
        let (end, below) = match &path {
            Some(path) if !path.is_pin() => {
                let topmost = path.certificates().last();
                let place = presented.iter().position(|one| Some(one.as_ref()) == topmost);
                (ChainEnd::Trusted(PublicRoot::of_anchor(path.anchor())), place)
            }
            _ => end_by_names(&certificates, |place| is_self_issued(&presented[place])),
        };
        Self {
            end_urls: below.map_or_else(Vec::new, |place| certificates[place].issuer_urls().to_vec()),
            pem: presented.iter().map(|one| pem(one)).collect(),
            certificates,
            end,
        }
    }

    /// What is presented first.
    #[must_use]
    pub fn leaf(&self) -> &PublicCertificate {
        &self.certificates[0]
    }
}

/// Goes from the leaf from issuer to issuer; answers with the end and the place of the last certificate below it.
fn end_by_names(
    certificates: &[PublicCertificate],
    is_self_issued: impl Fn(usize) -> bool,
) -> (ChainEnd, Option<usize>) {
    if is_self_issued(0) {
        return (ChainEnd::SelfSigned, None);
    }
    let mut last = 0;
    // No further than there are certificates, should they name each other in a circle.
    for _ in certificates {
        let issuer = certificates[last].issuer.as_str();
        let Some(next) = certificates.iter().position(|one| one.subject == issuer) else {
            break;
        };
        if is_self_issued(next) {
            let root = PublicRoot::of_certificate(&certificates[next]);
            return (ChainEnd::Presented(root), Some(last));
        }
        last = next;
    }
    (ChainEnd::Named(certificates[last].issuer.clone()), Some(last))
}

impl PublicRoot {
    fn of_anchor(anchor: &Anchor) -> Self {
        Self {
            subject: anchor.subject.clone(),
            key: anchor.key.clone(),
            sha1: sha1(anchor.certificate()),
            sha256: anchor.sha256,
            not_after: anchor.not_after,
        }
    }

    fn of_certificate(certificate: &PublicCertificate) -> Self {
        Self {
            subject: certificate.subject.clone(),
            key: certificate.key.clone(),
            sha1: certificate.sha1.clone(),
            sha256: certificate.sha256,
            not_after: certificate.not_after,
        }
    }
}

impl PublicCertificate {
    /// What stands in a certificate in DER. Of one that cannot be parsed the digests are known.
    fn of(der: &[u8]) -> Self {
        let facts = facts_of(der);
        let mut told = Self {
            subject: facts.subject,
            issuer: facts.issuer,
            common_names: Vec::new(),
            organizations: Vec::new(),
            units: Vec::new(),
            names: Vec::new(),
            more_names: 0,
            serial: String::new(),
            key: facts.key,
            not_before: facts.not_before,
            not_after: facts.not_after,
            is_not_for_clients: facts.not_for_clients,
            sha1: sha1(der),
            sha256: facts.sha256,
            spki_sha256: facts.spki_sha256,
            endpoints: CertificateEndpoints::of(der),
        };
        if let Ok((_, parsed)) = X509Certificate::from_der(der) {
            told.read(&parsed);
        }
        told
    }

    fn read(&mut self, parsed: &X509Certificate<'_>) {
        let subject = parsed.subject();
        self.common_names = texts(subject, X509Name::iter_common_name);
        self.organizations = texts(subject, X509Name::iter_organization);
        self.units = texts(subject, X509Name::iter_organizational_unit);
        self.serial = hexadecimal::encode(parsed.raw_serial());
        // One that stands there twice is no certificate that anybody takes; then none is told.
        let names = parsed.subject_alternative_name().ok().flatten();
        let names = names.map_or(&[][..], |extension| &extension.value.general_names);
        self.names = names.iter().take(MAX_TOLD_NAMES).map(name_text).collect();
        self.more_names = names.len().saturating_sub(MAX_TOLD_NAMES);
    }

    fn issuer_urls(&self) -> &[String] {
        self.endpoints.as_ref().map_or(&[], |endpoints| &endpoints.issuers)
    }
}

/// The values of one attribute of a name; one that is no text of a known kind in hexadecimal digits (RFC 4514 §2.4).
fn texts<'a, I>(name: &'a X509Name<'a>, of: impl Fn(&'a X509Name<'a>) -> I) -> Vec<String>
where
    I: Iterator<Item = &'a AttributeTypeAndValue<'a>>,
{
    of(name)
        .map(|attribute| match attribute.as_str() {
            Ok(text) => text.to_owned(),
            Err(_) => format!("#{}", hexadecimal::encode(attribute.attr_value().data)),
        })
        .collect()
}

fn name_text(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        GeneralName::IPAddress(octets) => match *octets {
            [a, b, c, d] => IpAddr::from([*a, *b, *c, *d]).to_string(),
            octets => <[u8; 16]>::try_from(octets).map_or_else(
                |_| format!("IP:#{}", hexadecimal::encode(octets)),
                |octets| IpAddr::from(octets).to_string(),
            ),
        },
        GeneralName::RFC822Name(name) => format!("email:{name}"),
        GeneralName::URI(name) => format!("URI:{name}"),
        other => other.to_string(),
    }
}

/// What older systems show as a certificate's thumbprint. Nothing is decided by it.
fn sha1(octets: &[u8]) -> String {
    hexadecimal::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref())
}

fn pem(certificate: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in certificate.chunks(PEM_LINE_LEN) {
        STANDARD.encode_string(line, &mut text);
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests;

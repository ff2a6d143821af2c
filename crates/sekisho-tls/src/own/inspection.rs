//! What is wrong with a chain of our own, in plain words, before anybody is shown it. What a role or a listener expects
//! is passed in; RFC 5280 §4.2, RFC 8446 §4.4.2.2, CA/Browser Forum's baseline requirements §6.3.2 for the lifetimes.

use std::{cmp::Reverse, time::Duration};

use sekisho_mail::{NamePattern, Timestamp};
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509Certificate};

use super::CertificateChain;
use crate::{AnchorSet, any_matches};

const DAY: Duration = Duration::from_secs(86_400);
/// A certificate that ends sooner than this is told of.
const NEAR_ITS_END: Duration = Duration::from_secs(7 * 86_400);
/// No public authority issues for longer since March 2026.
const PUBLIC_LIFETIME_MAX: Duration = Duration::from_secs(200 * 86_400);

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Worth knowing.
    Note,
    /// Some peers will mind.
    Warning,
    /// Nobody could use it.
    Error,
}

/// One thing about a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// What it is, and what mends it.
    pub text: String,
}

impl Finding {
    /// One of this weight.
    #[must_use]
    pub fn new(weight: Weight, text: impl Into<String>) -> Self {
        Self {
            weight,
            text: text.into(),
        }
    }
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Listeners present it.
    Server,
    /// Nobody does who takes mail.
    ClientAlone,
}

/// What is expected of a chain.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// Names that the leaf must be for.
    pub names: &'a [NamePattern],
    /// What it is for.
    pub used_as: Use,
    /// Where the world's chains end.
    pub anchors: &'a AnchorSet,
    /// Now.
    pub now: Timestamp,
}

/// Everything about a chain that is in order, heaviest first.
#[must_use]
pub fn inspect(chain: &CertificateChain, expected: &Expected<'_>) -> Vec<Finding> {
    let parsed: Vec<X509Certificate<'_>> = chain
        .certificates()
        .iter()
        .filter_map(|certificate| Some(X509Certificate::from_der(certificate).ok()?.1))
        .collect();
    let mut report = Report {
        chain,
        expected,
        findings: Vec::new(),
    };
    if let Some(leaf) = parsed.first() {
        report.names();
        report.dates();
        report.usages(leaf);
        report.leaf(leaf);
        report.issuers(&parsed);
        report.end(&parsed);
    }
    let mut findings = report.findings;
    findings.sort_by_key(|finding| Reverse(finding.weight));
    findings
}

struct Report<'a> {
    chain: &'a CertificateChain,
    expected: &'a Expected<'a>,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn add(&mut self, weight: Weight, text: impl Into<String>) {
        self.findings.push(Finding::new(weight, text));
    }

    fn names(&mut self) {
        let presented = self.chain.leaf_names();
        let missing: Vec<String> = self
            .expected
            .names
            .iter()
            .filter(|wanted| !any_matches(&presented, std::slice::from_ref(wanted)))
            .map(ToString::to_string)
            .collect();
        if presented.is_empty() {
            let text = "it is for no name: there is no dNSName among its subject alternative names, and nobody looks \
                        at the common name any more; ask for one with a subject alternative name";
            let weight = if missing.is_empty() {
                Weight::Warning
            } else {
                Weight::Error
            };
            self.add(weight, text);
        } else if !missing.is_empty() {
            let text = format!(
                "it is not for {}, only for {}; ask for one with all names of the role, or change those",
                missing.join(", "),
                presented.join(", ")
            );
            self.add(Weight::Error, text);
        }
    }

    fn dates(&mut self) {
        let leaf = &self.chain.facts()[0];
        let (from, until, now) = (leaf.not_before, leaf.not_after, self.expected.now);
        if until < from {
            self.add(Weight::Error, format!("it ends ({until}) before it begins ({from})"));
        } else if until < now {
            self.add(Weight::Error, format!("it has expired already, at {until}"));
        } else if from > now {
            self.add(
                Weight::Note,
                format!("it is valid from {from} on, and is not presented before that"),
            );
        } else if until.since(now) < NEAR_ITS_END {
            self.add(Weight::Warning, format!("it ends very soon, at {until}"));
        }
        let lifetime = until.since(from);
        if lifetime > PUBLIC_LIFETIME_MAX {
            let days = lifetime.as_secs() / DAY.as_secs();
            let text = format!("it lives for {days} days: no public authority issues for longer than 200 by now");
            self.add(Weight::Note, text);
        }
    }

    fn usages(&mut self, leaf: &X509Certificate<'_>) {
        match leaf.extended_key_usage() {
            Ok(Some(usages)) => {
                let usages = usages.value;
                if !usages.server_auth && !usages.any {
                    let (weight, text) = match self.expected.used_as {
                        Use::Server => (Weight::Error, "its extended key usages leave out servers (serverAuth)"),
                        Use::ClientAlone => (Weight::Note, "it is for clients alone: no listener may present it"),
                    };
                    self.add(weight, text);
                }
                if !usages.client_auth && !usages.any {
                    let text = "its extended key usages leave out clients (clientAuth), as those of public authorities \
                            do by now: as a client certificate it is taken only by who accepts that";
                    self.add(Weight::Note, text);
                }
            }
            Ok(None) => {}
            Err(error) => self.add(
                Weight::Error,
                format!("its extended key usages cannot be read ({error})"),
            ),
        }
        if let Ok(Some(usage)) = leaf.key_usage()
            && !usage.value.digital_signature()
        {
            let text = "its key usage leaves out digitalSignature, which every handshake needs";
            self.add(Weight::Error, text);
        }
    }

    fn leaf(&mut self, leaf: &X509Certificate<'_>) {
        if leaf.is_ca() {
            self.add(
                Weight::Warning,
                "it is an authority's certificate, and many refuse such a one as a server's",
            );
        }
        if leaf.issuer() == leaf.subject() {
            let text = "it is self-signed: only who pins it, or is told to trust it, can verify it";
            self.add(Weight::Warning, text);
        }
        let bits = self.chain.facts()[0]
            .key
            .strip_prefix("RSA ")
            .and_then(|bits| bits.parse::<u32>().ok());
        if bits.is_some_and(|bits| bits < 2048) {
            self.add(Weight::Error, "its RSA key has fewer than 2048 bits");
        }
    }

    fn issuers(&mut self, parsed: &[X509Certificate<'_>]) {
        let until = self.chain.facts()[0].not_after;
        for (place, certificate) in parsed.iter().enumerate() {
            let subject = self.chain.facts()[place].subject.clone();
            let is_root = certificate.issuer() == certificate.subject();
            if let Some(weak) = weak_signature(certificate).filter(|_| !is_root) {
                let what = if place == 0 { "it" } else { "an intermediate" };
                self.add(
                    Weight::Error,
                    format!("{what} ({subject}) is signed with {weak}, which nobody accepts any more"),
                );
            }
            if place == 0 {
                continue;
            }
            if !certificate.is_ca() {
                let text = format!("{subject} stands as an issuer and is no authority's certificate");
                self.add(Weight::Error, text);
            }
            let ends = self.chain.facts()[place].not_after;
            if ends < self.expected.now {
                self.add(
                    Weight::Error,
                    format!("the intermediate {subject} has expired, at {ends}; get its successor"),
                );
            } else if ends < until {
                let text = format!(
                    "the intermediate {subject} ends at {ends}, before the certificate: from then on it leads nowhere"
                );
                self.add(Weight::Warning, text);
            }
            if is_root {
                self.add(
                    Weight::Note,
                    format!("the root {subject} is sent along, which nobody needs"),
                );
            }
        }
    }

    /// Whether the chain comes to an end that anybody could know.
    fn end(&mut self, parsed: &[X509Certificate<'_>]) {
        let Some(last) = parsed.last().filter(|last| last.issuer() != last.subject()) else {
            return;
        };
        let mut known = self.expected.anchors.of_subject(last.issuer().as_raw());
        if known.next().is_some() {
            return;
        }
        let issuer = last.issuer().to_string();
        let text = match issuer_address(last) {
            Some(address) => format!(
                "an intermediate may be missing: {issuer} issued the last certificate and is no trust anchor of this \
                 system; its certificate is to be had at {address}. Peers cannot verify a chain with a gap"
            ),
            None => format!(
                "{issuer} issued the last certificate and is no trust anchor of this system: only who trusts that \
                 authority can verify it"
            ),
        };
        self.add(Weight::Warning, text);
    }
}

/// What a certificate is signed with, where that is broken.
fn weak_signature(certificate: &X509Certificate<'_>) -> Option<&'static str> {
    match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.2" => Some("MD2"),
        "1.2.840.113549.1.1.4" => Some("MD5"),
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => Some("SHA-1"),
        _ => None,
    }
}

/// Where its issuer's certificate is to be had (RFC 5280 §4.2.2.1).
pub(super) fn issuer_address(certificate: &X509Certificate<'_>) -> Option<String> {
    const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
    certificate
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => access.iter().find_map(|one| match &one.access_location {
                GeneralName::URI(address) if one.access_method.to_id_string() == CA_ISSUERS => {
                    Some((*address).to_owned())
                }
                _ => None,
            }),
            _ => None,
        })
}

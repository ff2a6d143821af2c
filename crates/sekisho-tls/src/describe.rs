//! What is in force, in words, for `sekisho tls list`.

use sekisho_mail::{KeyExchangeGroups, Timestamp, TlsVersion};

use crate::{
    Identity, ServerCertificates,
    client::ClientProfile,
    code_points,
    provider::{lowest_version, offered_suites, provider_for},
    signature::SCHEMES,
};

/// Versions, suites, groups and schemes in force, IANA's names, in order of preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsDescription {
    /// `TLSv1.3`, `TLSv1.2`.
    pub versions: Vec<String>,
    /// Cipher suites.
    pub suites: Vec<String>,
    /// Key exchange groups.
    pub groups: Vec<String>,
    /// Signature schemes that the peer may sign with.
    pub signature_schemes: Vec<String>,
    /// What we present: a listener's certificates in order, or the client identity when there is one.
    pub certificates: Vec<CertificateSummary>,
}

/// One of our certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// Its SAN dNSNames.
    pub names: Vec<String>,
    /// Algorithm and size of its key.
    pub key: String,
    /// Signature schemes that we can sign with by it.
    pub signature_schemes: Vec<String>,
    /// Its last moment.
    pub not_after: Timestamp,
    /// Until when the OCSP answer holds that is stapled to it.
    pub stapled_until: Option<Timestamp>,
    /// Whether it serves absent, unknown and IP-literal server names; false for a client.
    pub is_default: bool,
}

pub(crate) fn server(certificates: &ServerCertificates, min_version: TlsVersion) -> TlsDescription {
    let summaries = certificates.identities().iter().enumerate();
    TlsDescription {
        certificates: summaries
            .map(|(place, identity)| summary(identity, certificates.is_default(place)))
            .collect(),
        ..description(KeyExchangeGroups::ALL, min_version)
    }
}

pub(crate) fn client(profile: &ClientProfile, identity: Option<&Identity>) -> TlsDescription {
    TlsDescription {
        certificates: identity.map(|identity| summary(identity, false)).into_iter().collect(),
        ..description(profile.groups, lowest_version(profile.groups, profile.min_version))
    }
}

fn description(groups: KeyExchangeGroups, min_version: TlsVersion) -> TlsDescription {
    let versions = [TlsVersion::Tls13, TlsVersion::Tls12];
    TlsDescription {
        versions: versions
            .iter()
            .filter(|version| **version >= min_version)
            .map(ToString::to_string)
            .collect(),
        suites: offered_suites(min_version),
        groups: provider_for(groups, min_version)
            .kx_groups
            .iter()
            .map(|group| code_points::group(group.name().into()))
            .collect(),
        signature_schemes: SCHEMES
            .iter()
            .map(|scheme| code_points::signature_scheme((*scheme).into()))
            .collect(),
        certificates: Vec::new(),
    }
}

fn summary(identity: &Identity, is_default: bool) -> CertificateSummary {
    let leaf = identity.leaf();
    CertificateSummary {
        names: leaf.dns_names.clone(),
        key: leaf.key.clone(),
        signature_schemes: identity.signature_schemes(),
        not_after: leaf.not_after,
        stapled_until: identity.stapled_until(),
        is_default,
    }
}

//! The cryptography in force: suites, groups, versions. Passed to the library explicitly, everywhere.
//!
//! Only AEAD suites with ephemeral key exchange exist here, so TLS 1.0, TLS 1.1, RSA key exchange and CBC cannot
//! be negotiated by construction (RFC 9325 §3.1.1, §4.2).

use std::sync::{Arc, OnceLock};

use rustls::{
    ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{
        CryptoProvider, SupportedKxGroup,
        aws_lc_rs::{cipher_suite as suites, default_provider, kx_group as groups},
    },
    version::{TLS12, TLS13},
};
use sekisho_mail::{KeyExchangeGroup, KeyExchangeGroups, TlsVersion};

use crate::code_points;

/// Best first; as a server this order wins over the client's.
const SUITES: &[SupportedCipherSuite] = &[
    suites::TLS13_AES_256_GCM_SHA384,
    suites::TLS13_AES_128_GCM_SHA256,
    suites::TLS13_CHACHA20_POLY1305_SHA256,
    suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// How many of them, from the first, are of TLS 1.3.
const TLS13_SUITES: usize = 3;

const fn library_group(group: KeyExchangeGroup) -> &'static dyn SupportedKxGroup {
    match group {
        KeyExchangeGroup::X25519MlKem768 => groups::X25519MLKEM768,
        KeyExchangeGroup::X25519 => groups::X25519,
        KeyExchangeGroup::Secp256r1 => groups::SECP256R1,
        KeyExchangeGroup::Secp384r1 => groups::SECP384R1,
    }
}

/// Versions before 1.3 do not know the hybrid, so what offers it alone is TLS 1.3 whatever the lowest version.
pub(crate) fn lowest_version(groups: KeyExchangeGroups, min: TlsVersion) -> TlsVersion {
    if groups == KeyExchangeGroups::HYBRID {
        TlsVersion::Tls13
    } else {
        min
    }
}

type Shared = OnceLock<Arc<CryptoProvider>>;
/// One for each set of groups, those from TLS 1.2 on before those of TLS 1.3 alone.
static PROVIDERS: [[Shared; 2]; KeyExchangeGroups::ALL.place() + 1] =
    [const { [const { OnceLock::new() }; 2] }; KeyExchangeGroups::ALL.place() + 1];

/// The provider for one set of groups and lowest version; suites of lower versions are left out of it, since the
/// library would offer them. A server uses [`KeyExchangeGroups::ALL`].
pub(crate) fn provider_for(groups: KeyExchangeGroups, min: TlsVersion) -> &'static Arc<CryptoProvider> {
    let (place, suites) = match min {
        TlsVersion::Tls12 => (0, SUITES),
        TlsVersion::Tls13 => (1, &SUITES[..TLS13_SUITES]),
    };
    PROVIDERS[groups.place()][place].get_or_init(|| {
        Arc::new(CryptoProvider {
            cipher_suites: suites.to_vec(),
            kx_groups: groups.iter().map(library_group).collect(),
            ..default_provider()
        })
    })
}

static FROM_TLS12: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static FROM_TLS13: [&SupportedProtocolVersion; 1] = [&TLS13];

/// The versions from `min` on, best first.
pub(crate) fn versions_from(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match min {
        TlsVersion::Tls12 => &FROM_TLS12,
        TlsVersion::Tls13 => &FROM_TLS13,
    }
}

/// IANA's names of the key exchange groups that a handshake of this version can come to, the best first.
#[must_use]
pub fn key_exchange_groups(version: TlsVersion) -> Vec<String> {
    let of_rustls = match version {
        TlsVersion::Tls12 => ProtocolVersion::TLSv1_2,
        TlsVersion::Tls13 => ProtocolVersion::TLSv1_3,
    };
    provider_for(KeyExchangeGroups::ALL, version)
        .kx_groups
        .iter()
        .filter(|group| group.usable_for_version(of_rustls))
        .map(|group| code_points::group(group.name().into()))
        .collect()
}

/// Names of the suites in force from `min` on.
pub(crate) fn offered_suites(min: TlsVersion) -> Vec<String> {
    provider_for(KeyExchangeGroups::ALL, min)
        .cipher_suites
        .iter()
        .map(|suite| code_points::suite(suite.suite().into()))
        .collect()
}

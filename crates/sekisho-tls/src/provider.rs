//! The cryptography in force: suites, groups, versions. Passed to the library explicitly, everywhere.
//!
//! Only AEAD suites with ephemeral key exchange exist here, so TLS 1.0, TLS 1.1, RSA key exchange and CBC cannot
//! be negotiated by construction (RFC 9325 §3.1.1, §4.2).

use std::sync::{Arc, LazyLock};

use rustls::{
    ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{
        CryptoProvider, SupportedKxGroup,
        aws_lc_rs::{cipher_suite as suites, default_provider, kx_group as groups},
    },
    version::{TLS12, TLS13},
};
use sekisho_mail::TlsVersion;

use crate::{client::GroupProfile, code_points};

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

const CLASSICAL: &[&dyn SupportedKxGroup] = &[groups::X25519, groups::SECP256R1, groups::SECP384R1];

fn provider(groups: Vec<&'static dyn SupportedKxGroup>, suites: &[SupportedCipherSuite]) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: suites.to_vec(),
        kx_groups: groups,
        ..default_provider()
    })
}

fn hybrid_first() -> Vec<&'static dyn SupportedKxGroup> {
    [&[groups::X25519MLKEM768], CLASSICAL].concat()
}

/// Versions before 1.3 do not know the hybrid, so what offers it alone is TLS 1.3 whatever the lowest version.
pub(crate) const fn lowest_version(profile: GroupProfile, min: TlsVersion) -> TlsVersion {
    match profile {
        GroupProfile::HybridFirst | GroupProfile::Classical => min,
        GroupProfile::HybridOnly => TlsVersion::Tls13,
    }
}

type Shared = LazyLock<Arc<CryptoProvider>>;
static HYBRID_TLS12: Shared = LazyLock::new(|| provider(hybrid_first(), SUITES));
static HYBRID_TLS13: Shared = LazyLock::new(|| provider(hybrid_first(), &SUITES[..TLS13_SUITES]));
static CLASSICAL_TLS12: Shared = LazyLock::new(|| provider(CLASSICAL.to_vec(), SUITES));
static CLASSICAL_TLS13: Shared = LazyLock::new(|| provider(CLASSICAL.to_vec(), &SUITES[..TLS13_SUITES]));
static HYBRID_ALONE: Shared = LazyLock::new(|| provider(vec![groups::X25519MLKEM768], &SUITES[..TLS13_SUITES]));

/// The provider for one choice of groups and lowest version; suites of lower versions are left out of it, since the
/// library would offer them. A server uses [`GroupProfile::HybridFirst`].
pub(crate) fn provider_for(profile: GroupProfile, min: TlsVersion) -> &'static Arc<CryptoProvider> {
    match (profile, min) {
        (GroupProfile::HybridFirst, TlsVersion::Tls12) => &HYBRID_TLS12,
        (GroupProfile::HybridFirst, TlsVersion::Tls13) => &HYBRID_TLS13,
        (GroupProfile::Classical, TlsVersion::Tls12) => &CLASSICAL_TLS12,
        (GroupProfile::Classical, TlsVersion::Tls13) => &CLASSICAL_TLS13,
        (GroupProfile::HybridOnly, _) => &HYBRID_ALONE,
    }
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
    provider_for(GroupProfile::HybridFirst, version)
        .kx_groups
        .iter()
        .filter(|group| group.usable_for_version(of_rustls))
        .map(|group| code_points::group(group.name().into()))
        .collect()
}

/// Names of the suites in force from `min` on.
pub(crate) fn offered_suites(min: TlsVersion) -> Vec<String> {
    provider_for(GroupProfile::HybridFirst, min)
        .cipher_suites
        .iter()
        .map(|suite| code_points::suite(suite.suite().into()))
        .collect()
}

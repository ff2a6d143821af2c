//! What is in force, in words, for `sekisho tls list`.

use sekisho_mail::Timestamp;

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
    /// Whether it serves absent, unknown and IP-literal server names; false for a client.
    pub is_default: bool,
}

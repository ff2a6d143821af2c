//! Alerts: what an operator should know of before it stops mail, each once, until it is over.

use std::fmt;

use sekisho_mail::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKind {
    /// Validations of an outbound connector fail.
    ValidationFails,
    /// A partner's certificate ends.
    CertificateEnds,
    /// An intermediate or a root ends, to which a partner's certificate leads.
    AuthorityEnds,
    /// As that, and before the certificate itself.
    LeafOutlivesIssuer,
    /// A partner's certificate has another issuer than before.
    IssuerChanged,
    /// A partner's certificate was renewed late three times in a row.
    RenewedLate,
    /// A pin names a key that ends soon, or that the partner does not show.
    PinBreaks,
    /// A connector's issuers are not those of the partner's certificate.
    IssuerNotListed,
    /// A partner presents its certificate without those above it.
    NoIntermediates,
    /// A connector wants certificates for clients, and the partner's is none.
    NotForClients,
    /// A partner's TLSA records name none of what its host presents.
    TlsaDoesNotMatch,
    /// A certificate of our own ends.
    OwnCertificateEnds,
    /// TLSA records of our own name nothing that our listeners present.
    OwnTlsaDoesNotMatch,
    /// A role that is presented has no certificate.
    CertificateMissing,
    /// A certificate of ours has expired, and is presented for want of another.
    CertificateExpired,
    /// The last certificate of a role ends, and there is no other.
    RoleEnds,
    /// What lies in the files of a certificate cannot be used.
    CertificateFileRefused,
    /// A handshake with ourselves does not show the certificate that is in force.
    CertificateNotShown,
    /// An endpoint on which certificates hang cannot be fetched from.
    EndpointFails,
    /// The authority of a certificate of our own says that it was revoked.
    OwnCertificateRevoked,
    /// A certificate that must be presented with an OCSP answer has none, or soon has none.
    StapleMissing,
    /// The authority of a role has not issued what was ordered, several times.
    CertificateNotRenewed,
    /// A roll-over has waited for its operator for long.
    RolloverWaits,
    /// TLSA records of a roll-over are gone again, or its next certificate ends before the switch.
    RolloverAtRisk,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::ValidationFails,
        Self::CertificateEnds,
        Self::AuthorityEnds,
        Self::LeafOutlivesIssuer,
        Self::IssuerChanged,
        Self::RenewedLate,
        Self::PinBreaks,
        Self::IssuerNotListed,
        Self::NoIntermediates,
        Self::NotForClients,
        Self::TlsaDoesNotMatch,
        Self::OwnCertificateEnds,
        Self::OwnTlsaDoesNotMatch,
        Self::CertificateMissing,
        Self::CertificateExpired,
        Self::RoleEnds,
        Self::CertificateFileRefused,
        Self::CertificateNotShown,
        Self::EndpointFails,
        Self::OwnCertificateRevoked,
        Self::StapleMissing,
        Self::CertificateNotRenewed,
        Self::RolloverWaits,
        Self::RolloverAtRisk,
    ];

    /// Those that a forecast says.
    pub const FORETOLD: [Self; 12] = [
        Self::CertificateEnds,
        Self::AuthorityEnds,
        Self::LeafOutlivesIssuer,
        Self::IssuerChanged,
        Self::RenewedLate,
        Self::PinBreaks,
        Self::IssuerNotListed,
        Self::NoIntermediates,
        Self::NotForClients,
        Self::TlsaDoesNotMatch,
        Self::OwnCertificateEnds,
        Self::OwnTlsaDoesNotMatch,
    ];

    /// As JSON, metrics and the log have it; it stays what it is.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ValidationFails => "validation-fails",
            Self::CertificateEnds => "certificate-ends",
            Self::AuthorityEnds => "authority-ends",
            Self::LeafOutlivesIssuer => "leaf-outlives-issuer",
            Self::IssuerChanged => "issuer-changed",
            Self::RenewedLate => "renewed-late",
            Self::PinBreaks => "pin-breaks",
            Self::IssuerNotListed => "issuer-not-listed",
            Self::NoIntermediates => "no-intermediates",
            Self::NotForClients => "not-for-clients",
            Self::TlsaDoesNotMatch => "tlsa-does-not-match",
            Self::OwnCertificateEnds => "own-certificate-ends",
            Self::OwnTlsaDoesNotMatch => "own-tlsa-does-not-match",
            Self::CertificateMissing => "certificate-missing",
            Self::CertificateExpired => "certificate-expired",
            Self::RoleEnds => "role-ends",
            Self::CertificateFileRefused => "certificate-file-refused",
            Self::CertificateNotShown => "certificate-not-shown",
            Self::EndpointFails => "endpoint-fails",
            Self::OwnCertificateRevoked => "own-certificate-revoked",
            Self::StapleMissing => "staple-missing",
            Self::CertificateNotRenewed => "certificate-not-renewed",
            Self::RolloverWaits => "rollover-waits",
            Self::RolloverAtRisk => "rollover-at-risk",
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something will stop, or is not as it was.
    Warning,
    /// Something has stopped, or stops within days.
    Error,
}

impl Severity {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Warning, Self::Error];

    /// As JSON, metrics and the log have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertView {
    /// By which it is acknowledged: 12 hexadecimal digits, always the same for what it is about.
    pub id: String,
    /// What it is about.
    pub kind: AlertKind,
    /// Whom or what it concerns: a connector, a partner, a role, an endpoint.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// What happens, and when.
    pub text: String,
    /// What to do.
    pub remedy: String,
    /// Since when it stands, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub first: Timestamp,
    /// When that happens which it warns of, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub until: Option<Timestamp>,
    /// When the postmaster was last written to of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub told: Option<Timestamp>,
    /// Who acknowledged it: it stays in the list, and nobody is written to of it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
}

/// Which alerts are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlertQuery {
    /// Only those of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub kind: Option<AlertKind>,
}

/// The alerts that stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertList {
    /// Errors first, then by what happens soonest.
    pub alerts: Vec<AlertView>,
}

/// Alerts are known to the operator: nobody is written to of them any more, unless they become graver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// Which; all that stand where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acknowledged {
    /// How many were acknowledged, and were not before.
    pub changed: u64,
    /// Ids of which no alert stands.
    pub missing: Vec<String>,
}

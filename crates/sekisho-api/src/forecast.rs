//! What will become of certificates: of partners, as their chains were seen, and of our own.

use sekisho_mail::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{AlertKind, MailDirection, Severity};

/// Days ahead that a forecast looks unless it is told otherwise, and at most.
pub const FORECAST_DAYS: u32 = 90;
/// See [`FORECAST_DAYS`].
pub const FORECAST_DAYS_MAX: u32 = 3660;

/// Which forecast is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ForecastQuery {
    /// Days ahead; 90 where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// Only this partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Only partners of this organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

/// What will happen, or has happened and will bite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForecastEntry {
    /// What it is about.
    pub kind: AlertKind,
    /// Whose mail it concerns; absent of our own certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The partner's domain; absent of our own certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Which mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<MailDirection>,
    /// The host that has the certificate, or the places where our own is used.
    pub host: String,
    /// When it bites, in milliseconds since 1970; absent where it does already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub at: Option<Timestamp>,
    /// Error where mail stops, or stops within days.
    pub severity: Severity,
    /// Connectors and routes that demand what is at stake; where there are none, mail goes on all the same.
    pub demanded_by: Vec<String>,
    /// Whether it is an alert.
    pub is_alert: bool,
    /// What happens.
    pub text: String,
    /// What to do.
    pub remedy: String,
}

/// What came of asking DNS for TLSA records. Hosts about which it said nothing are neither well nor ill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TlsaLook {
    /// Hosts whose certificates are known, and whose records were wanted.
    pub hosts: u64,
    /// Those of them about which nothing is known.
    pub unknown: u64,
    /// Why, of some of those, at most 5.
    pub why: Vec<String>,
}

/// A forecast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Forecast {
    /// Days ahead that were looked at.
    pub days: u32,
    /// By when it bites; what does already comes first.
    pub entries: Vec<ForecastEntry>,
    /// Whether there were more than are said.
    pub more: bool,
    /// What came of asking for TLSA records; absent where nobody asks, since no server runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tlsa: Option<TlsaLook>,
}

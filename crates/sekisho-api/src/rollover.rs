//! Roll-overs of our own keys: where each stands, what it has seen and passed, and what an operator does next.

use sekisho_mail::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which roll-overs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct RolloverQuery {
    /// Those of this organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// That of this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// Roll-overs, under way or ended; of each role the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverList {
    /// By organization and role.
    pub rollovers: Vec<RolloverView>,
}

/// The roll-over of a role to a new key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverView {
    /// Whose it is.
    pub organization: String,
    /// Its role.
    pub role: String,
    /// Where it stands: `records`, `wait-out`, `issue`, `prove`, `partners`, `switch`, `overlap`, `withdraw`, `done`.
    pub step: String,
    /// Since when, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub since: Timestamp,
    /// Who holds it where it is; absent where it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// What it waits for; absent where it has ended, or has not looked yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<RolloverWait>,
    /// The keys that come.
    pub keys: Vec<RolloverKey>,
    /// From when on the next certificate is to be presented, in milliseconds since 1970; as soon as all is ready where
    /// it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub switch_at: Option<Timestamp>,
    /// TLSA records, and what becomes of each.
    pub records: Vec<RolloverRecord>,
    /// Who is known to have pinned an old key.
    pub pinned_by: Vec<String>,
    /// What was seen at the last look at this step.
    pub sights: Vec<RolloverSight>,
    /// When that was, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub looked_at: Option<Timestamp>,
    /// When is looked next, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub look_at: Option<Timestamp>,
    /// Its steps, in order.
    pub steps: Vec<RolloverStep>,
    /// All that happened, oldest first.
    pub history: Vec<RolloverEvent>,
}

impl RolloverView {
    /// `acme/mx`
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.organization, self.role)
    }
}

/// What a roll-over waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverWait {
    /// Whose turn it is: `operator`, `others` (it is tried again by itself), or `time`.
    pub turn: String,
    /// What is waited for, and what to do about it.
    pub text: String,
    /// Until when, in milliseconds since 1970, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub until: Option<Timestamp>,
}

/// A key that comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverKey {
    /// Which key: `ecdsa-p256`.
    pub key_type: String,
    /// The request or certificate of the store that it is in.
    pub id: String,
    /// Where that stands: `requested`, `staged`, `active`, `retired`; `gone` where it is not there any more.
    pub stage: String,
    /// The SHA-256 of its SubjectPublicKeyInfo.
    pub spki_sha256: String,
    /// The request in PEM (PKCS#10), as long as its certificate is awaited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Certificates whose place it takes.
    pub replaces: Vec<String>,
}

/// A TLSA record of a roll-over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverRecord {
    /// `keep` (it is there and stays), `publish` (it is to be put beside what is there), `withdraw` (it is to be taken
    /// away).
    pub action: String,
    /// Its name without the final dot: `_25._tcp.mx.example.org`.
    pub name: String,
    /// How long others may remember it, in seconds.
    pub ttl: u64,
    /// Its data as in a zone file: `3 1 1 8a9b…`.
    pub data: String,
}

/// One thing that was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverSight {
    /// Whether it is as it must be.
    pub is_well: bool,
    /// What it is; words of others are not escaped.
    pub text: String,
}

/// A step of a roll-over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverStep {
    /// Which.
    pub step: String,
    /// What it is for.
    pub title: String,
    /// `ahead`, `current`, `done`, `skipped` (there was nothing to do), or `accepted` (an operator said so).
    pub state: String,
    /// When it ended, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub at: Option<Timestamp>,
    /// What was seen, or why it was passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverEvent {
    /// When, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// By whom: `uid 1000`; `sekisho` for what it did by itself.
    pub by: String,
    /// At which step.
    pub step: String,
    /// `begun`, `done`, `skipped`, `accepted`, `back`.
    pub how: String,
    /// In words.
    pub text: String,
}

/// Begins a roll-over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RolloverStart {
    /// Whose role; `default` when empty.
    pub organization: String,
    /// Which role.
    pub role: String,
    /// Which key: `ecdsa-p256` and so on. Absent: those of the role, one each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_type: Option<String>,
    /// From when on the next certificate is to be presented, in milliseconds since 1970; as soon as all is ready where
    /// it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub at: Option<Timestamp>,
    /// Ports of which TLSA records are looked at; 25 where there is none.
    pub ports: Vec<u16>,
    /// Name servers that are asked instead of those of the zone: `192.0.2.53`, `192.0.2.53:5353`.
    pub name_servers: Vec<String>,
    /// Why, in the author's words.
    pub why: String,
}

/// What is to become of a roll-over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RolloverOrder {
    /// Whose role; `default` when empty.
    pub organization: String,
    /// Which role.
    pub role: String,
    /// `next`: that this step is passed although it could not be seen (`records`, `prove`, `withdraw`); `why` says why.
    /// Refused where it stands at another by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
    /// `next`: that partners who pin the key were told.
    pub told: bool,
    /// `next`: name servers that are asked from now on instead of those of the zone.
    pub name_servers: Vec<String>,
    /// `next`: from when on the next certificate is to be presented, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub at: Option<Timestamp>,
    /// Why, in the author's words.
    pub why: String,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverDone {
    /// What was done.
    pub words: String,
    /// The roll-over as it is now; absent when it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollover: Option<RolloverView>,
}

/// Which letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct RolloverLetterQuery {
    /// Whose role; `default` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Which role.
    pub role: String,
    /// In which language: `en` or `ja`; English when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// What partners who pin the key are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloverLetter {
    /// Whom it is for, in the operator's words.
    pub partners: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

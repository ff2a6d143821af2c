//! An alert as a watcher states it, and as it is kept.

use std::fmt;

use sekisho_api::{AlertKind, AlertView, Severity};
use sekisho_mail::Timestamp;
use sekisho_tls::sha256;
use serde::{Deserialize, Serialize};

/// Octets of a subject, and of text and remedy each.
const SUBJECT_LEN_MAX: usize = 300;
const TEXT_LEN_MAX: usize = 2_000;
/// Digits of an id.
const ID_LEN: usize = 12;

/// Who watches something and says, each time he has looked, all that is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watcher {
    /// The validations of connectors.
    Validation,
    /// The forecast of certificates.
    Forecast,
    /// Our own certificates.
    Certificates,
    /// The endpoints on which certificates hang.
    Endpoints,
    /// Orders of certificates from authorities.
    Renewals,
    /// Roll-overs of our own keys.
    Rollovers,
}

impl Watcher {
    /// Begins the keys of its alerts; it stays what it is.
    const fn word(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Forecast => "forecast",
            Self::Certificates => "certificates",
            Self::Endpoints => "endpoints",
            Self::Renewals => "renewals",
            Self::Rollovers => "rollovers",
        }
    }

    /// What the keys of its alerts begin with.
    pub(super) fn prefix(self) -> String {
        format!("{}/", self.word())
    }
}

impl fmt::Display for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Something that the operator should know of. Kind and subject say which it is: stated once more, it is the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is about.
    pub kind: AlertKind,
    /// Whom or what it concerns; not escaped.
    pub subject: String,
    /// How much it matters. An alert that becomes graver is told anew.
    pub severity: Severity,
    /// What happens, and when: with the day, not with how long that still is, so that the text stays what it is.
    pub text: String,
    /// What to do.
    pub remedy: String,
    /// When that happens which it warns of.
    pub until: Option<Timestamp>,
}

impl Alert {
    /// With its texts no longer than they are kept.
    #[must_use]
    pub(super) fn within_limits(mut self) -> Self {
        // Of two long subjects that begin alike, each stays its own.
        if self.subject.len() > SUBJECT_LEN_MAX {
            let digest = sha256(self.subject.as_bytes()).to_string();
            cut(&mut self.subject, SUBJECT_LEN_MAX - ID_LEN - 1);
            self.subject.push('~');
            self.subject.push_str(&digest[..ID_LEN]);
        }
        cut(&mut self.text, TEXT_LEN_MAX);
        cut(&mut self.remedy, TEXT_LEN_MAX);
        self
    }

    /// Under which it is kept.
    pub(super) fn key(&self, watcher: Watcher) -> String {
        format!("{}{}/{}", watcher.prefix(), self.kind, self.subject)
    }
}

/// No control characters: written as JSON each would take six octets.
fn cut(text: &mut String, octets: usize) {
    if text.contains(char::is_control) {
        *text = text.replace(char::is_control, "\u{fffd}");
    }
    if text.len() > octets {
        text.truncate(text.floor_char_boundary(octets - "…".len()));
        text.push('…');
    }
}

/// What is kept of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) alert: Alert,
    /// Since when it stands.
    pub(super) first: Timestamp,
    /// When the postmaster was written to of it last. It outlives the alert for a while: one that comes and goes is not
    /// told each time.
    pub(super) told: Option<Timestamp>,
    /// Since when it does not stand any more.
    pub(super) over: Option<Timestamp>,
    /// When the postmaster was told that it is over.
    #[serde(default)]
    pub(super) told_over: Option<Timestamp>,
    /// By whom.
    pub(super) acknowledged: Option<String>,
}

impl Kept {
    pub(super) const fn new(alert: Alert, now: Timestamp) -> Self {
        Self {
            alert,
            first: now,
            told: None,
            over: None,
            told_over: None,
            acknowledged: None,
        }
    }

    pub(super) const fn stands(&self) -> bool {
        self.over.is_none()
    }

    pub(super) fn view(&self, key: &str) -> AlertView {
        let alert = self.alert.clone();
        AlertView {
            id: id(key),
            kind: alert.kind,
            subject: alert.subject,
            severity: alert.severity,
            text: alert.text,
            remedy: alert.remedy,
            first: self.first,
            until: alert.until,
            told: self.told,
            acknowledged_by: self.acknowledged.clone(),
        }
    }
}

/// The short name of an alert.
pub(super) fn id(key: &str) -> String {
    let mut digits = sha256(key.as_bytes()).to_string();
    digits.truncate(ID_LEN);
    digits
}

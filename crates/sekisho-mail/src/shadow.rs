//! What documents would have done that are tried before they are enforced: values for the trace and for the tally, with
//! no effect on any message.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize, de};
use thiserror::Error;

use crate::{Demand, OrganizationName, StatedReason, domain::serde_as_text};

/// A document that is tried and never obeyed, at one state of its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShadowDocument {
    /// What kind of document.
    pub kind: ShadowKind,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "OrganizationName::is_first")]
    pub organization: OrganizationName,
    /// Its name, unique among those of its kind in the organization.
    pub name: Arc<str>,
    /// What it said then.
    pub revision: Revision,
}

/// Kinds of documents that can be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShadowKind {
    /// An inbound connector.
    InboundConnector,
    /// An outbound connector.
    OutboundConnector,
    /// A mail-flow rule.
    Rule,
}

impl ShadowKind {
    /// As API and files write it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::InboundConnector => "inbound_connector",
            Self::OutboundConnector => "outbound_connector",
            Self::Rule => "rule",
        }
    }
}

/// `inbound connector acme/bank-draft`
impl fmt::Display for ShadowDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ShadowKind::InboundConnector => "inbound connector",
            ShadowKind::OutboundConnector => "outbound connector",
            ShadowKind::Rule => "rule",
        };
        write!(f, "{kind} {}/{}", self.organization, self.name)
    }
}

/// Tells the content of a document from what it said before and what it says later: 64 bits of a hash of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// Why a text is no revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a revision has 16 hexadecimal digits")]
pub struct RevisionError;

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Revision {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = text.len() == 16 && text.bytes().all(|octet| octet.is_ascii_hexdigit());
        let parsed = u64::from_str_radix(text, 16).ok().filter(|_| is_hex);
        parsed.map(Self).ok_or(RevisionError)
    }
}

serde_as_text!(Revision);

/// What one document would have made of one recipient of a message, at RCPT, after the content or in an attempt: this
/// document alone, obeyed, and everything else as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowVerdict {
    /// Which.
    pub document: Arc<ShadowDocument>,
    /// What would have become of it.
    pub outcome: ShadowOutcome,
    /// Why. May hold the peer's text: escape it when shown.
    pub why: StatedReason,
}

/// `inbound connector acme/bank-draft would fail: …`. May hold the peer's text: escape it when shown.
impl fmt::Display for ShadowVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.document, self.outcome.words(), self.why.text)
    }
}

/// What would have become of a recipient, beside what did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShadowOutcome {
    /// It goes, and would go.
    Passes,
    /// It goes, and would not: what the document would break.
    Fails,
    /// It does not go, and would not.
    FailsAnyway,
    /// It does not go, and would.
    WouldGo,
    /// It cannot be known: it would have gone another way, or what it takes was not found out.
    NotKnown,
}

impl ShadowOutcome {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Passes,
        Self::Fails,
        Self::FailsAnyway,
        Self::WouldGo,
        Self::NotKnown,
    ];

    /// As they follow the name of a document.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Passes => "would pass",
            Self::Fails => "would fail",
            Self::FailsAnyway => "would fail as well",
            Self::WouldGo => "would let it go",
            Self::NotKnown => "cannot be judged",
        }
    }
}

/// The verdict on a recipient when it came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalShadow {
    /// The address that was written at RCPT, or where it led.
    pub recipient: String,
    /// What the document would have made of it.
    pub verdict: ShadowVerdict,
}

/// What a rule that is tried, and that met a message, would demand of the connections on which the message leaves: it
/// travels with the recipient and is looked at in every attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TriedRule {
    /// Which.
    pub document: Arc<ShadowDocument>,
    /// What would have to hold.
    pub demands: Vec<Demand>,
    /// [`Demand::origin`] of what would not be demanded then: the rule's in whose place it would stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_keeps_the_form_in_which_it_was_stored() {
        let verdict = ShadowVerdict {
            document: Arc::new(ShadowDocument {
                kind: ShadowKind::OutboundConnector,
                organization: "acme".parse().unwrap(),
                name: "bank".into(),
                revision: Revision(0x00ab),
            }),
            outcome: ShadowOutcome::FailsAnyway,
            why: StatedReason {
                key: "demand-not-met".to_owned(),
                text: "it is in the clear".to_owned(),
            },
        };
        let json = concat!(
            r#"{"document":{"kind":"outbound_connector","organization":"acme","name":"bank","#,
            r#""revision":"00000000000000ab"},"outcome":"fails_anyway","#,
            r#""why":{"key":"demand-not-met","text":"it is in the clear"}}"#
        );
        assert_eq!(serde_json::to_string(&verdict).unwrap(), json);
        assert_eq!(serde_json::from_str::<ShadowVerdict>(json).unwrap(), verdict);
        assert_eq!(
            verdict.to_string(),
            "outbound connector acme/bank would fail as well: it is in the clear"
        );
    }

    #[test]
    fn a_revision_is_sixteen_digits() {
        for text in ["", "ab", "+0000000000000ab", "00000000000000ag", "00000000000000ab0"] {
            assert_eq!(text.parse::<Revision>(), Err(RevisionError), "{text}");
        }
        assert_eq!("00000000000000ab".parse(), Ok(Revision(0xab)));
    }
}

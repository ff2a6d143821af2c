//! The envelope of a message: what MAIL and RCPT said, with the parameters of RFC 3461 and RFC 6152.
//!
//! ENVID and ORCPT are kept as they came on the wire, xtext and all, because they are passed on byte for
//! byte (RFC 3461 §5.2.1); what they mean is decoded where a notification shows it.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Demand, Handling, Mailbox, OrganizationName, ReversePath, TriedRule, xtext};

/// What MAIL and RCPT said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Where faults go.
    pub reverse_path: ReversePath,
    /// What the content may hold (RFC 6152).
    pub body: BodyKind,
    /// How much of the message a failure notification returns (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// The sender's own name for this envelope (RFC 3461 §4.4).
    pub envid: Option<EnvelopeId>,
    /// At least one.
    pub recipients: Vec<Recipient>,
}

/// One recipient with what its RCPT asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recipient {
    /// Whom the message is to reach.
    pub mailbox: Mailbox,
    /// When to notify the sender; `None` when RCPT did not say (RFC 3461 §4.1: then failures, and delays if
    /// the server likes).
    pub notify: Option<Notify>,
    /// The address that the sender wrote first (RFC 3461 §4.2).
    pub orcpt: Option<OriginalRecipient>,
    /// Demands that travel with the message to this recipient, whatever route it takes: from an alias, a
    /// redirect or a forward. They stand beside what the route of the day demands.
    pub carried: Vec<Demand>,
    /// Who answers for the way of the message to this recipient: the organization whose domain it is addressed to, or
    /// for recipients elsewhere the one that sends.
    #[serde(default, skip_serializing_if = "OrganizationName::is_first")]
    pub organization: OrganizationName,
    /// What keeps the message from this recipient, though others get it: the sender is told, and nothing is ever sent
    /// to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Box<RuleRefusal>>,
    /// Whether it came from somebody whom nobody here knows: MAIL FROM may name anyone then, and a notification may
    /// reach whoever has not sent anything.
    #[serde(default, skip_serializing_if = "crate::is_false")]
    pub from_stranger: bool,
    /// Rules that are tried and met the message: nothing is done or left undone for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Arc<TriedRule>>,
    /// What was settled about this copy when it came in; nearly never anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handling: Option<Box<Handling>>,
}

/// What a rule, or something else of an organization's, says of a message that it keeps from a recipient.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuleRefusal {
    /// Which rule: `acme/secret`; of all else the organization: `acme`.
    pub rule: String,
    /// The words for the sender.
    pub text: String,
    /// What of the organization's it is.
    #[serde(default, skip_serializing_if = "RefusedBy::is_rule")]
    pub by: RefusedBy,
}

/// What of an organization's keeps a message from one of its recipients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusedBy {
    /// A mail-flow rule.
    #[default]
    Rule,
    /// The limit on the size of messages.
    SizeLimit,
    /// What is demanded of whoever brings mail; the end of another organization's alias cannot be refused by itself.
    Demand,
}

impl RefusedBy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    const fn is_rule(&self) -> bool {
        matches!(self, Self::Rule)
    }
}

impl Recipient {
    /// A recipient about whom nothing was asked.
    #[must_use]
    pub const fn new(mailbox: Mailbox) -> Self {
        Self {
            mailbox,
            notify: None,
            orcpt: None,
            carried: Vec::new(),
            organization: OrganizationName::FIRST,
            refused: None,
            from_stranger: false,
            tried: Vec::new(),
            handling: None,
        }
    }

    /// What was settled about this copy, to add to it.
    pub fn handling_mut(&mut self) -> &mut Handling {
        self.handling.get_or_insert_default()
    }
}

/// `BODY=` of RFC 6152.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyKind {
    /// Lines of ASCII.
    #[default]
    SevenBit,
    /// Lines of octets.
    EightBitMime,
}

/// `RET=` of RFC 3461 §4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its headers only.
    Headers,
}

impl fmt::Display for Ret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "FULL",
            Self::Headers => "HDRS",
        })
    }
}

/// `NOTIFY=` of RFC 3461 §4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notify {
    /// `NEVER`
    Never,
    /// Any of the three, at least one of them.
    When {
        /// `SUCCESS`
        success: bool,
        /// `FAILURE`
        failure: bool,
        /// `DELAY`
        delay: bool,
    },
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::When {
            success,
            failure,
            delay,
        } = *self
        else {
            return f.write_str("NEVER");
        };
        let words = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
        let mut between = "";
        for (_, word) in words.iter().filter(|(asked, _)| *asked) {
            write!(f, "{between}{word}")?;
            between = ",";
        }
        Ok(())
    }
}

/// `ENVID=` of RFC 3461 §4.4: the xtext as it came, 1 to 100 octets of printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnvelopeId(pub String);

/// `ORCPT=` of RFC 3461 §4.2: `addr-type;xtext` as it came, at most 500 octets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OriginalRecipient(pub String);

impl OriginalRecipient {
    /// The one for a recipient whose sender gave none (RFC 3461 §5.2.7).
    #[must_use]
    pub fn of(mailbox: &Mailbox) -> Self {
        Self(format!("rfc822;{}", xtext::encode(&mailbox.to_string())))
    }

    /// The address in it; `None` when it is of another type than `rfc822`, or no xtext.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let (kind, address) = self.0.split_once(';')?;
        if !kind.eq_ignore_ascii_case("rfc822") {
            return None;
        }
        xtext::decode(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_addresses() {
        let address = |text: &str| OriginalRecipient(text.to_owned()).address();
        assert_eq!(address("RFC822;a+2Bb@example.org").as_deref(), Some("a+b@example.org"));
        assert_eq!(address("x400;/c=us"), None);
        assert_eq!(address("a@example.org"), None);
    }

    #[test]
    fn an_original_recipient_of_ours_means_its_mailbox() {
        let mailbox = Mailbox::parse("a+b=c@example.org").unwrap();
        let original = OriginalRecipient::of(&mailbox);
        assert_eq!(original.0, "rfc822;a+2Bb+3Dc@example.org");
        assert_eq!(original.address(), Some(mailbox.to_string()));
    }
}

//! What was settled about one copy of a message when it came in: the way that a rule chose for it, the fields that
//! rules add, whose server brought it, and what is to become of header fields that mean something within an
//! organization.
//!
//! It is written down with the recipient and holds whatever becomes of the rule. Nearly no recipient has any of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What was settled about the copy of one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Handling {
    /// The server of the recipient's organization that brought the message, when one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_server: Option<OwnServer>,
    /// The way that a rule chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<ChosenWay>,
    /// The way that a rule would have chosen, had the message not come from the organization's own servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_sent_back: Option<ChosenWay>,
    /// Fields that rules add, in the order in which they stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Arc<AddedField>>,
    /// What becomes of header fields of the organization's families; none where the header has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub families: Option<Arc<FamilyFields>>,
}

/// A server of the recipient's own organization, as it was known when it brought the message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OwnServer {
    /// The inbound connector that knew it: `acme/on-premises`.
    pub connector: String,
    /// Whether what it says in cross-premises header fields is believed.
    #[serde(default, skip_serializing_if = "crate::is_false")]
    pub is_believed: bool,
}

/// An outbound connector of the recipient's organization, and the rule that names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChosenWay {
    /// The rule: `acme/secret`.
    pub rule: Arc<str>,
    /// The name of the connector, without its organization.
    pub connector: Arc<str>,
}

/// A header field that a rule adds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AddedField {
    /// The rule: `acme/secret`.
    pub rule: String,
    /// The field's name, printable ASCII without a colon (RFC 5322 §2.2).
    pub name: String,
    /// What stands in it: printable ASCII, short enough for one line.
    pub value: String,
}

/// The header fields of an organization's families in one message. Of each stem there are two families:
/// `X-MS-Exchange-Organization-*`, which mean something within the organization, and `X-MS-Exchange-CrossPremises-*`,
/// which carry the same between its own servers and here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FamilyFields {
    /// What the names of the families begin with, in lower case: `x-ms-exchange`.
    pub stems: Vec<String>,
    /// Whether they came from a server of the organization that is believed; otherwise none of them goes on.
    pub is_believed: bool,
    /// Whole names of fields of the organization's family, in lower case, for which the other family has one: that
    /// replaces them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<String>,
    /// How many fields there are.
    pub count: u32,
}

impl Handling {
    /// Two copies become one: it has the fields that either was to have, and is believed only what both were.
    pub fn absorb(&mut self, other: &Self) {
        for field in &other.added {
            if !self.added.contains(field) {
                self.added.push(Arc::clone(field));
            }
        }
        match (&mut self.families, &other.families) {
            (Some(own), Some(others)) if own.is_believed && !others.is_believed => {
                self.families = Some(Arc::clone(others))
            }
            (None, Some(others)) => self.families = Some(Arc::clone(others)),
            (Some(_), Some(_)) | (_, None) => {}
        }
        let is_believed = |copy: &Self| copy.own_server.as_ref().is_some_and(|server| server.is_believed);
        if let Some(server) = &mut self.own_server {
            server.is_believed = server.is_believed && is_believed(other);
        }
    }

    /// About so many octets are held for it.
    #[must_use]
    pub fn octets(&self) -> usize {
        let of_server = self.own_server.as_ref().map_or(0, |server| server.connector.len());
        let of_way = |way: &Option<ChosenWay>| way.as_ref().map_or(0, |way| way.rule.len() + way.connector.len());
        size_of::<Self>() + of_server + of_way(&self.way) + of_way(&self.not_sent_back)
    }
}

impl AddedField {
    /// As it stands in a header, with its line end.
    pub fn write(&self, into: &mut Vec<u8>) {
        for part in [self.name.as_str(), ": ", self.value.as_str(), "\r\n"] {
            into.extend_from_slice(part.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(name: &str) -> Arc<AddedField> {
        Arc::new(AddedField {
            rule: "acme/x".to_owned(),
            name: name.to_owned(),
            value: "1".to_owned(),
        })
    }

    #[test]
    fn of_two_copies_that_become_one_the_fields_of_both_stand_and_the_less_believed_word_holds() {
        let families = |is_believed| {
            Some(Arc::new(FamilyFields {
                is_believed,
                ..FamilyFields::default()
            }))
        };
        let mut one = Handling {
            added: vec![added("X-A"), added("X-B")],
            families: families(true),
            ..Handling::default()
        };
        one.absorb(&Handling {
            added: vec![added("X-B"), added("X-C")],
            families: families(false),
            ..Handling::default()
        });
        assert_eq!(one.added, [added("X-A"), added("X-B"), added("X-C")]);
        assert_eq!(one.families, families(false));
        one.absorb(&Handling {
            families: families(true),
            ..Handling::default()
        });
        assert_eq!(one.families, families(false));
    }

    #[test]
    fn what_an_earlier_build_wrote_is_read() {
        let recipient = r#"{"mailbox":"a@example.org","notify":null,"orcpt":null,"carried":[]}"#;
        let recipient: crate::Recipient = serde_json::from_str(recipient).unwrap();
        assert_eq!(recipient.handling, None);
        let written = serde_json::to_string(&recipient).unwrap();
        assert!(!written.contains("handling"), "{written}");
    }
}

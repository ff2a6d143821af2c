//! Mailboxes and paths of RFC 5321 §4.1.2, without the angle brackets and without source routes.
//!
//! The local part is kept octet for octet as it came, quotes included, because only its own domain may
//! interpret it (RFC 5321 §2.3.11). SMTPUTF8 addresses are not taken yet: everything here is ASCII.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize, de};
use thiserror::Error;

use crate::{Domain, DomainError, Host, domain::serde_as_text};

/// `local-part@host`; cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox {
    local: Arc<str>,
    host: Host,
}

/// Why a text is no mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MailboxError {
    /// There is no `@` outside quotes.
    #[error("the address has no '@'")]
    NoAt,
    /// The local part is empty, longer than 64 octets, or neither a dot-string nor a quoted string.
    #[error("the part before '@' is empty, longer than 64 octets or not well formed")]
    BadLocalPart,
    /// The part after `@`.
    #[error(transparent)]
    Host(#[from] DomainError),
}

impl Mailbox {
    /// Parses `local@host`; the `@` that counts is the last one outside quotes.
    ///
    /// # Errors
    /// When the text is no mailbox of RFC 5321 §4.1.2.
    pub fn parse(text: &str) -> Result<Self, MailboxError> {
        let at = text.rfind('@').ok_or(MailboxError::NoAt)?;
        let (local, host) = (&text[..at], &text[at + 1..]);
        check_local_part(local)?;
        Ok(Self {
            local: local.into(),
            host: Host::parse(host)?,
        })
    }

    /// A mailbox at a domain, from a local part that is already known to be well formed.
    ///
    /// # Errors
    /// When the local part is not.
    pub fn at_domain(local: &str, domain: &Domain) -> Result<Self, MailboxError> {
        check_local_part(local)?;
        Ok(Self {
            local: local.into(),
            host: Host::Domain(domain.clone()),
        })
    }

    /// The local part as written, quotes included.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.local
    }

    /// The local part as it is meant: quotes taken off and quoted pairs resolved (RFC 5321 §4.1.2: the two
    /// spellings name one mailbox).
    #[must_use]
    pub fn unquoted_local_part(&self) -> String {
        let Some(inner) = self.local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return self.local.to_string();
        };
        let mut plain = String::with_capacity(inner.len());
        let mut escaped = false;
        for character in inner.chars() {
            if character == '\\' && !escaped {
                escaped = true;
            } else {
                plain.push(character);
                escaped = false;
            }
        }
        plain
    }

    /// What stands right of the `@`.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }
}

fn check_local_part(local: &str) -> Result<(), MailboxError> {
    // RFC 5321 §4.5.3.1.1; longer ones are met in the wild in bounce addresses, so twice that is taken.
    if local.is_empty() || local.len() > 128 {
        return Err(MailboxError::BadLocalPart);
    }
    let well_formed = match local.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').is_some_and(is_quoted_content),
        None => local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext)),
    };
    if well_formed {
        Ok(())
    } else {
        Err(MailboxError::BadLocalPart)
    }
}

/// RFC 5322 §3.2.3.
fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}

/// Quoted string content of RFC 5321 §4.1.2: printable ASCII and space, `"` and `\` only behind a `\`.
fn is_quoted_content(inner: &str) -> bool {
    let mut escaped = false;
    for octet in inner.bytes() {
        if !(32..=126).contains(&octet) || (octet == b'"' && !escaped) {
            return false;
        }
        escaped = octet == b'\\' && !escaped;
    }
    !escaped
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.host)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Mailbox {
    type Err = MailboxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

serde_as_text!(Mailbox);

/// Where a message says that faults go: a mailbox, or nowhere.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReversePath {
    /// `<>`: a notification, which is never answered by another.
    Null,
    /// `<user@example.org>`
    Mailbox(Mailbox),
}

impl ReversePath {
    /// The mailbox, when there is one.
    #[must_use]
    pub const fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            Self::Null => None,
            Self::Mailbox(mailbox) => Some(mailbox),
        }
    }
}

/// With its angle brackets, as in `MAIL FROM:`.
impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Mailbox(mailbox) => write!(f, "<{mailbox}>"),
        }
    }
}

impl fmt::Debug for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a message is to go.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<Postmaster>` without a domain, which every server takes (RFC 5321 §4.1.1.3).
    Postmaster,
    /// `<user@example.org>`
    Mailbox(Mailbox),
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postmaster => f.write_str("<Postmaster>"),
            Self::Mailbox(mailbox) => write!(f, "<{mailbox}>"),
        }
    }
}

impl fmt::Debug for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_local_part_as_it_came() {
        for text in ["User.Name+tag@example.org", "\"a b\\\"c\"@example.org", "x@[192.0.2.1]"] {
            assert_eq!(Mailbox::parse(text).unwrap().to_string(), text);
        }
        let quoted = Mailbox::parse("\"a\\.b@c\"@example.org").unwrap();
        assert_eq!(quoted.unquoted_local_part(), "a.b@c");
    }

    #[test]
    fn refuses_what_is_no_mailbox() {
        let long = format!("{}@example.org", "a".repeat(129));
        for text in [
            "", "@", "a", "@b", "a@", ".a@b", "a.@b", "a..b@c", "a b@c", "\"a\"b@c", "\"a@c", "é@c", &long,
        ] {
            assert!(Mailbox::parse(text).is_err(), "{text:?}");
        }
    }
}

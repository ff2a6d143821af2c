//! Identifiers: of a message in the queue, of a channel, of an anchor set and of a client identity.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};
use thiserror::Error;

use crate::{OrganizationName, Timestamp};

/// Crockford's alphabet in lower case: no `i`, `l`, `o`, `u`, so that an id read aloud stays itself.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 13;
const SERIAL_BITS: u32 = 22;

/// The name of the operating system's trust anchors.
const SYSTEM: &str = "system";
const ORGANIZATION: &str = "organization ";

/// The queue id of a message: 42 bits of milliseconds since 1970, then a 22-bit serial, so that ids sort by
/// arrival. Written as 13 characters of Crockford's base 32 in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u64);

impl MessageId {
    /// From arrival time and a serial; only the lower 22 bits of the serial count.
    #[must_use]
    pub fn new(at: Timestamp, serial: u32) -> Self {
        let millis = u64::try_from(at.as_millis()).unwrap_or(0);
        Self(millis << SERIAL_BITS | u64::from(serial) & ((1 << SERIAL_BITS) - 1))
    }

    /// From the number under which the store keeps it.
    #[must_use]
    pub const fn from_u64(raw: u64) -> Self {
        Self(raw)
    }

    /// The number under which the store keeps it.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// When the message began to arrive, by the clock of the node that took it.
    #[must_use]
    pub fn began_at(self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.0 >> SERIAL_BITS).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; TEXT_LEN];
        for (place, octet) in text.iter_mut().rev().enumerate() {
            let index = usize::try_from(self.0 >> (5 * place) & 31).unwrap_or(0);
            *octet = ALPHABET[index];
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is wrong with the text of a queue id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a queue id: 13 characters of 0-9 and a-z without i, l, o, u")]
pub struct ParseMessageIdError(String);

impl FromStr for MessageId {
    type Err = ParseMessageIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || ParseMessageIdError(text.chars().take(40).collect());
        if text.len() != TEXT_LEN {
            return Err(fault());
        }
        let mut raw = 0u64;
        for octet in text.bytes() {
            let lower = octet.to_ascii_lowercase();
            let index = ALPHABET.iter().position(|known| *known == lower).ok_or_else(fault)?;
            if raw >> 59 != 0 {
                return Err(fault());
            }
            raw = raw << 5 | index as u64;
        }
        Ok(Self(raw))
    }
}

impl Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Names one connection of this process; never used twice in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelId(pub u64);

/// Names a set of trust anchors: `system`, `organization` with its name, or what the operator called it (a path, or
/// the document that they stand in). Policy passes it on; only `sekisho-tls` knows what is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AnchorSetId(pub String);

impl AnchorSetId {
    /// The roots of this node: those of the operating system or those that are built in, with the operator's.
    #[must_use]
    pub fn system() -> Self {
        Self(SYSTEM.to_owned())
    }

    /// These roots and what the organization adds to them.
    #[must_use]
    pub fn of_organization(name: &OrganizationName) -> Self {
        Self(format!("{ORGANIZATION}{name}"))
    }

    /// Whether it is [`AnchorSetId::system`].
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.0 == SYSTEM
    }

    /// Whether it is what holds where nobody names others: the roots, or those of an organization.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.is_system() || self.0.starts_with(ORGANIZATION)
    }
}

/// Names a certificate and key that we present as a client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientIdentityId(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_survive_their_text() {
        let early = MessageId::new(Timestamp::from_secs(1_700_000_000), 4_000_000);
        let late = MessageId::new(Timestamp::from_millis(1_700_000_000_001), 0);
        assert!(early < late && early.to_string() < late.to_string());
        for id in [early, late, MessageId::from_u64(u64::MAX), MessageId::from_u64(0)] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!(early.began_at(), Timestamp::from_secs(1_700_000_000));
    }

    #[test]
    fn refuses_what_is_no_id() {
        for text in ["", "0", "zzzzzzzzzzzzz", "000000000000u", "00000000000000"] {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }
}

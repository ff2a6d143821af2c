//! The serial numbers that a CRL revokes, held so that one is found by a binary search.
//!
//! An entry takes 26 octets and nothing else is kept of it, so that a CRL of 100,000 entries takes 2.6 MB.

use sekisho_mail::Timestamp;

/// How many octets a serial number has at most: 20 (RFC 5280 §4.1.2.2) and one for its sign.
const SERIAL_LEN: usize = 21;
/// The serial number, the second of the revocation, the reason.
const ENTRY_LEN: usize = SERIAL_LEN + 4 + 1;

/// A number of up to [`SERIAL_LEN`] octets, spread to all of them, so that the same number is the same octets and a
/// higher one that is not negative sorts behind a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Serial([u8; SERIAL_LEN]);

impl Serial {
    /// The content of an INTEGER; `None` when it is longer than an authority may make it, or empty.
    pub(in crate::revocation) fn of(content: &[u8]) -> Option<Self> {
        let sign = if content.first()? & 0x80 == 0 { 0x00 } else { 0xff };
        let needless = content.iter().take_while(|octet| **octet == sign).count();
        let needless = needless.min(content.len().saturating_sub(SERIAL_LEN));
        let digits = &content[needless..];
        let mut spread = [sign; SERIAL_LEN];
        let start = SERIAL_LEN.checked_sub(digits.len())?;
        // Cut off no more than what the sign says again.
        let is_same_sign = digits.first().is_none_or(|first| (first & 0x80 != 0) == (sign == 0xff));
        spread[start..].copy_from_slice(digits);
        is_same_sign.then_some(Self(spread))
    }

    /// Without the octets that only spread it.
    pub(in crate::revocation) fn shortest(&self) -> &[u8] {
        let is_needless = |pair: &&[u8]| matches!((pair[0], pair[1] & 0x80), (0x00, 0x00) | (0xff, 0x80));
        let needless = self.0.windows(2).take_while(is_needless).count();
        &self.0[needless..]
    }
}

/// One entry of a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::revocation) struct Revoked {
    /// To the second, within what 32 bits can say.
    pub(in crate::revocation) at: Timestamp,
    pub(in crate::revocation) reason: Reason,
}

/// Why a certificate was revoked (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::revocation) struct Reason(u8);

impl Reason {
    pub(in crate::revocation) const UNSPECIFIED: Self = Self(0);
    /// Only for delta CRLs.
    pub(in crate::revocation) const REMOVE_FROM_CRL: Self = Self(8);

    /// The content of an ENUMERATED.
    pub(in crate::revocation) fn of(content: &[u8]) -> Option<Self> {
        match content {
            [code @ (0..=6 | 8..=10)] => Some(Self(*code)),
            _ => None,
        }
    }

    pub(in crate::revocation) const fn words(self) -> &'static str {
        match self.0 {
            1 => "its key was compromised",
            2 => "its authority's key was compromised",
            3 => "its affiliation has changed",
            4 => "it was superseded",
            5 => "it is no longer in use",
            6 => "it is on hold",
            9 => "its privilege was withdrawn",
            10 => "the attribute authority was compromised",
            _ => "for a reason that is not told",
        }
    }
}

/// Collects entries, then searches them.
#[derive(Debug, Default)]
pub(in crate::revocation) struct Serials(Vec<[u8; ENTRY_LEN]>);

impl Serials {
    /// Takes one more entry in; to be sorted before it is found.
    pub(super) fn push(&mut self, serial: Serial, revoked: Revoked) {
        let mut entry = [0; ENTRY_LEN];
        entry[..SERIAL_LEN].copy_from_slice(&serial.0);
        let second = u32::try_from(revoked.at.as_secs().max(0)).unwrap_or(u32::MAX);
        entry[SERIAL_LEN..SERIAL_LEN + 4].copy_from_slice(&second.to_be_bytes());
        entry[ENTRY_LEN - 1] = revoked.reason.0;
        self.0.push(entry);
    }

    /// Of entries for the same number the earliest stays.
    pub(super) fn sort(&mut self) {
        self.0.sort_unstable();
        self.0
            .dedup_by(|later, earlier| later[..SERIAL_LEN] == earlier[..SERIAL_LEN]);
        self.0.shrink_to_fit();
    }

    pub(in crate::revocation) fn find(&self, serial: Serial) -> Option<Revoked> {
        let found = self
            .0
            .binary_search_by(|entry| entry[..SERIAL_LEN].cmp(&serial.0))
            .ok()?;
        let entry = &self.0[found];
        let second = entry[SERIAL_LEN..SERIAL_LEN + 4].iter();
        let second = second.fold(0, |number, octet| number << 8 | i64::from(*octet));
        Some(Revoked {
            at: Timestamp::from_secs(second),
            reason: Reason(entry[ENTRY_LEN - 1]),
        })
    }

    pub(in crate::revocation) fn len(&self) -> usize {
        self.0.len()
    }

    /// How much memory they take.
    pub(in crate::revocation) fn memory(&self) -> usize {
        self.0.capacity() * ENTRY_LEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_is_the_same_serial_however_it_is_written() {
        for (one, other) in [
            (&[1][..], &[0, 0, 1][..]),
            (&[0, 0x80], &[0, 0, 0x80]),
            (&[0xff], &[0xff, 0xff, 0xff]),
            (&[0], &[0, 0]),
        ] {
            assert_eq!(Serial::of(one), Serial::of(other), "{one:?}");
        }
        for (one, other) in [(&[0xff][..], &[0, 0xff][..]), (&[0x7f], &[0x80]), (&[1], &[1, 0])] {
            assert_ne!(Serial::of(one), Serial::of(other), "{one:?}");
        }
        let longest = [&[0][..], &[0xff; 20]].concat();
        assert_eq!(Serial::of(&longest).unwrap().shortest(), longest);
        assert_eq!(Serial::of(&[0, 0, 0x80]).unwrap().shortest(), [0, 0x80]);
        assert_eq!(Serial::of(&[0, 0]).unwrap().shortest(), [0]);
        for too_long in [vec![1; 22], [&[0, 0][..], &[0xff; 21]].concat(), Vec::new()] {
            assert_eq!(Serial::of(&too_long), None, "{too_long:?}");
        }
    }

    #[test]
    fn each_serial_is_found_with_its_earliest_date_and_no_other_is() {
        let serial = |number: u16| Serial::of(&[&[0][..], &number.to_be_bytes()].concat()).unwrap();
        let revoked = |second| Revoked {
            at: Timestamp::from_secs(second),
            reason: Reason::of(&[1]).unwrap(),
        };
        let mut serials = Serials::default();
        for number in (0..2000).rev().filter(|number| number % 2 == 0) {
            serials.push(serial(number), revoked(2_000_000_000));
            serials.push(serial(number), revoked(i64::from(number)));
        }
        serials.sort();
        assert_eq!(serials.len(), 1000);
        for number in 0..2000 {
            let expected = (number % 2 == 0).then(|| revoked(i64::from(number)));
            assert_eq!(serials.find(serial(number)), expected, "{number}");
        }
        assert_eq!(serials.memory(), 26_000);
    }
}

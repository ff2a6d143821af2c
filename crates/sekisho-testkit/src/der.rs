//! Just enough DER to write what no library writes wrong on purpose: CRLs, OCSP answers, extensions. X.690.

use sekisho_mail::Timestamp;

/// Tags.
pub const BOOLEAN: u8 = 0x01;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// NULL.
pub const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;

/// One element.
#[must_use]
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    let len = content.len().to_be_bytes();
    let len = &len[len.iter().position(|octet| *octet != 0).unwrap_or(len.len() - 1)..];
    if let [len @ 0..=0x7f] = len {
        der.push(*len);
    } else {
        der.push(0x80 | u8::try_from(len.len()).unwrap_or(0));
        der.extend_from_slice(len);
    }
    der.extend_from_slice(content);
    der
}

/// A SEQUENCE of these.
#[must_use]
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

/// A number that is not negative.
#[must_use]
pub fn integer(number: u64) -> Vec<u8> {
    let octets = [&[0][..], &number.to_be_bytes()].concat();
    let needless = octets
        .windows(2)
        .take_while(|pair| pair[0] == 0 && pair[1] < 0x80)
        .count();
    element(INTEGER, &octets[needless..])
}

/// A GeneralizedTime, to the second.
#[must_use]
pub fn time(at: Timestamp) -> Vec<u8> {
    let (year, month, day, hour, minute, second) = at.civil();
    let text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    element(0x18, text.as_bytes())
}

/// An extension; `id` is the content of its object identifier.
#[must_use]
pub fn extension(id: &[u8], is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if is_critical {
        element(BOOLEAN, &[0xff])
    } else {
        Vec::new()
    };
    sequence(&[
        &element(OBJECT_IDENTIFIER, id),
        &critical,
        &element(OCTET_STRING, value),
    ])
}

/// Content of the first element, the whole of it, and what stands behind it.
///
/// # Panics
/// When there is none.
pub(crate) fn first(octets: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (len, start) = match octets[1] {
        short @ 0..=0x7f => (usize::from(short), 2),
        long => {
            let start = 2 + usize::from(long & 0x7f);
            let len = octets[2..start]
                .iter()
                .fold(0, |len, octet| len << 8 | usize::from(*octet));
            (len, start)
        }
    };
    let end = start + len;
    (&octets[start..end], &octets[..end], &octets[end..])
}

//! What holds of xtext (RFC 3461 §4) on any text: it survives both ways, and nothing but printable ASCII comes out.

use sekisho_mail::{Mailbox, OriginalRecipient, xtext};

/// # Panics
/// When the coder breaks its word on these octets.
pub(crate) fn check(octets: &[u8]) {
    let Ok(text) = str::from_utf8(octets) else { return };
    assert_eq!(xtext::decode(text), reference(octets), "{text:?}");
    let coded = xtext::encode(text);
    assert!(
        coded.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'='),
        "{coded:?}"
    );
    let printable = octets.iter().all(|octet| (32..127).contains(octet));
    assert_eq!(xtext::decode(&coded), printable.then(|| text.to_owned()), "{coded:?}");
    if let Ok(mailbox) = Mailbox::parse(text) {
        assert_eq!(OriginalRecipient::of(&mailbox).address(), Some(mailbox.to_string()));
    }
}

fn reference(mut coded: &[u8]) -> Option<String> {
    let mut plain = String::new();
    while let Some((first, mut rest)) = coded.split_first() {
        let mut octet = *first;
        if octet == b'+' {
            let digits = rest
                .get(..2)
                .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
            octet = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
            rest = &rest[2..];
        }
        if !(b' '..=b'~').contains(&octet) {
            return None;
        }
        plain.push(char::from(octet));
        coded = rest;
    }
    Some(plain)
}

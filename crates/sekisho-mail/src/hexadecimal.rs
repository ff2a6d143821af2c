//! Octets as hexadecimal digits.

/// In lower case. The text has room from the start, so that growing leaves no copy of a secret behind.
#[must_use]
pub fn encode(octets: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        text.push(digit(octet >> 4));
        text.push(digit(octet & 15));
    }
    text
}

/// What digits in either case stand for; `None` when there is anything else, or an odd number of them.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len() / 2);
    decode_into(text, &mut octets)?;
    Some(octets)
}

/// As [`decode`], behind what `octets` has; some of them are there even when the answer is `None`. Where there is room
/// for half as many as there are digits, it does not grow.
pub fn decode_into(text: &str, octets: &mut Vec<u8>) -> Option<()> {
    let digit = |octet: u8| {
        let value = char::from(octet).to_digit(16)?;
        u8::try_from(value).ok()
    };
    let (pairs, rest) = text.as_bytes().as_chunks();
    for [high, low] in pairs {
        octets.push(digit(*high)? << 4 | digit(*low)?);
    }
    rest.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_in_pairs_are_octets_and_nothing_else_is() {
        assert_eq!(encode(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
        assert_eq!(decode("000fA0Ff"), Some(vec![0, 0x0f, 0xa0, 0xff]));
        assert_eq!(decode(""), Some(Vec::new()));
        for text in ["0", "000", "+f", "-1", " f", "0x", "fg", "é"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}

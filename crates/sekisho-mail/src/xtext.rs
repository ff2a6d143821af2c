//! xtext, in which RFC 3461 §4 carries ENVID and ORCPT: printable ASCII with `+` and two hexadecimal digits for the
//! rest. Envelopes keep it as it came; it is read where a notification, a mailbox or a search shows what it means.

/// What `text` stands for; `None` when it is no xtext, or when something in it is no printable ASCII (a line end hidden
/// in a parameter must not become one in a header).
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        let octet = if octet == b'+' {
            let (high, low) = (hex(octets.next()?)?, hex(octets.next()?)?);
            high << 4 | low
        } else {
            octet
        };
        if !(32..=126).contains(&octet) {
            return None;
        }
        plain.push(char::from(octet));
    }
    Some(plain)
}

/// RFC 3461 §4: upper case alone; lower case is met in the wild.
fn hex(octet: u8) -> Option<u8> {
    char::from(octet)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// `text` as xtext.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut coded = String::with_capacity(text.len());
    for octet in text.bytes() {
        if (33..=126).contains(&octet) && octet != b'+' && octet != b'=' {
            coded.push(char::from(octet));
        } else {
            coded.push_str(&format!("+{octet:02X}"));
        }
    }
    coded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xtext_survives_both_ways() {
        for (plain, coded) in [("a@b", "a@b"), ("a+b=c d", "a+2Bb+3Dc+20d"), ("", "")] {
            assert_eq!(encode(plain), coded);
            assert_eq!(decode(coded).as_deref(), Some(plain));
        }
        assert_eq!(decode("+2b").as_deref(), Some("+"));
    }

    #[test]
    fn no_line_end_nul_or_eight_bit_comes_out() {
        for text in ["+0D+0A", "a+00", "+7F", "+FF", "+", "+2", "+2G", "é", "a\tb"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}

//! The text of a file as PowerShell redirects it: UTF-16 from 5, UTF-8 from 7, with or without a byte order mark.

/// The text of these octets.
///
/// # Errors
/// Where it is none.
pub(super) fn decoded(octets: &[u8]) -> Result<String, String> {
    match octets {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // JSON begins with ASCII (RFC 4627 §3).
        [_, 0, ..] => utf16(octets, u16::from_le_bytes),
        [0, _, ..] => utf16(octets, u16::from_be_bytes),
        _ => utf8(octets),
    }
}

fn utf8(octets: &[u8]) -> Result<String, String> {
    match std::str::from_utf8(octets) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(format!(
            "octet {} is no UTF-8, and there is no mark of UTF-16; write the file with -Encoding utf8",
            error.valid_up_to() + 1
        )),
    }
}

fn utf16(octets: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, rest) = octets.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("it is UTF-16 and ends in the middle of a character: it was cut off".to_owned());
    }
    let mut text = String::with_capacity(pairs.len());
    for (place, character) in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).enumerate() {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Err(format!("character {} is no UTF-16", place + 1)),
        }
    }
    Ok(text)
}

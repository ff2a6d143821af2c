//! The parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC 6152), RET, ENVID, NOTIFY and ORCPT (RFC 3461).
//!
//! ENVID and ORCPT are checked and kept as they came, because they are passed on byte for byte.

use sekisho_mail::{BodyKind, EnvelopeId, Notify, OriginalRecipient, Ret};

use crate::limits::{ENVID_OCTETS, ORCPT_OCTETS};

/// What MAIL asked for beside its path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailParameters {
    /// `SIZE=`: what the client thinks the content has, in octets.
    pub size: Option<u64>,
    /// `BODY=`; 7BIT when nothing was said.
    pub body: BodyKind,
    /// `RET=`
    pub ret: Option<Ret>,
    /// `ENVID=`
    pub envid: Option<EnvelopeId>,
}

/// What RCPT asked for beside its path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RcptParameters {
    /// `NOTIFY=`
    pub notify: Option<Notify>,
    /// `ORCPT=`
    pub orcpt: Option<OriginalRecipient>,
}

/// What is wrong with a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterFault {
    /// One that was not offered: 555.
    Unknown,
    /// A value that it cannot have, or given twice: 501. Names the parameter.
    Bad(&'static str),
}

/// The parameters after a path: each behind at least one space, as keyword and value.
fn split(text: &str) -> Result<impl Iterator<Item = (&str, Option<&str>)>, ParameterFault> {
    if !text.is_empty() && !text.starts_with(' ') {
        return Err(ParameterFault::Bad("path"));
    }
    let words = text.split(' ').filter(|word| !word.is_empty());
    Ok(words.map(|word| match word.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (word, None),
    }))
}

/// Puts a value where none was yet.
fn set<T>(place: &mut Option<T>, value: Option<T>, name: &'static str) -> Result<(), ParameterFault> {
    match value {
        Some(value) if place.is_none() => {
            *place = Some(value);
            Ok(())
        }
        _ => Err(ParameterFault::Bad(name)),
    }
}

/// Parses what follows the path of MAIL.
///
/// # Errors
/// When a parameter is unknown or wrong.
pub fn parse_mail_parameters(text: &str) -> Result<MailParameters, ParameterFault> {
    let mut found = MailParameters::default();
    let mut body = None;
    for (keyword, value) in split(text)? {
        match keyword.to_ascii_uppercase().as_str() {
            "SIZE" => set(&mut found.size, value.and_then(parse_size), "SIZE")?,
            "BODY" => set(&mut body, value.and_then(parse_body), "BODY")?,
            "RET" => set(&mut found.ret, value.and_then(parse_ret), "RET")?,
            "ENVID" => set(&mut found.envid, value.and_then(parse_envid), "ENVID")?,
            _ => return Err(ParameterFault::Unknown),
        }
    }
    found.body = body.unwrap_or_default();
    Ok(found)
}

/// Parses what follows the path of RCPT.
///
/// # Errors
/// When a parameter is unknown or wrong.
pub fn parse_rcpt_parameters(text: &str) -> Result<RcptParameters, ParameterFault> {
    let mut found = RcptParameters::default();
    for (keyword, value) in split(text)? {
        match keyword.to_ascii_uppercase().as_str() {
            "NOTIFY" => set(&mut found.notify, value.and_then(parse_notify), "NOTIFY")?,
            "ORCPT" => set(&mut found.orcpt, value.and_then(parse_orcpt), "ORCPT")?,
            _ => return Err(ParameterFault::Unknown),
        }
    }
    Ok(found)
}

/// 1 to 20 digits (RFC 1870 §5); a number beyond 64 bits is larger than everything.
fn parse_size(value: &str) -> Option<u64> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

/// BINARYMIME is not offered (RFC 3030 §3), so it is no value here.
fn parse_body(value: &str) -> Option<BodyKind> {
    match value.to_ascii_uppercase().as_str() {
        "7BIT" => Some(BodyKind::SevenBit),
        "8BITMIME" => Some(BodyKind::EightBitMime),
        _ => None,
    }
}

fn parse_ret(value: &str) -> Option<Ret> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Some(Ret::Full),
        "HDRS" => Some(Ret::Headers),
        _ => None,
    }
}

fn parse_envid(value: &str) -> Option<EnvelopeId> {
    ((1..=ENVID_OCTETS).contains(&value.len()) && is_plain_xtext(value)).then(|| EnvelopeId(value.to_owned()))
}

fn parse_orcpt(value: &str) -> Option<OriginalRecipient> {
    let (address_type, address) = value.split_once(';')?;
    let atom =
        |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    let whole = value.len() <= ORCPT_OCTETS && atom(address_type) && !address.is_empty();
    (whole && is_plain_xtext(address)).then(|| OriginalRecipient(value.to_owned()))
}

fn parse_notify(value: &str) -> Option<Notify> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::Never);
    }
    let (mut success, mut failure, mut delay) = (false, false, false);
    for word in value.split(',') {
        match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => success = true,
            "FAILURE" => failure = true,
            "DELAY" => delay = true,
            _ => return None,
        }
    }
    Some(Notify::When {
        success,
        failure,
        delay,
    })
}

/// xtext of RFC 3461 §4 that decodes to printable ASCII: an encoded CR, LF or NUL would come out in a notification.
fn is_plain_xtext(text: &str) -> bool {
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        let meant = if octet == b'+' {
            let (Some(high), Some(low)) = (octets.next().and_then(upper_hex), octets.next().and_then(upper_hex)) else {
                return false;
            };
            high << 4 | low
        } else if octet == b'=' {
            return false;
        } else {
            octet
        };
        let encoded_space = octet == b'+' && meant == b' ';
        if !meant.is_ascii_graphic() && !encoded_space {
            return false;
        }
    }
    true
}

fn upper_hex(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Postfix of June 2026 took an ENVID with `+00`: xtext with NUL, CR, LF and octets beyond ASCII is refused.
    #[test]
    fn parameters_of_mail() {
        let all = parse_mail_parameters(" SIZE=1000  body=8bitmime RET=hdrs ENVID=QQ+2B314159").unwrap();
        assert_eq!(all.size, Some(1000));
        assert_eq!(all.body, BodyKind::EightBitMime);
        assert_eq!(all.ret, Some(Ret::Headers));
        assert_eq!(all.envid, Some(EnvelopeId("QQ+2B314159".to_owned())));
        assert_eq!(
            parse_mail_parameters(" SIZE=99999999999999999999").unwrap().size,
            Some(u64::MAX)
        );
        assert_eq!(parse_mail_parameters(" SMTPUTF8"), Err(ParameterFault::Unknown));
        assert_eq!(parse_mail_parameters(" AUTH=<>"), Err(ParameterFault::Unknown));
        let long = format!(" ENVID={}", "a".repeat(101));
        for text in [
            "SIZE=1",
            " SIZE",
            " SIZE=",
            " SIZE=-1",
            " SIZE=1 SIZE=2",
            " BODY=BINARYMIME",
            " BODY=7BIT BODY=7BIT",
            " RET=ALL",
            " ENVID=",
            " ENVID=+0D",
            " ENVID=a+00b",
            " ENVID=+zz",
            " ENVID=+4",
            " ENVID=a=b",
            &long,
        ] {
            assert!(
                matches!(parse_mail_parameters(text), Err(ParameterFault::Bad(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn parameters_of_rcpt() {
        let all = parse_rcpt_parameters(" NOTIFY=success,DELAY ORCPT=rfc822;Bob+2B1@example.org").unwrap();
        assert_eq!(all.notify.unwrap().to_string(), "SUCCESS,DELAY");
        assert_eq!(all.orcpt.unwrap().0, "rfc822;Bob+2B1@example.org");
        for text in [
            " NOTIFY=NEVER,DELAY",
            " NOTIFY=",
            " NOTIFY=A",
            " ORCPT=rfc822",
            " ORCPT=;a",
            " ORCPT=rfc822;",
            " ORCPT=rfc822;a+0Ab",
            " ORCPT=a b",
            " ORCPT=rfc822;a+7F",
            " ORCPT=rfc822;a+FF",
        ] {
            assert!(parse_rcpt_parameters(text).is_err(), "{text}");
        }
    }

    /// Postfix of June 2026 took an ENVID with `+00`. Whatever is accepted means printable ASCII, for every octet
    /// there is, plain and encoded.
    #[test]
    fn no_octet_hides_in_xtext() {
        for octet in 0..=u8::MAX {
            let encoded = format!("a+{octet:02X}b");
            let printable = octet == b' ' || octet.is_ascii_graphic();
            let envid = parse_mail_parameters(&format!(" ENVID={encoded}"));
            assert_eq!(envid.is_ok(), printable, "{encoded}");
            let orcpt = parse_rcpt_parameters(&format!(" ORCPT=rfc822;{encoded}"));
            assert_eq!(orcpt.is_ok(), printable, "{encoded}");
            if let Ok(found) = envid {
                // As it came, and the nouns' own reader agrees on what it means.
                let EnvelopeId(kept) = found.envid.unwrap();
                assert_eq!(kept, encoded);
                assert_eq!(
                    sekisho_mail::xtext::decode(&kept).unwrap(),
                    format!("a{}b", char::from(octet))
                );
            }
            let plain = format!("a{}b", char::from(octet));
            let is_itself = octet.is_ascii_graphic() && !b"+=".contains(&octet);
            if !b" ".contains(&octet) {
                assert_eq!(
                    parse_mail_parameters(&format!(" ENVID={plain}")).is_ok(),
                    is_itself,
                    "{plain:?}"
                );
                let found = parse_rcpt_parameters(&format!(" ORCPT=rfc822;{plain}"));
                assert_eq!(found.is_ok(), is_itself, "{plain:?}");
            }
        }
    }
}

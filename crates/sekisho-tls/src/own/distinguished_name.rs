//! `<I>issuer<S>subject` as Exchange has it (TlsCertificateName of its connectors): one certificate of the store by the
//! distinguished names of its issuer and its subject.
//!
//! Exchange writes the attributes in the order of the certificate or in the opposite one, and with its own keywords; so
//! names are compared attribute by attribute, whatever their order, without regard to case and to runs of blanks.
//! RFC 4514 §2.4, RFC 5280 §7.1.

use std::{fmt, str::FromStr};

use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

/// Keywords with their object identifiers. Exchange says `S` where RFC 4514 says `ST`, and `E` for the mail address.
const KEYWORDS: [(&str, &str); 22] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("S", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("T", "2.5.4.12"),
    ("TITLE", "2.5.4.12"),
    ("POSTALCODE", "2.5.4.17"),
    ("G", "2.5.4.42"),
    ("GN", "2.5.4.42"),
    ("I", "2.5.4.43"),
    ("ORGANIZATIONIDENTIFIER", "2.5.4.97"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("E", "1.2.840.113549.1.9.1"),
    ("EMAIL", "1.2.840.113549.1.9.1"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
];

/// An attribute: its object identifier, and its value as it is compared.
type Attribute = (String, String);

/// Issuer and subject of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsCertificateName {
    text: String,
    /// Sorted.
    issuer: Vec<Attribute>,
    /// Sorted.
    subject: Vec<Attribute>,
}

/// Why a text is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsCertificateNameError {
    /// One half, or both, is not there.
    #[error(
        "write <I>, the issuer's name, <S>, the subject's name, as in <I>CN=Example CA, C=CH<S>CN=mail.example.org"
    )]
    Form,
    /// A piece has no `=`, or nothing on one side of it.
    #[error("{0:?} is no attribute; write CN=mail.example.org, and a backslash before a comma that is part of a value")]
    NoAttribute(String),
    /// Nobody knows the keyword.
    #[error("{0:?} is no keyword of an attribute that is known; write its object identifier, as in 2.5.4.10=Example")]
    Keyword(String),
}

impl FromStr for TlsCertificateName {
    type Err = TlsCertificateNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.trim().strip_prefix("<I>").ok_or(TlsCertificateNameError::Form)?;
        let (issuer, subject) = rest.split_once("<S>").ok_or(TlsCertificateNameError::Form)?;
        let (issuer, subject) = (parse(issuer)?, parse(subject)?);
        if issuer.is_empty() || subject.is_empty() {
            return Err(TlsCertificateNameError::Form);
        }
        Ok(Self {
            text: text.trim().to_owned(),
            issuer,
            subject,
        })
    }
}

/// As it was written.
impl fmt::Display for TlsCertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TlsCertificateName {
    /// Whether a certificate has these names.
    pub(crate) fn is_of(&self, certificate: &[u8]) -> bool {
        X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| {
            attributes(parsed.issuer()).as_ref() == Some(&self.issuer)
                && attributes(parsed.subject()).as_ref() == Some(&self.subject)
        })
    }
}

/// Those of a name, sorted; `None` where one has a value that is no text.
fn attributes(name: &X509Name<'_>) -> Option<Vec<Attribute>> {
    let all = name.iter_attributes();
    let mut all: Vec<Attribute> = all
        .map(|attribute| Some((attribute.attr_type().to_id_string(), folded(attribute.as_str().ok()?))))
        .collect::<Option<_>>()?;
    all.sort_unstable();
    Some(all)
}

fn parse(text: &str) -> Result<Vec<Attribute>, TlsCertificateNameError> {
    let mut attributes = Vec::new();
    for piece in pieces(text) {
        let no_attribute = || TlsCertificateNameError::NoAttribute(piece.clone());
        let (keyword, value) = piece.split_once('=').ok_or_else(no_attribute)?;
        let (keyword, value) = (keyword.trim(), folded(value));
        if keyword.is_empty() || value.is_empty() {
            return Err(no_attribute());
        }
        attributes.push((identifier(keyword)?, value));
    }
    attributes.sort_unstable();
    Ok(attributes)
}

fn identifier(keyword: &str) -> Result<String, TlsCertificateNameError> {
    let bare = keyword.strip_prefix("OID.").unwrap_or(keyword);
    if bare.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(bare.to_owned());
    }
    let known = KEYWORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(keyword));
    let known = known.map(|(_, identifier)| (*identifier).to_owned());
    known.ok_or_else(|| TlsCertificateNameError::Keyword(keyword.to_owned()))
}

/// Taken apart at commas, pluses and semicolons; not at those behind a backslash or between quotation marks.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut escaped, mut quoted) = (false, false);
    for character in text.chars() {
        match character {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            ',' | '+' | ';' if !escaped && !quoted => pieces.push(String::new()),
            _ => {
                if let Some(last) = pieces.last_mut() {
                    last.push(character);
                }
            }
        }
        escaped = false;
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

/// In lower case, with one blank where there are several, and none at either end.
fn folded(value: &str) -> String {
    let words: Vec<&str> = value.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

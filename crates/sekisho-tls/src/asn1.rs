//! The DER that certificates, CRLs and OCSP answers are made of, read element by element.
//!
//! Tags and lengths are read by `asn1-rs`, times by `x509-parser`; what is added is that nothing is passed over: every
//! element is expected, and what is left behind one is a fault. Nothing is copied, and nothing calls itself, so that
//! hostile octets cost no more than their length. X.690 §8 and §10.

use sekisho_mail::Timestamp;
use x509_parser::{
    asn1_rs::{Any, Class, FromDer as _, Header, Tag, ToDer as _},
    time::ASN1Time,
};

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// `[number]` around an element of its own, or in place of a constructed one's tag.
pub(crate) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// `[number]` in place of a primitive element's tag.
pub(crate) const fn primitive(number: u8) -> u8 {
    0x80 | number
}

/// These octets are not what they should be: what was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

type Read<T> = Result<T, Malformed>;

/// One element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    /// Class, whether it is constructed, and number, as in X.690 §8.1.2.
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// With its tag and length.
    pub(crate) whole: &'a [u8],
}

/// Goes through the elements that stand one behind the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next one, whatever it is.
    pub(crate) fn any(&mut self, what: &'static str) -> Read<Element<'a>> {
        let (rest, any) = Any::from_der(self.0).map_err(|_| Malformed(what))?;
        let class = match any.header.class() {
            Class::Universal => 0x00,
            Class::Application => 0x40,
            Class::ContextSpecific => 0x80,
            Class::Private => 0xc0,
        };
        let number = u8::try_from(any.header.tag().0).ok().filter(|number| *number < 0x1f);
        let number = number.ok_or(Malformed(what))?;
        let element = Element {
            tag: class | if any.header.constructed() { 0x20 } else { 0 } | number,
            content: any.data,
            whole: &self.0[..self.0.len() - rest.len()],
        };
        self.0 = rest;
        Ok(element)
    }

    /// The content of the next one, which has this tag.
    pub(crate) fn content(&mut self, tag: u8, what: &'static str) -> Read<&'a [u8]> {
        match self.any(what)? {
            element if element.tag == tag => Ok(element.content),
            _ => Err(Malformed(what)),
        }
    }

    /// The elements in the next one, which has this tag.
    pub(crate) fn inside(&mut self, tag: u8, what: &'static str) -> Read<Self> {
        self.content(tag, what).map(Self)
    }

    /// As [`Self::content`], where there need not be one.
    pub(crate) fn optional(&mut self, tag: u8, what: &'static str) -> Read<Option<&'a [u8]>> {
        if self.0.first() == Some(&tag) {
            self.content(tag, what).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A time of either form.
    pub(crate) fn time(&mut self, what: &'static str) -> Read<Timestamp> {
        let element = self.any(what)?;
        if !matches!(element.tag, UTC_TIME | GENERALIZED_TIME) {
            return Err(Malformed(what));
        }
        let (_, time) = ASN1Time::from_der(element.whole).map_err(|_| Malformed(what))?;
        Ok(Timestamp::from_secs(time.timestamp()))
    }

    /// As [`Self::time`], where there need not be one.
    pub(crate) fn optional_time(&mut self, what: &'static str) -> Read<Option<Timestamp>> {
        match self.0.first() {
            Some(&(UTC_TIME | GENERALIZED_TIME)) => self.time(what).map(Some),
            _ => Ok(None),
        }
    }

    /// The octets of a BIT STRING that has no odd bits.
    pub(crate) fn bits(&mut self, what: &'static str) -> Read<&'a [u8]> {
        match self.content(BIT_STRING, what)?.split_first() {
            Some((0, octets)) => Ok(octets),
            _ => Err(Malformed(what)),
        }
    }

    /// Nothing more stands behind.
    pub(crate) const fn end(self, what: &'static str) -> Read<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed(what))
        }
    }
}

/// The one element that all of `octets` is, which has this tag: what is in it.
pub(crate) fn whole<'a>(octets: &'a [u8], tag: u8, what: &'static str) -> Read<Elements<'a>> {
    let mut outer = Elements::new(octets);
    let inside = outer.inside(tag, what)?;
    outer.end(what)?;
    Ok(inside)
}

/// One extension (RFC 5280 §4.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'a> {
    /// Content of the object identifier.
    pub(crate) id: &'a [u8],
    pub(crate) is_critical: bool,
    pub(crate) value: &'a [u8],
}

/// How many extensions there may be in one place.
const MAX_EXTENSIONS: usize = 32;

/// The extensions in the content of an `Extensions`; the same one twice is a fault (RFC 5280 §4.2).
pub(crate) fn extensions(content: &[u8]) -> Read<Vec<Extension<'_>>> {
    const WHAT: &str = "its extensions";
    let mut elements = Elements::new(content);
    let mut extensions: Vec<Extension<'_>> = Vec::new();
    while !elements.is_empty() {
        let mut fields = elements.inside(SEQUENCE, WHAT)?;
        let id = fields.content(OBJECT_IDENTIFIER, WHAT)?;
        let is_critical = fields.optional(BOOLEAN, WHAT)?;
        let extension = Extension {
            id,
            is_critical: is_critical.is_some_and(|octets| octets != [0]),
            value: fields.content(OCTET_STRING, WHAT)?,
        };
        fields.end(WHAT)?;
        if extensions.len() >= MAX_EXTENSIONS || extensions.iter().any(|other| other.id == id) {
            return Err(Malformed(WHAT));
        }
        extensions.push(extension);
    }
    Ok(extensions)
}

/// One element: written where it is ours.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let class = match tag >> 6 {
        0 => Class::Universal,
        1 => Class::Application,
        2 => Class::ContextSpecific,
        _ => Class::Private,
    };
    let header = Header::new(class, tag & 0x20 != 0, Tag(u32::from(tag & 0x1f)), content.len().into());
    // A header is written into memory, which does not fail.
    let mut der = header.to_der_vec().unwrap_or_default();
    der.extend_from_slice(content);
    der
}

/// Reads `octets` up to every length and with every octet changed; for tests of parsers.
#[cfg(test)]
pub(crate) fn spoilt(octets: &[u8], mut read: impl FnMut(&[u8])) {
    for len in 0..octets.len() {
        read(&octets[..len]);
    }
    let mut octets = octets.to_vec();
    for place in 0..octets.len() {
        for flip in [0x01, 0x20, 0x7f, 0x80, 0xff] {
            octets[place] ^= flip;
            read(&octets);
            octets[place] ^= flip;
        }
    }
}

//! Texts of one document into values; each that is none is a fault at its field.

use std::{fmt::Display, str::FromStr, time::Duration};

use sekisho_mail::Digest;
use sekisho_policy::directory::Fault;
use sekisho_tls::AnchorSet;

use crate::config::human;

/// Reads one document.
pub(super) struct Reader<'a> {
    place: String,
    faults: &'a mut Vec<Fault>,
    before: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn at(place: String, faults: &'a mut Vec<Fault>) -> Self {
        let before = faults.len();
        Self { place, faults, before }
    }

    pub(super) fn fault(&mut self, field: &'static str, reason: impl Display, remedy: &str) {
        let fault = self.as_fault(field, reason, remedy);
        self.faults.push(fault);
    }

    /// A fault of the document that is not counted among its own.
    pub(super) fn as_fault(&self, field: &'static str, reason: impl Display, remedy: &str) -> Fault {
        Fault {
            place: self.place.clone(),
            field,
            reason: reason.to_string(),
            remedy: remedy.to_owned(),
        }
    }

    /// Whether nothing was wrong so far.
    pub(super) fn is_sound(&self) -> bool {
        self.faults.len() == self.before
    }

    pub(super) fn text<T>(&mut self, field: &'static str, text: Option<&str>) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.parse(field, text?, "")
    }

    pub(super) fn parse<T>(&mut self, field: &'static str, text: &str, remedy: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.parse_by(str::parse, field, text, remedy)
    }

    fn parse_by<T, E: Display>(
        &mut self,
        parse: impl Fn(&str) -> Result<T, E>,
        field: &'static str,
        text: &str,
        remedy: &str,
    ) -> Option<T> {
        parse(text)
            .map_err(|error| self.fault(field, format_args!("{text:?}: {error}"), remedy))
            .ok()
    }

    pub(super) fn list<T>(&mut self, field: &'static str, texts: &[String], remedy: &str) -> Vec<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.list_by(str::parse, field, texts, remedy)
    }

    /// As [`Self::list`], where each is read in another way than usual.
    pub(super) fn list_by<T, E: Display>(
        &mut self,
        parse: impl Fn(&str) -> Result<T, E>,
        field: &'static str,
        texts: &[String],
        remedy: &str,
    ) -> Vec<T> {
        let texts = texts.iter();
        texts
            .filter_map(|text| self.parse_by(&parse, field, text, remedy))
            .collect()
    }

    /// A duration that is not zero.
    pub(super) fn duration(&mut self, field: &'static str, text: Option<&str>) -> Option<Duration> {
        let parsed = human::parse_duration(text?);
        match parsed {
            Ok(duration) if duration.is_zero() => {
                self.fault(field, "this must be longer than nothing", "");
                None
            }
            Ok(duration) => Some(duration),
            Err(reason) => {
                self.fault(field, reason, "");
                None
            }
        }
    }

    /// Octets.
    pub(super) fn size(&mut self, field: &'static str, text: Option<&str>) -> Option<u64> {
        let parsed = human::parse_size(text?);
        parsed.map_err(|reason| self.fault(field, reason, "")).ok()
    }

    pub(super) fn pins(&mut self, texts: &[String]) -> Vec<Digest> {
        let texts = texts.iter();
        texts.filter_map(|text| self.pin(text)).collect()
    }

    fn pin(&mut self, text: &str) -> Option<Digest> {
        let digest = text.strip_prefix("sha256:").unwrap_or_default().parse();
        let remedy = "write sha256: and 64 hexadecimal digits";
        digest
            .map_err(|_| self.fault("pins", format_args!("{text:?} is no SHA-256 digest"), remedy))
            .ok()
    }

    pub(super) fn anchors(&mut self, pem: Option<&str>) -> Option<AnchorSet> {
        self.anchors_of("trust_anchors", pem?)
    }

    pub(super) fn anchors_of(&mut self, field: &'static str, pem: &str) -> Option<AnchorSet> {
        let remedy = "give certificates in PEM, -----BEGIN CERTIFICATE-----";
        AnchorSet::parse(pem, &self.place)
            .map_err(|error| self.fault(field, error, remedy))
            .ok()
    }

    /// As [`Self::parse`], where it is read in another way than usual.
    pub(super) fn parse_as<T, E: Display>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.parse_by(parse, field, text, "")
    }

    /// A field that is known, and that this build cannot obey (law 13).
    pub(super) fn unknown_yet(&mut self, is_set: bool, field: &'static str, reason: &str) {
        if is_set {
            self.fault(field, reason, "take it out");
        }
    }
}

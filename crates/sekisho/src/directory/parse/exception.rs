//! Dated exceptions, from their texts.

use std::fmt::Display;

use jiff::{Timestamp as Instant, civil::Date, tz::TimeZone};
use sekisho_api::{self as api, Document as _};
use sekisho_mail::Timestamp;
use sekisho_policy::directory::{Exception, ExceptionKey, ExceptionSubject, Fault, Relaxation};

use super::reader::Reader;

const UNTIL_REMEDY: &str = "write 2026-12-01 (that day included, in UTC) or 2026-12-01T18:00:00Z";
const DOMAIN_REMEDY: &str = "write bank.example, *.bank.example, or *";

/// An exception; with a fault it is left out, so that nobody judges halves.
pub(super) fn exception(document: &api::Exception, faults: &mut Vec<Fault>) -> Option<Exception> {
    let mut reader = Reader::at(document.id().title(), faults);
    let organization = reader.parse("organization", &document.organization, "");
    let until = until(&document.until)
        .map_err(|error| {
            let reason = format!("{:?} is no date or date and time of RFC 3339: {error}", document.until);
            reader.fault("until", reason, UNTIL_REMEDY);
        })
        .ok();
    let about = subject(document, &mut reader);
    if document.allows.is_none() {
        let words = "plaintext, any_certificate, any_name, expired_certificate, any_address or common_name";
        reader.fault("allows", "nothing is let pass", &format!("write one of {words}"));
    }
    let domains = reader.list("domains", &document.domains, DOMAIN_REMEDY);
    if !reader.is_sound() {
        return None;
    }
    Some(Exception {
        key: ExceptionKey {
            organization: organization?,
            name: document.name.as_str().into(),
        },
        owner: document.owner.clone(),
        reason: document.reason.clone(),
        until: until?,
        about: about?,
        allows: match document.allows? {
            api::Relaxation::Plaintext => Relaxation::Plaintext,
            api::Relaxation::AnyCertificate => Relaxation::AnyCertificate,
            api::Relaxation::AnyName => Relaxation::AnyName,
            api::Relaxation::ExpiredCertificate => Relaxation::ExpiredCertificate,
            api::Relaxation::AnyAddress => Relaxation::AnyAddress,
            api::Relaxation::CommonName => Relaxation::CommonName,
            api::Relaxation::UnknownRevocation => Relaxation::UnknownRevocation,
        },
        domains,
    })
}

/// The first instant at which it holds no more: RFC 3339 §5.6, `full-date`, whose day still counts, or `date-time`.
///
/// # Errors
/// Why it is neither.
pub(crate) fn until(text: &str) -> Result<Timestamp, impl Display + use<>> {
    let instant = match text.parse::<Instant>() {
        Ok(instant) => Ok(instant),
        // Whatever has a time must say where: without an offset it names no instant.
        Err(error) if text.contains(':') => Err(error),
        Err(_) => day_after(text),
    };
    instant.map(|instant| Timestamp::from_millis(instant.as_millisecond()))
}

fn day_after(text: &str) -> Result<Instant, jiff::Error> {
    let after = text.parse::<Date>()?.tomorrow()?;
    Ok(after.to_zoned_datetime(TimeZone::UTC)?.timestamp())
}

/// What it is about, which is one thing.
fn subject(document: &api::Exception, reader: &mut Reader<'_>) -> Option<ExceptionSubject> {
    let set = [
        ("outbound_connector", &document.outbound_connector),
        ("inbound_connector", &document.inbound_connector),
        ("rule", &document.rule),
        ("recipient_domain", &document.recipient_domain),
    ];
    let mut set = set
        .into_iter()
        .filter_map(|(field, text)| Some((field, text.as_ref()?)));
    let Some((field, name)) = set.next() else {
        reader.fault(
            "",
            "it is about nothing",
            "set one of outbound_connector, inbound_connector, rule and recipient_domain",
        );
        return None;
    };
    for (other, _) in set {
        let reason = format!("it is about one thing, and {field} is set already");
        reader.fault(other, reason, "take one of them out, or make two exceptions");
    }
    let name_of = || name.as_str().into();
    match field {
        "outbound_connector" => Some(ExceptionSubject::OutboundConnector(name_of())),
        "inbound_connector" => Some(ExceptionSubject::InboundConnector(name_of())),
        "rule" => Some(ExceptionSubject::Rule(name_of())),
        _ => {
            let scope = reader.parse("recipient_domain", name, DOMAIN_REMEDY);
            scope.map(ExceptionSubject::RecipientDomain)
        }
    }
}

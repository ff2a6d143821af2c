//! An OCSP answer, taken apart. RFC 6960 §4.2.1.

use sekisho_mail::Timestamp;
use x509_parser::oid_registry::Oid;

use super::{CertId, OcspError, Status};
use crate::{
    asn1::{
        ENUMERATED, Elements, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, constructed, extensions,
        primitive, whole,
    },
    revocation::{
        crl::{Reason, Serial},
        signed::{Issuer, Signed},
    },
};

/// How many certificates' statuses one answer may hold: we ask about one.
const MAX_STATUSES: usize = 64;
/// How many certificates may come along with it.
const MAX_CERTIFICATES: usize = 8;
/// `id-pkix-ocsp-basic`.
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];

/// A BasicOCSPResponse.
#[derive(Debug)]
pub(super) struct Response<'a> {
    pub(super) signed: Signed<'a>,
    pub(super) responder: ResponderId<'a>,
    statuses: Vec<Single<'a>>,
    /// In DER, as they came.
    pub(super) certificates: Vec<&'a [u8]>,
}

/// How the responder names itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum ResponderId<'a> {
    /// A Name in DER.
    Name(&'a [u8]),
    /// SHA-1 of the key's octets.
    KeyHash(&'a [u8]),
}

/// What it says of one certificate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Single<'a> {
    certificate: CertId<'a>,
    pub(super) status: Status,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Option<Timestamp>,
}

impl<'a> Response<'a> {
    pub(super) fn read(octets: &'a [u8]) -> Result<Self, OcspError> {
        const WHAT: &str = "its kind of answer";
        let mut outer = whole(octets, SEQUENCE, "its outermost element")?;
        match outer.content(ENUMERATED, "its status")? {
            [0] => {}
            [1] => return Err(OcspError::MalformedRequest),
            [2] => return Err(OcspError::InternalError),
            [3] => return Err(OcspError::TryLater),
            [5] => return Err(OcspError::SignatureRequired),
            [6] => return Err(OcspError::Unauthorized),
            _ => return Err(Malformed("its status").into()),
        }
        let mut explicit = outer.inside(constructed(0), WHAT)?;
        outer.end(WHAT)?;
        let mut typed = explicit.inside(SEQUENCE, WHAT)?;
        explicit.end(WHAT)?;
        if typed.content(OBJECT_IDENTIFIER, WHAT)? != BASIC {
            return Err(Malformed(WHAT).into());
        }
        let basic = typed.content(OCTET_STRING, WHAT)?;
        typed.end(WHAT)?;
        Self::read_basic(basic)
    }

    fn read_basic(octets: &'a [u8]) -> Result<Self, OcspError> {
        let mut outer = whole(octets, SEQUENCE, "what is signed")?;
        let signed = Signed::next(&mut outer, "what is signed")?;
        let certificates = certificates(outer.optional(constructed(0), "its certificates")?)?;
        outer.end("what stands behind its certificates")?;

        let mut fields = whole(signed.content, SEQUENCE, "what is signed")?;
        if let Some(version) = fields.optional(constructed(0), "its version")? {
            let mut explicit = Elements::new(version);
            if explicit.content(INTEGER, "its version")? != [0] {
                return Err(Malformed("its version").into());
            }
            explicit.end("its version")?;
        }
        let responder = responder(&mut fields)?;
        fields.time("its producedAt")?;
        let mut listed = fields.inside(SEQUENCE, "its statuses")?;
        refuse_critical(fields.optional(constructed(1), "its extensions")?)?;
        fields.end("what stands behind its extensions")?;
        let mut statuses = Vec::new();
        while !listed.is_empty() {
            if statuses.len() >= MAX_STATUSES {
                return Err(Malformed("it has too many statuses").into());
            }
            statuses.push(single(listed.inside(SEQUENCE, "a status")?)?);
        }
        Ok(Self {
            signed,
            responder,
            statuses,
            certificates,
        })
    }

    /// What it says of the certificate that `issuer` gave this serial number. Should it say several things, the worst
    /// counts, and of those that are as bad the newest.
    pub(super) fn about(&self, issuer: &Issuer, serial: Serial) -> Result<Single<'a>, OcspError> {
        let badness = |status: Status| match status {
            Status::Good => 0,
            Status::Unknown => 1,
            Status::Revoked { .. } => 2,
        };
        let about_it = self
            .statuses
            .iter()
            .filter(|single| single.certificate.names(issuer, serial));
        about_it
            .max_by_key(|single| (badness(single.status), single.this_update))
            .copied()
            .ok_or(OcspError::OtherCertificate)
    }
}

fn certificates(content: Option<&[u8]>) -> Result<Vec<&[u8]>, OcspError> {
    const WHAT: &str = "its certificates";
    let Some(content) = content else {
        return Ok(Vec::new());
    };
    let mut explicit = Elements::new(content);
    let mut listed = explicit.inside(SEQUENCE, WHAT)?;
    explicit.end(WHAT)?;
    let mut certificates = Vec::new();
    while !listed.is_empty() {
        if certificates.len() >= MAX_CERTIFICATES {
            return Err(Malformed("it has too many certificates").into());
        }
        certificates.push(listed.any(WHAT)?.whole);
    }
    Ok(certificates)
}

fn responder<'a>(fields: &mut Elements<'a>) -> Result<ResponderId<'a>, OcspError> {
    const WHAT: &str = "who answers";
    const BY_NAME: u8 = constructed(1);
    const BY_KEY: u8 = constructed(2);
    let id = fields.any(WHAT)?;
    let mut explicit = Elements::new(id.content);
    let responder = match id.tag {
        BY_NAME => ResponderId::Name(explicit.any(WHAT)?.whole),
        BY_KEY => ResponderId::KeyHash(explicit.content(OCTET_STRING, WHAT)?),
        _ => return Err(Malformed(WHAT).into()),
    };
    explicit.end(WHAT)?;
    Ok(responder)
}

fn single(mut fields: Elements<'_>) -> Result<Single<'_>, OcspError> {
    let certificate = CertId::read(fields.inside(SEQUENCE, "which certificate it is about")?)?;
    let status = status(&mut fields)?;
    let this_update = fields.time("the thisUpdate of a status")?;
    let next_update = fields.optional(constructed(0), "the nextUpdate of a status")?;
    let next_update = next_update.map(time_in).transpose()?;
    refuse_critical(fields.optional(constructed(1), "the extensions of a status")?)?;
    fields.end("what stands behind a status")?;
    Ok(Single {
        certificate,
        status,
        this_update,
        next_update,
    })
}

fn time_in(content: &[u8]) -> Result<Timestamp, OcspError> {
    const WHAT: &str = "the nextUpdate of a status";
    let mut explicit = Elements::new(content);
    let time = explicit.time(WHAT)?;
    explicit.end(WHAT)?;
    Ok(time)
}

fn status(fields: &mut Elements<'_>) -> Result<Status, OcspError> {
    const WHAT: &str = "a status";
    const GOOD: u8 = primitive(0);
    const REVOKED: u8 = constructed(1);
    const UNKNOWN: u8 = primitive(2);
    let element = fields.any(WHAT)?;
    match element.tag {
        GOOD => Ok(Status::Good),
        UNKNOWN => Ok(Status::Unknown),
        REVOKED => {
            let mut revoked = Elements::new(element.content);
            let at = revoked.time("the date of a revocation")?;
            let reason = match revoked.optional(constructed(0), "the reason of a revocation")? {
                None => Reason::UNSPECIFIED,
                Some(content) => {
                    let mut explicit = Elements::new(content);
                    let code = explicit.content(ENUMERATED, "the reason of a revocation")?;
                    explicit.end("the reason of a revocation")?;
                    Reason::of(code).ok_or(Malformed("the reason of a revocation"))?
                }
            };
            revoked.end("what stands behind a revocation")?;
            Ok(Status::Revoked { at, reason })
        }
        _ => Err(Malformed(WHAT).into()),
    }
}

/// No extension changes what an answer means for us; a critical one wants to.
fn refuse_critical(content: Option<&[u8]>) -> Result<(), OcspError> {
    let Some(content) = content else {
        return Ok(());
    };
    let mut explicit = Elements::new(content);
    let listed = explicit.content(SEQUENCE, "its extensions")?;
    explicit.end("its extensions")?;
    match extensions(listed)?.into_iter().find(|extension| extension.is_critical) {
        None => Ok(()),
        Some(critical) => {
            let id = Oid::new(critical.id.into()).to_id_string();
            Err(OcspError::CriticalExtension(id))
        }
    }
}

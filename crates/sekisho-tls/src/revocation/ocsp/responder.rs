//! Who signed an OCSP answer: the certificate's issuer itself, or a delegate that the issuer appointed. RFC 6960
//! §4.2.2.2.
//!
//! A delegate was issued by the issuer's own key, has `id-kp-OCSPSigning`, and is in its time. Whether the delegate
//! itself is revoked is not asked: who may be asked about it would be the responder itself, authorities appoint them
//! for weeks, and most say so (`id-pkix-ocsp-nocheck`, RFC 6960 §4.2.2.2.1).

use sekisho_mail::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{
    OcspError,
    request::is_key_hash,
    response::{ResponderId, Response},
};
use crate::{
    asn1::{SEQUENCE, whole},
    revocation::{
        CLOCK_SKEW,
        signed::{Issuer, Signed, key_in},
    },
};

/// Whether the answer is signed by somebody who may speak for `issuer`.
pub(super) fn check_responder(response: &Response<'_>, issuer: &Issuer, now: Timestamp) -> Result<(), OcspError> {
    if is(response.responder, &issuer.name, &issuer.spki) {
        return Ok(response.signed.verify(&issuer.spki)?);
    }
    // More than one may have the name or key that it gives; who is none tells no fault of another.
    let mut fault = OcspError::NoResponder;
    for certificate in &response.certificates {
        match check_delegate(response, certificate, issuer, now) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => fault = error,
        }
    }
    Err(fault)
}

fn is(responder: ResponderId<'_>, name: &[u8], spki: &[u8]) -> bool {
    match responder {
        ResponderId::Name(given) => given == name,
        ResponderId::KeyHash(hash) => key_in(spki).is_ok_and(|(_, key)| is_key_hash(hash, key)),
    }
}

/// Whether the certificate is the responder's that is named, and then whether it is one and signed the answer.
fn check_delegate(
    response: &Response<'_>,
    certificate: &[u8],
    issuer: &Issuer,
    now: Timestamp,
) -> Result<bool, OcspError> {
    let Ok((rest, parsed)) = X509Certificate::from_der(certificate) else {
        return Ok(false);
    };
    let spki = parsed.public_key().raw;
    if !rest.is_empty() || !is(response.responder, parsed.subject().as_raw(), spki) {
        return Ok(false);
    }
    if parsed.issuer().as_raw() != &*issuer.name {
        return Err(OcspError::NotAppointed("its certificate was issued by another"));
    }
    let mut fields = whole(certificate, SEQUENCE, "the responder's certificate")?;
    let signed = Signed::next(&mut fields, "the responder's certificate")?;
    fields.end("the responder's certificate")?;
    if signed.verify(&issuer.spki).is_err() {
        return Err(OcspError::NotAppointed(
            "its certificate is not signed by the issuer's key",
        ));
    }
    may_sign_answers(&parsed)?;
    let validity = parsed.validity();
    let begins = Timestamp::from_secs(validity.not_before.timestamp());
    let ends = Timestamp::from_secs(validity.not_after.timestamp());
    if now.plus(CLOCK_SKEW) < begins || ends.plus(CLOCK_SKEW) < now {
        return Err(OcspError::ResponderOutOfTime(begins, ends));
    }
    response.signed.verify(spki)?;
    Ok(true)
}

fn may_sign_answers(certificate: &X509Certificate<'_>) -> Result<(), OcspError> {
    let usages = certificate.extended_key_usage().ok().flatten();
    if !usages.is_some_and(|usages| usages.value.ocsp_signing) {
        let why = "its certificate is not one for signing OCSP answers (no OCSPSigning among its extended key usages)";
        return Err(OcspError::NotAppointed(why));
    }
    let may_sign = match certificate.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.digital_signature()),
        Err(_) => false,
    };
    let why = "its certificate is not one for signatures (no digitalSignature among its key usages)";
    may_sign.then_some(()).ok_or(OcspError::NotAppointed(why))
}

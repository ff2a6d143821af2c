//! One endpoint, tried: fetched from, and what came judged as far as its issuer is known.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use sekisho_api::{EndpointPurpose, EndpointView};
use sekisho_mail::{Digest, Timestamp};
use sekisho_tls::{
    CrlError, CrlSummary, MAX_CRL_LEN, MAX_OCSP_LEN, NamedContent, OcspError, RevocationError, RevocationNeed,
    Revocations,
};
use tokio::{task::spawn_blocking, time::Instant};

use super::gather::Endpoint;
use crate::{
    clock,
    fetch::{FetchExceptions, FetchLimits, FetchRequest, FetchTerms, FetchUrl, Fetched, Fetcher, REDIRECTS_MAX},
};

/// For one endpoint, waiting for others at the same host included.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// Octets of an issuer's certificate, or a bundle of them.
const CERTIFICATE_LEN_MAX: usize = 256 * 1024;

/// What an answer is worth.
#[derive(Debug, Default)]
struct Judged {
    /// Why it is no good; nothing where it is.
    cause: Option<&'static str>,
    detail: String,
    this_update: Option<Timestamp>,
    next_update: Option<Timestamp>,
    verified: bool,
}

impl Judged {
    fn bad(cause: &'static str, detail: impl ToString) -> Self {
        Self {
            cause: Some(cause),
            detail: detail.to_string(),
            ..Self::default()
        }
    }

    fn good(detail: impl ToString) -> Self {
        Self {
            detail: detail.to_string(),
            ..Self::default()
        }
    }
}

/// Tries it.
pub(super) async fn check(
    fetcher: &Fetcher,
    endpoint: &Endpoint,
    exceptions: &HashMap<Digest, FetchExceptions>,
) -> EndpointView {
    let begun = Instant::now();
    let fetched = fetch(fetcher, endpoint, exceptions).await;
    let took = begun.elapsed();
    let (size, judged) = match fetched {
        Ok(fetched) => (Some(fetched.body.len()), judge(endpoint, fetched).await),
        Err(judged) => (None, judged),
    };
    EndpointView {
        purpose: endpoint.purpose,
        url: endpoint.url.clone(),
        certificates: endpoint.certificates.iter().cloned().collect(),
        used_by: endpoint.used_by.iter().cloned().collect(),
        is_needed: endpoint.is_needed,
        works: judged.cause.is_none(),
        cause: judged.cause.map(str::to_owned),
        detail: judged.detail,
        took_millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        size: size.and_then(|octets| u64::try_from(octets).ok()),
        this_update: judged.this_update,
        next_update: judged.next_update,
        verified: judged.verified,
        covered_until: None,
        failing_since: None,
    }
}

async fn fetch(
    fetcher: &Fetcher,
    endpoint: &Endpoint,
    exceptions: &HashMap<Digest, FetchExceptions>,
) -> Result<Fetched, Judged> {
    let url: FetchUrl = endpoint.url.parse().map_err(|error| Judged::bad("url", error))?;
    let asked = endpoint.need.as_ref().and_then(RevocationNeed::ocsp_request);
    let request = match asked {
        Some(question) => {
            FetchRequest::post(url, "application/ocsp-request", question).accepting("application/ocsp-response")
        }
        None => FetchRequest::get(url),
    };
    let exceptions = endpoint.anchor.and_then(|anchor| exceptions.get(&anchor));
    let terms = FetchTerms {
        limits: FetchLimits {
            total: TIME_LIMIT,
            body_len: match endpoint.purpose {
                EndpointPurpose::Ocsp => MAX_OCSP_LEN,
                EndpointPurpose::Issuer => CERTIFICATE_LEN_MAX,
                EndpointPurpose::Crl | EndpointPurpose::Unknown => MAX_CRL_LEN,
            },
            ..FetchLimits::default()
        },
        exceptions: exceptions.cloned().unwrap_or_default(),
        redirects: REDIRECTS_MAX,
        ..FetchTerms::default()
    };
    let is_blind = endpoint.purpose == EndpointPurpose::Ocsp && endpoint.need.is_none();
    let fetched = fetcher.fetch(request, &terms).await;
    // Nothing was asked of such a responder: that it says so in HTTP is all that can be wanted.
    let fetched = if is_blind {
        fetched
    } else {
        fetched.and_then(Fetched::successful)
    };
    fetched.map_err(|error| {
        // Behind a redirect it is another URL that fails.
        let moved = error.url.to_string();
        let detail = if moved == endpoint.url {
            error.cause.to_string()
        } else {
            error.to_string()
        };
        Judged::bad(error.cause.word(), detail)
    })
}

/// A large CRL takes some tenths of a second: not on the event loop.
async fn judge(endpoint: &Endpoint, fetched: Fetched) -> Judged {
    let (endpoint, now) = (endpoint.clone(), clock::now());
    let judging = spawn_blocking(move || match (endpoint.purpose, &endpoint.need) {
        (EndpointPurpose::Crl | EndpointPurpose::Ocsp, Some(need)) => by_issuer(need, &fetched.body, now),
        (EndpointPurpose::Crl, None) => unverified_crl(&fetched.body, now),
        (EndpointPurpose::Ocsp, None) => Judged::good(format!(
            "HTTP status {}; nothing was asked, since the issuer's certificate is not known",
            fetched.status
        )),
        (EndpointPurpose::Issuer, _) => issuer(&endpoint, &fetched.body, now),
        (EndpointPurpose::Unknown, _) => unknown(&fetched, now),
    });
    judging
        .await
        .unwrap_or_else(|error| Judged::bad("ours", format!("the judgement broke off: {error}")))
}

/// As whoever asks whether something is revoked would take it; held nowhere.
fn by_issuer(need: &RevocationNeed, body: &[u8], now: Timestamp) -> Judged {
    match Revocations::default().take(need, body, now) {
        Ok(taken) => Judged {
            detail: taken.entries.map_or_else(
                || "an answer, verified".to_owned(),
                |entries| format!("{entries} revoked, verified"),
            ),
            this_update: Some(taken.this_update),
            next_update: Some(taken.next_update),
            verified: true,
            ..Judged::default()
        },
        Err(error) => Judged::bad(word(&error), error),
    }
}

fn word(error: &RevocationError) -> &'static str {
    match error {
        RevocationError::Crl(CrlError::Expired(_)) | RevocationError::Ocsp(OcspError::Expired(_)) => "expired",
        RevocationError::Crl(CrlError::Signature(_) | CrlError::OtherIssuer { .. } | CrlError::MayNotSign)
        | RevocationError::Ocsp(
            OcspError::Signature(_)
            | OcspError::NoResponder
            | OcspError::NotAppointed(_)
            | OcspError::ResponderOutOfTime(..),
        ) => "signature",
        RevocationError::Crl(_) | RevocationError::Ocsp(_) => "content",
    }
}

fn unverified_crl(body: &Bytes, now: Timestamp) -> Judged {
    match CrlSummary::read(body) {
        Err(error) => Judged::bad("content", error),
        Ok(crl) => {
            let expired = crl.next_update < now;
            let end = crl.next_update;
            Judged {
                cause: expired.then_some("expired"),
                detail: if expired {
                    format!("it expired at {end}")
                } else {
                    format!(
                        "{} revoked; not verified, since its issuer's certificate is not known",
                        crl.entries
                    )
                },
                this_update: Some(crl.this_update),
                next_update: Some(crl.next_update),
                verified: false,
            }
        }
    }
}

fn issuer(endpoint: &Endpoint, body: &Bytes, now: Timestamp) -> Judged {
    let certificates = match NamedContent::read(body) {
        Err(why) => return Judged::bad("content", why),
        Ok(NamedContent::Bundle) => return Judged::good("a PKCS #7 bundle, which is not looked into"),
        Ok(NamedContent::Certificates(certificates)) => certificates,
    };
    let Some(issued) = &endpoint.issued else {
        return Judged::good("a certificate");
    };
    let Some(issuer) = certificates.iter().find(|issuer| issued.is_issued_by(issuer)) else {
        return Judged::bad("signature", "the certificate there did not issue the one that names it");
    };
    let facts = issuer.facts();
    if facts.not_after < now {
        return Judged::bad("expired", format!("the certificate there ended at {}", facts.not_after));
    }
    Judged {
        verified: true,
        ..Judged::good(format!(
            "the certificate of {}, until {}",
            facts.subject, facts.not_after
        ))
    }
}

/// Named by its URL alone: a CRL, or a certificate.
fn unknown(fetched: &Fetched, now: Timestamp) -> Judged {
    let Err(crl) = CrlSummary::read(&fetched.body) else {
        return unverified_crl(&fetched.body, now);
    };
    match NamedContent::read(&fetched.body) {
        Ok(NamedContent::Bundle) => Judged::good("a PKCS #7 bundle, which is not looked into"),
        Ok(NamedContent::Certificates(certificates)) => {
            let subjects: Vec<&str> = certificates.iter().map(|one| one.facts().subject.as_str()).collect();
            Judged::good(format!("the certificate of {}", subjects.join("; ")))
        }
        Err(_) => {
            let kind = fetched.field("content-type").unwrap_or("no media type");
            Judged::bad(
                "content",
                format!("neither a CRL nor a certificate, but {kind} ({crl})"),
            )
        }
    }
}

//! Why an authority gave no certificate, in words and with what it asks of us: each is an outcome of its own.
//!
//! Problem documents are the authority's text. They are kept as they came, up to a limit, and escaped where they are
//! shown. RFC 8555 §6.6 and §6.7, RFC 9110 §10.2.3.

use std::{fmt, io, path::Path, time::Duration};

use instant_acme::{Error, Problem};
use jiff::fmt::rfc2822::DateTimeParser;
use sekisho_mail::Timestamp;

use super::transport::Seen;

/// Octets of an authority's words that are kept.
const WORDS_MAX: usize = 1000;
/// Problems under a problem that are told of.
const SUBPROBLEMS_MAX: usize = 10;
/// The longest `Retry-After` that is obeyed: an authority that asks for a year is asked again tomorrow.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// No answer came: DNS, network, TLS, time.
    Unreachable,
    /// The authority has a fault of its own, or its answer is none of ACME.
    Malformed,
    /// Too much was asked for (`rateLimited`).
    RateLimited,
    /// The authority does not know our account any more.
    NoAccount,
    /// It says no, for a reason of its own.
    Refused,
    /// A name could not be proved.
    Challenge,
    /// The order came to nothing.
    Invalid,
    /// It takes longer than we wait; the order is taken up again.
    Unfinished,
    /// What it issued is not what was ordered.
    WrongCertificate,
    /// Our own side: the disk, a key file, a setting.
    Ours,
}

impl FaultKind {
    /// One word for tables and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed-answer",
            Self::RateLimited => "rate-limited",
            Self::NoAccount => "no-account",
            Self::Refused => "refused",
            Self::Challenge => "challenge-failed",
            Self::Invalid => "order-invalid",
            Self::Unfinished => "unfinished",
            Self::WrongCertificate => "wrong-certificate",
            Self::Ours => "our-fault",
        }
    }
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct AcmeFault {
    /// What kind.
    pub kind: FaultKind,
    /// What happened and what mends it, with the authority's own words; at most a thousand octets of those.
    pub words: String,
    /// Not before this is asked again, as the authority wants it.
    pub not_before: Option<Timestamp>,
}

impl AcmeFault {
    /// One of this kind.
    pub(super) fn new(kind: FaultKind, words: impl Into<String>) -> Self {
        Self {
            kind,
            words: words.into(),
            not_before: None,
        }
    }

    /// A file of ours.
    pub(super) fn file(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self::new(
            FaultKind::Ours,
            format!("{path}: {error}; check that the user of sekisho may read and write it"),
        )
    }

    /// While we did `what`, the library said `error` and this had been seen.
    pub(super) fn of(what: &str, error: &Error, seen: &Seen, now: Timestamp) -> Self {
        let (kind, words) = match error {
            Error::Api(problem) => (kind_of(problem), in_words(problem)),
            Error::Json(_) | Error::Str(_) | Error::Http(_) | Error::InvalidUri(_) => {
                (FaultKind::Malformed, malformed(error, seen))
            }
            Error::Other(_) => match &seen.fault {
                Some(fault) => (FaultKind::Unreachable, fault.clone()),
                None => (FaultKind::Malformed, error.to_string()),
            },
            Error::Unsupported(what) => (FaultKind::Refused, format!("it does not offer {what}")),
            other => (FaultKind::Ours, other.to_string()),
        };
        Self {
            kind,
            words: format!("{what}: {}", bounded(&words)),
            not_before: seen.retry_after.as_deref().and_then(|text| not_before(text, now)),
        }
    }

    /// A problem that an order, an authorization or a challenge carries.
    pub(super) fn problem(kind: FaultKind, what: &str, problem: &Problem) -> Self {
        Self::new(kind, format!("{what}: {}", bounded(&in_words(problem))))
    }
}

/// The last part of a type's URN, when it is one of RFC 8555 §6.7.
fn short_type(problem: &Problem) -> &str {
    let whole = problem.r#type.as_deref().unwrap_or("about:blank");
    whole.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(whole)
}

fn kind_of(problem: &Problem) -> FaultKind {
    match short_type(problem) {
        "rateLimited" => FaultKind::RateLimited,
        "accountDoesNotExist" => FaultKind::NoAccount,
        "serverInternal" | "badNonce" => FaultKind::Malformed,
        _ => FaultKind::Refused,
    }
}

/// What mends it, where it is known.
fn remedy(problem: &Problem) -> &'static str {
    match short_type(problem) {
        "rateLimited" => "; fewer orders, or the authority's staging directory for trials",
        "externalAccountRequired" => "; give the key that the authority handed out (external account binding)",
        "userActionRequired" => "; read and accept the authority's new terms of service",
        "caa" => "; a CAA record in DNS allows other authorities alone",
        "badCSR" | "badPublicKey" => "; the authority does not take this kind of key",
        "invalidProfile" => "; the directory lists the profiles that there are",
        "rejectedIdentifier" | "unsupportedIdentifier" => "; this authority issues nothing for the name",
        _ => "",
    }
}

fn in_words(problem: &Problem) -> String {
    let detail = problem.detail.as_deref().unwrap_or("no detail");
    let mut text = format!("{detail} ({}){}", short_type(problem), remedy(problem));
    for sub in problem.subproblems.iter().take(SUBPROBLEMS_MAX) {
        let name = match &sub.identifier {
            Some(identifier) => identifier.authorized(false).to_string(),
            None => "one of the names".to_owned(),
        };
        let detail = sub.detail.as_deref().unwrap_or("no detail");
        text.push_str(&format!("; {name}: {detail}"));
    }
    text
}

fn malformed(error: &Error, seen: &Seen) -> String {
    let kind = seen.content_type.as_deref().unwrap_or("no media type");
    match seen.status {
        0 => error.to_string(),
        status if (200..300).contains(&status) => {
            format!("the answer is none of ACME: HTTP status {status}, {kind}: {error}")
        }
        status => format!("HTTP status {status} without a problem document ({kind})"),
    }
}

/// The limit falls between two characters.
pub(super) fn bounded(text: &str) -> String {
    if text.len() <= WORDS_MAX {
        return text.to_owned();
    }
    let end = (0..=WORDS_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// `Retry-After`: seconds or a date. Later than [`RETRY_AFTER_MAX`] is that.
pub(super) fn not_before(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let wanted = if !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit()) {
        // More digits than a number holds is for ever.
        now.plus(Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
    } else {
        // Dates in HTTP are those of mail, in GMT (RFC 9110 §5.6.7).
        let date = DateTimeParser::new().parse_timestamp(text).ok()?;
        Timestamp::from_millis(date.as_millisecond())
    };
    Some(wanted.min(now.plus(RETRY_AFTER_MAX)))
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

    fn problem(text: &str) -> Problem {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_never_obeyed_for_more_than_a_day() {
        let at = |text: &str| not_before(text, NOW).map(|at| at.since(NOW).as_secs());
        assert_eq!(at("120"), Some(120));
        assert_eq!(at(" 0 "), Some(0));
        assert_eq!(at("31536000"), Some(86_400));
        assert_eq!(at("99999999999999999999999"), Some(86_400));
        assert_eq!(at("Fri, 31 Dec 1999 23:59:59 GMT"), Some(0));
        assert_eq!(at("Fri, 31 Dec 2100 23:59:59 GMT"), Some(86_400));
        assert_eq!(at("soon"), None);
        assert_eq!(at("-5"), None);
    }

    #[test]
    fn problems_keep_the_authoritys_words_and_say_what_mends_them() {
        let limited = problem(
            r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many certificates for mx.example"}"#,
        );
        let fault = AcmeFault::of("ordering", &Error::Api(limited), &Seen::default(), NOW);
        assert_eq!(fault.kind, FaultKind::RateLimited);
        assert!(
            fault
                .words
                .starts_with("ordering: too many certificates for mx.example (rateLimited); fewer")
        );
        let two = problem(
            r#"{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"no","subproblems":[
                {"identifier":{"type":"dns","value":"a.example"},"detail":"blocked"}]}"#,
        );
        let fault = AcmeFault::problem(FaultKind::Invalid, "the order", &two);
        assert!(fault.words.ends_with("; a.example: blocked"), "{}", fault.words);
        let endless = problem(&format!(r#"{{"detail":"{}"}}"#, "ü".repeat(5000)));
        let fault = AcmeFault::of("ordering", &Error::Api(endless), &Seen::default(), NOW);
        assert!(fault.words.len() < WORDS_MAX + 20 && fault.words.ends_with('…'));
    }
}

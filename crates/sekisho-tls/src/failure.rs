//! Says what a failed handshake failed of: the class, for policy and counters, and words for the operator.
//!
//! Whether a failure leads to another attempt is not decided here.

use std::{io, time::Duration};

use rustls::{CertificateError, Error, InvalidMessage, PeerIncompatible, PeerMisbehaved};
use sekisho_mail::{ClientCertificateFate, HandshakeFailure, HandshakeFault, HandshakeStage, HelloSummary, TlsVersion};

use crate::{
    chain::facts_of,
    client_hello::{self, FirstFlight, handshake_octets},
    code_points,
    octets::Octets,
    provider::offered_suites,
    record::HandshakeRecord,
    stream::library_error,
};

/// How many octets of what is no TLS are quoted.
const MAX_QUOTED_LEN: usize = 60;

const MESSAGE_SERVER_HELLO: u8 = 2;
const TOO_OLD: &str = "it is too old to encrypt safely with";

/// Which part was ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// How the library, or the clock, ended it.
#[derive(Debug)]
pub(crate) enum End {
    Error(io::Error),
    TimeLimit(Duration),
}

/// Everything known about a handshake that did not come to its end.
pub(crate) fn failure(role: Role, end: &End, record: HandshakeRecord) -> Box<HandshakeFailure> {
    let first_flight = match role {
        Role::Server => client_hello::parse(&record.first_flight),
        Role::Client => FirstFlight::Empty,
    };
    let stage = match role {
        Role::Server if matches!(first_flight, FirstFlight::Hello(_)) => HandshakeStage::AfterPeerHello,
        Role::Client if server_hello_version(&record.first_flight).is_some() => HandshakeStage::AfterPeerHello,
        Role::Server | Role::Client => HandshakeStage::BeforePeerHello,
    };
    let fault = fault_of(end);
    let words = match role {
        Role::Server => words_as_server(end, &fault, &first_flight, &record),
        Role::Client => words_as_client(end, &fault, stage, &record),
    };
    Box::new(HandshakeFailure {
        stage,
        fault,
        words,
        hello: first_flight.summary(),
        chain: record.chain.iter().map(|certificate| facts_of(certificate)).collect(),
    })
}

/// A failure that is ours, before anything was sent.
pub(crate) fn ours(words: String) -> Box<HandshakeFailure> {
    Box::new(HandshakeFailure {
        stage: HandshakeStage::BeforePeerHello,
        fault: HandshakeFault::Ours,
        words,
        hello: None,
        chain: Vec::new(),
    })
}

fn fault_of(end: &End) -> HandshakeFault {
    let error = match end {
        End::TimeLimit(_) => return HandshakeFault::TimedOut,
        End::Error(error) => error,
    };
    match library_error(error) {
        Some(error) => fault_of_library(error),
        None if error.kind() == io::ErrorKind::TimedOut => HandshakeFault::TimedOut,
        // Not the system but the library says so: a message is longer than any may be.
        None if error.kind() == io::ErrorKind::InvalidData => HandshakeFault::Protocol,
        None => HandshakeFault::ConnectionLost,
    }
}

fn fault_of_library(error: &Error) -> HandshakeFault {
    match error {
        Error::AlertReceived(alert) => HandshakeFault::Alert(code_points::alert((*alert).into()).to_owned()),
        Error::InvalidMessage(InvalidMessage::InvalidServerName)
        | Error::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName) => HandshakeFault::BadServerName,
        Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::InvalidMessage(_)
        | Error::PeerMisbehaved(_)
        | Error::DecryptError
        | Error::NoCertificatesPresented
        | Error::UnsupportedNameType
        | Error::PeerSentOversizedRecord => HandshakeFault::Protocol,
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => HandshakeFault::Incompatible,
        Error::InvalidCertificate(CertificateError::BadSignature) => HandshakeFault::BadSignature,
        _ => HandshakeFault::Ours,
    }
}

fn words_as_server(end: &End, fault: &HandshakeFault, first: &FirstFlight, record: &HandshakeRecord) -> String {
    match (fault, first) {
        (HandshakeFault::TimedOut | HandshakeFault::ConnectionLost, _) => {
            let reached = match first {
                FirstFlight::Empty => "before the client sent anything",
                FirstFlight::Hello(_) => "after the ClientHello",
                FirstFlight::Partial(_) => "in the middle of the ClientHello",
                FirstFlight::Sslv2 | FirstFlight::NotTls => "after octets that are no TLS",
            };
            words_of_interruption(end, reached)
        }
        (HandshakeFault::Alert(name), _) => format!("the client gave up with the alert {name}"),
        (HandshakeFault::BadServerName, _) => "the server name in the ClientHello is malformed".to_owned(),
        (HandshakeFault::BadSignature, _) => {
            "the client's signature is wrong: it does not hold the key of its certificate".to_owned()
        }
        (HandshakeFault::Incompatible, FirstFlight::Hello(hello)) => words_of_incompatible_hello(end, hello),
        (HandshakeFault::Protocol | HandshakeFault::Incompatible, FirstFlight::Sslv2) => {
            format!("the client begins with SSL 2; {TOO_OLD}")
        }
        (HandshakeFault::Protocol, FirstFlight::NotTls) => words_of_no_tls("client", &record.first_flight),
        (HandshakeFault::Protocol | HandshakeFault::Incompatible, _) => {
            format!("the client breaks the rules of TLS: {}", error_text(end))
        }
        (HandshakeFault::Ours, _) => format!("a fault of our own: {}", error_text(end)),
    }
}

fn words_as_client(end: &End, fault: &HandshakeFault, stage: HandshakeStage, record: &HandshakeRecord) -> String {
    let certificate_sent = record.client_certificate == Some(ClientCertificateFate::Sent);
    match fault {
        HandshakeFault::TimedOut | HandshakeFault::ConnectionLost => {
            let reached = match (stage, record.first_flight.is_empty()) {
                (HandshakeStage::BeforePeerHello, true) => "after our ClientHello, before the server sent anything",
                (HandshakeStage::BeforePeerHello, false) => "before the server's ServerHello was whole",
                (HandshakeStage::AfterPeerHello, _) => "after the ServerHello",
            };
            words_of_interruption(end, reached)
        }
        HandshakeFault::Alert(name) => words_of_server_alert(name, stage, certificate_sent),
        HandshakeFault::BadSignature => {
            "the server's signature is wrong: it does not hold the key of its certificate".to_owned()
        }
        HandshakeFault::Incompatible | HandshakeFault::Protocol => words_of_server_nonsense(end, record),
        HandshakeFault::BadServerName | HandshakeFault::Ours => format!("a fault of our own: {}", error_text(end)),
    }
}

fn words_of_interruption(end: &End, reached: &str) -> String {
    match end {
        End::TimeLimit(limit) => format!(
            "the handshake was not over within {} s; it stood {reached}",
            limit.as_secs()
        ),
        End::Error(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!("the connection was closed {reached}")
        }
        End::Error(error) => format!("the connection was lost {reached}: {error}"),
    }
}

fn words_of_incompatible_hello(end: &End, hello: &HelloSummary) -> String {
    if matches!(end, End::Error(error) if library_error(error) == Some(&Error::NoApplicationProtocol)) {
        return "the client asks by ALPN for other protocols than SMTP".to_owned();
    }
    let is_modern = |name: &String| name == "TLSv1.2" || name == "TLSv1.3";
    if !hello.versions.iter().any(is_modern) {
        return format!("the client speaks only {}; {TOO_OLD}", hello.versions.join(" "));
    }
    if !hello.versions.iter().any(|name| name == "TLSv1.3") && is_version_fault(end) {
        return "the client does not speak TLS 1.3, which this listener demands".to_owned();
    }
    let offered = offered_suites(TlsVersion::Tls12);
    if !hello.suites.iter().any(|suite| offered.contains(suite)) {
        return format!(
            "none of the client's {} cipher suites has both forward secrecy and authenticated encryption \
             (it knows only RSA key exchange, CBC or the like); {TOO_OLD}",
            hello.suites.len()
        );
    }
    match incompatibility(end) {
        Some(PeerIncompatible::NoKxGroupsInCommon | PeerIncompatible::NamedGroupsExtensionRequired) => {
            "none of the client's key exchange groups is one of ours".to_owned()
        }
        Some(PeerIncompatible::NoSignatureSchemesInCommon | PeerIncompatible::SignatureAlgorithmsExtensionRequired) => {
            format!(
                "none of our certificates fits the signature schemes that the client accepts ({})",
                hello.signature_schemes.join(" ")
            )
        }
        _ => format!("nothing in common with the client: {}", error_text(end)),
    }
}

fn words_of_server_alert(name: &str, stage: HandshakeStage, certificate_sent: bool) -> String {
    match (name, stage) {
        ("protocol_version", _) => {
            format!("the server speaks neither TLS 1.2 nor TLS 1.3 (alert protocol_version); {TOO_OLD}")
        }
        ("handshake_failure" | "insufficient_security", HandshakeStage::BeforePeerHello) => format!(
            "the server finds nothing in common with us (alert {name}): most likely it speaks only TLS 1.0/1.1, RSA \
             key exchange or CBC suites; {TOO_OLD}"
        ),
        _ if certificate_sent => format!("the server refused us after our client certificate (alert {name})"),
        ("certificate_required" | "handshake_failure", HandshakeStage::AfterPeerHello) => {
            format!("the server gave up (alert {name}); it may demand a client certificate")
        }
        _ => format!("the server gave up with the alert {name}"),
    }
}

fn words_of_server_nonsense(end: &End, record: &HandshakeRecord) -> String {
    match server_hello_version(&record.first_flight) {
        Some(old) if old < 0x0303 => {
            format!("the server answered with {}; {TOO_OLD}", code_points::version(old))
        }
        Some(_) => format!("the server breaks the rules of TLS: {}", error_text(end)),
        None if is_record(&record.first_flight) => {
            format!(
                "the server breaks the rules of TLS in its first flight: {}",
                error_text(end)
            )
        }
        None => words_of_no_tls("server", &record.first_flight),
    }
}

fn words_of_no_tls(peer: &str, octets: &[u8]) -> String {
    let quoted = &octets[..octets.len().min(MAX_QUOTED_LEN)];
    let quoted = quoted.split(|octet| *octet == b'\n').next().unwrap_or_default();
    format!(
        "the {peer} sent no TLS but \"{}\"",
        quoted.trim_ascii_end().escape_ascii()
    )
}

/// Content types 20 to 24, major version 3.
fn is_record(octets: &[u8]) -> bool {
    matches!(octets, [20..=24, 3, ..])
}

/// The legacy version in a ServerHello, once it is there.
fn server_hello_version(octets: &[u8]) -> Option<u16> {
    let messages = handshake_octets(octets);
    let mut messages = Octets(&messages);
    if messages.u8()? != MESSAGE_SERVER_HELLO {
        return None;
    }
    messages.u24()?;
    messages.u16()
}

fn incompatibility(end: &End) -> Option<&PeerIncompatible> {
    let End::Error(error) = end else { return None };
    match library_error(error)? {
        Error::PeerIncompatible(why) => Some(why),
        _ => None,
    }
}

fn is_version_fault(end: &End) -> bool {
    matches!(
        incompatibility(end),
        Some(
            PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::Tls12NotOffered
        )
    )
}

fn error_text(end: &End) -> String {
    match end {
        End::Error(error) => error.to_string(),
        End::TimeLimit(limit) => format!("no end within {} s", limit.as_secs()),
    }
}

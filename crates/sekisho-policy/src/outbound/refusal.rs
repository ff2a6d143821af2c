//! Why a message may not leave over a connection, and whose move it is.

use std::fmt;

use sekisho_mail::{
    CertificateFault, Check, Decision, Demand, Digest, EnhancedCode, Fault, HandshakeFailure, HandshakeFault, Host,
    PlaintextCause, Reply, Side, StatedReason, TlsVersion,
};

use crate::Reason;

/// What was found where something else was demanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The connection is, or would be, in the clear.
    Plaintext(PlaintextCause),
    /// No handshake came to its end; this is the last failure.
    Handshake(Box<HandshakeFailure>),
    /// The chain does not satisfy what was asked.
    Certificate(CertificateFault),
    /// Another key than the pinned ones: SHA-256 of its SubjectPublicKeyInfo.
    OtherKey(Digest),
    /// An older version of TLS than the one demanded.
    OlderVersion(TlsVersion),
    /// A key exchange by none of the groups demanded; IANA's name of the one that it has.
    OtherKeyExchange(String),
    /// It could not be found out, for a reason of ours.
    Unknown(String),
    /// A demanded check has no answer: a slip in this program, never a pass.
    NotAsked(Check),
    /// The channel is not the one that the plan is for: a slip in this program.
    OtherChannel(String),
    /// On a connection that fell back to plaintext, the server wants TLS after all.
    WantsTls(Reply),
}

impl Finding {
    /// Who can mend it.
    #[must_use]
    pub const fn side(&self) -> Side {
        match self {
            Self::Handshake(failure) => match failure.fault {
                HandshakeFault::Ours => Side::Us,
                HandshakeFault::ConnectionLost | HandshakeFault::TimedOut => Side::Network,
                HandshakeFault::Alert(_)
                | HandshakeFault::Protocol
                | HandshakeFault::BadServerName
                | HandshakeFault::Incompatible
                | HandshakeFault::BadSignature => Side::Recipient,
            },
            Self::Plaintext(_)
            | Self::Certificate(_)
            | Self::OtherKey(_)
            | Self::OlderVersion(_)
            | Self::OtherKeyExchange(_)
            | Self::WantsTls(_) => Side::Recipient,
            Self::Unknown(_) | Self::NotAsked(_) | Self::OtherChannel(_) => Side::Us,
        }
    }

    /// Exchange Online's, which operators know and look up: 4.4.317 where the TLS that is demanded could not be had,
    /// 4.7.320 where it is there and the certificate is not the one. For faults of ours RFC 3463: x.3.5 system
    /// incorrectly configured, x.3.0 other mail system fault. Always of class 4 here: whether time has run out is not
    /// known here.
    #[must_use]
    pub const fn status(&self) -> EnhancedCode {
        const NO_TLS: EnhancedCode = EnhancedCode::new(4, 4, 317);
        match self {
            Self::Plaintext(_) | Self::WantsTls(_) | Self::OlderVersion(_) | Self::OtherKeyExchange(_) => NO_TLS,
            Self::Handshake(failure) => match failure.fault {
                HandshakeFault::Ours => EnhancedCode::new(4, 3, 0),
                HandshakeFault::Alert(_)
                | HandshakeFault::Protocol
                | HandshakeFault::BadServerName
                | HandshakeFault::Incompatible
                | HandshakeFault::BadSignature
                | HandshakeFault::ConnectionLost
                | HandshakeFault::TimedOut => NO_TLS,
            },
            Self::Certificate(_) | Self::OtherKey(_) => EnhancedCode::new(4, 7, 320),
            Self::Unknown(_) => EnhancedCode::new(4, 3, 5),
            Self::NotAsked(_) | Self::OtherChannel(_) => EnhancedCode::new(4, 3, 0),
        }
    }
}

/// A sentence without its full stop. May hold the peer's text: escape it when shown.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plaintext(cause) => cause.fmt(f),
            Self::Handshake(failure) => write!(f, "the TLS handshake failed: {failure}"),
            Self::Certificate(fault) => fault.fmt(f),
            Self::OtherKey(spki) => write!(f, "the certificate has another key, {spki}"),
            Self::OlderVersion(version) => write!(f, "the connection is {version}"),
            Self::OtherKeyExchange(group) => write!(f, "the key exchange was {group}"),
            Self::Unknown(why) => write!(f, "the certificate could not be checked here: {why}"),
            Self::NotAsked(_) => f.write_str("a check that was demanded was not made"),
            Self::OtherChannel(why) => write!(f, "the connection is not the one that was planned for: {why}"),
            Self::WantsTls(reply) => write!(f, "the server wants TLS, which failed with it before: {reply}"),
        }
    }
}

/// The message stays; tried again later, until its time runs out. Never permanent (law 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Box<Parts>);

/// Behind a pointer, so that the good case of a `Result` stays small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    host: Host,
    unmet: Vec<Demand>,
    finding: Finding,
    reasons: Vec<Reason>,
}

impl Refusal {
    /// For demands that are not met, each with what was found; `first` decides status and side.
    pub(super) fn unmet(host: &Host, first: (Demand, Finding), others: Vec<(Demand, Finding)>) -> Self {
        let finding = first.1.clone();
        let mut unmet = Vec::new();
        let mut reasons = Vec::new();
        for (demand, finding) in std::iter::once(first).chain(others) {
            unmet.push(demand.clone());
            reasons.push(Reason::DemandNotMet { demand, finding });
        }
        Self(Box::new(Parts {
            host: host.clone(),
            unmet,
            finding,
            reasons,
        }))
    }

    /// For what stops a message though nothing demands TLS.
    pub(super) fn undemanded(host: &Host, finding: Finding, reason: Reason) -> Self {
        Self(Box::new(Parts {
            host: host.clone(),
            unmet: Vec::new(),
            finding,
            reasons: vec![reason],
        }))
    }

    /// The host that was to get the message.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// Which demands are not met; empty only when none applied.
    #[must_use]
    pub fn unmet_demands(&self) -> &[Demand] {
        &self.0.unmet
    }

    /// What was found.
    #[must_use]
    pub fn finding(&self) -> &Finding {
        &self.0.finding
    }

    /// Who can mend it.
    #[must_use]
    pub fn side(&self) -> Side {
        self.0.finding.side()
    }

    /// At least one.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.0.reasons
    }

    /// What was found; where STARTTLS is not to be had, behind Exchange Online's words, which operators look up.
    fn text(&self) -> String {
        if let Finding::Plaintext(cause) = &self.0.finding
            && matches!(
                cause,
                PlaintextCause::NotOffered | PlaintextCause::NoExtensions | PlaintextCause::Refused(_)
            )
            && !self.0.unmet.is_empty()
        {
            return format!("STARTTLS is required to send mail: {cause}");
        }
        self.0.finding.to_string()
    }

    /// For the evidence.
    #[must_use]
    pub fn decision(&self) -> Decision {
        Decision::Refused(self.0.reasons.iter().map(StatedReason::from).collect())
    }

    /// For the outcome. `peer` is the host with the address and port that were tried, `mx.example.org [192.0.2.1]:25`;
    /// without it the host's name stands there.
    #[must_use]
    pub fn to_fault(&self, peer: Option<String>) -> Fault {
        let unmet: Vec<String> = self.0.unmet.iter().map(describe_demand).collect();
        Fault {
            status: self.0.finding.status(),
            text: self.text(),
            side: self.side(),
            reply: match &self.0.finding {
                Finding::WantsTls(reply) => Some(reply.clone()),
                Finding::Plaintext(_)
                | Finding::Handshake(_)
                | Finding::Certificate(_)
                | Finding::OtherKey(_)
                | Finding::OlderVersion(_)
                | Finding::OtherKeyExchange(_)
                | Finding::Unknown(_)
                | Finding::NotAsked(_)
                | Finding::OtherChannel(_) => None,
            },
            host: Some(peer.unwrap_or_else(|| self.0.host.to_string())),
            unmet: (!unmet.is_empty()).then(|| unmet.join("; ")),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        refusal.to_fault(None)
    }
}

/// `TLS with a valid certificate … (route "bank")`.
pub(crate) fn describe_demand(demand: &Demand) -> String {
    format!("{} ({})", demand.level, demand.origin)
}

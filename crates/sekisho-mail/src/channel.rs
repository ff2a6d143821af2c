//! What is known about a connection once it stands: the facts that a judgement is made on and that the
//! evidence keeps.

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{CertificateFacts, CertificateFault, ChainAnswers, ChannelId, Check, Domain, KeyProof, Verdict};

/// Everything that policy may know of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelFacts {
    /// Which connection this is about.
    pub id: ChannelId,
    /// The address and port at the other end.
    pub peer: SocketAddr,
    /// The host as it was looked for, when we were the client: an MX name or what the route says.
    pub host: Option<String>,
    /// Plaintext, or what TLS came to.
    pub security: ChannelSecurity,
    /// The keywords of the last EHLO reply, when we were the client.
    pub keywords: Vec<Keyword>,
}

/// Plaintext, or what TLS came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelSecurity {
    /// In the clear, and why.
    Plaintext(PlaintextCause),
    /// Under TLS.
    Tls(Box<TlsFacts>),
}

impl ChannelSecurity {
    /// As [`TlsFacts::revocation`]; `None` in the clear.
    #[must_use]
    pub fn revocation(&self) -> Option<String> {
        self.tls().and_then(TlsFacts::revocation)
    }

    /// What TLS came to, when there is TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFacts> {
        match self {
            Self::Plaintext(_) => None,
            Self::Tls(facts) => Some(facts),
        }
    }
}

/// Why a connection is in the clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaintextCause {
    /// The EHLO reply had no STARTTLS.
    NotOffered,
    /// EHLO was refused and HELO knows no STARTTLS.
    NoExtensions,
    /// STARTTLS was offered and then refused with this reply.
    Refused(String),
    /// Handshakes with this host failed; this is the cause in words.
    HandshakeFailed(String),
    /// Handshakes with this host failed lately, and nothing demands TLS.
    RememberedAsBroken(String),
    /// The client, when we are the server, did not ask for it.
    NotAsked,
}

impl fmt::Display for PlaintextCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered => f.write_str("STARTTLS was not offered"),
            Self::NoExtensions => f.write_str("EHLO was refused, so there is no STARTTLS"),
            Self::Refused(reply) => write!(f, "STARTTLS was refused: {reply}"),
            Self::HandshakeFailed(why) => write!(f, "the TLS handshake failed: {why}"),
            Self::RememberedAsBroken(why) => write!(f, "the TLS handshake failed lately: {why}"),
            Self::NotAsked => f.write_str("the client did not ask for TLS"),
        }
    }
}

/// The versions of TLS that can be negotiated at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[serde(rename = "TLSv1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "TLSv1.3")]
    Tls13,
}

impl TlsVersion {
    /// IANA's name of the hybrid post-quantum group; TLS 1.3 alone has it.
    pub const HYBRID_GROUP: &'static str = "X25519MLKEM768";
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        })
    }
}

/// What a finished handshake came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// The version.
    pub version: TlsVersion,
    /// IANA's name of the cipher suite, `TLS_AES_256_GCM_SHA384`.
    pub suite: String,
    /// IANA's name of the key exchange group, `X25519MLKEM768`.
    pub group: String,
    /// The server name that the client sent.
    pub sni: Option<Domain>,
    /// Whether TLS began with the first octet (RFC 8314 §3), and not by STARTTLS.
    #[serde(default, skip_serializing_if = "crate::is_false")]
    pub implicit: bool,
    /// The protocol agreed on by ALPN, when one was.
    pub alpn: Option<String>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The peer's chain as presented, leaf first; empty when it presented none.
    pub chain: Vec<CertificateFacts>,
    /// Whether the peer proved that it holds the leaf's key; meaningless when `chain` is empty.
    pub key: KeyProof,
    /// What was asked about the chain and what the answers were, in the order asked.
    pub verdicts: Vec<(Check, Verdict)>,
    /// By what it was looked up whether the certificates of the path are revoked, in words, the leaf's first; empty
    /// where that was not asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation_sources: Vec<String>,
    /// The OCSP answer that was stapled, in octets; `None` when none was.
    pub stapled_ocsp_len: Option<usize>,
    /// What became of our own client certificate.
    pub client_certificate: ClientCertificateFate,
}

impl TlsFacts {
    /// What is known of the peer's certificate being revoked, in words; `None` where its chain was not verified, so
    /// that nobody would expect it.
    #[must_use]
    pub fn revocation(&self) -> Option<String> {
        if self.chain.is_empty() {
            return None;
        }
        let asked = self.verdicts.iter().find_map(|(check, verdict)| match check {
            Check::Revocation { .. } => Some(verdict),
            Check::Path { .. } | Check::Name { .. } => None,
        });
        match asked {
            Some(Verdict::Holds) => Some(format!("not revoked ({})", self.revocation_sources.join("; "))),
            Some(Verdict::Fails(fault @ CertificateFault::Revoked(_))) => Some(fault.to_string()),
            Some(Verdict::Fails(fault @ CertificateFault::NotRevocable(_))) if self.revocation_sources.is_empty() => {
                Some(fault.to_string())
            }
            Some(Verdict::Fails(fault @ CertificateFault::NotRevocable(_))) => {
                Some(format!("{fault} ({})", self.revocation_sources.join("; ")))
            }
            Some(Verdict::Fails(fault)) => Some(format!("not looked up: {fault}")),
            Some(Verdict::Unknown(why)) => Some(format!("not known: {why}")),
            None => self.is_verified().then(|| "not checked".to_owned()),
        }
    }

    fn is_verified(&self) -> bool {
        let is_verified = |(check, verdict): &(Check, Verdict)| {
            matches!(check, Check::Path { .. }) && !matches!(verdict, Verdict::Unknown(_))
        };
        self.verdicts.iter().any(is_verified)
    }

    /// Takes the answers to what was asked about the chain, in place of those before.
    pub fn set_answers(&mut self, answers: ChainAnswers) {
        self.verdicts = answers.verdicts;
        self.revocation_sources = answers.revocation_sources;
    }

    /// Whether these are the answers that it has already.
    #[must_use]
    pub fn has_answers(&self, answers: &ChainAnswers) -> bool {
        self.verdicts == answers.verdicts && self.revocation_sources == answers.revocation_sources
    }

    /// The answer to `check`, when it was asked.
    #[must_use]
    pub fn verdict(&self, check: &Check) -> Option<&Verdict> {
        self.verdicts
            .iter()
            .find(|(asked, _)| asked == check)
            .map(|(_, verdict)| verdict)
    }
}

/// What became of our client certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertificateFate {
    /// We were the server, or had none to send and were not asked.
    NotAsked,
    /// The server asked, and the plan names none.
    NoneToSend,
    /// Sent. In TLS 1.3 a refusal shows only on the next read.
    Sent,
    /// The server ended the connection over it.
    Refused(String),
}

/// One keyword of an EHLO reply with its parameters (RFC 5321 §4.1.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyword {
    /// In upper case.
    pub name: String,
    /// As the peer wrote them.
    pub parameters: Vec<String>,
}

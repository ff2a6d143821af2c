//! What went wrong in a TLS handshake, as a plain value: `sekisho-tls` finds it, `sekisho-policy` decides what
//! it means.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::CertificateFacts;

/// A handshake that did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandshakeFailure {
    /// How far it came.
    pub stage: HandshakeStage,
    /// Whose fault it was and of what kind.
    pub fault: HandshakeFault,
    /// The cause in words, for the operator.
    pub words: String,
    /// What the client had offered, when we were the server and could read it.
    pub hello: Option<HelloSummary>,
    /// The peer's chain, when it came before the end.
    pub chain: Vec<CertificateFacts>,
}

impl fmt::Display for HandshakeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)?;
        match &self.hello {
            Some(hello) => write!(f, " ({hello})"),
            None => Ok(()),
        }
    }
}

/// How far a handshake came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandshakeStage {
    /// Nothing of the peer's first flight was understood. As a client: the ClientHello was sent and no
    /// ServerHello came, where hosts that break on a large ClientHello break.
    BeforePeerHello,
    /// The peer's first flight was read.
    AfterPeerHello,
}

/// Whose fault it was, and of what kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandshakeFault {
    /// The peer sent this alert.
    Alert(String),
    /// The peer's bytes are no TLS, or break its rules.
    Protocol,
    /// As a server: the server name in the ClientHello is malformed.
    BadServerName,
    /// Nothing in common: version, suite, group or signature scheme.
    Incompatible,
    /// The peer's signature is wrong: it does not hold the key.
    BadSignature,
    /// The connection was reset or closed. Counts only when the next attempt sees it again.
    ConnectionLost,
    /// Nothing came in time. Counts only when the next attempt sees it again.
    TimedOut,
    /// Ours: a certificate that cannot be loaded, a limit, a clock. Never a reason to fall back.
    Ours,
}

impl HandshakeFault {
    /// Every word that [`Self::word`] has.
    pub const WORDS: [&str; 8] = [
        "alert",
        "protocol",
        "bad-server-name",
        "incompatible",
        "bad-signature",
        "connection-lost",
        "timed-out",
        "ours",
    ];

    /// A single word for lists and metrics.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        Self::WORDS[match self {
            Self::Alert(_) => 0,
            Self::Protocol => 1,
            Self::BadServerName => 2,
            Self::Incompatible => 3,
            Self::BadSignature => 4,
            Self::ConnectionLost => 5,
            Self::TimedOut => 6,
            Self::Ours => 7,
        }]
    }
}

/// What a ClientHello offered, names as IANA has them, unknown code points as `0x….`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloSummary {
    /// Protocol versions, in the client's order.
    pub versions: Vec<String>,
    /// Cipher suites, likewise.
    pub suites: Vec<String>,
    /// Key exchange groups, likewise.
    pub groups: Vec<String>,
    /// Signature schemes, likewise.
    pub signature_schemes: Vec<String>,
    /// The server name asked for, as it came.
    pub server_name: Option<String>,
}

impl fmt::Display for HelloSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |names: &[String]| {
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(" ")
            }
        };
        write!(
            f,
            "offered versions: {}; groups: {}",
            or_none(&self.versions),
            or_none(&self.groups)
        )
    }
}

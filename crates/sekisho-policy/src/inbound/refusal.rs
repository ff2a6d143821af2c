//! What a client is told when a recipient is refused. No reply names a connector, an organization or an address of
//! ours; the reason beside it does, for the log and the trace.

use sekisho_mail::{EnhancedCode, OrganizationName, Reply, ReplyCode};

use super::client::{Demander, TlsShortfall};
use crate::{
    Reason,
    directory::{ConnectorKey, PlaintextReply},
};

/// A refusal before it is known whose it is.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) reply: Reply,
    pub(super) reason: Reason,
    pub(super) organization: Option<OrganizationName>,
}

impl Refused {
    pub(super) fn of(mut self: Box<Self>, organization: &OrganizationName) -> Box<Self> {
        self.organization = Some(organization.clone());
        self
    }
}

pub(super) fn refused((code, enhanced): (u16, EnhancedCode), text: &str, reason: Reason) -> Box<Refused> {
    let code = ReplyCode::new(code).expect("invariant: the codes of this folder are well formed");
    Box::new(Refused {
        reply: Reply {
            code,
            enhanced: Some(enhanced),
            lines: vec![text.to_owned()],
        },
        reason,
        organization: None,
    })
}

pub(super) fn relaying_denied() -> Box<Refused> {
    refused(
        (550, EnhancedCode::new(5, 7, 1)),
        "relaying denied",
        Reason::RelayDenied,
    )
}

/// TLS is demanded and missing, or is not good enough.
pub(super) fn tls_demanded(by: Demander, shortfall: TlsShortfall, plaintext: PlaintextReply) -> Box<Refused> {
    let (code, text) = match (&shortfall, plaintext) {
        (TlsShortfall::Plaintext, PlaintextReply::TryAgain) => (
            (451, EnhancedCode::new(4, 7, 0)),
            "Must issue a STARTTLS command first".to_owned(),
        ),
        (TlsShortfall::Plaintext, PlaintextReply::Refuse) => (
            (530, EnhancedCode::new(5, 7, 0)),
            "Must issue a STARTTLS command first".to_owned(),
        ),
        (TlsShortfall::OlderVersion { .. } | TlsShortfall::OtherKeyExchange { .. }, _) => {
            ((550, EnhancedCode::new(5, 7, 5)), shortfall.to_string())
        }
    };
    refused(code, &text, Reason::TlsDemanded { by, shortfall })
}

/// Whether the certificate is the one cannot be known now, for a reason of ours (law 3).
pub(super) fn certificate_unknown(connector: &ConnectorKey, why: &str) -> Box<Refused> {
    refused(
        (451, EnhancedCode::new(4, 7, 0)),
        "the certificate cannot be checked at present, try again later",
        Reason::CertificateUnknown {
            connector: connector.clone(),
            why: why.to_owned(),
        },
    )
}

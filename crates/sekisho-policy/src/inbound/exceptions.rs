//! What dated exceptions change for mail that comes in: each lets something pass that the connector which it names
//! demands, and nothing of what anybody else does.

use std::sync::Arc;

use sekisho_mail::ChannelSecurity;

use super::{InboundFacts, TlsShortfall};
use crate::{
    Reason,
    directory::{Exception, InboundConnector, Relaxation},
};

impl<'a> InboundFacts<'a> {
    /// The exception in force by which a connector does without something for mail of this sender.
    pub(super) fn exception(&self, connector: &InboundConnector, allows: Relaxation) -> Option<&'a Arc<Exception>> {
        let own = self.directory.inbound_exceptions(&connector.key).iter();
        // What is about a connector would be about its draft, once that stands in its place.
        let replaced = self.trial.and_then(|trial| trial.replaced_by(connector));
        let of_replaced = replaced.map_or(&[][..], |one| self.directory.inbound_exceptions(&one.key));
        own.chain(of_replaced).find(|exception| {
            exception.allows == allows && exception.is_in_force(self.now) && exception.covers(self.sender_domain())
        })
    }

    /// What the connection lacks of the TLS that a connector demands, unless an exception lets that pass; then it is
    /// among the reasons.
    pub(super) fn shortfall(&self, connector: &InboundConnector, reasons: &mut Vec<Reason>) -> Option<TlsShortfall> {
        let shortfall = connector.shortfall(self.security)?;
        let Some(exception) = self.exception(connector, Relaxation::Plaintext) else {
            return Some(shortfall);
        };
        reasons.push(excepted(exception, connector, "TLS", shortfall.to_string()));
        None
    }

    /// The exception by which a partner's connector does without the certificate to which it restricts: one that says
    /// so, or in the clear, where none can be shown, one that takes that.
    pub(super) fn bears_any_certificate(&self, connector: &InboundConnector) -> Option<&'a Arc<Exception>> {
        let by_plaintext = || match self.security {
            ChannelSecurity::Plaintext(_) => self.exception(connector, Relaxation::Plaintext),
            ChannelSecurity::Tls(_) => None,
        };
        self.exception(connector, Relaxation::AnyCertificate)
            .or_else(by_plaintext)
    }
}

/// An exception that was needed.
pub(super) fn excepted(exception: &Arc<Exception>, connector: &InboundConnector, what: &str, found: String) -> Reason {
    Reason::Excepted {
        exception: Arc::clone(exception),
        demand: format!("connector {} demands {what}", connector.key),
        found,
    }
}

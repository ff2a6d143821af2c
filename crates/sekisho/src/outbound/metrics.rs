//! What is counted of outgoing mail.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use sekisho_mail::{ChannelSecurity, Evidence, HandshakeFailure};

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Counters and gauges of outgoing mail.
#[derive(Clone, Debug, Default)]
pub struct OutboundMetrics {
    attempts: Family<Labels<2>, Counter>,
    handshakes_failed: Family<Labels<1>, Counter>,
    connections_opened: Counter,
    connections_reused: Counter,
    pub(super) in_flight: Gauge,
}

impl OutboundMetrics {
    /// Makes them known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "sekisho_outbound_attempts",
            "Attempts that ended, per recipient, by outcome and by TLS version (none: in the clear or not connected)",
            metrics.attempts.clone(),
        );
        registry.register(
            "sekisho_outbound_handshakes_failed",
            "TLS handshakes with next hops that failed, by kind of fault",
            metrics.handshakes_failed.clone(),
        );
        registry.register(
            "sekisho_outbound_connections_opened",
            "Connections to next hops that came as far as EHLO",
            metrics.connections_opened.clone(),
        );
        registry.register(
            "sekisho_outbound_connections_reused",
            "Messages begun on a connection that had carried another before",
            metrics.connections_reused.clone(),
        );
        registry.register(
            "sekisho_outbound_in_flight",
            "Batches of messages being delivered just now",
            metrics.in_flight.clone(),
        );
        metrics
    }

    pub(super) fn attempted(&self, evidence: &Evidence) {
        let security = evidence.channel.as_ref().map(|channel| &channel.security);
        let tls = match security.and_then(ChannelSecurity::tls) {
            None => "none",
            Some(tls) => match tls.version {
                sekisho_mail::TlsVersion::Tls12 => "TLSv1.2",
                sekisho_mail::TlsVersion::Tls13 => "TLSv1.3",
            },
        };
        let outcome = evidence.outcome.word();
        self.attempts.get_or_create(&[("outcome", outcome), ("tls", tls)]).inc();
    }

    pub(super) fn handshake_failed(&self, failure: &HandshakeFailure) {
        let fault = failure.fault.word();
        self.handshakes_failed.get_or_create(&[("fault", fault)]).inc();
    }

    pub(super) fn connection_used(&self, before: u32) {
        if before == 0 {
            self.connections_opened.inc();
        } else {
            self.connections_reused.inc();
        }
    }
}

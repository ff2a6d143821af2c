//! What is counted of incoming mail.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use sekisho_mail::{ChannelSecurity, HandshakeFailure, HandshakeFault, Reply, ReplyClass};

use super::Full;
use crate::telemetry::metrics::{TLS_LABELS, tls_label};

type Labels = [(&'static str, &'static str); 1];

const CLASS_LABELS: [&str; 2] = ["transient", "permanent"];

/// Counters and gauges of incoming mail.
#[derive(Clone, Debug, Default)]
pub struct InboundMetrics {
    pub(super) connections: Counter,
    pub(super) connections_open: Gauge,
    turned_away: Family<Labels, Counter>,
    messages: Family<Labels, Counter>,
    pub(super) octets: Counter,
    refusals: Family<Labels, Counter>,
    handshakes_failed: Family<Labels, Counter>,
}

impl InboundMetrics {
    /// Makes them known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "sekisho_inbound_connections",
            "Connections that were let in",
            metrics.connections.clone(),
        );
        registry.register(
            "sekisho_inbound_connections_open",
            "Connections at this moment",
            metrics.connections_open.clone(),
        );
        registry.register(
            "sekisho_inbound_turned_away",
            "Connections and handshakes for which there was no room, by the limit that was reached",
            metrics.turned_away.clone(),
        );
        registry.register(
            "sekisho_inbound_messages",
            "Messages that were accepted",
            metrics.messages.clone(),
        );
        registry.register(
            "sekisho_inbound_octets",
            "Octets of content of accepted messages",
            metrics.octets.clone(),
        );
        registry.register(
            "sekisho_inbound_refusals",
            "Commands, contents and connections that were refused, by class of the reply",
            metrics.refusals.clone(),
        );
        registry.register(
            "sekisho_inbound_handshakes_failed",
            "TLS handshakes with clients that failed",
            metrics.handshakes_failed.clone(),
        );
        metrics.begin_at_zero();
        metrics
    }

    /// What has labels is there from the start: an alert on its growth must not miss the first.
    fn begin_at_zero(&self) {
        for limit in Full::ALL {
            drop(self.turned_away.get_or_create(&[("limit", limit.word())]));
        }
        for tls in TLS_LABELS {
            drop(self.messages.get_or_create(&[("tls", tls)]));
        }
        for class in CLASS_LABELS {
            drop(self.refusals.get_or_create(&[("class", class)]));
        }
        for fault in HandshakeFault::WORDS {
            drop(self.handshakes_failed.get_or_create(&[("fault", fault)]));
        }
    }

    pub(super) fn turned_away(&self, full: Full) {
        self.turned_away.get_or_create(&[("limit", full.word())]).inc();
    }

    pub(super) fn accepted(&self, security: &ChannelSecurity, octets: u64) {
        self.messages.get_or_create(&[("tls", tls_label(Some(security)))]).inc();
        self.octets.inc_by(octets);
    }

    pub(super) fn refused(&self, reply: &Reply) {
        let [transient, permanent] = CLASS_LABELS;
        let class = match reply.code.class() {
            ReplyClass::Transient => transient,
            ReplyClass::Success | ReplyClass::Intermediate | ReplyClass::Permanent => permanent,
        };
        self.refusals.get_or_create(&[("class", class)]).inc();
    }

    pub(super) fn handshake_failed(&self, failure: &HandshakeFailure) {
        self.handshakes_failed
            .get_or_create(&[("fault", failure.fault.word())])
            .inc();
    }
}

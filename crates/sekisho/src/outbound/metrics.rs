//! What is counted of outgoing mail.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use sekisho_mail::{Evidence, HandshakeFailure, HandshakeFault, Outcome};
use sekisho_policy::inbound::NextHopSays;

use crate::telemetry::metrics::{TLS_LABELS, tls_label};

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Counters and gauges of outgoing mail.
#[derive(Clone, Debug, Default)]
pub struct OutboundMetrics {
    attempts: Family<Labels<2>, Counter>,
    handshakes_failed: Family<Labels<1>, Counter>,
    connections_opened: Counter,
    connections_reused: Counter,
    recipients_checked: Family<Labels<2>, Counter>,
    pub(super) held: Counter,
    pub(super) in_flight: Gauge,
}

/// What a next hop says of a recipient, and from where that is known.
const SAYS_LABELS: [&str; 3] = ["known", "unknown", "nothing"];
const FROM_LABELS: [&str; 2] = ["memory", "next-hop"];

impl OutboundMetrics {
    /// Makes them known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "sekisho_outbound_attempts",
            "Attempts that ended, per recipient (tls=none: in the clear, or not connected)",
            metrics.attempts.clone(),
        );
        registry.register(
            "sekisho_outbound_handshakes_failed",
            "TLS handshakes with next hops that failed",
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
            "sekisho_outbound_recipients_checked",
            "Recipients of relay domains that were checked with the next hop, or by what is remembered of it",
            metrics.recipients_checked.clone(),
        );
        registry.register(
            "sekisho_outbound_refused_and_held",
            "Recipients whose next hop refused a stranger's mail for good, and that were held instead of bounced",
            metrics.held.clone(),
        );
        registry.register(
            "sekisho_outbound_in_flight",
            "Batches of messages being delivered just now",
            metrics.in_flight.clone(),
        );
        metrics.begin_at_zero();
        metrics
    }

    /// What has labels is there from the start: an alert on its growth must not miss the first.
    fn begin_at_zero(&self) {
        for outcome in Outcome::WORDS {
            for tls in TLS_LABELS {
                drop(self.attempts.get_or_create(&[("outcome", outcome), ("tls", tls)]));
            }
        }
        for says in SAYS_LABELS {
            for from in FROM_LABELS {
                drop(self.recipients_checked.get_or_create(&[("says", says), ("from", from)]));
            }
        }
        for fault in HandshakeFault::WORDS {
            drop(self.handshakes_failed.get_or_create(&[("fault", fault)]));
        }
    }

    pub(super) fn attempted(&self, evidence: &Evidence) {
        let tls = tls_label(evidence.channel.as_ref().map(|channel| &channel.security));
        let outcome = evidence.outcome.word();
        self.attempts.get_or_create(&[("outcome", outcome), ("tls", tls)]).inc();
    }

    pub(super) fn handshake_failed(&self, failure: &HandshakeFailure) {
        let fault = failure.fault.word();
        self.handshakes_failed.get_or_create(&[("fault", fault)]).inc();
    }

    pub(super) fn recipient_checked(&self, says: &NextHopSays, is_remembered: bool) {
        let says = SAYS_LABELS[match says {
            NextHopSays::Known => 0,
            NextHopSays::Unknown(_) => 1,
            NextHopSays::Nothing(_) => 2,
        }];
        let from = FROM_LABELS[usize::from(!is_remembered)];
        self.recipients_checked
            .get_or_create(&[("says", says), ("from", from)])
            .inc();
    }

    pub(super) fn connection_used(&self, before: u32) {
        if before == 0 {
            self.connections_opened.inc();
        } else {
            self.connections_reused.inc();
        }
    }
}

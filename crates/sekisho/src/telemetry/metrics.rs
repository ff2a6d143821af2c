//! All metrics of the server, and the page that lists them. Each part declares its own beside their use.

use std::fmt::Write as _;

use prometheus_client::{encoding::text::encode, registry::Registry};

use crate::{inbound::InboundMetrics, outbound::OutboundMetrics};

/// The metrics of every part.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Of listeners and what comes in.
    pub inbound: InboundMetrics,
    /// Of deliveries.
    pub outbound: OutboundMetrics,
}

impl Metrics {
    /// Declares all of them.
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            inbound: InboundMetrics::register(registry),
            outbound: OutboundMetrics::register(registry),
        }
    }
}

/// The page for people (`docs/metrics.md`): name, kind and meaning of each.
#[must_use]
pub fn page() -> String {
    let mut registry = Registry::default();
    Metrics::register(&mut registry);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut text, &registry);
    let mut page = String::from(
        "# Metrics\n\n<!-- Generated from the declarations in the code; change them there. -->\n\n\
         `http://127.0.0.1:2580/metrics` (`[http] address`) gives them in the OpenMetrics text format. Counters end in \
         `_total` there. Those with labels appear once something was counted, and explain themselves there; below \
         are those without.\n\n| name | kind | |\n|---|---|---|\n",
    );
    let mut help = "";
    let mut name = "";
    for line in text.lines() {
        if let Some((found, words)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            (name, help) = (found, words.trim_end_matches('.'));
        } else if let Some((_, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let _ = writeln!(page, "| `{name}` | {kind} | {} |", help.replace('|', "\\|"));
        }
    }
    page
}

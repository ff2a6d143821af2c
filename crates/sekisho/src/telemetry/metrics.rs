//! All metrics of the server, and the page that lists them. Each part declares its own beside their use.

use std::fmt::Write as _;

use prometheus_client::{encoding::text::encode, registry::Registry};
use sekisho_mail::{ChannelSecurity, TlsVersion};

use crate::{
    admin::StoreMetrics, alerts::AlertMetrics, certificates::CertificateMetrics, endpoints::EndpointMetrics,
    forecast::ForecastMetrics, inbound::InboundMetrics, outbound::OutboundMetrics, revocation::RevocationMetrics,
    validation::ValidationMetrics, web::WebMetrics,
};

/// Every value of the label `tls`.
pub const TLS_LABELS: [&str; 3] = ["none", "TLSv1.2", "TLSv1.3"];

/// The label of a connection; `none` in the clear, and where there was no connection.
#[must_use]
pub fn tls_label(security: Option<&ChannelSecurity>) -> &'static str {
    let [none, tls12, tls13] = TLS_LABELS;
    match security.and_then(ChannelSecurity::tls).map(|tls| tls.version) {
        None => none,
        Some(TlsVersion::Tls12) => tls12,
        Some(TlsVersion::Tls13) => tls13,
    }
}

/// The metrics of every part.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Of listeners and what comes in.
    pub inbound: InboundMetrics,
    /// Of deliveries.
    pub outbound: OutboundMetrics,
    /// Of queue and disk.
    pub store: StoreMetrics,
    /// Of our own certificates.
    pub certificates: CertificateMetrics,
    /// Of connectors that are tried.
    pub validation: ValidationMetrics,
    /// Of alerts.
    pub alerts: AlertMetrics,
    /// Of what strangers see.
    pub web: WebMetrics,
    /// Of the forecast.
    pub forecast: ForecastMetrics,
    /// Of CRLs and OCSP answers.
    pub revocation: RevocationMetrics,
    /// Of the endpoints that certificates hang on.
    pub endpoints: EndpointMetrics,
}

impl Metrics {
    /// Declares all of them.
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            inbound: InboundMetrics::register(registry),
            outbound: OutboundMetrics::register(registry),
            store: StoreMetrics::register(registry),
            certificates: CertificateMetrics::register(registry),
            validation: ValidationMetrics::register(registry),
            alerts: AlertMetrics::register(registry),
            web: WebMetrics::register(registry),
            forecast: ForecastMetrics::register(registry),
            revocation: RevocationMetrics::register(registry),
            endpoints: EndpointMetrics::register(registry),
        }
    }
}

/// The page for people (`docs/metrics.md`): name, kind, labels with all their values, and meaning of each.
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
         `_total` there. All of them, with every value of their labels, are there from the start.\n\n\
         | name | kind | labels | |\n|---|---|---|---|\n",
    );
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let (mut name, mut help) = ("", "");
    for line in text.lines() {
        if let Some((found, words)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            (name, help) = (found, words.trim_end_matches('.'));
        } else if let Some((_, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let _ = writeln!(page, "| `{name}` | {kind} | {} | {help} |", labels(name, &samples));
        }
    }
    page
}

/// The labels of a metric with their values, as its samples have them.
fn labels(name: &str, samples: &[&str]) -> String {
    let mut labels: Vec<(&str, Vec<&str>)> = Vec::new();
    let of_metric = samples.iter().filter_map(|sample| {
        let rest = sample.strip_prefix(name)?;
        rest.strip_prefix("_total")
            .unwrap_or(rest)
            .strip_prefix('{')?
            .split_once('}')
    });
    for (pairs, _) in of_metric {
        for (label, value) in pairs.split(',').filter_map(|pair| pair.split_once('=')) {
            let value = value.trim_matches('"');
            match labels.iter_mut().find(|(known, _)| *known == label) {
                Some((_, values)) if values.contains(&value) => {}
                Some((_, values)) => values.push(value),
                None => labels.push((label, vec![value])),
            }
        }
    }
    let words = labels.iter_mut().map(|(label, values)| {
        // The registry gives them in no order.
        values.sort_unstable();
        format!("`{label}`: {}", values.join(", "))
    });
    words.collect::<Vec<_>>().join("; ")
}

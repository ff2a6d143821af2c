//! The forecast: what will become of partners' certificates, as their chains were seen, and of our own; before it stops
//! mail.
//!
//! It is made once an hour and when somebody asks, of what is kept of partners; nothing is asked on the way of mail.
//! The hourly one is about partners of whose certificates a connector or a route demands something, and states its
//! alerts. DNS is asked for TLSA records, where a server runs.

mod dane;
mod facts;
mod gather;
mod metrics;
mod sentences;
mod tlsa;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use sekisho_api::{FORECAST_DAYS, FORECAST_DAYS_MAX, Forecast, ForecastEntry, ForecastQuery, MailDirection, TlsaLook};
use sekisho_mail::Timestamp;
use sekisho_store::{Store, StoreError};
use sekisho_tls::Verifier;
use tokio::{sync::watch, time};

use crate::{
    admin::NodeView,
    alerts::{Alert, Alerts, Watcher},
    app::Phase,
    certificates::Certificates,
    chance::select,
    clock,
    partners::Partners,
};

use self::{dane::Bearers, tlsa::Looked};
pub use self::{
    dane::OwnPresented,
    metrics::ForecastMetrics,
    tlsa::{Said, TlsaHosts, TlsaSource},
};
pub(crate) use self::{
    facts::PeerFacts,
    gather::{Sources, Wanted},
};

/// How often it is made by itself.
const EVERY: Duration = Duration::from_secs(3600);
/// By how much of that earlier or later, so that many nodes do not all do it at once.
const JITTER: Duration = Duration::from_secs(600);
/// The first after a start.
const FIRST: Duration = Duration::from_secs(120);
/// Entries of one forecast; of more, those that bite first.
const ENTRIES_MAX: usize = 5_000;

/// Makes forecasts.
pub struct Forecasts {
    /// Partners and their chains.
    pub store: Arc<dyn Store>,
    /// The anchors in force.
    pub verifier: Arc<Verifier>,
    /// What is demanded, and our own certificates.
    pub node: Arc<ArcSwap<NodeView>>,
    /// What was learnt a moment ago is written first.
    pub partners: Arc<Partners>,
    /// Where alerts are stated; `None` when no server runs: what its listeners present is not known then, and whatever
    /// is left unsaid would be over.
    pub alerts: Option<Arc<Alerts>>,
    /// Which of our own certificates are those of roles.
    pub certificates: Arc<Certificates>,
    /// Whom DNS is asked for TLSA records by; `None` when no server runs.
    pub tlsa: Option<TlsaServices>,
    /// Where it is counted.
    pub metrics: ForecastMetrics,
}

/// What TLSA records are looked up with.
pub struct TlsaServices {
    /// Asks, and remembers.
    pub hosts: TlsaHosts,
    /// What our listeners present.
    pub own: Box<dyn Fn() -> Vec<OwnPresented> + Send + Sync>,
}

/// A forecast before anybody is told of it.
#[derive(Debug)]
struct Made {
    /// By when they bite.
    entries: Vec<ForecastEntry>,
    /// Whether there were more.
    more: bool,
    tlsa: Option<TlsaLook>,
    /// Hosts of which somebody demands something, and DNS does not say what their TLSA records are.
    tlsa_unknown: u64,
}

impl fmt::Debug for Forecasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forecasts").finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsaServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsaServices").finish_non_exhaustive()
    }
}

impl Forecasts {
    /// The forecast that somebody asks for. One of all partners states its alerts too, where a server runs.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn answer(&self, query: &ForecastQuery) -> Result<Forecast, StoreError> {
        let days = query.days.unwrap_or(FORECAST_DAYS).clamp(1, FORECAST_DAYS_MAX);
        let wanted = Wanted {
            organization: query.organization.clone(),
            domain: query.domain.clone(),
            is_demanded: false,
        };
        let now = clock::now();
        let looked = days.max(FORECAST_DAYS);
        let mut made = self.look(&wanted, now, looked).await?;
        if query.domain.is_none() && query.organization.is_none() {
            self.state(&made, now).await?;
        }
        let until = now.plus(in_days(days));
        made.entries.retain(|entry| entry.at.is_none_or(|at| at <= until));
        Ok(Forecast {
            days,
            entries: made.entries,
            more: made.more,
            tlsa: made.tlsa,
        })
    }

    /// Makes it now and then, until the server stops.
    pub async fn run(self: Arc<Self>, mut phase: watch::Receiver<Phase>) {
        let mut wait = FIRST;
        for round in 0_u64.. {
            select! {
                told = phase.wait_for(|phase| *phase != Phase::Running) => {
                    drop(told);
                    return;
                }
                () = time::sleep(wait) => {}
            }
            // DNS may keep it waiting; what was not stated is stated at the next start.
            let made = select! {
                told = phase.wait_for(|phase| *phase != Phase::Running) => {
                    drop(told);
                    return;
                }
                made = self.make() => made,
            };
            if let Err(error) = made {
                tracing::warn!(%error, "what will become of certificates cannot be foretold");
            }
            wait = EVERY + self.jitter(round) - JITTER / 2;
        }
    }

    async fn make(&self) -> Result<(), StoreError> {
        let wanted = Wanted {
            is_demanded: true,
            ..Wanted::default()
        };
        let now = clock::now();
        let made = self.look(&wanted, now, FORECAST_DAYS).await?;
        self.state(&made, now).await
    }

    /// Of each node and round another.
    fn jitter(&self, round: u64) -> Duration {
        let mut hasher = DefaultHasher::new();
        (&self.node.load().hostname, round).hash(&mut hasher);
        let millis = u64::try_from(JITTER.as_millis()).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(hasher.finish() % millis)
    }

    /// All that is to be said.
    async fn look(&self, wanted: &Wanted, now: Timestamp, days: u32) -> Result<Made, StoreError> {
        self.partners.write(&*self.store).await?;
        let node = self.node.load_full();
        let sets = self.verifier.anchor_sets();
        let sources = Sources {
            store: &*self.store,
            configured: node.rules.configured(),
            sets: &sets,
            now,
        };
        let until = now.plus(in_days(days));
        let is_whole = wanted.domain.is_none() && wanted.organization.is_none();
        let mut entries = Vec::new();
        if is_whole {
            entries.extend(sentences::of_own(&gather::own(&node, &self.certificates), now, until));
        }
        let (mut more, mut bearers) = (false, Bearers::default());
        let visit = |peer: PeerFacts| {
            bearers.add(&peer, now);
            entries.extend(sentences::of_partner(&peer, now, until));
            if entries.len() > 2 * ENTRIES_MAX {
                more |= keep_the_first(&mut entries);
            }
        };
        sources.each_peer(wanted, visit).await?;
        let looked = self.look_for_records(bearers, is_whole, now).await;
        let (tlsa, tlsa_unknown) = match looked {
            Some(looked) => {
                entries.extend(looked.entries);
                (Some(looked.view), looked.unknown_demanded)
            }
            None => (None, 0),
        };
        more |= keep_the_first(&mut entries);
        Ok(Made {
            entries,
            more,
            tlsa,
            tlsa_unknown,
        })
    }

    /// What TLSA records say; `None` where nobody asks for them.
    async fn look_for_records(&self, bearers: Bearers, and_own: bool, now: Timestamp) -> Option<Looked> {
        let services = self.tlsa.as_ref()?;
        let own = if and_own { (services.own)() } else { Vec::new() };
        let (bearers, left_out) = bearers.together(own);
        let mut looked = services.hosts.look(&bearers, now).await;
        looked.view.hosts += left_out;
        looked.view.unknown += left_out;
        Some(looked)
    }

    /// Counts, and says what is to be known now.
    async fn state(&self, made: &Made, now: Timestamp) -> Result<(), StoreError> {
        let Some(told) = &self.alerts else { return Ok(()) };
        self.metrics.show(&made.entries, now);
        self.metrics.show_unknown(made.tlsa_unknown);
        let alerts = made.entries.iter().filter(|entry| entry.is_alert).map(alert);
        told.state(&*self.store, Watcher::Forecast, alerts.collect()).await
    }
}

/// Those that are alerts, and then those that bite first.
fn keep_the_first(entries: &mut Vec<ForecastEntry>) -> bool {
    let is_too_many = entries.len() > ENTRIES_MAX;
    if is_too_many {
        entries.sort_by_key(|entry| (!entry.is_alert, entry.at));
        entries.truncate(ENTRIES_MAX);
    }
    entries.sort_by_key(|entry| (entry.at, !entry.is_alert));
    is_too_many
}

fn in_days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 86_400)
}

fn alert(entry: &ForecastEntry) -> Alert {
    let host = &entry.host;
    let subject = match (&entry.organization, &entry.domain, entry.direction) {
        (Some(organization), Some(domain), Some(direction)) => {
            let way = match direction {
                MailDirection::In => "from",
                MailDirection::Out => "at",
            };
            format!(
                "{organization}/{domain} {way} {host}, for {}",
                entry.demanded_by.join(", ")
            )
        }
        _ => host.clone(),
    };
    Alert {
        kind: entry.kind,
        subject,
        severity: entry.severity,
        text: entry.text.clone(),
        remedy: entry.remedy.clone(),
        until: entry.at,
    }
}

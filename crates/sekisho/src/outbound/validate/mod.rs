//! A connector is tried: the delivery path itself, at every host of it, with the steps kept; and the test message.
//!
//! Nothing is decided otherwise than for deliveries: the same opening, the same judgement, a clearance for whatever
//! leaves. Only what becomes of it differs: a test message is in no queue, and is never tried again.

mod host;
mod message;

use std::sync::Arc;

use sekisho_api::{TestMail, ValidatedHost, ValidatedRecipient};
use sekisho_mail::{Mailbox, ReversePath};
use sekisho_policy::directory::OutboundConnector;
use sekisho_store::Destination;
use sekisho_tls::TlsClient;
use tokio::task::JoinSet;

pub use self::host::TEST_LISTENER;
use self::host::{Visit, Visited};
use super::{Candidate, Configured, Dispatcher, RouteSettings, Unroutable, WaySource, candidates, memory::TlsMemory};

/// What is tried.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The connector; taken as enabled.
    pub connector: Arc<OutboundConnector>,
    /// How it is gone.
    pub route: Arc<RouteSettings>,
    /// What is in force.
    pub in_force: Arc<Configured>,
    /// The client's part in handshakes, where the one in force does not know the connector's certificate.
    pub tls: Option<Arc<TlsClient>>,
}

/// With what it is tried.
#[derive(Clone, Debug)]
pub struct Trial {
    /// In a domain of the connector.
    pub recipient: Mailbox,
    /// From whom.
    pub reverse_path: ReversePath,
    /// Which hosts get a test message.
    pub mail: TestMail,
    /// Who wants it.
    pub by: String,
}

impl Dispatcher {
    /// What is in force now. Whoever tries something judges by one version of it.
    #[must_use]
    pub fn configured(&self) -> Arc<Configured> {
        self.shared().configured.load_full()
    }

    /// Tries a connector for one recipient: all hosts at the same time, then the test message.
    pub async fn validate(&self, subject: &Subject, trial: Trial) -> ValidatedRecipient {
        let configured = match &subject.tls {
            None => Arc::clone(&subject.in_force),
            Some(tls) => Arc::new(Configured {
                tls: Arc::clone(tls),
                ..Configured::clone(&subject.in_force)
            }),
        };
        let key = &subject.connector.key;
        let destination = Destination::of(key.organization.clone(), trial.recipient.host().clone());
        let way = configured.way_by(&destination, &subject.connector, &subject.route);
        let validated = ValidatedRecipient {
            recipient: trial.recipient.to_string(),
            passed: false,
            route: way.route.describe(),
            otherwise: otherwise(subject, &destination),
            unroutable: None,
            required: way.carried_demands(),
            hosts: Vec::new(),
        };
        let dns = self.shared().services.dns.as_ref();
        match candidates(dns, &configured.settings, &way.route, trial.recipient.host()).await {
            Err(why) => ValidatedRecipient {
                unroutable: Some(in_words(&why)),
                ..validated
            },
            Ok(candidates) => {
                let limits = &configured.settings.limits;
                let visit = Arc::new(Visit {
                    shared: Arc::clone(self.shared()),
                    in_force: Arc::clone(&subject.in_force),
                    // What was learnt of a host lately is not asked: it is what is to be found out.
                    memory: TlsMemory::new(candidates.len(), limits.broken_tls_memory),
                    connector: key.clone(),
                    configured,
                    way,
                    trial,
                });
                let hosts = go_round(&visit, candidates).await;
                ValidatedRecipient {
                    passed: !hosts.is_empty() && hosts.iter().all(|host| host.passed),
                    hosts,
                    ..validated
                }
            }
        }
    }
}

/// All hosts, in the order in which deliveries try them.
async fn go_round(visit: &Arc<Visit>, candidates: Vec<Candidate>) -> Vec<ValidatedHost> {
    let plans = visit.plans(&candidates);
    let mut under_way = JoinSet::new();
    for (place, (plan, candidate)) in plans.into_iter().zip(candidates).enumerate() {
        let visit = Arc::clone(visit);
        // Dropped with the set when nobody waits for it any more.
        under_way.spawn(async move { (place, visit.approach(plan, candidate).await) });
    }
    let mut visited: Vec<(usize, Visited)> = under_way.join_all().await;
    visited.sort_unstable_by_key(|(place, _)| *place);
    let mut wanted = match visit.trial.mail {
        TestMail::None => 0,
        TestMail::OneHost => 1,
        TestMail::EachHost => usize::MAX,
    };
    let mut hosts = Vec::with_capacity(visited.len());
    for (_, mut host) in visited {
        if wanted > 0 && host.takes_mail() {
            wanted -= 1;
            visit.send(&mut host).await;
        }
        hosts.push(host.into_view());
    }
    hosts
}

/// Which way mail to there goes today, where it is another.
fn otherwise(subject: &Subject, destination: &Destination) -> Option<String> {
    let today = subject.in_force.way(destination).route;
    let is_the_same = today.source == WaySource::Connector && today.name == subject.route.name;
    (!is_the_same).then(|| today.describe())
}

fn in_words(why: &Unroutable) -> String {
    why.fault().to_string()
}

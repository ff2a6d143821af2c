//! TLSA records of the hosts whose certificates are known, our own among them: asked of the servers of their zones,
//! some at a time, and remembered for hours. What the records mean for a chain is left to `dane`.
//!
//! What DNS does not say stays unknown; what it said before stands on for a day. RFC 6698, RFC 7672.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use sekisho_api::{ForecastEntry, TlsaLook};
use sekisho_mail::{Domain, Timestamp};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::dane::{Bearer, Records, Standing};
use crate::{dns::TlsaView, rollover::Names};

/// What was said is not asked again for so long, unless it names another certificate than is presented, or is older
/// than that.
const REMEMBERED: Duration = Duration::from_secs(4 * 3600);
/// What DNS said stands for so long while it says nothing any more.
const STANDS: Duration = Duration::from_secs(24 * 3600);
/// Who said nothing is not asked again for so long.
const SILENT: Duration = Duration::from_secs(300);
/// For all servers of one host.
const HOST_PATIENCE: Duration = Duration::from_secs(10);
/// For so long a look begins to ask about hosts; who had no turn gets it at the next.
const PATIENCE: Duration = Duration::from_secs(20);
/// Hosts that are asked about at a time.
const AT_ONCE: usize = 16;
/// Hosts that are asked about in one look.
const ASKED_MAX: usize = 500;
/// Hosts that are remembered.
const HOSTS_MAX: usize = 10_000;
/// Hosts of which it is told why nothing is known.
const WHY_MAX: usize = 5;

/// An answer that comes later; the error says in words why there is none.
pub type Said<'a> = Pin<Box<dyn Future<Output = Result<TlsaView, String>> + Send + 'a>>;

/// Who asks the servers of zones. A trait, so that a test can give the answers.
pub trait TlsaSource: fmt::Debug + Send + Sync {
    /// What each authoritative server shows at a name.
    fn tlsa<'a>(&'a self, name: &'a Domain) -> Said<'a>;
}

impl TlsaSource for Names {
    fn tlsa<'a>(&'a self, name: &'a Domain) -> Said<'a> {
        Box::pin(Self::tlsa(self, name, &[]))
    }
}

/// Asks, and remembers.
#[derive(Debug)]
pub struct TlsaHosts {
    source: Arc<dyn TlsaSource>,
    /// Held for a whole look: who comes meanwhile finds the answers.
    kept: Mutex<HashMap<Domain, Kept>>,
}

/// What is remembered of a host.
#[derive(Debug)]
struct Kept {
    /// What was said last, and when.
    said: Option<(Timestamp, Records)>,
    /// When it was asked for last, and why nothing was said then.
    tried: Timestamp,
    fault: Option<String>,
}

/// What came of a look.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) entries: Vec<ForecastEntry>,
    pub(super) view: TlsaLook,
    /// Hosts of which nothing is known, and somebody demands something or they are ours.
    pub(super) unknown_demanded: u64,
}

impl TlsaHosts {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(source: Arc<dyn TlsaSource>) -> Self {
        Self {
            source,
            kept: Mutex::default(),
        }
    }

    /// What records say of these hosts, the first of them first where there are too many.
    pub(super) async fn look(&self, bearers: &[Bearer], now: Timestamp) -> Looked {
        let mut kept = self.kept.lock().await;
        let mut due = Vec::new();
        let mut seen = HashSet::new();
        for bearer in bearers {
            let is_due = kept.get(&bearer.name).is_none_or(|one| one.is_due(bearer, now));
            if is_due && due.len() < ASKED_MAX && seen.insert(&bearer.name) {
                due.push(bearer.name.clone());
            }
        }
        self.ask(due, &mut kept, now).await;
        forget(&mut kept, now);
        judge(bearers, &kept, now)
    }

    async fn ask(&self, due: Vec<Domain>, kept: &mut HashMap<Domain, Kept>, now: Timestamp) {
        let end = Instant::now() + PATIENCE;
        let mut waiting = due.into_iter();
        let mut running = JoinSet::new();
        loop {
            while running.len() < AT_ONCE && Instant::now() < end {
                let Some(name) = waiting.next() else { break };
                let source = Arc::clone(&self.source);
                running.spawn(async move {
                    let said = timeout(HOST_PATIENCE, source.tlsa(&name)).await;
                    let silent = || Err(format!("no answer within {} s", HOST_PATIENCE.as_secs()));
                    (name, said.unwrap_or_else(|_| silent()))
                });
            }
            match running.join_next().await {
                Some(Ok((name, said))) => note(kept, name, said, now),
                Some(Err(error)) => tracing::error!(%error, "a look for TLSA records broke off"),
                None => return,
            }
        }
    }
}

impl Kept {
    /// Whether it is asked for anew.
    fn is_due(&self, bearer: &Bearer, now: Timestamp) -> bool {
        if self.fault.is_some() {
            return now.since(self.tried) >= SILENT;
        }
        let Some((at, records)) = self.known(bearer, now) else {
            return true;
        };
        now.since(at) >= REMEMBERED || matches!(bearer.standing(records), Standing::NamesOthers(_))
    }

    /// What is known just now. Records as they were before the certificate came may have been changed with it.
    fn known(&self, bearer: &Bearer, now: Timestamp) -> Option<(Timestamp, &Records)> {
        let (at, records) = self.said.as_ref()?;
        let is_older = bearer.since.is_some_and(|since| since > *at);
        (!is_older && now.since(*at) < STANDS).then_some((*at, records))
    }
}

fn note(kept: &mut HashMap<Domain, Kept>, name: Domain, said: Result<TlsaView, String>, now: Timestamp) {
    let one = kept.entry(name).or_insert_with(|| Kept {
        said: None,
        tried: now,
        fault: None,
    });
    one.tried = now;
    one.fault = match said.and_then(Records::of) {
        Ok(records) => {
            one.said = Some((now, records));
            None
        }
        Err(why) => Some(why),
    };
}

/// What nobody asked for in a day, and beyond a number the oldest.
fn forget(kept: &mut HashMap<Domain, Kept>, now: Timestamp) {
    kept.retain(|_, one| now.since(one.tried) < STANDS);
    if kept.len() <= HOSTS_MAX {
        return;
    }
    let mut tried: Vec<Timestamp> = kept.values().map(|one| one.tried).collect();
    tried.sort_unstable();
    let oldest = tried[tried.len() - HOSTS_MAX];
    kept.retain(|_, one| one.tried >= oldest);
}

fn judge(bearers: &[Bearer], kept: &HashMap<Domain, Kept>, now: Timestamp) -> Looked {
    let mut looked = Looked::default();
    let (mut names, mut unknown, mut demanded) = (HashSet::new(), HashSet::new(), HashSet::new());
    for bearer in bearers {
        names.insert(&bearer.name);
        let one = kept.get(&bearer.name);
        let why = match one.and_then(|one| one.known(bearer, now)) {
            Some((at, records)) => match bearer.standing(records) {
                Standing::NamesOthers(shown) => {
                    looked.entries.push(bearer.entry(&shown, at));
                    continue;
                }
                Standing::Fine => continue,
                Standing::Unknown(why) => why,
            },
            None => one
                .and_then(|one| one.fault.clone())
                .unwrap_or_else(|| "there was no turn for it; it is asked about at one of the next looks".to_owned()),
        };
        if bearer.is_demanded() {
            demanded.insert(&bearer.name);
        }
        if unknown.insert(&bearer.name) && looked.view.why.len() < WHY_MAX {
            looked.view.why.push(format!("{}: {why}", bearer.name));
        }
    }
    let count = |set: &HashSet<&Domain>| u64::try_from(set.len()).unwrap_or(u64::MAX);
    looked.view.hosts = count(&names);
    looked.view.unknown = count(&unknown);
    looked.unknown_demanded = count(&demanded);
    looked
}

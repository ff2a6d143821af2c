//! Learned partners: what own traffic says of the TLS of each domain, kept with the store's observations.
//!
//! Whoever takes or sends a message notes it in a map in memory; every few seconds, and at the stop, what was noted is
//! added to what is kept. Anybody can invent domains, so only so many are kept: those that never came in but in the
//! clear go first, then those that only came in; a domain without mail is forgotten after 90 days. A crash loses the
//! last seconds, which costs nothing.

mod chains;
mod record;
mod suggest;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sekisho_api::Partner;
use sekisho_mail::{ChannelFacts, Decision, Digest, Domain, Envelope, Evidence, OrganizationName, Timestamp};
use sekisho_policy::directory::Directory;
use sekisho_store::{
    Arrival, Destination, OBSERVATION_LEN_MAX, OBSERVATIONS_AT_ONCE, Observation, ObservationKind, Store, StoreError,
};
use sekisho_tls::PeerChain;
use tokio::sync::watch;

use self::{
    chains::{Chains, Index},
    record::{Counts, Seen, merge, note, shorten},
};
use crate::{
    app::Phase,
    clock,
    collected::{time_to_write, write_observations},
    outbound::{RouteSettings, Via},
};

pub(crate) use self::suggest::organization_of;
pub use self::{
    chains::{LEAVES_MAX, PresentedChain, chains_of},
    suggest::suggest,
};

/// Partners that are kept at most, of all organizations.
pub const PARTNERS_MAX: usize = 20_000;
/// So many are given up at a time when there are too many.
const GIVEN_UP_AT_A_TIME: usize = PARTNERS_MAX / 100;
/// Partners that are noted between two times of writing; what concerns others is not learnt.
pub const NOTED_MAX: usize = 4_096;
/// After how long without mail a partner is forgotten.
pub const FORGET_AFTER: Duration = Duration::from_secs(90 * 86_400);
/// Observations that are read at a time.
const PAGE_LEN: usize = 100;

/// By organization and domain.
type Noted = HashMap<OrganizationName, HashMap<Domain, Partner>>;

/// What is learnt of partners; shared by all who take and send mail.
#[derive(Debug, Default)]
pub struct Partners {
    noted: Mutex<Notes>,
    /// What is kept; `None` until it has been looked at. Held while it is written.
    kept: tokio::sync::Mutex<Option<Stock>>,
    chains: Chains,
}

/// What is known of what is kept.
#[derive(Debug)]
struct Stock {
    partners: HashMap<String, Kept>,
    chains: Index,
}

#[derive(Debug, Default)]
struct Notes {
    by_organization: Noted,
    count: usize,
}

/// What has to be known of a partner that is kept, to choose whom to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    worth: Worth,
    last: Timestamp,
}

/// Whom to keep, the least worth first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// Only ever came in, and in the clear.
    ClearIn,
    /// Only ever came in.
    In,
    /// Mail goes there.
    Out,
}

impl Worth {
    fn of(partner: &Partner) -> Self {
        let is_clear = |traffic: &sekisho_api::PartnerTraffic| traffic.plaintext == traffic.messages;
        match (&partner.outbound, &partner.inbound) {
            (Some(_), _) => Self::Out,
            (None, Some(inbound)) if is_clear(inbound) => Self::ClearIn,
            (None, _) => Self::In,
        }
    }
}

/// Under which a partner is kept. No name of an organization has a slash.
#[must_use]
pub fn key(organization: &str, domain: &str) -> String {
    format!("{organization}/{domain}")
}

impl Partners {
    /// A peer has shaken hands with this chain; it is kept only when mail goes along.
    pub fn presented(&self, chain: Option<&Arc<PeerChain>>) {
        if let Some(chain) = chain {
            self.chains.presented(chain);
        }
    }

    /// A message was taken from a client that is nobody's own server.
    pub fn arrived(&self, directory: &Directory, envelope: &Envelope, arrival: &Arrival) {
        let Some(peer) = arrival.peer else { return };
        let sender = envelope
            .reverse_path
            .mailbox()
            .and_then(|sender| sender.host().domain());
        let Some(domain) = sender.filter(|domain| directory.domain(domain).is_none()) else {
            return;
        };
        let client = peer.ip().to_canonical();
        let seen = Seen {
            security: &arrival.security,
            host: None,
            client: Some(client),
            found: None,
            at: arrival.at,
            counts: Counts::Message,
        };
        let mut last = None;
        for recipient in &envelope.recipients {
            let host = recipient.mailbox.host().domain();
            let is_here = host.is_some_and(|host| directory.domain(host).is_some());
            if !is_here || last == Some(&recipient.organization) {
                continue;
            }
            last = Some(&recipient.organization);
            self.note(&recipient.organization, domain, Side::In, &seen);
        }
    }

    /// An attempt has ended. Only what was cleared is mail that was sent; of what was refused the certificate alone is
    /// remembered, since it is why mail to the partner stops.
    pub fn attempted(&self, directory: &Directory, route: &RouteSettings, evidence: &Evidence) {
        let counts = match &evidence.decision {
            Decision::Cleared(_) => Counts::Message,
            Decision::Refused(_) => Counts::Certificate,
            Decision::NotJudged(_) => return,
        };
        let Some(channel) = &evidence.channel else { return };
        if counts == Counts::Certificate && channel.security.tls().is_none_or(|tls| tls.chain.is_empty()) {
            return;
        }
        let domain = evidence.recipient.mailbox.host().domain();
        let Some(domain) = domain.filter(|domain| directory.domain(domain).is_none()) else {
            return;
        };
        let seen = Seen::at_host(channel, route, evidence.at, counts);
        self.note(&evidence.recipient.organization, domain, Side::Out, &seen);
    }

    /// A host was refused in an attempt that goes on with the next one: its certificate alone is remembered. Whoever
    /// moves one host after the other is seen to move while mail still goes by those that have not moved.
    pub fn refused(
        &self,
        directory: &Directory,
        destination: &Destination,
        (route, channel): (&RouteSettings, &ChannelFacts),
        at: Timestamp,
    ) {
        let domain = destination.host().domain();
        let domain = domain.filter(|domain| directory.domain(domain).is_none());
        let is_there = channel.security.tls().is_some_and(|tls| !tls.chain.is_empty());
        if let Some(domain) = domain.filter(|_| is_there) {
            let seen = Seen::at_host(channel, route, at, Counts::Certificate);
            self.note(destination.organization(), domain, Side::Out, &seen);
        }
    }

    fn note(&self, organization: &OrganizationName, domain: &Domain, side: Side, seen: &Seen<'_>) {
        let mut notes = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let Notes { by_organization, count } = &mut *notes;
        let known = by_organization
            .get_mut(organization)
            .and_then(|of_it| of_it.get_mut(domain));
        let partner = match known {
            Some(partner) => partner,
            None if *count >= NOTED_MAX => return,
            None => {
                *count += 1;
                let of_it = by_organization.entry(organization.clone()).or_default();
                of_it.entry(domain.clone()).or_insert_with(|| Partner {
                    organization: organization.to_string(),
                    domain: domain.to_string(),
                    inbound: None,
                    outbound: None,
                })
            }
        };
        let traffic = match side {
            Side::In => &mut partner.inbound,
            Side::Out => &mut partner.outbound,
        };
        note(traffic, seen);
    }

    /// Writes what was noted, now and then, until the server stops; then once more.
    pub async fn run(self: Arc<Self>, store: Arc<dyn Store>, mut phase: watch::Receiver<Phase>) {
        loop {
            let is_last = time_to_write(&mut phase).await;
            if let Err(error) = self.write(&*store).await {
                tracing::warn!(%error, "what was learnt of partners cannot be written");
            }
            if is_last {
                return;
            }
        }
    }

    /// Adds what was noted to what is kept.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was noted is lost then.
    pub async fn write(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut kept = self.kept.lock().await;
        let written = self.write_noted(&mut kept, store).await;
        if written.is_err() {
            // It may say more than is there.
            *kept = None;
        }
        written
    }

    async fn write_noted(&self, kept: &mut Option<Stock>, store: &dyn Store) -> Result<(), StoreError> {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        if noted.count == 0 && kept.is_some() {
            return Ok(());
        }
        let now = clock::now();
        let stock = match kept {
            Some(stock) => stock,
            none => none.insert(Stock {
                partners: take_stock(store, now).await?,
                chains: Index::read(store).await?,
            }),
        };
        let index = &mut stock.partners;
        let mut written = Vec::new();
        let mut chains = Vec::new();
        for partner in noted.by_organization.into_values().flat_map(HashMap::into_values) {
            let key = key(&partner.organization, &partner.domain);
            let fresh = leaves(&partner);
            let partner = match index.contains_key(&key) {
                true => match read(store, &partner.organization, &partner.domain).await? {
                    Some(before) => merge(before, partner, now),
                    None => partner,
                },
                false if !make_room(index, Worth::of(&partner), &mut written) => continue,
                false => partner,
            };
            let worth = Worth::of(&partner);
            let last = partner.last();
            for (leaf, out, at) in fresh {
                let newest = self.chains.newest(&leaf);
                chains.extend(stock.chains.seen(leaf, newest.as_deref(), out, at));
            }
            index.insert(key.clone(), Kept { worth, last });
            written.push(Observation {
                kind: ObservationKind::Partner,
                at: last,
                body: body(partner),
                key,
            });
            if written.len() >= OBSERVATIONS_AT_ONCE - GIVEN_UP_AT_A_TIME {
                store.observe(std::mem::take(&mut written)).await?;
            }
        }
        if !written.is_empty() {
            store.observe(written).await?;
        }
        chains.extend(stock.chains.forget(now));
        write_observations(store, chains).await?;
        let before = now.minus(FORGET_AFTER);
        let forgotten = store.forget_observations(ObservationKind::Partner, before).await?;
        if forgotten > 0 {
            index.retain(|_, kept| kept.last >= before);
        }
        Ok(())
    }
}

/// The leaves that a partner has presented, whether mail went out, and when.
fn leaves(partner: &Partner) -> Vec<(Digest, bool, Timestamp)> {
    let sides = [(&partner.inbound, false), (&partner.outbound, true)];
    let sides = sides
        .into_iter()
        .filter_map(|(traffic, out)| Some((traffic.as_ref()?, out)));
    let of = |(traffic, out): (&'_ sekisho_api::PartnerTraffic, bool)| {
        let certificates = traffic.history.iter();
        certificates
            .map(move |one| (one.sha256, out, one.last))
            .collect::<Vec<_>>()
    };
    sides.flat_map(of).collect()
}

#[derive(Clone, Copy)]
enum Side {
    In,
    Out,
}

/// One partner.
///
/// # Errors
/// When the store cannot be read.
pub async fn read(store: &dyn Store, organization: &str, domain: &str) -> Result<Option<Partner>, StoreError> {
    let key = key(organization, domain);
    let found = store.observations(ObservationKind::Partner, &key, None, 1).await?;
    let own = found.into_iter().find(|observation| observation.key == key);
    Ok(own.and_then(|observation| parse(&observation)))
}

/// Partners by organization and domain, behind `after`; the key of the last one with them when there may be more.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(
    store: &dyn Store,
    prefix: &str,
    after: Option<String>,
    limit: usize,
) -> Result<(Vec<Partner>, Option<String>), StoreError> {
    let found = store
        .observations(ObservationKind::Partner, prefix, after, limit)
        .await?;
    let next = found
        .last()
        .filter(|_| found.len() >= limit)
        .map(|last| last.key.clone());
    Ok((found.iter().filter_map(parse).collect(), next))
}

/// One that cannot be read is passed over: it is learnt anew. So is one that is given up.
fn parse(observation: &Observation) -> Option<Partner> {
    serde_json::from_str(&observation.body).ok()
}

/// As it is kept: no longer than an observation may be.
fn body(mut partner: Partner) -> String {
    loop {
        let body = serde_json::to_string(&partner).unwrap_or_default();
        if body.len() <= OBSERVATION_LEN_MAX || !shorten(&mut partner) {
            return body;
        }
    }
}

/// What is kept, at the start.
async fn take_stock(store: &dyn Store, now: Timestamp) -> Result<HashMap<String, Kept>, StoreError> {
    store
        .forget_observations(ObservationKind::Partner, now.minus(FORGET_AFTER))
        .await?;
    let mut index = HashMap::new();
    let mut after = None;
    loop {
        let page = store
            .observations(ObservationKind::Partner, "", after, PAGE_LEN)
            .await?;
        for observation in &page {
            let worth = parse(observation).map_or(Worth::ClearIn, |partner| Worth::of(&partner));
            let last = observation.at;
            index.insert(observation.key.clone(), Kept { worth, last });
        }
        if page.len() < PAGE_LEN {
            return Ok(index);
        }
        after = page.last().map(|last| last.key.clone());
    }
}

/// Gives some up where there are too many, those that are worth the least and were silent for the longest; false when
/// all of them are worth more than the new one.
fn make_room(index: &mut HashMap<String, Kept>, worth: Worth, written: &mut Vec<Observation>) -> bool {
    if index.len() < PARTNERS_MAX {
        return true;
    }
    let mut all: Vec<(Kept, &String)> = index
        .iter()
        .filter(|(_, kept)| kept.worth <= worth)
        .map(|(key, kept)| (*kept, key))
        .collect();
    all.sort_unstable();
    all.truncate(GIVEN_UP_AT_A_TIME);
    let given_up: Vec<String> = all.into_iter().map(|(_, key)| key.clone()).collect();
    for key in &given_up {
        index.remove(key);
        // So old that it is forgotten with what is written next.
        written.push(Observation {
            kind: ObservationKind::Partner,
            key: key.clone(),
            at: Timestamp::EPOCH,
            body: String::new(),
        });
    }
    !given_up.is_empty()
}

/// How a host was found, in a word.
fn found(via: &Via) -> String {
    match via {
        Via::Mx { .. } => "mx".to_owned(),
        Via::MxOf { domain, .. } => format!("mx:{domain}"),
        Via::Hosts(_) => "named".to_owned(),
    }
}

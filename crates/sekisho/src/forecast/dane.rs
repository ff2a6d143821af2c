//! Whether TLSA records name what a host presents, and what is said where they do not. Nothing here asks. RFC 7671,
//! RFC 7672.

use std::net::IpAddr;

use sekisho_api::{AlertKind, ForecastEntry, MailDirection, SeenLeaf, Severity};
use sekisho_mail::{Domain, Timestamp};
use sekisho_tls::{CertificateChain, TlsaRecord};

use super::{
    facts::PeerFacts,
    sentences::{date, is_recent},
};
use crate::dns::TlsaView;

/// Hosts of partners that are looked at in one forecast; as many again of whose certificates nobody demands anything.
const PARTNERS_MAX: usize = 1_000;
/// Names of our own that are looked at.
const OWN_MAX: usize = 64;
/// Records that are written out, and octets of each.
const RECORDS_SHOWN: usize = 4;
const RECORD_LEN_SHOWN: usize = 80;
/// The port of mail between hosts.
const SMTP_PORT: u16 = 25;

/// What we present at a listener.
#[derive(Clone, Debug)]
pub struct OwnPresented {
    /// In words: `listener "public"`.
    pub place: String,
    /// Names of the leaf.
    pub names: Vec<String>,
    /// The chain.
    pub chain: CertificateChain,
}

/// A host with what it presents.
#[derive(Debug)]
pub(super) struct Bearer {
    /// Where its records are: `_25._tcp.mx.bank.example`.
    pub(super) name: Domain,
    /// Since when a partner's host presents it.
    pub(super) since: Option<Timestamp>,
    /// What it presents; empty where that is not kept.
    chains: Vec<CertificateChain>,
    whose: Whose,
}

#[derive(Debug)]
enum Whose {
    Partner(PartnerHost),
    Own { host: String, places: Vec<String> },
}

#[derive(Debug)]
struct PartnerHost {
    organization: String,
    domain: String,
    /// As it was looked for: `mx.bank.example:25`.
    host: String,
    /// What it presented before.
    before: Option<CertificateChain>,
    demanded_by: Vec<String>,
}

/// The signed records of a host that can be used, by server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Records(Vec<(String, Vec<TlsaRecord>)>);

/// What a server shows, of which nothing names the chain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    server: String,
    records: Vec<TlsaRecord>,
}

/// How chain and records stand to each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// They name it, or there are none that anybody goes by.
    Fine,
    NamesOthers(Shown),
    /// In words.
    Unknown(String),
}

impl Records {
    /// What senders go by. Records without a signature are used by nobody (RFC 7672 §2.1), and neither are those that
    /// [`TlsaRecord::is_usable`] passes over.
    ///
    /// # Errors
    /// When no server has answered, in words.
    pub(super) fn of(view: TlsaView) -> Result<Self, String> {
        let mut faults = Vec::new();
        let mut all = Vec::new();
        for (server, answer) in view.servers {
            match answer {
                Ok(answer) => {
                    let is_signed = answer.signed_from.is_some();
                    let records = answer.records.into_iter();
                    all.push((server, records.filter(|one| is_signed && one.is_usable()).collect()));
                }
                Err(why) => faults.push(format!("{server}: {why}")),
            }
        }
        if all.is_empty() {
            return Err(faults.join("; "));
        }
        Ok(Self(all))
    }
}

impl Bearer {
    /// One server that names something else is enough: some senders ask that one.
    pub(super) fn standing(&self, records: &Records) -> Standing {
        if records.0.iter().all(|(_, records)| records.is_empty()) {
            return Standing::Fine;
        }
        if self.chains.is_empty() {
            return Standing::Unknown("the certificates that it presents are not kept".to_owned());
        }
        let names_none = |records: &[TlsaRecord]| {
            let names = |record: &TlsaRecord| self.chains.iter().any(|chain| record.names(chain));
            !records.is_empty() && !records.iter().any(names)
        };
        let mut others = records.0.iter().filter(|(_, records)| names_none(records)).peekable();
        if others.peek().is_none() {
            return Standing::Fine;
        }
        match others.find(|(_, records)| !records.iter().any(TlsaRecord::holds_authority)) {
            Some((server, records)) => Standing::NamesOthers(Shown {
                server: server.clone(),
                records: records.clone(),
            }),
            None => Standing::Unknown("a record holds a whole authority, which need not be presented".to_owned()),
        }
    }

    pub(super) const fn is_demanded(&self) -> bool {
        match &self.whose {
            Whose::Partner(partner) => !partner.demanded_by.is_empty(),
            Whose::Own { .. } => true,
        }
    }

    /// What is said of records that name something else, as they were seen at an instant.
    pub(super) fn entry(&self, shown: &Shown, at: Timestamp) -> ForecastEntry {
        let records = format!(
            "the TLSA records of {} ({}; so says {} on {})",
            self.name,
            listed(&shown.records),
            shown.server,
            date(at)
        );
        match &self.whose {
            Whose::Partner(partner) => self.of_partner(partner, shown, &records),
            Whose::Own { host, places } => ForecastEntry {
                kind: AlertKind::OwnTlsaDoesNotMatch,
                organization: None,
                domain: None,
                direction: None,
                host: host.clone(),
                at: None,
                severity: Severity::Error,
                demanded_by: places.clone(),
                is_alert: true,
                text: format!(
                    "{records} name nothing that is presented for {host} ({}): senders that check DANE do not deliver \
                     to us",
                    places.join(", ")
                ),
                remedy: format!(
                    "publish {} and take the others away once nobody remembers them, or present a certificate on the \
                     key that is named",
                    self.wanted()
                ),
            },
        }
    }

    fn of_partner(&self, partner: &PartnerHost, shown: &Shown, records: &str) -> ForecastEntry {
        let is_named = |chain: &CertificateChain| shown.records.iter().any(|record| record.names(chain));
        let instead = if partner.before.as_ref().is_some_and(is_named) {
            "; the TLSA records name the key before"
        } else {
            ""
        };
        let since = self
            .since
            .map_or_else(String::new, |since| format!(" since {}", date(since)));
        let (host, domain) = (&partner.host, &partner.domain);
        ForecastEntry {
            kind: AlertKind::TlsaDoesNotMatch,
            organization: Some(partner.organization.clone()),
            domain: Some(domain.clone()),
            direction: Some(MailDirection::Out),
            host: host.clone(),
            at: None,
            severity: Severity::Warning,
            is_alert: self.is_demanded(),
            demanded_by: partner.demanded_by.clone(),
            text: format!(
                "{records} name none of the certificates that {host} presents{since}{instead}: senders that check DANE \
                 refuse to deliver there; our own mail goes on"
            ),
            remedy: format!(
                "tell {domain}: the record of what is presented is {}, or the certificate must be one on the key that \
                 is named",
                self.wanted()
            ),
        }
    }

    /// The record that would name what is presented.
    fn wanted(&self) -> String {
        let leaves = self.chains.iter().filter_map(|chain| chain.facts().first());
        let records: Vec<String> = leaves.map(|leaf| format!("3 1 1 {}", leaf.spki_sha256)).collect();
        records.join(" and ")
    }
}

/// Hosts that are to be looked at: our own, those of whose certificates somebody demands something, and the others.
#[derive(Debug, Default)]
pub(super) struct Bearers {
    demanded: Vec<Bearer>,
    others: Vec<Bearer>,
    /// Partners' hosts beyond the limit.
    left_out: u64,
}

impl Bearers {
    /// The hosts of a partner that take mail, each with what it presents now.
    pub(super) fn add(&mut self, peer: &PeerFacts, now: Timestamp) {
        if peer.direction != MailDirection::Out {
            return;
        }
        let demanded_by = peer.demanders(|_| true);
        let list = if demanded_by.is_empty() {
            &mut self.others
        } else {
            &mut self.demanded
        };
        for lineage in peer.lineages() {
            let current = lineage.current().into_iter().filter(|leaf| is_recent(leaf, now));
            let Some(newest) = current.max_by_key(|leaf| (leaf.last, leaf.first)) else {
                continue;
            };
            let Some(name) = place_of(lineage.host) else { continue };
            if list.len() >= PARTNERS_MAX {
                self.left_out += 1;
                continue;
            }
            let chain = |leaf: &SeenLeaf| {
                let chain = peer.chains.get(&leaf.sha256)?;
                CertificateChain::from_der(chain.der().map(<[u8]>::to_vec)).ok()
            };
            list.push(Bearer {
                name,
                since: Some(newest.first),
                chains: chain(newest).into_iter().collect(),
                whose: Whose::Partner(PartnerHost {
                    organization: peer.organization.clone(),
                    domain: peer.domain.clone(),
                    host: lineage.host.to_owned(),
                    before: lineage.before(newest).and_then(chain),
                    demanded_by: demanded_by.clone(),
                }),
            });
        }
    }

    /// All of them in their order, behind our own; and how many are left out.
    pub(super) fn together(self, own: Vec<OwnPresented>) -> (Vec<Bearer>, u64) {
        let mut all = own_bearers(own);
        all.extend(self.demanded);
        all.extend(self.others);
        (all, self.left_out)
    }
}

/// By name, with all that is presented for it. A wildcard says of no host that it is there.
fn own_bearers(own: Vec<OwnPresented>) -> Vec<Bearer> {
    let mut all: Vec<Bearer> = Vec::new();
    for OwnPresented { place, names, chain } in own {
        for name in names {
            let Some(at) = place_of(&format!("{name}:{SMTP_PORT}")).filter(|_| !name.contains('*')) else {
                continue;
            };
            let found = all.iter().position(|one| one.name == at);
            if found.is_none() && all.len() >= OWN_MAX {
                continue;
            }
            let index = found.unwrap_or_else(|| {
                all.push(Bearer {
                    name: at,
                    since: None,
                    chains: Vec::new(),
                    whose: Whose::Own {
                        host: name,
                        places: Vec::new(),
                    },
                });
                all.len() - 1
            });
            let bearer = &mut all[index];
            if !bearer.chains.contains(&chain) {
                bearer.chains.push(chain.clone());
            }
            if let Whose::Own { places, .. } = &mut bearer.whose
                && !places.contains(&place)
            {
                places.push(place.clone());
            }
        }
    }
    all
}

/// RFC 6698 §3: where the records of a host and port are. An address has none, and neither has a name without a dot.
fn place_of(host: &str) -> Option<Domain> {
    let (name, port) = host.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    if name.parse::<IpAddr>().is_ok() || !name.contains('.') {
        return None;
    }
    Domain::parse(&format!("_{port}._tcp.{name}")).ok()
}

fn listed(records: &[TlsaRecord]) -> String {
    let shown = records.iter().take(RECORDS_SHOWN).map(|record| {
        let text = record.to_string();
        match text.get(..RECORD_LEN_SHOWN) {
            Some(begin) if text.len() > RECORD_LEN_SHOWN => format!("{begin}…"),
            _ => text,
        }
    });
    let mut texts: Vec<String> = shown.collect();
    if records.len() > RECORDS_SHOWN {
        texts.push(format!("and {} more", records.len() - RECORDS_SHOWN));
    }
    texts.join(", ")
}

//! What is said of a partner's certificates and of our own. Each sentence is a function of what was seen, what is
//! demanded and the time; nothing here reads or asks.
//!
//! Something is an alert only where a connector or a route demands what is at stake: of everybody else a forecast
//! speaks, and mail goes on.

use std::time::Duration;

use sekisho_api::{AlertKind, ForecastEntry, SeenLeaf, Severity};
use sekisho_mail::{CertificateFacts, CertificateFault, Timestamp, Verdict};

use super::facts::{Held, Lineage, OwnCertificate, PeerFacts};
use crate::partners::{FORGET_AFTER, organization_of};

const DAY: Duration = Duration::from_secs(86_400);
/// A change is news for so long.
const NEWS: Duration = Duration::from_secs(7 * 86_400);
/// Before an end an alert is raised so long, or a tenth of the certificate's life where that is shorter.
const ALERT_BEFORE: Duration = Duration::from_secs(14 * 86_400);
/// … and so long before it, it is an error.
const ERROR_BEFORE: Duration = Duration::from_secs(3 * 86_400);
/// Before the end of an authority's certificate, which nobody renews in a day.
const AUTHORITY_BEFORE: Duration = Duration::from_secs(60 * 86_400);
/// Before the end of a certificate with a pinned key.
const PIN_BEFORE: Duration = Duration::from_secs(30 * 86_400);
/// Renewals in a row that were late.
const LATE_TIMES: usize = 3;
/// Part of a certificate's life at the end of which it should have been renewed.
const LATE_PART: u32 = 10;
/// Who demands it where an end of the chain is at stake.
const LOOKS_AT_CHAIN: fn(&Held) -> bool = |held| held.anchors.is_some();

/// All that is to be said of a partner until `until`.
pub(super) fn of_partner(peer: &PeerFacts, now: Timestamp, until: Timestamp) -> Vec<ForecastEntry> {
    let teller = Teller { peer, now, until };
    let mut entries = Vec::new();
    for lineage in peer.lineages() {
        for leaf in lineage.current().into_iter().filter(|leaf| is_recent(leaf, now)) {
            entries.extend(teller.end(&lineage, leaf));
            entries.extend(teller.authorities(&lineage, leaf));
            entries.extend(teller.issuer(&lineage, leaf));
            entries.extend(teller.pins(&lineage, leaf));
            entries.extend(teller.issuer_list(&lineage, leaf));
            entries.extend(teller.usages(&lineage, leaf));
            entries.extend(teller.no_intermediates(&lineage, leaf));
        }
        entries.extend(teller.lateness(&lineage));
    }
    entries
}

/// All that is to be said of our own certificates.
pub(super) fn of_own(own: &[OwnCertificate], now: Timestamp, until: Timestamp) -> Vec<ForecastEntry> {
    let ending = own.iter().filter(|one| one.not_after <= until);
    let entries = ending.map(|one| {
        let places = one.places.join(", ");
        let is_over = one.not_after < now;
        ForecastEntry {
            kind: AlertKind::OwnCertificateEnds,
            organization: None,
            domain: None,
            direction: None,
            host: one.names.clone(),
            at: (!is_over).then_some(one.not_after),
            severity: severity(one.not_after, now),
            demanded_by: one.places.clone(),
            is_alert: !one.is_of_role && one.not_after <= now.plus(ALERT_BEFORE),
            text: format!(
                "our certificate for {} {} {}; {places} use it",
                one.names,
                ends(is_over),
                date(one.not_after)
            ),
            remedy: "renew it, and put the new one in its place".to_owned(),
        }
    });
    entries.collect()
}

struct Teller<'a> {
    peer: &'a PeerFacts,
    now: Timestamp,
    until: Timestamp,
}

/// What a sentence says, without whom it is about.
struct Saying {
    kind: AlertKind,
    at: Option<Timestamp>,
    severity: Severity,
    demanded_by: Vec<String>,
    /// Whether it is an alert where somebody demands it.
    is_near: bool,
    text: String,
    remedy: String,
}

impl Teller<'_> {
    fn entry(&self, host: &str, saying: Saying) -> ForecastEntry {
        let is_demanded = !saying.demanded_by.is_empty();
        ForecastEntry {
            kind: saying.kind,
            organization: Some(self.peer.organization.clone()),
            domain: Some(self.peer.domain.clone()),
            direction: Some(self.peer.direction),
            host: host.to_owned(),
            at: saying.at,
            severity: if is_demanded {
                saying.severity
            } else {
                Severity::Warning
            },
            is_alert: saying.is_near && is_demanded,
            demanded_by: saying.demanded_by,
            text: saying.text,
            remedy: saying.remedy,
        }
    }

    /// The certificate ends.
    fn end(&self, lineage: &Lineage<'_>, leaf: &SeenLeaf) -> Option<ForecastEntry> {
        if leaf.not_after > self.until {
            return None;
        }
        let is_over = leaf.not_after < self.now;
        let life = leaf.not_after.since(leaf.not_before);
        let before = ALERT_BEFORE.min(life / LATE_PART).max(DAY);
        Some(self.entry(
            lineage.host,
            Saying {
                kind: AlertKind::CertificateEnds,
                at: (!is_over).then_some(leaf.not_after),
                severity: severity(leaf.not_after, self.now),
                demanded_by: self.peer.demanders(|held| held.anchors.is_some()),
                is_near: leaf.not_after <= self.now.plus(before),
                text: format!(
                    "the certificate of {} {} {}; it was last seen on {}",
                    named(lineage.host),
                    ends(is_over),
                    date(leaf.not_after),
                    date(leaf.last)
                ),
                remedy: format!("ask {} whether it is renewed", self.peer.domain),
            },
        ))
    }

    /// Something above the leaf ends, or ends before it.
    fn authorities(&self, lineage: &Lineage<'_>, leaf: &SeenLeaf) -> Vec<ForecastEntry> {
        let Some(chain) = self.peer.chains.get(&leaf.sha256) else {
            return Vec::new();
        };
        let mut entries = Vec::new();
        for held in self.sets() {
            let Some((_, anchors)) = &held.anchors else { continue };
            let Some(path) = anchors.path(chain, self.now).path.filter(|path| !path.is_pin()) else {
                continue;
            };
            let on_path =
                |facts: &&CertificateFacts| path.certificates().any(|der| sekisho_tls::sha256(der) == facts.sha256);
            let above = chain.facts().iter().skip(1).filter(on_path);
            let above = above.map(|facts| (facts.subject.as_str(), facts.not_after, "intermediate"));
            let anchor = path.anchor();
            let root = Some((anchor.subject.as_str(), anchor.not_after, "root"));
            for (subject, end, what) in above.chain(root) {
                if end <= self.until || end < leaf.not_after {
                    entries.push(self.authority(lineage, leaf, &held, (subject, end, what)));
                }
            }
        }
        entries
    }

    fn authority(
        &self,
        lineage: &Lineage<'_>,
        leaf: &SeenLeaf,
        held: &Held,
        (subject, end, what): (&str, Timestamp, &str),
    ) -> ForecastEntry {
        let is_over = end < self.now;
        let (kind, more) = if end < leaf.not_after {
            let more = format!(
                ", before the certificate itself, which ends on {}",
                date(leaf.not_after)
            );
            (AlertKind::LeafOutlivesIssuer, more)
        } else {
            (AlertKind::AuthorityEnds, String::new())
        };
        let demanded_by = if held.by.is_empty() {
            Vec::new()
        } else {
            vec![held.by.clone()]
        };
        self.entry(
            lineage.host,
            Saying {
                kind,
                at: (!is_over).then_some(end),
                severity: severity(end, self.now),
                demanded_by,
                is_near: end <= self.now.plus(AUTHORITY_BEFORE),
                text: format!(
                    "the {what} {subject}, to which the certificate of {} leads, {} {}{more}",
                    named(lineage.host),
                    ends(is_over),
                    date(end)
                ),
                remedy: format!(
                    "ask {} to present a chain by another {what}, and see that its root is trusted (sekisho trust \
                     check)",
                    self.peer.domain
                ),
            },
        )
    }

    /// Who looks at the chain, or where nobody does the system.
    fn sets(&self) -> Vec<Held> {
        let demanded: Vec<Held> = self
            .peer
            .held
            .iter()
            .filter(|held| LOOKS_AT_CHAIN(held))
            .cloned()
            .collect();
        if !demanded.is_empty() {
            return demanded;
        }
        vec![Held {
            anchors: Some(("the system's trust".to_owned(), self.peer.system.clone())),
            ..Held::default()
        }]
    }

    /// The issuer is another one than before.
    fn issuer(&self, lineage: &Lineage<'_>, leaf: &SeenLeaf) -> Option<ForecastEntry> {
        let before = lineage.before(leaf)?;
        if self.now.since(leaf.first) > NEWS || is_same_issuer(&before.issuer, &leaf.issuer) {
            return None;
        }
        let mut trust = Vec::new();
        let mut distrusting = Vec::new();
        for held in self.sets() {
            let Some((name, anchors)) = &held.anchors else { continue };
            let by = if held.by.is_empty() {
                String::new()
            } else {
                format!(" of {}", held.by)
            };
            match self.peer.leads_to(leaf, anchors, self.now) {
                None => {}
                Some(Verdict::Holds) => trust.push(format!("the new one is in {name}{by}")),
                Some(Verdict::Fails(fault)) => {
                    trust.push(format!("the new one is not in {name}{by} ({fault})"));
                    distrusting.push(held.by.clone());
                }
                Some(Verdict::Unknown(why)) => trust.push(format!("nobody can say by {name}{by}: {why}")),
            }
        }
        let all = self.peer.demanders(LOOKS_AT_CHAIN);
        let is_trusted = distrusting.is_empty();
        let domain = &self.peer.domain;
        let remedy = if is_trusted {
            format!("nothing, if {domain} has announced it; otherwise ask")
        } else {
            format!(
                "ask {domain} whether the change is theirs; if it is, take the new root into the trust anchors that \
                 are named here (sekisho trust check)"
            )
        };
        Some(self.entry(
            lineage.host,
            Saying {
                kind: AlertKind::IssuerChanged,
                at: None,
                severity: if is_trusted { Severity::Warning } else { Severity::Error },
                demanded_by: if is_trusted {
                    all
                } else {
                    distrusting.into_iter().filter(|by| !by.is_empty()).collect()
                },
                is_near: true,
                text: format!(
                    "on {} the issuer of the certificate of {} changed from {} to {}; {}",
                    date(leaf.first),
                    named(lineage.host),
                    before.issuer,
                    leaf.issuer,
                    if trust.is_empty() {
                        "its chain is not kept".to_owned()
                    } else {
                        trust.join("; ")
                    }
                ),
                remedy,
            },
        ))
    }

    /// A connector's pin names another key, or one whose certificate ends soon.
    fn pins(&self, lineage: &Lineage<'_>, leaf: &SeenLeaf) -> Vec<ForecastEntry> {
        let pinned = self.peer.held.iter().filter(|held| !held.pins.is_empty());
        pinned.filter_map(|held| self.pin(lineage, leaf, held)).collect()
    }

    fn pin(&self, lineage: &Lineage<'_>, leaf: &SeenLeaf, held: &Held) -> Option<ForecastEntry> {
        let current = lineage.current();
        let is_pinned = |leaf: &SeenLeaf| held.pins.contains(&leaf.key);
        let announced = held.pins.iter().any(|pin| current.iter().all(|leaf| leaf.key != *pin));
        let host = named(lineage.host);
        let (at, severity, is_near, text) = if !is_pinned(leaf) {
            let beside = if current.iter().any(|leaf| is_pinned(leaf)) {
                "beside the pinned one"
            } else {
                "instead"
            };
            let text = format!(
                "{host} presents the key {} {beside}, which no pin of {} names",
                leaf.key, held.by
            );
            (None, Severity::Error, true, text)
        } else if leaf.not_after <= self.until && !announced {
            let text = format!(
                "the pin of {} names the key of a certificate of {host} that ends on {}, and no other key is pinned: \
                 with another key the pin breaks",
                held.by,
                date(leaf.not_after)
            );
            let is_near = leaf.not_after <= self.now.plus(PIN_BEFORE);
            (Some(leaf.not_after.max(self.now)), Severity::Warning, is_near, text)
        } else {
            return None;
        };
        Some(self.entry(
            lineage.host,
            Saying {
                kind: AlertKind::PinBreaks,
                at,
                severity,
                demanded_by: vec![held.by.clone()],
                is_near,
                text,
                remedy: format!(
                    "ask {} for the SHA-256 of the next key (SubjectPublicKeyInfo), and add it to the pins beside the \
                     present one",
                    self.peer.domain
                ),
            },
        ))
    }

    /// The issuers that a connector takes are others.
    fn issuer_list(&self, lineage: &Lineage<'_>, leaf: &SeenLeaf) -> Vec<ForecastEntry> {
        let matches = |held: &&Held| held.issuers.iter().any(|issuer| issuer.is_in(&leaf.issuer));
        let others = self
            .peer
            .held
            .iter()
            .filter(|held| !held.issuers.is_empty() && !matches(held));
        let entries = others.map(|held| {
            let issuers: Vec<String> = held.issuers.iter().map(ToString::to_string).collect();
            self.entry(
                lineage.host,
                Saying {
                    kind: AlertKind::IssuerNotListed,
                    at: None,
                    severity: Severity::Error,
                    demanded_by: vec![held.by.clone()],
                    is_near: true,
                    text: format!(
                        "{} presents a certificate that was issued by {}, and {} takes only those by {}",
                        named(lineage.host),
                        leaf.issuer,
                        held.by,
                        issuers.join("; ")
                    ),
                    remedy: "add the new issuer to `issuers` of the connector if the partner has announced it"
                        .to_owned(),
                },
            )
        });
        entries.collect()
    }

    /// A connector wants certificates for clients.
    fn usages(&self, lineage: &Lineage<'_>, leaf: &SeenLeaf) -> Vec<ForecastEntry> {
        let is_left_out = self
            .peer
            .presented(leaf)
            .first()
            .is_some_and(|facts| facts.not_for_clients);
        let wanting = self.peer.held.iter().filter(|held| held.for_clients && is_left_out);
        let entries = wanting.map(|held| {
            self.entry(
                lineage.host,
                Saying {
                    kind: AlertKind::NotForClients,
                    at: None,
                    severity: Severity::Error,
                    demanded_by: vec![held.by.clone()],
                    is_near: true,
                    text: format!(
                        "the certificate for {} is not for clients (its extended key usages leave clientAuth out), and \
                         {} has server_auth_certificates = false",
                        named(lineage.host),
                        held.by
                    ),
                    remedy:
                        "set server_auth_certificates = true: public authorities issue hardly any others; or ask the \
                             partner for one with clientAuth"
                            .to_owned(),
                },
            )
        });
        entries.collect()
    }

    /// A leaf came without the certificates above it.
    fn no_intermediates(&self, lineage: &Lineage<'_>, leaf: &SeenLeaf) -> Option<ForecastEntry> {
        if self.peer.presented(leaf).len() != 1 {
            return None;
        }
        let mut lacking = Vec::new();
        let mut is_lacking = false;
        for held in self.sets() {
            let Some((_, anchors)) = &held.anchors else { continue };
            let verdict = self.peer.leads_to(leaf, anchors, self.now);
            if matches!(verdict, Some(Verdict::Fails(CertificateFault::IncompleteChain(_)))) {
                is_lacking = true;
                lacking.extend((!held.by.is_empty()).then(|| held.by.clone()));
            }
        }
        is_lacking.then(|| {
            self.entry(
                lineage.host,
                Saying {
                    kind: AlertKind::NoIntermediates,
                    at: None,
                    severity: Severity::Error,
                    demanded_by: lacking,
                    is_near: true,
                    text: format!(
                        "{} presents its certificate without those above it, so that it leads to no root; it was \
                         issued by {}",
                        named(lineage.host),
                        leaf.issuer
                    ),
                    remedy: format!("ask {} to present the whole chain", self.peer.domain),
                },
            )
        })
    }

    /// The last renewals were late.
    fn lateness(&self, lineage: &Lineage<'_>) -> Option<ForecastEntry> {
        let [current] = lineage.current()[..] else {
            // Of several at a time nobody can say which was renewed.
            return None;
        };
        let mut late = Vec::new();
        let mut leaf = current;
        while let Some(before) = lineage.before(leaf) {
            // It was still there in the last part of its life: whenever the new one came, it came late.
            let life = before.not_after.since(before.not_before);
            if before.last < before.not_after.minus(life / LATE_PART) {
                break;
            }
            late.push(before);
            leaf = before;
        }
        if late.len() < LATE_TIMES || current.not_after < self.now {
            return None;
        }
        let told: Vec<String> = late
            .iter()
            .map(|leaf| format!("{} (it ended on {})", date(leaf.last), date(leaf.not_after)))
            .collect();
        let before = ALERT_BEFORE.max(current.not_after.since(current.not_before) / LATE_PART);
        Some(self.entry(
            lineage.host,
            Saying {
                kind: AlertKind::RenewedLate,
                at: Some(current.not_after),
                severity: Severity::Warning,
                demanded_by: self.peer.demanders(LOOKS_AT_CHAIN),
                is_near: current.not_after <= self.now.plus(before),
                text: format!(
                    "the certificate of {} was renewed late {} times in a row: the old one was still there on {}; the \
                     present one ends on {}",
                    named(lineage.host),
                    late.len(),
                    told.join(", "),
                    date(current.not_after)
                ),
                remedy: format!("remind {} in time", self.peer.domain),
            },
        ))
    }
}

/// Authorities issue by changing intermediates: as long as it is one organization, it is one issuer.
fn is_same_issuer(one: &str, other: &str) -> bool {
    one == other || organization_of(one).is_some_and(|of_one| organization_of(other) == Some(of_one))
}

fn severity(end: Timestamp, now: Timestamp) -> Severity {
    if end <= now.plus(ERROR_BEFORE) {
        Severity::Error
    } else {
        Severity::Warning
    }
}

const fn ends(is_over: bool) -> &'static str {
    if is_over { "ended on" } else { "ends on" }
}

const fn named(host: &str) -> &str {
    if host.is_empty() {
        "a client without a name"
    } else {
        host
    }
}

/// Whether it was seen lately enough to be spoken of.
pub(super) fn is_recent(leaf: &SeenLeaf, now: Timestamp) -> bool {
    leaf.last >= now.minus(FORGET_AFTER)
}

/// A day in UTC.
pub(super) fn date(at: Timestamp) -> String {
    let (year, month, day, ..) = at.civil();
    format!("{year:04}-{month:02}-{day:02}")
}

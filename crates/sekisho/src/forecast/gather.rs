//! Brings together what a forecast is made of: partners as they were seen, their chains, what is demanded of them, and
//! our own certificates.

use std::collections::{BTreeMap, HashMap, HashSet};

use sekisho_api::{MailDirection, Partner, PartnerTraffic};
use sekisho_mail::{AnchorSetId, Domain, Host, OrganizationName, Timestamp, TlsVersion};
use sekisho_policy::outbound::Requirement;
use sekisho_store::{Destination, Store, StoreError};
use sekisho_tls::{AnchorSet, ClientProfile, IdentityUse};

use super::facts::{Held, OwnCertificate, PeerFacts};
use crate::{
    admin::NodeView,
    certificates::Certificates,
    outbound::Configured,
    partners::{self, FORGET_AFTER},
};

/// Partners that are read at a time.
const PAGE: usize = 100;
/// Leaves of a partner whose chains are looked at, the newest ones.
const LEAVES_MAX: usize = 16;

/// Which partners are looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Only those of this organization.
    pub(crate) organization: Option<String>,
    /// Only this one.
    pub(crate) domain: Option<String>,
    /// Only those of whose certificates somebody demands something.
    pub(crate) is_demanded: bool,
}

impl Wanted {
    fn is_met_by(&self, partner: &Partner) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        is(&self.organization, &partner.organization) && is(&self.domain, &partner.domain)
    }
}

/// What is asked.
pub(crate) struct Sources<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) configured: &'a Configured,
    pub(crate) sets: &'a BTreeMap<AnchorSetId, AnchorSet>,
    pub(crate) now: Timestamp,
}

impl Sources<'_> {
    /// Goes through partners, one direction after the other.
    pub(crate) async fn each_peer(
        &self,
        wanted: &Wanted,
        mut visit: impl FnMut(PeerFacts) + Send,
    ) -> Result<(), StoreError> {
        let prefix = match (&wanted.organization, &wanted.domain) {
            (Some(organization), Some(domain)) => partners::key(organization, domain),
            (Some(organization), None) => partners::key(organization, ""),
            (None, _) => String::new(),
        };
        let mut after = None;
        loop {
            let (page, next) = partners::list(self.store, &prefix, after, PAGE).await?;
            for partner in page.iter().filter(|partner| wanted.is_met_by(partner)) {
                for (direction, traffic) in [
                    (MailDirection::In, &partner.inbound),
                    (MailDirection::Out, &partner.outbound),
                ] {
                    let Some(traffic) = traffic else { continue };
                    if let Some(facts) = self.peer(partner, direction, traffic, wanted).await? {
                        visit(facts);
                    }
                }
            }
            // Signatures are checked on the way: others get their turn.
            tokio::task::yield_now().await;
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn peer(
        &self,
        partner: &Partner,
        direction: MailDirection,
        traffic: &PartnerTraffic,
        wanted: &Wanted,
    ) -> Result<Option<PeerFacts>, StoreError> {
        let held = self.held(partner, direction);
        if traffic.history.is_empty() || (wanted.is_demanded && held.is_empty()) {
            return Ok(None);
        }
        let shared = partner.organization.parse().ok();
        let shared = shared.and_then(|name: OrganizationName| self.sets.get(&AnchorSetId::of_organization(&name)));
        let system = shared.or_else(|| self.sets.get(&AnchorSetId::system())).cloned();
        let mut facts = PeerFacts {
            organization: partner.organization.clone(),
            domain: partner.domain.clone(),
            direction,
            history: traffic.history.clone(),
            chains: HashMap::new(),
            held,
            system: system.unwrap_or_else(AnchorSet::bundled),
        };
        let since = self.now.minus(FORGET_AFTER);
        let mut recent: Vec<_> = traffic.history.iter().filter(|leaf| leaf.last >= since).collect();
        recent.sort_by_key(|leaf| std::cmp::Reverse(leaf.last));
        for leaf in recent.into_iter().take(LEAVES_MAX) {
            let found = partners::chains_of(self.store, &leaf.sha256).await?;
            let is_of_side =
                |one: &partners::PresentedChain| one.chain.is_of_client() == (direction == MailDirection::In);
            if let Some(newest) = found.into_iter().find(is_of_side) {
                facts.chains.insert(leaf.sha256, newest.chain);
            }
        }
        Ok(Some(facts))
    }

    /// What is demanded of a partner's certificate.
    fn held(&self, partner: &Partner, direction: MailDirection) -> Vec<Held> {
        let (Ok(organization), Ok(domain)) = (
            partner.organization.parse::<OrganizationName>(),
            Domain::parse(&partner.domain),
        ) else {
            return Vec::new();
        };
        match direction {
            MailDirection::In => self.held_in(&organization, &domain),
            MailDirection::Out => self.held_out(organization, domain),
        }
    }

    fn held_out(&self, organization: OrganizationName, domain: Domain) -> Vec<Held> {
        let destination = Destination::of(organization, Host::Domain(domain));
        let mut all: Vec<Held> = Vec::new();
        for demand in self.configured.way(&destination).demands {
            let place = all.iter().position(|held| held.by == demand.origin).unwrap_or_else(|| {
                all.push(Held {
                    by: demand.origin.clone(),
                    ..Held::default()
                });
                all.len() - 1
            });
            let held = &mut all[place];
            match demand.require {
                Requirement::Certificate { anchors } | Requirement::Domain { anchors, .. } => {
                    held.anchors = self.named(&anchors);
                }
                Requirement::Pin { spki } => held.pins = spki,
                Requirement::Revocation { .. } => held.revocation = true,
                Requirement::Encryption | Requirement::Version { .. } | Requirement::KeyExchange { .. } => {}
            }
        }
        all.retain(|held| held.anchors.is_some() || !held.pins.is_empty());
        all
    }

    fn held_in(&self, organization: &OrganizationName, domain: &Domain) -> Vec<Held> {
        let connectors = self.configured.organizations.inbound().filter(|connector| {
            connector.enabled
                && connector.shadow.is_none()
                && connector.key.organization == *organization
                && connector.sender_domains.iter().any(|scope| scope.covers(Some(domain)))
        });
        let demanding = connectors.filter(|connector| connector.restrict_domains_to_certificate);
        let held = demanding.map(|connector| Held {
            by: format!("inbound connector \"{}\"", connector.key),
            anchors: self.named(&connector.anchors),
            pins: connector.pins.clone(),
            issuers: connector.issuers.clone(),
            for_clients: !connector.server_auth_certificates,
            // A pin of a key needs no path.
            revocation: connector.revocation.is_some() && (connector.pins.is_empty() || !connector.anchors.is_shared()),
        });
        held.collect()
    }

    /// A set of anchors with what it is called.
    fn named(&self, id: &AnchorSetId) -> Option<(String, AnchorSet)> {
        let name = if id.is_system() {
            "the system's trust".to_owned()
        } else {
            format!("the trust anchors of {}", id.0)
        };
        Some((name, self.sets.get(id)?.clone()))
    }
}

/// Our own certificates, each once, with where they are used.
pub(super) fn own(node: &NodeView, certificates: &Certificates) -> Vec<OwnCertificate> {
    let presented = certificates.presented();
    let of_roles = presented.roles.values().flat_map(|role| &role.identities);
    let of_roles: HashSet<(String, Timestamp)> = of_roles
        .filter_map(|(_, identity)| identity.chain().first())
        .map(|leaf| (leaf.dns_names.join(", "), leaf.not_after))
        .collect();
    let configured = node.rules.configured();
    let mut all: Vec<OwnCertificate> = Vec::new();
    let mut add = |names: String, not_after: Timestamp, place: String| {
        let same = |one: &&mut OwnCertificate| one.names == names && one.not_after == not_after;
        match all.iter_mut().find(same) {
            Some(known) if known.places.contains(&place) => {}
            Some(known) => known.places.push(place),
            None => all.push(OwnCertificate {
                is_of_role: of_roles.contains(&(names.clone(), not_after)),
                names,
                not_after,
                places: vec![place],
            }),
        }
    };
    for view in &node.tls.places {
        for certificate in &view.certificates {
            if let Ok(end) = certificate.not_after.parse::<jiff::Timestamp>() {
                let end = Timestamp::from_millis(end.as_millisecond());
                add(certificate.names.join(", "), end, view.place.clone());
            }
        }
    }
    for (key, way) in &configured.ways {
        let Some(identity) = way.client_identity.clone() else {
            continue;
        };
        let profile = ClientProfile {
            groups: way.offered_groups(),
            min_version: TlsVersion::Tls12,
            identity: IdentityUse::Tls13(identity),
        };
        for certificate in configured.tls.describe(&profile).certificates {
            let place = format!("connector \"{key}\"");
            add(certificate.names.join(", "), certificate.not_after, place);
        }
    }
    all
}

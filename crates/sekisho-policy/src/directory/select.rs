//! Which connector carries mail for a domain, and what the connectors that cover it demand.

use std::{fmt, sync::Arc};

use sekisho_mail::{AnchorSetId, Domain, Host, NamePattern, NameReach, OrganizationName, TlsVersion};

use super::{
    CertificateName, ConnectorKey, Directory, Organization, OutboundConnector, TlsSettings, exception::origin_of,
};
use crate::outbound::{Requirement, RouteDemand, TlsNames};

/// Which connector carries mail for a domain.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    /// Whose connectors were looked at: of an accepted domain its owner, otherwise who was asked for.
    pub organization: &'a OrganizationName,
    /// The one that says where mail goes; `None` leaves that to the node's routes and the MX records.
    pub chosen: Option<&'a Arc<OutboundConnector>>,
    /// Why that one.
    pub because: SelectionReason,
    /// Every connector that covers the domain, the chosen one among them: what each of them demands must hold.
    pub demanding: Vec<&'a Arc<OutboundConnector>>,
    /// Why mail waits: the connector that a rule chose cannot be gone; then none is chosen.
    pub missing: Option<MissingWay>,
    /// The connector through which mail to everywhere goes first, but not this, which came from there.
    pub not_sent_back: Option<&'a Arc<OutboundConnector>>,
    /// Whether it passes by the connector through which mail to everywhere goes first.
    pub(super) passes_central: bool,
    settings: Option<&'a Organization>,
}

/// What is settled about the way of mail before its destination is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bearing<'a> {
    /// Nothing.
    #[default]
    Free,
    /// A server of the organization that is asked for brought it.
    FromOwnServer,
    /// A rule of the organization that is asked for chose its outbound connector of this name.
    ByRule(&'a str),
}

/// Why the connector that a rule chose cannot be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingWay {
    /// It is disabled.
    Disabled(ConnectorKey),
    /// It is only tried.
    Tried(ConnectorKey),
    /// There is none of that name.
    Gone(ConnectorKey),
    /// The recipient's domain belongs to another organization by now.
    NotTheirs {
        /// The one that the rule chose.
        connector: ConnectorKey,
        /// Whose the domain is.
        owner: OrganizationName,
    },
}

/// A sentence without its full stop.
impl fmt::Display for MissingWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled(connector) => write!(f, "connector {connector} is disabled"),
            Self::Tried(connector) => write!(f, "connector {connector} is only tried"),
            Self::Gone(connector) => write!(f, "connector {connector} is not there any more"),
            Self::NotTheirs { connector, owner } => write!(
                f,
                "the domain is organization {owner}'s by now, and connector {connector} is not"
            ),
        }
    }
}

/// Why a connector was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectionReason {
    /// The rule that was applied when the message came in names it.
    Rule,
    /// Mail of the organization to everywhere goes through it first.
    Central,
    /// It names the domain.
    Exact,
    /// Its wildcard is the longest that covers the domain; what follows `*.`.
    Wildcard(Domain),
    /// It is for all accepted domains, and this is one.
    AllAcceptedDomains,
    /// It is for everything.
    Everything,
    /// None covers the domain.
    NoConnector,
}

/// A sentence without its full stop.
impl fmt::Display for SelectionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule => f.write_str("a rule names it"),
            Self::Central => f.write_str("mail to everywhere goes through the organization's own servers first"),
            Self::Exact => f.write_str("it names the domain"),
            Self::Wildcard(domain) => write!(f, "*.{domain} is the longest wildcard that covers the domain"),
            Self::AllAcceptedDomains => f.write_str("it is for all accepted domains, and the domain is one"),
            Self::Everything => f.write_str("it is for every domain (*)"),
            Self::NoConnector => f.write_str("no connector covers the domain"),
        }
    }
}

impl OutboundConnector {
    /// Whether a domain may choose it.
    pub(crate) const fn is_selectable(&self) -> bool {
        self.enabled && !self.is_transport_rule_scoped
    }

    /// Whether mail to `host` may come to it, enabled or not: by its domains, or, where they are not what it is chosen
    /// by, whatever the domain. `is_accepted` says that the host is an accepted domain of its organization.
    #[must_use]
    pub fn may_carry(&self, host: &Host, is_accepted: bool) -> bool {
        let is_for_all = self.is_transport_rule_scoped && self.recipient_domains.is_empty()
            || self.route_all_messages_via_on_premises
            || self.all_accepted_domains && is_accepted;
        is_for_all || self.recipient_domains.iter().any(|scope| scope.covers(host.domain()))
    }
}

impl Directory {
    /// [`Self::select_bearing`], of mail about whose way nothing is settled.
    #[must_use]
    pub fn select<'a>(&'a self, organization: &'a OrganizationName, host: &Host) -> Selection<'a> {
        self.select_bearing(organization, host, Bearing::Free)
    }

    /// Which connector carries mail for `host`: the one that a rule chose; the one through which all mail goes first,
    /// unless it came from there; else the most specific of those of the owner when it is an accepted domain, otherwise
    /// of those of `organization`: the domain itself, the longest wildcard, all accepted domains, everything. An
    /// address literal is covered by `*` alone. Whichever it is, all that cover the domain demand what they demand.
    #[must_use]
    pub fn select_bearing<'a>(
        &'a self,
        asked_for: &'a OrganizationName,
        host: &Host,
        bearing: Bearing<'_>,
    ) -> Selection<'a> {
        let domain = host.domain();
        let accepted = domain.and_then(|domain| self.domain(domain));
        let organization = accepted.map_or(asked_for, |accepted| &accepted.organization);
        let mut selection = Selection {
            organization,
            chosen: None,
            because: SelectionReason::NoConnector,
            demanding: Vec::new(),
            missing: None,
            not_sent_back: None,
            passes_central: match bearing {
                Bearing::Free => false,
                Bearing::FromOwnServer => organization == asked_for,
                Bearing::ByRule(_) => true,
            },
            settings: self.organization(organization),
        };
        if let Bearing::ByRule(name) = bearing {
            self.follow_rule(&mut selection, asked_for, name);
        }
        let Some(index) = self.index_of(organization) else {
            return selection;
        };
        match (&index.central, bearing) {
            (Some(central), Bearing::Free) => selection.add(central, SelectionReason::Central),
            // Whose server it was is whose connector it would go back through.
            (Some(central), Bearing::FromOwnServer) if selection.passes_central => {
                selection.not_sent_back = Some(central);
            }
            (Some(central), Bearing::FromOwnServer) => selection.add(central, SelectionReason::Central),
            (Some(_), Bearing::ByRule(_)) | (None, _) => {}
        }
        if let Some(domain) = domain {
            for connector in index.outbound.exact(domain) {
                selection.add(connector, SelectionReason::Exact);
            }
            for (of, connectors) in index.outbound.within(domain) {
                for connector in connectors {
                    selection.add(connector, SelectionReason::Wildcard(of.clone()));
                }
            }
        }
        if let Some(connector) = index.all_accepted.as_ref().filter(|_| accepted.is_some()) {
            selection.add(connector, SelectionReason::AllAcceptedDomains);
        }
        for connector in index.outbound.everything() {
            selection.add(connector, SelectionReason::Everything);
        }
        selection
    }
}

impl Directory {
    fn follow_rule<'a>(&'a self, selection: &mut Selection<'a>, organization: &OrganizationName, name: &str) {
        selection.because = SelectionReason::Rule;
        let key = ConnectorKey {
            organization: organization.clone(),
            name: name.into(),
        };
        selection.missing = match self.outbound_connector(&key) {
            _ if selection.organization != organization => Some(MissingWay::NotTheirs {
                connector: key,
                owner: selection.organization.clone(),
            }),
            None => Some(MissingWay::Gone(key)),
            Some(connector) if !connector.enabled => Some(MissingWay::Disabled(key)),
            Some(connector) if connector.shadow.is_some() => Some(MissingWay::Tried(key)),
            Some(connector) => {
                selection.add(connector, SelectionReason::Rule);
                None
            }
        };
    }
}

impl<'a> Selection<'a> {
    fn add(&mut self, connector: &'a Arc<OutboundConnector>, because: SelectionReason) {
        if self.chosen.is_none() && self.missing.is_none() {
            self.chosen = Some(connector);
            self.because = because;
        }
        if !self.demanding.iter().any(|other| Arc::ptr_eq(other, connector)) {
            self.demanding.push(connector);
        }
    }

    /// What must hold for mail to `recipient`, whichever way it goes: what every connector that covers it demands, and
    /// what the organization demands of all its mail.
    #[must_use]
    pub fn demands(&self, recipient: &Host) -> Vec<RouteDemand> {
        let mut demands: Vec<RouteDemand> = self
            .demanding
            .iter()
            .flat_map(|connector| connector.demands(recipient))
            .collect();
        demands.extend(self.floor(recipient).into_iter().flatten());
        demands
    }

    /// What the organization demands of all its mail: as the connector that carries it would.
    fn floor(&self, recipient: &Host) -> Option<impl Iterator<Item = RouteDemand>> {
        let organization = self.settings?;
        let level = organization.require_tls_outbound;
        let require = match self.chosen {
            Some(connector) => level.requirement(&connector.anchors, || connector.names_for(recipient)),
            None => level.requirement(&organization.anchors, || domain_of(recipient)),
        };
        let requirements = require?.with_revocation(organization.revocation);
        Some(requirements.map(|require| RouteDemand {
            require,
            origin: origin_of(&organization.name),
        }))
    }
}

impl OutboundConnector {
    /// What it demands of the way to `recipient`; empty when it is opportunistic. A key, a version above TLS 1.2 and
    /// key exchange groups are demands of their own, and each of them is one for TLS, whatever `tls_settings` says.
    #[must_use]
    pub fn demands(&self, recipient: &Host) -> Vec<RouteDemand> {
        let settings = self.tls_settings;
        let settings = settings.requirement(&self.anchors, || self.names_for(recipient));
        let settings = settings.or_else(|| (!self.pins.is_empty()).then_some(Requirement::Encryption));
        let pin = (!self.pins.is_empty()).then(|| Requirement::Pin {
            spki: self.pins.clone(),
        });
        let version = (self.floor.min_version > TlsVersion::Tls12).then_some(Requirement::Version {
            at_least: self.floor.min_version,
        });
        let key_exchange = self.floor.groups.map(|groups| Requirement::KeyExchange { groups });
        let origin = self.origin();
        settings
            .into_iter()
            .flat_map(|settings| settings.with_revocation(self.revocation))
            .chain(pin)
            .chain(version)
            .chain(key_exchange)
            .map(|require| RouteDemand {
                require,
                origin: origin.clone(),
            })
            .collect()
    }

    /// Whose its demands are, in the operator's words.
    #[must_use]
    pub fn origin(&self) -> String {
        self.key.as_origin()
    }

    /// The names that a certificate may be for: those that are set, otherwise the recipient's domain.
    fn names_for(&self, recipient: &Host) -> Vec<NamePattern> {
        if self.tls_domains.is_empty() {
            return domain_of(recipient);
        }
        self.tls_domains.iter().map(NamePattern::from).collect()
    }
}

/// The recipient's domain as the one name; of an address literal none.
fn domain_of(recipient: &Host) -> Vec<NamePattern> {
    recipient
        .domain()
        .cloned()
        .map(NamePattern::exact)
        .into_iter()
        .collect()
}

impl TlsSettings {
    /// What it demands of a chain and of the names of its leaf.
    fn requirement(self, anchors: &AnchorSetId, names: impl FnOnce() -> Vec<NamePattern>) -> Option<Requirement> {
        let anchors = || anchors.clone();
        match self {
            Self::Opportunistic => None,
            Self::EncryptionOnly => Some(Requirement::Encryption),
            Self::CertificateValidation => Some(Requirement::Certificate { anchors: anchors() }),
            Self::DomainValidation => Some(Requirement::Domain {
                anchors: anchors(),
                names: TlsNames::Listed(names()),
            }),
        }
    }
}

impl From<&CertificateName> for NamePattern {
    fn from(name: &CertificateName) -> Self {
        Self {
            reach: if name.within {
                NameReach::Within
            } else {
                NameReach::Exact
            },
            domain: name.domain.clone(),
        }
    }
}

//! What each inbound connector has to do with a recipient, in words: for whoever wants to know why one matches and the
//! others do not. Nothing is decided here: a connector that the decision names has the decision's words, and of any
//! other the steps of [`super::admit`] say why they led past it.

use std::ptr;

use super::{
    Admission, Demander, InboundFacts, Recipient, Stage, admit,
    attribution::{Attributed, Own, Recognized, attribute, by_any_address, may_send, own_certificates, recognize},
    brought_by_own,
    client::{Identity, identify},
    incoming::{Unmet, covers, direct_send, examine, judge_partners},
    refusal::Refused,
};
use crate::{
    Reason,
    directory::{ConnectorKey, ConnectorType, ExceptionSubject, InboundConnector},
};

/// One connector's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Which.
    pub connector: ConnectorKey,
    /// Whether it has a say in what becomes of this mail: it knows the client, or covers the sender. Of every
    /// connector by which the mail is taken or refused this is true.
    pub matches: bool,
    /// A sentence without its full stop; may hold the client's text.
    pub words: String,
}

/// Accounts of all connectors, by key; none where no recipient is asked for. Walks through all of them.
#[must_use]
pub fn account(facts: &InboundFacts<'_>) -> Vec<Account> {
    let Stage::Rcpt {
        standing, recipient, ..
    } = facts.stage
    else {
        return Vec::new();
    };
    let steps = Steps::of(facts, Recipient::here(facts.directory, standing, recipient));
    let mut accounts: Vec<Account> = facts
        .directory
        .inbound()
        .map(|connector| {
            let (matches, words) = steps.account(connector);
            Account {
                connector: connector.key.clone(),
                matches,
                words,
            }
        })
        .collect();
    accounts.sort_by(|one, other| one.connector.cmp(&other.connector));
    accounts
}

/// A judgement, and the steps that led to it.
struct Steps<'f, 'a> {
    facts: &'f InboundFacts<'a>,
    admission: Admission,
    here: Option<Recipient<'a>>,
    recognized: Recognized<'a>,
    attributed: Result<Attributed<'a>, Box<Refused>>,
    partners: Partners<'a>,
}

/// What the connectors of partners came to.
enum Partners<'a> {
    /// Nobody asked them; why.
    NotAsked(&'static str),
    /// Through which of them the mail comes, or that they refuse it.
    Asked(Result<Option<&'a InboundConnector>, Box<Refused>>),
}

impl<'a> Partners<'a> {
    fn of(
        facts: &InboundFacts<'a>,
        here: Option<&Recipient<'_>>,
        attributed: &Result<Attributed<'_>, Box<Refused>>,
    ) -> Self {
        const REFUSED: &str = "is not asked: the mail is refused before";
        let Some(here) = here else {
            return Self::NotAsked(OTHER_RECIPIENT);
        };
        let Ok(attributed) = attributed else {
            return Self::NotAsked(REFUSED);
        };
        match brought_by_own(facts, here, attributed) {
            Err(_) => Self::NotAsked(REFUSED),
            Ok(Some(_)) => {
                Self::NotAsked("is for mail from elsewhere, and the client is a server of the organization itself")
            }
            Ok(None) => Self::Asked(match facts.directory.index_of(here.organization) {
                None => Ok(None),
                Some(index) => judge_partners(facts, here, (index, attributed)).map(|(_, through)| through),
            }),
        }
    }
}

const OTHER_RECIPIENT: &str = "the recipient is not its organization's";

impl<'f, 'a> Steps<'f, 'a> {
    fn of(facts: &'f InboundFacts<'a>, here: Option<Recipient<'a>>) -> Self {
        let attributed = attribute(facts, here.as_ref());
        Self {
            facts,
            admission: admit(facts),
            recognized: recognize(facts, here.as_ref()),
            partners: Partners::of(facts, here.as_ref(), &attributed),
            attributed,
            here,
        }
    }

    fn account(&self, connector: &InboundConnector) -> (bool, String) {
        if !connector.enabled {
            return (false, "disabled".to_owned());
        }
        if let Some(shadow) = &connector.shadow {
            let words = match &shadow.draft_of {
                Some(live) => format!("is only tried, in the place of {live}"),
                None => "is only tried".to_owned(),
            };
            return (false, words);
        }
        if let Some(words) = named(self.admission.reasons(), &connector.key) {
            return (true, words);
        }
        let (matches, words) = match connector.kind {
            ConnectorType::OnPremises => self.own_server(connector),
            ConnectorType::Partner => self.partner(connector),
        };
        match self.vouch(connector) {
            Some(vouched) => (true, format!("{words}; {vouched}")),
            None => (matches, words),
        }
    }

    /// The recipient, if it is the connector's organization's.
    fn recipient_of(&self, connector: &InboundConnector) -> Option<&Recipient<'a>> {
        let here = self.here.as_ref();
        here.filter(|here| *here.organization == connector.key.organization)
    }

    /// That the connector knows the client, where that is what lets mail pass which says it is from the organization
    /// itself.
    fn vouch(&self, connector: &InboundConnector) -> Option<String> {
        let here = self.recipient_of(connector)?;
        let Partners::Asked(Ok(_)) = self.partners else {
            return None;
        };
        let claimed = direct_send(self.facts, here.organization)?;
        let exceptions = if connector.holds_address(self.facts.client) {
            Vec::new()
        } else if let Identity::Holds(named) = identify(connector, self.facts) {
            named.exceptions
        } else {
            return None;
        };
        let words = format!(
            "it knows the client, so that mail from {} is no Direct Send",
            claimed.domain
        );
        Some(with_exceptions(words, &exceptions))
    }

    fn own_server(&self, connector: &InboundConnector) -> (bool, String) {
        let is_among = |own: &Own<'_>, others: &[&InboundConnector]| {
            let mut all = std::iter::once(&own.connector).chain(others);
            all.any(|one| ptr::eq(*one, connector))
        };
        match &self.recognized {
            Recognized::Own(own, others) if is_among(own, others) => return (true, self.recognizes(connector, own)),
            Recognized::NotOwn(Attributed::Unknown { connector: first, why }) => {
                if ptr::eq(*first, connector) {
                    return (true, format!("may know the client by its certificate: {why}"));
                }
                if let Some((own, others)) = by_any_address(self.facts, self.here.as_ref())
                    && is_among(&own, &others)
                {
                    let words = format!(
                        "knows the client by {}, but connector {} of another organization may know it by its \
                         certificate",
                        own.known, first.key
                    );
                    return (true, words);
                }
            }
            Recognized::Own(..) | Recognized::NotOwn(Attributed::To(_) | Attributed::ToNobody { .. }) => {}
        }
        (false, self.passes_over(connector))
    }

    /// Of a connector that knows the client as one of its organization's own servers.
    fn recognizes(&self, connector: &InboundConnector, own: &Own<'_>) -> String {
        let mut exceptions = Vec::new();
        if ptr::eq(own.connector, connector) {
            exceptions.clone_from(&own.exceptions);
        }
        let words = match self.facts.shortfall(connector, &mut exceptions) {
            Some(shortfall) => format!("knows the client by {}, but {shortfall}", own.known),
            None => format!("knows the client by {}", own.known),
        };
        let words = with_exceptions(words, &exceptions);
        let is_for_others = self
            .here
            .as_ref()
            .is_some_and(|here| here.organization != own.organization());
        match &self.attributed {
            Ok(Attributed::ToNobody { .. }) => format!(
                "{words}; without the TLS that is demanded of that server, its mail for another organization is a \
                 stranger's"
            ),
            Ok(Attributed::To(_)) if is_for_others => {
                format!("{words}; its mail for another organization comes in as from elsewhere")
            }
            Ok(Attributed::To(_) | Attributed::Unknown { .. }) | Err(_) => words,
        }
    }

    /// Why a connector for servers of its organization does not know the client.
    fn passes_over(&self, connector: &InboundConnector) -> String {
        let certificate = connector.tls_sender_certificate_name.is_some();
        let certificate = certificate.then(|| self.without_certificate(connector));
        let address = (!connector.sender_addresses.is_empty()).then(|| self.without_address(connector));
        match (certificate, address) {
            (Some(certificate), Some(address)) => format!("{certificate}; {address}"),
            (Some(words), None) | (None, Some(words)) => words,
            (None, None) => "names neither a certificate nor addresses".to_owned(),
        }
    }

    /// Why it does not know the client by its certificate.
    fn without_certificate(&self, connector: &InboundConnector) -> String {
        let certified = own_certificates(self.facts);
        let found = certified.into_iter().find(|(one, _)| ptr::eq(*one, connector));
        let is_found = found.is_some();
        let identity = found.map_or_else(|| identify(connector, self.facts), |(_, identity)| identity);
        match identity {
            Identity::Fails(why) => format!("does not know the certificate ({why})"),
            Identity::Holds(_) | Identity::Unknown(_) if !is_found => {
                "does not know the certificate (its name lies in no domain of the organization)".to_owned()
            }
            Identity::Holds(_) | Identity::Unknown(_) if !may_send(connector, self.facts.sender_domain()) => {
                "looks for such a certificate, but is limited to accepted domains that are not the sender's".to_owned()
            }
            Identity::Holds(_) | Identity::Unknown(_) => {
                format!("looks for such a certificate, but {} goes before it", self.first())
            }
        }
    }

    /// Why it does not know the client by its address.
    fn without_address(&self, connector: &InboundConnector) -> String {
        let client = self.facts.client;
        if !connector.holds_address(client) {
            return format!("{client} is none of its addresses");
        }
        let recipient = self.here.as_ref().and_then(|here| here.accepted);
        let both = self.facts.sender_accepted().into_iter().chain(recipient);
        let mut own = both.filter(|accepted| accepted.organization == connector.key.organization);
        let why = if own.clone().next().is_none() {
            "neither the sender's domain nor the recipient's is its organization's".to_owned()
        } else if !own.any(|accepted| may_send(connector, Some(&accepted.domain))) {
            "it is limited to other accepted domains".to_owned()
        } else {
            format!("{} goes before it", self.first())
        };
        format!("{client} is one of its addresses, but {why}")
    }

    /// The connector that settles whose server the client is.
    fn first(&self) -> String {
        match &self.recognized {
            Recognized::Own(Own { connector, .. }, _) | Recognized::NotOwn(Attributed::Unknown { connector, .. }) => {
                format!("connector {}", connector.key)
            }
            Recognized::NotOwn(Attributed::To(_) | Attributed::ToNobody { .. }) => "another connector".to_owned(),
        }
    }

    fn partner(&self, connector: &InboundConnector) -> (bool, String) {
        let Some(here) = self.recipient_of(connector) else {
            return (false, OTHER_RECIPIENT.to_owned());
        };
        let through = match &self.partners {
            Partners::NotAsked(why) => return (false, (*why).to_owned()),
            Partners::Asked(through) => through.as_ref().map(|through| *through),
        };
        if !connector.trusted_organizations.is_empty() {
            let is_needed = through.map_or(true, |through| through.is_some_and(|one| ptr::eq(one, connector)));
            return self.trusts(connector, is_needed);
        }
        if connector.covers_sender(self.facts.sender_domain()) && covers(connector, here.domain) {
            return (true, self.covers(connector, through.ok().flatten()));
        }
        let words = match self.facts.sender_domain() {
            sender if connector.covers_sender(sender) => "is limited to other accepted domains".to_owned(),
            Some(domain) => format!("its sender domains do not cover {domain}"),
            None => "its sender domains do not cover a sender without a domain".to_owned(),
        };
        (false, words)
    }

    /// Of a partner's connector that covers the sender; the mail comes through another.
    fn covers(&self, connector: &InboundConnector, through: Option<&InboundConnector>) -> String {
        let instead = match through {
            Some(through) if !through.trusted_organizations.is_empty() => {
                format!(
                    "; connector {} trusts the organization whose server the client is",
                    through.key
                )
            }
            Some(through) => format!("; what connector {} demands holds, and one is enough", through.key),
            None => String::new(),
        };
        match examine(connector, self.facts) {
            Ok(met) => {
                let words = "covers the sender, and all that it demands holds".to_owned();
                with_exceptions(words, &met.exceptions)
            }
            Err(Unmet::Tls(shortfall)) => format!("covers the sender, but {shortfall}{instead}"),
            Err(Unmet::Unknown(why)) => {
                format!("covers the sender, but the certificate cannot be judged now: {why}{instead}")
            }
            Err(Unmet::Rule(rule, why)) => format!("covers the sender and has {rule}, but {why}{instead}"),
        }
    }

    /// Of a partner's connector that trusts organizations; `is_needed` says that the mail comes through it, or not in.
    fn trusts(&self, connector: &InboundConnector, is_needed: bool) -> (bool, String) {
        let trusts = |organization| connector.trusted_organizations.contains(organization);
        let whose = match &self.attributed {
            Ok(Attributed::To(own)) if trusts(own.organization()) => {
                format!("trusts {}, whose server the client is", own.organization())
            }
            Ok(Attributed::Unknown { connector: of, why }) if trusts(&of.key.organization) => {
                format!("trusts {}, whose server the client may be: {why}", of.key.organization)
            }
            Ok(_) | Err(_) => {
                let names = connector.trusted_organizations.iter().map(ToString::to_string);
                let names: Vec<String> = names.collect();
                let words = format!("trusts {}, and the client is none of their servers", names.join(", "));
                return (false, words);
            }
        };
        if is_needed {
            (true, whose)
        } else {
            (false, format!("{whose}, and no restriction stands against that"))
        }
    }
}

/// What the decision says of a connector; nothing of one that it does not name.
fn named(reasons: &[Reason], connector: &ConnectorKey) -> Option<String> {
    let words = reasons.iter().find_map(|reason| part_in(reason, connector))?;
    let exceptions = reasons.iter().filter(|reason| is_exception_to(reason, connector));
    Some(with_exceptions(words, exceptions))
}

/// The part that a connector has in a reason.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the reasons for and against a recipient these alone are a connector's"
)]
fn part_in(reason: &Reason, of: &ConnectorKey) -> Option<String> {
    let (connector, words) = match reason {
        Reason::OwnServer { connector, known } => (connector, format!("knows the client by {known}")),
        Reason::PartnerMet { connector, known } => (connector, format!("what it demands holds ({known})")),
        Reason::TrustedOrganization {
            connector,
            organization,
        } => (connector, format!("trusts {organization}, whose server the client is")),
        Reason::TlsDemanded {
            by: Demander::Connector(connector),
            shortfall,
        } => (connector, format!("stands against it: {shortfall}")),
        Reason::PartnerRestriction { connector, rule, why } => {
            (connector, format!("covers the sender and has {rule}, but {why}"))
        }
        Reason::CertificateUnknown { connector, why } => (
            connector,
            format!("looks for such a certificate, which cannot be judged now: {why}"),
        ),
        _ => return None,
    };
    (connector == of).then_some(words)
}

fn is_exception_to(reason: &Reason, connector: &ConnectorKey) -> bool {
    let Reason::Excepted { exception, .. } = reason else {
        return false;
    };
    let is_about = matches!(&exception.about, ExceptionSubject::InboundConnector(name) if *name == connector.name);
    is_about && exception.key.organization == connector.organization
}

fn with_exceptions<'r>(words: String, exceptions: impl IntoIterator<Item = &'r Reason>) -> String {
    let exceptions = exceptions.into_iter();
    exceptions.fold(words, |words, exception| format!("{words}; {exception}"))
}

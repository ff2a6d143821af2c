//! What each inbound connector has to do with a recipient, in words: for whoever wants to know why one matches and the
//! others do not. Nothing is decided here; [`super::admit`] decides.

use sekisho_mail::{Domain, Host};

use super::{
    InboundFacts,
    client::{Identity, identify},
    incoming::{Unmet, covers, examine},
};
use crate::{
    Reason,
    directory::{ConnectorKey, ConnectorType, InboundConnector},
};

/// One connector's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Which.
    pub connector: ConnectorKey,
    /// Whether it has to do with this mail: it knows the client, or covers the sender.
    pub matches: bool,
    /// A sentence without its full stop; may hold the client's text.
    pub words: String,
}

/// Accounts of all connectors, by key. Walks through all of them.
#[must_use]
pub fn account(facts: &InboundFacts<'_>, recipient: &Host) -> Vec<Account> {
    let accepted = recipient.domain().and_then(|domain| facts.directory.domain(domain));
    let owner = accepted.map(|accepted| &accepted.organization);
    let mut accounts: Vec<Account> = facts
        .directory
        .inbound()
        .map(|connector| {
            let (matches, words) = if !connector.enabled {
                (false, "disabled".to_owned())
            } else if let Some(shadow) = &connector.shadow {
                let words = match &shadow.draft_of {
                    Some(live) => format!("is only tried, in the place of {live}"),
                    None => "is only tried".to_owned(),
                };
                (false, words)
            } else if connector.kind == ConnectorType::OnPremises {
                own_server(connector, facts)
            } else if Some(&connector.key.organization) != owner {
                (false, "the recipient is not its organization's".to_owned())
            } else {
                partner(connector, facts, recipient.domain())
            };
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

fn own_server(connector: &InboundConnector, facts: &InboundFacts<'_>) -> (bool, String) {
    let certificate = match identify(connector, facts) {
        Identity::Holds(named) => {
            let words = format!("knows the client by its certificate for {}", named.name);
            return (true, with_exceptions(words, &named.exceptions));
        }
        Identity::Unknown(why) => return (true, format!("may know the client by its certificate: {why}")),
        Identity::Fails(why) => why,
    };
    if connector.sender_addresses.is_empty() {
        return (false, format!("does not know the certificate ({certificate})"));
    }
    if !connector.holds_address(facts.client) {
        let client = facts.client;
        return (
            false,
            format!("does not know the certificate ({certificate}), and {client} is none of its addresses"),
        );
    }
    let sender = facts.sender_accepted();
    if sender.is_some_and(|accepted| accepted.organization == connector.key.organization) {
        return (
            true,
            "knows the client by its address and the sender's domain".to_owned(),
        );
    }
    (
        true,
        "knows the client by its address, for recipients of its own organization alone: the sender's domain is not \
         accepted there"
            .to_owned(),
    )
}

fn partner(connector: &InboundConnector, facts: &InboundFacts<'_>, recipient: Option<&Domain>) -> (bool, String) {
    if !connector.trusted_organizations.is_empty() {
        let names: Vec<String> = connector
            .trusted_organizations
            .iter()
            .map(ToString::to_string)
            .collect();
        return (
            false,
            format!("trusts mail of {}, by the internal way alone", names.join(", ")),
        );
    }
    let sender = facts.sender_domain();
    if !connector.sender_domains.iter().any(|scope| scope.covers(sender)) {
        let words = match sender {
            Some(domain) => format!("its sender domains do not cover {domain}"),
            None => "its sender domains do not cover a sender without a domain".to_owned(),
        };
        return (false, words);
    }
    if !covers(connector, recipient) {
        return (false, "is limited to other accepted domains".to_owned());
    }
    let words = match examine(connector, facts) {
        Ok(met) if met.exceptions.is_empty() && connector.is_restricting() => {
            "covers the sender, and all that it demands holds".to_owned()
        }
        Ok(met) if met.exceptions.is_empty() => "covers the sender, and its TLS is good enough".to_owned(),
        Ok(met) => with_exceptions("covers the sender".to_owned(), &met.exceptions),
        Err(Unmet::Tls(shortfall)) => format!("covers the sender: {shortfall}"),
        Err(Unmet::Unknown(why)) => format!("covers the sender; the certificate cannot be judged now: {why}"),
        Err(Unmet::Rule(rule, why)) => format!("covers the sender and has {rule}, but {why}"),
    };
    (true, words)
}

fn with_exceptions(words: String, exceptions: &[Reason]) -> String {
    exceptions
        .iter()
        .fold(words, |words, exception| format!("{words}; {exception}"))
}

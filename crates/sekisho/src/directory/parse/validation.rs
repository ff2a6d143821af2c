//! With whom an outbound connector is tried, and how often by itself.

use std::{collections::HashMap, time::Duration};

use sekisho_api as api;
use sekisho_mail::{Domain, Mailbox};
use sekisho_policy::directory::{AcceptedDomain, Fault, OutboundConnector};

use super::{Collected, Revalidation, reader::Reader};
use crate::{directory::digest, validation::RECIPIENTS_MAX};

const RECIPIENTS: &str = "validation_recipients";
const EVERY: &str = "revalidate_every";
/// Nobody wants to be visited more often.
const EVERY_AT_LEAST: Duration = Duration::from_secs(1);

/// The fields of one connector; none that is disabled is tried by itself.
pub(super) fn read(
    document: &api::OutboundConnector,
    connector: &OutboundConnector,
    reader: &mut Reader<'_>,
) -> (Vec<Mailbox>, Option<Revalidation>) {
    let mut recipients = Vec::new();
    for text in &document.validation_recipients {
        match Mailbox::parse(text) {
            Ok(recipient) => recipients.push(recipient),
            Err(error) => {
                let reason = format!("{text:?} is no address: {error}");
                reader.fault(RECIPIENTS, reason, "write postmaster@bank.example");
            }
        }
    }
    if recipients.len() > RECIPIENTS_MAX {
        let reason = format!("a connector is tried with at most {RECIPIENTS_MAX} recipients");
        reader.fault(RECIPIENTS, reason, "take some out");
    }
    let every = reader.duration(EVERY, document.revalidate_every.as_deref());
    if every.is_some_and(|every| every < EVERY_AT_LEAST) {
        reader.fault(
            EVERY,
            "this must be at least a second",
            "an hour or a day is usual: 1h, 1d",
        );
    }
    if every.is_some() && document.validation_recipients.is_empty() {
        let reason = "a connector that is tried by itself needs somebody to try it with";
        reader.fault(
            RECIPIENTS,
            reason,
            "name an address in one of its domains, or take revalidate_every out",
        );
    }
    if document.revalidate_with_mail && document.revalidate_every.is_none() {
        let reason = "it is not tried by itself, so no test message is sent by itself";
        reader.fault("revalidate_with_mail", reason, "set revalidate_every, or take it out");
    }
    let planned = every.filter(|_| document.enabled).map(|every| Revalidation {
        key: connector.key.clone(),
        every,
        recipients: recipients.clone(),
        with_mail: document.revalidate_with_mail,
        digest: digest(document),
    });
    (recipients, planned)
}

/// Each of them must be in a domain whose mail the connector may carry: with all domains known that is found out.
pub(super) fn check(collected: &Collected, faults: &mut Vec<Fault>) {
    if collected.tried_with.iter().all(|(_, recipients)| recipients.is_empty()) {
        return;
    }
    let domains = collected
        .parts
        .domains
        .iter()
        .map(|accepted| (&accepted.domain, accepted));
    let domains: HashMap<&Domain, &AcceptedDomain> = domains.collect();
    for (connector, recipients) in &collected.tried_with {
        let Some(connector) = collected.parts.outbound.get(*connector) else {
            continue;
        };
        for recipient in recipients {
            let accepted = recipient
                .host()
                .domain()
                .and_then(|domain| domains.get(domain).copied());
            if let Some((reason, remedy)) = misfit(connector, recipient, accepted) {
                Reader::at(format!("outbound connector {}", connector.key), faults).fault(RECIPIENTS, reason, remedy);
            }
        }
    }
}

fn misfit(
    connector: &OutboundConnector,
    recipient: &Mailbox,
    accepted: Option<&AcceptedDomain>,
) -> Option<(String, &'static str)> {
    let organization = &connector.key.organization;
    if let Some(other) = accepted.filter(|accepted| accepted.organization != *organization) {
        let reason = format!(
            "{recipient}: its domain is one of organization {}, whose connectors carry its mail",
            other.organization
        );
        return Some((reason, "name an address in a domain of this connector"));
    }
    let is_covered = connector.may_carry(recipient.host(), accepted.is_some());
    (!is_covered).then(|| {
        let reason = format!("{recipient}: its domain is none of the connector's");
        (
            reason,
            "name an address in one of its recipient_domains, or add the domain there",
        )
    })
}

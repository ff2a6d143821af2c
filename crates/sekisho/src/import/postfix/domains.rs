//! Accepted domains, and who may send through the server: the one becomes documents, the other advice.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_api::{AcceptedDomain, Document as _, DomainType, RecipientCheck};
use sekisho_policy::Network;

use super::{
    Reading,
    maps::{self, Entry, Source},
};
use crate::import::{NoteKind, Place, Source as Origin};

/// The domains of whoever runs the server.
pub(super) struct OwnDomains {
    of: BTreeMap<String, (DomainType, Place)>,
}

impl OwnDomains {
    pub(super) fn has(&self, domain: &str) -> bool {
        self.of.contains_key(domain)
    }
}

/// `mydestination` and `relay_domains`.
pub(super) fn read(reading: &mut Reading<'_>) -> OwnDomains {
    let mut own = OwnDomains { of: BTreeMap::new() };
    collect(reading, "mydestination", DomainType::Authoritative, &mut own);
    collect(reading, "relay_domains", DomainType::ExternalRelay, &mut own);
    let listed = relay_recipients(reading);
    for (name, (kind, place)) in &own.of {
        if *kind == DomainType::Authoritative {
            let text = "mailboxes are not part of it: recipients here are those of [local] in sekisho.toml";
            reading.note(NoteKind::Different, true, place.clone(), text);
        }
        let mut document = AcceptedDomain {
            organization: reading.wanted.organization.clone(),
            name: name.clone(),
            kind: *kind,
            ..AcceptedDomain::default()
        };
        if let Some(listed) = listed.as_ref().filter(|_| *kind != DomainType::Authoritative) {
            list(&mut document, listed);
            if !listed.iter().any(|key| key.ends_with(&format!("@{name}"))) {
                let text = format!(
                    "nobody of {name} is in it, so there all its mail is refused; here it is taken: set \
                     recipient_check, or take the domain out"
                );
                let place = reading.parameter("relay_recipient_maps");
                reading.note(NoteKind::Different, true, place, text);
            }
        }
        let source = Origin {
            place: place.clone(),
            ..Origin::default()
        };
        reading.import.comes_from(&document.id(), source);
        reading.import.documents.domain.push(document);
    }
    own
}

/// The keys of `relay_recipient_maps`; nothing where it is empty, which lets everybody in, or cannot be read whole.
fn relay_recipients(reading: &mut Reading<'_>) -> Option<BTreeSet<String>> {
    let items = reading.items("relay_recipient_maps");
    let mut keys = BTreeSet::new();
    let mut is_whole = !items.is_empty();
    for item in items {
        let (file, entries) = reading.table("relay_recipient_maps", &item);
        is_whole &= !file.is_empty();
        keys.extend(entries.into_iter().map(|entry| entry.key));
    }
    is_whole.then_some(keys)
}

/// Those of a relay domain; `@example.org` stands for all of them.
fn list(document: &mut AcceptedDomain, keys: &BTreeSet<String>) {
    let everybody = format!("@{}", document.name);
    let listed: Vec<String> = keys.iter().filter(|key| key.ends_with(&everybody)).cloned().collect();
    if !listed.is_empty() && !listed.contains(&everybody) {
        document.recipient_check = RecipientCheck::List;
        document.recipients = listed;
    }
}

fn collect(reading: &mut Reading<'_>, parameter: &str, kind: DomainType, own: &mut OwnDomains) {
    for item in reading.main_cf.items(parameter) {
        let place = reading.parameter(parameter);
        let item = match item {
            Ok(item) => item,
            // It is the name of the machine as a rule, which main.cf need not have.
            Err(reason) => {
                let text = format!("{reason}: add the domain yourself where mail for it is wanted");
                reading.note(NoteKind::NoCounterpart, true, place, text);
                continue;
            }
        };
        let found = match maps::source(&item) {
            Source::Text(_) | Source::Unreadable(_) => {
                let (file, entries) = reading.table(parameter, &item);
                let entry = |Entry { key, line, .. }: Entry| (key, reading.in_file(&file, line, ""));
                entries.into_iter().map(entry).collect()
            }
            Source::Other => vec![(item.to_ascii_lowercase(), place)],
        };
        for (name, mut place) in found {
            parameter.clone_into(&mut place.property);
            add(reading, name, kind, place, own);
        }
    }
}

fn add(reading: &mut Reading<'_>, name: String, kind: DomainType, place: Place, own: &mut OwnDomains) {
    if name == "localhost" || name.starts_with("localhost.") {
        let text = "localhost is the machine itself; left out";
        return reading.note(NoteKind::NoCounterpart, false, place, text);
    }
    if name.starts_with(['!', '.', '[']) {
        let text = format!("{name}: only domains can be carried over");
        return reading.note(NoteKind::NoCounterpart, true, place, text);
    }
    let matches_below = match reading.main_cf.is_set("parent_domain_matches_subdomains") {
        true => reading
            .items("parent_domain_matches_subdomains")
            .iter()
            .any(|one| one == "relay_domains"),
        false => true,
    };
    if kind == DomainType::ExternalRelay && matches_below {
        let text = "there the domains below it are relayed too; here a domain is accepted alone: name those below it";
        reading.note(NoteKind::Different, true, place.clone(), text);
    }
    own.of.entry(name).or_insert((kind, place));
}

/// `mynetworks`, `relay_clientcerts` and TLS on the server's side.
pub(super) fn advise(reading: &mut Reading<'_>) {
    networks(reading);
    client_certificates(reading);
    if reading
        .value("smtpd_tls_security_level")
        .eq_ignore_ascii_case("encrypt")
    {
        let text = "it demands TLS of every client; require_tls_inbound of the organization demands it for mail to its \
                    domains";
        let place = reading.parameter("smtpd_tls_security_level");
        reading.note(NoteKind::Advice, true, place, text);
    }
}

fn networks(reading: &mut Reading<'_>) {
    if !reading.main_cf.is_set("mynetworks") {
        return;
    }
    let place = reading.parameter("mynetworks");
    let mut networks: Vec<String> = Vec::new();
    for item in reading.items("mynetworks") {
        match item.replace(['[', ']'], "").parse::<Network>() {
            Ok(_) if is_loopback(&item) => {}
            Ok(network) => networks.push(format!("\"{network}\"")),
            Err(_) => {
                let text = format!("{item}: only addresses and networks can be carried over");
                reading.note(NoteKind::NoCounterpart, true, place.clone(), text);
            }
        }
    }
    if !networks.is_empty() {
        let networks = networks.join(", ");
        let text = format!(
            "who comes from there may send anywhere. The same here is relay-from = [{networks}] of a [[listener]] \
             in sekisho.toml; less is an on_premises inbound connector with them as sender_ip_addresses, for mail \
             from the organization's own domains"
        );
        reading.note(NoteKind::Advice, true, place, text);
    }
}

fn is_loopback(item: &str) -> bool {
    ["127.", "[127.", "[::1]", "[::ffff:127."]
        .iter()
        .any(|start| item.starts_with(start))
}

fn client_certificates(reading: &mut Reading<'_>) {
    for item in reading.items("relay_clientcerts") {
        let (file, entries) = reading.table("relay_clientcerts", &item);
        for Entry { value, line, .. } in entries {
            let mut place = reading.in_file(&file, line, &value);
            "relay_clientcerts".clone_into(&mut place.property);
            let text = "who has this certificate may send anywhere. A fingerprint is that of a certificate or of a \
                        key, and a pin here is the SHA-256 of a key: no pin can be made of it. Make an on_premises \
                        inbound connector with the name in the certificate as tls_sender_certificate_name, and `pins` \
                        from the certificate itself";
            reading.note(NoteKind::Advice, true, place, text);
        }
    }
}

//! What a partner must do so that mail goes on, told from what stands in the chains.

use std::collections::BTreeSet;

use sekisho_api::{PartnerStep, PublishedHost, PublishedRoot, PublishedRootStanding, PublishedStanding};

use super::model::Family;

/// For all certificates of a role; in the order in which they are done.
pub(super) fn steps(families: &[Family], client_names: &[String]) -> Vec<PartnerStep> {
    let mut steps = roots(families);
    steps.extend(families.iter().flat_map(pins));
    let hosts = hosts(families);
    if !hosts.is_empty() {
        steps.push(PartnerStep::OpenHosts { hosts });
    }
    if !client_names.is_empty() {
        let mut presented = in_use(families);
        steps.push(PartnerStep::AcceptAsClient {
            client_names: client_names.to_vec(),
            server_usage_alone: presented.any(|(_, one)| one.is_not_for_clients),
        });
    }
    steps
}

/// What is presented or will be.
fn in_use(families: &[Family]) -> impl Iterator<Item = (&Family, &super::model::Shown)> {
    let all = families
        .iter()
        .flat_map(|family| family.certificates.iter().map(move |one| (family, one)));
    all.filter(|(_, one)| one.certificate.standing != PublishedStanding::Previous)
}

/// Each root once; one that only what comes next leads to is new.
fn roots(families: &[Family]) -> Vec<PartnerStep> {
    let mut steps: Vec<PartnerStep> = Vec::new();
    let mut known: Vec<&PublishedRoot> = Vec::new();
    for standing in [PublishedStanding::Current, PublishedStanding::Next] {
        for (family, one) in in_use(families).filter(|(_, one)| one.certificate.standing == standing) {
            let certificate = &one.certificate;
            if certificate.root.standing == PublishedRootStanding::SelfSigned {
                steps.push(PartnerStep::PinSelfSigned {
                    spki_sha256: certificate.spki_sha256,
                    sha256: certificate.sha256,
                });
                continue;
            }
            if known.iter().any(|root| is_same(root, &certificate.root)) {
                continue;
            }
            known.push(&certificate.root);
            steps.push(PartnerStep::TrustRoot {
                root: certificate.root.clone(),
                is_next: standing == PublishedStanding::Next,
                before: family.changes_at().filter(|_| standing == PublishedStanding::Next),
            });
        }
    }
    steps
}

fn is_same(one: &PublishedRoot, other: &PublishedRoot) -> bool {
    match (one.sha256, other.sha256) {
        (Some(one), Some(other)) => one == other,
        _ => one.subject == other.subject,
    }
}

fn pins(family: &Family) -> Option<PartnerStep> {
    let current = family.find(PublishedStanding::Current);
    let key_family = family.key_family.to_owned();
    let (old, new, comes) = match (current, family.find(PublishedStanding::Next)) {
        (Some(current), Some(next)) => (current, next, true),
        (Some(current), None) => (family.find(PublishedStanding::Previous)?, current, false),
        (None, _) => return None,
    };
    let (old, new) = (old.certificate.spki_sha256, new.certificate.spki_sha256);
    Some(match (old == new, comes) {
        (true, _) => PartnerStep::KeepPin {
            key_family,
            spki_sha256: new,
        },
        (false, true) => PartnerStep::ReplacePin {
            key_family,
            old_spki_sha256: old,
            new_spki_sha256: new,
            before: family.changes_at(),
        },
        (false, false) => PartnerStep::DropPin {
            key_family,
            old_spki_sha256: old,
            new_spki_sha256: new,
            since: family.changes_at(),
        },
    })
}

/// Hosts that a firewall must let through: what the chains in use name.
fn hosts(families: &[Family]) -> Vec<PublishedHost> {
    let urls = in_use(families).flat_map(|(_, one)| &one.certificate.endpoints);
    let hosts: BTreeSet<_> = urls.filter_map(|endpoint| host_of(&endpoint.url)).collect();
    hosts.into_iter().collect()
}

/// The host of a web address; of any other none is known.
fn host_of(url: &str) -> Option<PublishedHost> {
    let (scheme, rest) = url.split_once("://")?;
    let usual_port = match scheme.to_ascii_lowercase().as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (host, port) = match place.rsplit_once(':') {
        // The colons of an address in brackets are its own.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (place, usual_port),
    };
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || b".-_[]:".contains(&octet);
    let is_host = !host.is_empty() && host.bytes().all(fits);
    is_host.then(|| PublishedHost {
        host: host.to_ascii_lowercase(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_off_web_addresses_and_nothing_else() {
        let host = |url: &str| host_of(url).map(|found| format!("{} {}", found.host, found.port));
        for (url, expected) in [
            ("http://CRL.example.com/a.crl", Some("crl.example.com 80")),
            ("https://crl.example.com", Some("crl.example.com 443")),
            ("http://crl.example.com:8080?x", Some("crl.example.com 8080")),
            ("http://user:word@crl.example.com/@x", Some("crl.example.com 80")),
            ("http://[2001:db8::1]/a", Some("[2001:db8::1] 80")),
            ("http://[2001:db8::1]:81/a", Some("[2001:db8::1] 81")),
            ("ldap:///CN=x", None),
            ("http:///a", None),
            ("http://a<b>/", None),
            ("http://a:99999/", None),
            ("crl.example.com", None),
        ] {
            assert_eq!(host(url).as_deref(), expected, "{url}");
        }
    }
}

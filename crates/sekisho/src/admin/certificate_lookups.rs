//! What is looked up around a certificate that comes in: the certificates of its issuers, where that is asked for, and
//! the mail exchangers by whose names peers will know it.

use std::{collections::BTreeSet, time::Duration};

use sekisho_mail::{Domain, NamePattern};
use sekisho_tls::{AnchorSet, Finding, Weight, any_matches};
use tokio::{task::JoinSet, time};

use super::Backend;
use crate::{
    certificates::{Done, Material, OrderError},
    dns::mail_hosts,
    fetch::{FetchLimits, FetchRequest, FetchTerms, Fetcher},
};

/// Certificates that are fetched for one chain.
const ISSUERS_MAX: usize = 4;
/// Octets of one.
const ISSUER_LEN_MAX: usize = 64 * 1024;
/// Domains whose mail exchangers are looked up, and for how long all of them.
const DOMAINS_MAX: usize = 20;
const LOOK_UP_LIMIT: Duration = Duration::from_secs(5);

/// Fetches what is missing of a chain from where its certificates say (RFC 5280 §4.2.2.1), up to one of `roots`.
pub(super) async fn fetch_issuers(
    fetcher: &Fetcher,
    roots: &AnchorSet,
    material: Material,
) -> Result<(Material, Vec<Finding>), OrderError> {
    let terms = FetchTerms {
        limits: FetchLimits {
            body_len: ISSUER_LEN_MAX,
            ..FetchLimits::default()
        },
        redirects: 1,
        ..FetchTerms::default()
    };
    let key = material.key.as_ref().map(sekisho_tls::PrivateKey::spki_sha256);
    let refused = |error: &dyn std::fmt::Display| OrderError::Refused {
        message: format!("the issuer's certificate cannot be fetched: {error}"),
        findings: Vec::new(),
    };
    let (mut chain, mut findings) = (material.chain, Vec::new());
    for _ in 0..ISSUERS_MAX {
        let (ordered, _) = chain
            .in_order(key)
            .map_err(|error| OrderError::BadOrder(error.to_string()))?;
        let Some(address) = ordered.missing_issuer(roots) else {
            break;
        };
        let url = address.parse().map_err(|error| refused(&error))?;
        let fetched = fetcher.fetch(FetchRequest::get(url), &terms).await;
        let fetched = fetched
            .and_then(crate::fetch::Fetched::successful)
            .map_err(|error| refused(&error))?;
        chain = ordered.with(&fetched.body).map_err(|error| refused(&error))?;
        let text = format!("the issuer's certificate was fetched from {address} and is part of the chain");
        findings.push(Finding::new(Weight::Note, text));
        let (now, _) = chain
            .in_order(key)
            .map_err(|error| OrderError::BadOrder(error.to_string()))?;
        if now.facts().len() == ordered.facts().len() {
            return Err(refused(&format_args!(
                "{address} has another certificate than the issuer's"
            )));
        }
    }
    let material = Material { chain, ..material };
    Ok((material, findings))
}

/// Adds what is to be said of the mail exchangers of the organization's domains: peers that check names look for those.
pub(super) async fn compare_with_exchangers(backend: &Backend, done: &mut [Done]) {
    for one in done {
        let role = &one.instance.id.role;
        let Some(chain) = one
            .instance
            .chain()
            .filter(|_| backend.certificates.is_of_listener(role))
        else {
            continue;
        };
        let directory = backend.directory.current();
        let domains = directory
            .directory
            .domains()
            .filter(|domain| domain.organization == role.organization);
        let domains: BTreeSet<Domain> = domains.map(|domain| domain.domain.clone()).collect();
        let presented = chain.leaf_names();
        let named = domains
            .into_iter()
            .filter(|domain| domain.as_str().contains('.'))
            .take(DOMAINS_MAX);
        let mut looking: JoinSet<(Domain, Result<Vec<Domain>, String>)> = JoinSet::new();
        for domain in named {
            let dns = backend.dns.clone();
            looking.spawn(async move {
                let found = mail_hosts(dns.mx(&domain).await, &domain);
                (domain, found)
            });
        }
        let collected = time::timeout(LOOK_UP_LIMIT, async {
            while let Some(found) = looking.join_next().await {
                one.findings.extend(
                    found
                        .ok()
                        .and_then(|(domain, found)| compare(&domain, found, &presented)),
                );
            }
        });
        if collected.await.is_err() {
            let text = "not all MX records were to be had in time: `sekisho certificate check` looks again";
            one.findings.push(Finding::new(Weight::Note, text));
        }
    }
}

fn compare(domain: &Domain, found: Result<Vec<Domain>, String>, presented: &[String]) -> Option<Finding> {
    let hosts = match found {
        Ok(hosts) => hosts,
        Err(fault) => {
            let text = format!("the MX records of {domain} cannot be looked up just now ({fault})");
            return Some(Finding::new(Weight::Note, text));
        }
    };
    let patterns: Vec<NamePattern> = hosts.iter().filter_map(|host| host.as_str().parse().ok()).collect();
    if patterns.is_empty() || any_matches(presented, &patterns) {
        return None;
    }
    let names: Vec<&str> = hosts.iter().map(Domain::as_str).collect();
    let text = format!(
        "mail for {domain} is sent to {}, and the certificate is for none of these: peers that check it refuse it",
        names.join(", ")
    );
    Some(Finding::new(Weight::Warning, text))
}

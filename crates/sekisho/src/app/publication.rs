//! Which certificates the configuration says are public, as what they are presented, and by whom.

use std::{collections::BTreeSet, sync::Arc};

use sekisho_api::PublishedStanding;
use sekisho_mail::Digest;
use sekisho_tls::{Identity, ServerCertificates};

use crate::{
    certificate_page::{CertificatePublication, Publication, RolePublication},
    certificates::Certificates,
    config::{ListenerPlan, Loaded},
    outbound::Configured,
};

/// What is published of a configuration; with the self-signed certificates when a server runs.
pub(super) fn publication(
    loaded: &Loaded,
    configured: &Configured,
    (ours, self_signed): (&Certificates, Option<&Arc<ServerCertificates>>),
) -> Publication {
    let hostname = loaded.settings.hostname.to_string();
    let mut roles: Vec<RolePublication> = Vec::new();
    for plan in loaded.settings.listeners.iter().filter(|plan| plan.published) {
        let Some(self_signed) = self_signed else {
            continue;
        };
        for role in of_listener(plan, &plan.presented(ours, self_signed), &hostname) {
            match roles.iter_mut().find(|known| leaves(known) == leaves(&role)) {
                Some(known) => known.name = format!("{}, {}", known.name, role.name),
                None => roles.push(role),
            }
        }
    }
    for role in &mut roles {
        role.client_names = client_names(&leaves(role), configured, &hostname);
    }
    Publication {
        service: hostname,
        roles,
    }
}

/// What is presented to clients that name nobody, and what SNI picks, each by itself.
fn of_listener(plan: &ListenerPlan, certificates: &ServerCertificates, hostname: &str) -> Vec<RolePublication> {
    let mut roles: Vec<(BTreeSet<String>, RolePublication)> = Vec::new();
    for (identity, is_default) in certificates.standing() {
        let names: BTreeSet<String> = identity.names().into_iter().collect();
        let certificate = CertificatePublication {
            identity: identity.clone(),
            standing: PublishedStanding::Current,
            since: None,
        };
        let same = |(known, _): &&mut (BTreeSet<String>, RolePublication)| *known == names;
        if let Some((_, role)) = roles.iter_mut().find(same) {
            role.certificates.push(certificate);
            continue;
        }
        let server_names = if is_default {
            vec![hostname.to_owned()]
        } else {
            names.iter().cloned().collect()
        };
        let name = if is_default {
            plan.name.clone()
        } else {
            let first = names.first().map_or("", String::as_str);
            format!("{} {first}", plan.name)
        };
        let role = RolePublication {
            name,
            server_names,
            client_names: Vec::new(),
            certificates: vec![certificate],
        };
        roles.push((names, role));
    }
    roles.into_iter().map(|(_, role)| role).collect()
}

/// By their certificates, wherever they were loaded from.
fn leaves(role: &RolePublication) -> BTreeSet<Digest> {
    role.certificates.iter().filter_map(|one| leaf(&one.identity)).collect()
}

fn leaf(identity: &Identity) -> Option<Digest> {
    identity.chain().first().map(|leaf| leaf.sha256)
}

/// With which names those introduce themselves who show one of these certificates to servers that they bring mail to.
fn client_names(leaves: &BTreeSet<Digest>, configured: &Configured, hostname: &str) -> Vec<String> {
    let settings = &configured.settings;
    let routes = settings.routes.iter().chain([&settings.default_route]);
    let mut names = BTreeSet::new();
    for way in routes.chain(configured.ways.values()) {
        let shown = way.client_identity.as_ref().and_then(|id| configured.tls.identity(id));
        if shown.and_then(leaf).is_some_and(|leaf| leaves.contains(&leaf)) {
            let name = way.ehlo_name.as_ref().map(ToString::to_string);
            names.insert(name.unwrap_or_else(|| hostname.to_owned()));
        }
    }
    names.into_iter().collect()
}

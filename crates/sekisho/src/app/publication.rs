//! Which certificates the configuration says are public, as what they are presented, and by whom.

use std::{collections::BTreeSet, sync::Arc};

use sekisho_api::PublishedStanding;
use sekisho_mail::{Digest, Timestamp};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{Identity, IdentityFiles, ServerCertificates};

use crate::{
    admin::Publisher,
    certificate_page::{CertificatePublication, Publication, RolePublication},
    certificates::Certificates,
    config::{ListenerPlan, Loaded},
    outbound::Configured,
};

/// What decides of a configuration which certificates are public.
#[derive(Debug)]
pub(super) struct Publishing {
    hostname: String,
    listeners: Vec<ListenerPlan>,
    configured: Configured,
    /// Those that are made where a listener names none; when a server runs.
    self_signed: Option<Arc<ServerCertificates>>,
}

impl Publishing {
    pub(super) fn new(loaded: &Loaded, configured: &Configured, self_signed: Option<&Arc<ServerCertificates>>) -> Self {
        Self {
            hostname: loaded.settings.hostname.to_string(),
            listeners: loaded.settings.listeners.clone(),
            configured: configured.clone(),
            self_signed: self_signed.cloned(),
        }
    }
}

impl Publisher for Publishing {
    fn publication(&self, ours: &Certificates, now: Timestamp) -> Publication {
        let mut roles: Vec<RolePublication> = self.of_roles(ours, now);
        for plan in self.listeners.iter().filter(|plan| plan.published) {
            let Some(certificates) = self.of_files(plan, ours) else {
                continue;
            };
            for role in of_listener(plan, &certificates, &self.hostname) {
                match roles.iter_mut().find(|known| leaves(known) == leaves(&role)) {
                    Some(known) => known.name = format!("{}, {}", known.name, role.name),
                    None => roles.push(role),
                }
            }
        }
        for role in &mut roles {
            role.client_names = client_names(&leaves(role), &self.configured, &self.hostname);
        }
        Publication {
            service: self.hostname.clone(),
            roles,
        }
    }
}

impl Publishing {
    /// Roles that are public by themselves, or by a listener that presents them.
    fn of_roles(&self, ours: &Certificates, now: Timestamp) -> Vec<RolePublication> {
        let is_shown = |role: &CertificateRoleKey| {
            let mut published = self.listeners.iter().filter(|plan| plan.published);
            published.any(|plan| plan.roles.contains(role))
        };
        let published = ours.published(is_shown, now).into_iter();
        let publication = published.map(|(role, certificates)| {
            let is_presented = self.listeners.iter().any(|plan| plan.roles.contains(&role));
            RolePublication {
                name: role.to_string(),
                server_names: is_presented.then(|| self.hostname.clone()).into_iter().collect(),
                client_names: Vec::new(),
                certificates,
            }
        });
        publication.collect()
    }

    /// Certificates of a listener that are in no role: those in its files, and where it names none at all those that
    /// are made.
    fn of_files(&self, plan: &ListenerPlan, ours: &Certificates) -> Option<Arc<ServerCertificates>> {
        let presented = ours.presented();
        let of_file = |(files, at_first): &(IdentityFiles, Identity)| {
            let newest = presented.files.get(files);
            newest.unwrap_or(at_first).clone()
        };
        let identities: Vec<Identity> = plan.certificates.iter().map(of_file).collect();
        let made = || self.self_signed.clone().filter(|_| plan.roles.is_empty());
        ServerCertificates::new(identities).map(Arc::new).or_else(made)
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

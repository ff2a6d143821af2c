//! What of roles partners are told: what is presented, what comes next and what was before, of those roles that the
//! operator publishes.

use sekisho_api::PublishedStanding;
use sekisho_mail::Timestamp;
use sekisho_policy::directory::CertificateRoleKey;

use super::{
    live::{Certificates, Holdings, RolePresented},
    record::{Instance, Stage},
    role::CertificateRole,
};
use crate::certificate_page::CertificatePublication;

impl Certificates {
    /// Each role that says that it is public, or of which `is_shown` says so, with its certificates; in the order of
    /// the directory.
    #[must_use]
    pub fn published(
        &self,
        is_shown: impl Fn(&CertificateRoleKey) -> bool,
        now: Timestamp,
    ) -> Vec<(CertificateRoleKey, Vec<CertificatePublication>)> {
        let (holdings, presented) = (self.holdings(), self.presented());
        let published = holdings
            .around
            .roles
            .iter()
            .filter(|role| role.published || is_shown(&role.key));
        let told = published.map(|role| {
            let of_role = presented.roles.get(&role.key).cloned().unwrap_or_default();
            (role.key.clone(), holdings.told(role, &of_role, now))
        });
        told.collect()
    }
}

impl Holdings {
    /// The page shows the first of each standing: what comes soonest, and what was replaced last, stand first.
    fn told(&self, role: &CertificateRole, of_role: &RolePresented, now: Timestamp) -> Vec<CertificatePublication> {
        let all = self.of_role(role);
        let told = all.iter().filter_map(|instance| {
            let identity = instance.identity.as_ref()?;
            if role.mismatch(identity).is_some() {
                return None;
            }
            let is_presented = of_role.identities.iter().any(|(id, _)| *id == instance.id.id);
            let (standing, since) = standing(role, instance, is_presented, now)?;
            let chosen = || {
                self.rollovers
                    .get(&role.key)
                    .filter(|one| one.is_next(instance.record.spki_sha256))?
                    .switch_at
            };
            let since = match standing {
                PublishedStanding::Next => since.or_else(chosen),
                _ => since,
            };
            Some(CertificatePublication {
                identity: identity.clone(),
                standing,
                since,
            })
        });
        let mut told: Vec<_> = told.collect();
        told.sort_by_key(|one| match (one.standing, one.since) {
            (PublishedStanding::Previous, Some(since)) => -since.as_millis(),
            (_, Some(since)) => since.as_millis(),
            (_, None) => i64::MAX,
        });
        told
    }
}

/// Where a certificate stands for partners, and since or from when; `None` where they are not told of it.
fn standing(
    role: &CertificateRole,
    instance: &Instance,
    is_presented: bool,
    now: Timestamp,
) -> Option<(PublishedStanding, Option<Timestamp>)> {
    let leaf = instance.identity.as_ref()?.chain().first()?;
    let record = &instance.record;
    let begins = record.active_from.map(|from| from.max(leaf.not_before));
    if is_presented {
        return Some((PublishedStanding::Current, begins));
    }
    match record.stage {
        _ if leaf.not_after < now => None,
        Stage::Staged => Some((PublishedStanding::Next, None)),
        Stage::Active if begins.is_some_and(|begins| begins > now) => Some((PublishedStanding::Next, begins)),
        Stage::Active | Stage::Retired => {
            let replaced = record.replaced_at.filter(|at| now.since(*at) <= role.overlap)?;
            Some((PublishedStanding::Previous, Some(replaced)))
        }
        Stage::Requested => None,
    }
}

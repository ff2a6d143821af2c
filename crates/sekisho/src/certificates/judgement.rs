//! What is judged of a certificate before anything is done with it: what is wrong with its chain, where it begins, and
//! what must not be left without it.

use std::collections::HashSet;

use sekisho_mail::{Digest, Timestamp};
use sekisho_tls::{CertificateChain, Expected, Finding, KeyType, Use, Weight, any_matches, inspect};

use super::{
    CertificateRole,
    choice::{self, Standing},
    due::key_words,
    live::{Certificates, Holdings},
    orders::{Import, OrderError},
    record::{Instance, Origin, Stage},
};

/// Certificates and requests of one role: each is read at the start, and looked at whenever one is chosen.
const INSTANCES_MAX: usize = 100;

impl Certificates {
    /// What is wrong with a chain, or worth knowing, for this role.
    pub(super) fn findings(
        &self,
        holdings: &Holdings,
        role: &CertificateRole,
        chain: &CertificateChain,
        now: Timestamp,
    ) -> Vec<Finding> {
        let listeners = holdings.around.listeners.get(&role.key);
        let mut findings = inspect(
            chain,
            &Expected {
                names: &role.names,
                used_as: if holdings.around.is_for_clients(&role.key) {
                    Use::Server
                } else {
                    Use::ClientAlone
                },
                anchors: &holdings.around.roots,
                now,
            },
        );
        if let Some(reason) = role.mismatch_of(chain) {
            findings.insert(0, Finding::new(Weight::Error, reason));
        }
        if let (Some(listeners), Some(host)) = (listeners, &holdings.around.host_name) {
            let wanted = host.as_str().parse().ok().into_iter().collect::<Vec<_>>();
            if !any_matches(&chain.leaf_names(), &wanted) {
                let listeners = listeners.join(", ");
                let text = format!("it is not for {host}, by which this server greets on {listeners}");
                findings.push(Finding::new(Weight::Warning, text));
            }
        }
        findings
    }
}

pub(super) fn refuse_errors(role: &CertificateRole, findings: &[Finding]) -> Result<(), OrderError> {
    if findings.iter().all(|finding| finding.weight < Weight::Error) {
        return Ok(());
    }
    Err(OrderError::Refused {
        message: format!("the certificate cannot be used as {}", role.key),
        findings: findings.to_vec(),
    })
}

pub(super) fn refuse_too_many(all: &[Instance]) -> Result<(), OrderError> {
    if all.len() < INSTANCES_MAX {
        return Ok(());
    }
    Err(OrderError::refused(format!(
        "the role has {} certificates and requests, and {INSTANCES_MAX} at most; remove those that are retired",
        all.len()
    )))
}

/// Refuses what would leave a role without a certificate that is valid.
pub(super) fn refuse_last(holdings: &Holdings, instance: &Instance, now: Timestamp) -> Result<(), OrderError> {
    let Some(role) = holdings.role(&instance.id.role) else {
        return Ok(());
    };
    let candidates = |all: &[Instance]| {
        let candidates = holdings.candidates(role, all, now).into_iter();
        candidates.map(|(_, candidate, _)| candidate).collect::<Vec<_>>()
    };
    let all = holdings.of_role(role);
    let others: Vec<Instance> = all.iter().filter(|one| one.id != instance.id).cloned().collect();
    let before = choice::choose(&candidates(&all), now).standing;
    let after = choice::choose(&candidates(&others), now).standing;
    if before == after || (before != Standing::Usable && after != Standing::Empty) {
        return Ok(());
    }
    Err(OrderError::refused(format!(
        "without {} role {} has no valid certificate; activate another first, or force it",
        instance.id.id, role.key
    )))
}

/// Where a certificate that comes in begins: its stage, from when on it is active, and that in words.
pub(super) fn decide(
    import: &Import,
    holdings: &Holdings,
    (role, all): (&CertificateRole, &[Instance]),
    spki: Digest,
    now: Timestamp,
) -> (Stage, Option<Timestamp>, String) {
    if holdings.is_replaced(&role.key, spki) && import.activate_at.is_none() {
        let words = "staged: it is on a key that a roll-over has replaced".to_owned();
        return (Stage::Staged, None, words);
    }
    if let Some(at) = import.activate_at {
        return (Stage::Active, Some(at), format!("active from {at} on, as ordered"));
    }
    if import.stage {
        return (Stage::Staged, None, "staged, as ordered".to_owned());
    }
    if holdings.is_coming(&role.key, spki) {
        let words = "staged: it is on the next key of the roll-over, which goes on with it".to_owned();
        return (Stage::Staged, None, words);
    }
    let active: Vec<&Instance> = all.iter().filter(|one| one.record.stage == Stage::Active).collect();
    if active.iter().any(|one| one.record.spki_sha256 == spki) {
        let words = "active: it has the key that is in force".to_owned();
        return (Stage::Active, Some(now), words);
    }
    let mut named_by = holdings.who_names(role, &active);
    if !active.is_empty() {
        named_by.extend(import.named_by.iter().cloned());
    }
    match named_by.first() {
        Some(first) => {
            let others = match named_by.len() {
                1 => String::new(),
                number => format!(" and {} more", number - 1),
            };
            let words = format!(
                "staged: it has a new key, and the one in force is named by {first}{others}; have that changed, \
                 then activate it"
            );
            (Stage::Staged, None, words)
        }
        None if active.is_empty() => (Stage::Active, Some(now), "active: the role had none".to_owned()),
        None => {
            let words = "active: it has a new key, and nothing is known to pin the old one".to_owned();
            (Stage::Active, Some(now), words)
        }
    }
}

impl Holdings {
    /// Who is known to have pinned a key in force.
    pub(super) fn who_names(&self, role: &CertificateRole, active: &[&Instance]) -> Vec<String> {
        if active.is_empty() {
            return Vec::new();
        }
        let mut named = role.pinned_by.clone();
        for instance in active {
            let connectors = self.around.pins.get(&instance.record.spki_sha256);
            named.extend(connectors.into_iter().flatten().cloned());
        }
        let mut known = HashSet::new();
        named.retain(|one| known.insert(one.clone()));
        named
    }
}

/// The certificate in force whose key is of this type.
pub(super) fn key_in_force(all: &[Instance], key_type: KeyType, now: Timestamp) -> Option<&Instance> {
    let wanted = key_words(key_type);
    let in_force = all.iter().filter(|one| {
        let leaf = one.identity.as_ref().and_then(|identity| identity.chain().first());
        one.record.origin != Origin::File
            && one.record.stage == Stage::Active
            && one.record.active_from.is_some_and(|from| from <= now)
            && leaf.is_some_and(|leaf| leaf.key == wanted)
    });
    in_force.max_by_key(|one| one.record.active_from)
}

//! What the store does about the certificates of a roll-over: makes its keys, has what comes presented and what it
//! took the place of kept, and the way back.

use sekisho_mail::{Digest, Timestamp, hexadecimal};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{CertificateChain, Identity, KeyFamily, KeyType, ProbeName};

use super::{How, NextKey, Rollover, RolloverStart, Step};
use crate::certificates::{
    CertificateRole,
    choice::Candidate,
    due::key_words,
    judgement::{refuse_errors, refuse_too_many},
    live::{Certificates, Holdings, candidate},
    orders::{Author, OrderError, RequestOrder, sought_role},
    record::{Instance, Origin, Stage},
    vault::VaultError,
};

impl Certificates {
    /// Begins a roll-over: makes its keys and requests; blocks on the disk and the processor.
    ///
    /// # Errors
    /// When there is no such role, it has nothing in force, one is under way, or the disk fails.
    pub fn begin_rollover(&self, start: &RolloverStart, author: &Author) -> Result<(), OrderError> {
        let wanted = self.replaced_by(start, author.at)?;
        let mut keys = Vec::new();
        for (key_type, old) in wanted {
            let order = RequestOrder {
                role: start.role.clone(),
                key_type: Some(key_type),
                new_key: true,
            };
            for done in self.request(&order, author)? {
                let spki_sha256 = done.instance.record.spki_sha256;
                let id = done.instance.id;
                let spki = hexadecimal::encode(self.vault.key(&id)?.spki());
                keys.push(NextKey {
                    key_type: key_type.to_string(),
                    id: id.id,
                    spki_sha256,
                    spki,
                    old: old.iter().map(|one| one.id.id.clone()).collect(),
                    old_spki_sha256: old.iter().map(|one| one.record.spki_sha256).collect(),
                });
            }
        }
        let probe = ProbeName::random().map_err(|error| OrderError::refused(error.to_string()))?;
        let mut rollover = Rollover::new(start, keys, &probe, author.at);
        rollover.note(How::Begun, begun_words(&rollover, &author.why), author);
        let mut holdings = self.holdings();
        refuse_second(&holdings, &start.role)?;
        self.keep(&mut holdings, &start.role, rollover, author.at)
    }

    /// Which keys a roll-over makes, each with what it takes the place of.
    fn replaced_by(&self, start: &RolloverStart, now: Timestamp) -> Result<Vec<(KeyType, Vec<Instance>)>, OrderError> {
        let holdings = self.holdings();
        let role = sought_role(&holdings, &start.role)?;
        refuse_second(&holdings, &start.role)?;
        if !role.files.is_empty() {
            return Err(OrderError::refused(format!(
                "role {} has its certificates from files of the node, and whoever writes those makes the keys; take \
                 them out with `sekisho certificate role set` once a certificate of the store is active",
                role.key
            )));
        }
        let all = holdings.of_role(role);
        refuse_too_many(&all)?;
        let types = start.key_type.map_or_else(|| role.key_types.clone(), |one| vec![one]);
        refuse_two_of_a_family(role, &types)?;
        let with_old = types.into_iter().map(|key_type| {
            let old = all.iter().filter(|one| is_in_force(one, key_type, now)).cloned();
            (key_type, old.collect::<Vec<_>>())
        });
        let with_old: Vec<_> = with_old.filter(|(_, old)| !old.is_empty()).collect();
        if with_old.is_empty() {
            return Err(OrderError::refused(format!(
                "role {} has no certificate in force whose key could be replaced; get its first one with `sekisho \
                 certificate request` or `import`",
                role.key
            )));
        }
        Ok(with_old)
    }

    /// The roll-over of a role, under way or the last one.
    #[must_use]
    pub fn rollover(&self, role: &CertificateRoleKey) -> Option<Rollover> {
        self.holdings().rollovers.get(role).cloned()
    }

    /// Roles with their roll-overs, those that have ended too; in order.
    #[must_use]
    pub fn rollovers(&self) -> Vec<(CertificateRoleKey, Rollover)> {
        let holdings = self.holdings();
        let mut all: Vec<_> = holdings
            .rollovers
            .iter()
            .map(|(key, one)| (key.clone(), one.clone()))
            .collect();
        all.sort_by_key(|(key, _)| key.to_string());
        all
    }

    /// The role of this name; of several organizations' the one that is named.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn role(&self, key: &CertificateRoleKey) -> Result<CertificateRole, OrderError> {
        sought_role(&self.holdings(), key).cloned()
    }

    /// The chains in force of a role that a listener presents, where a certificate on this key would take their place
    /// at once, as far as the store knows.
    #[must_use]
    pub fn replaced_at_once(&self, role: &CertificateRoleKey, spki_sha256: Digest) -> Option<Vec<CertificateChain>> {
        let holdings = self.holdings();
        let of_role = holdings.of_role(holdings.role(role)?);
        let active: Vec<&Instance> = of_role.iter().filter(|one| one.record.stage == Stage::Active).collect();
        let is_in_force = active.iter().any(|one| one.record.spki_sha256 == spki_sha256);
        let is_presented = holdings.around.listeners.contains_key(role);
        if active.is_empty() || is_in_force || !is_presented || holdings.is_coming(role, spki_sha256) {
            return None;
        }
        Some(active.into_iter().filter_map(Instance::chain).collect())
    }

    /// Certificates and requests of a role that a roll-over is about: the next and the old ones.
    #[must_use]
    pub fn of_rollover(&self, role: &CertificateRoleKey, rollover: &Rollover) -> Vec<Instance> {
        let holdings = self.holdings();
        let is_of = |spki| rollover.is_next(spki) || rollover.is_old(spki);
        let of_role = holdings.instances.iter().filter(|one| one.id.role == *role);
        of_role.filter(|one| is_of(one.record.spki_sha256)).cloned().collect()
    }

    /// The keys that come, each with the certificate on it that would be presented, or its request where there is none
    /// yet; nothing where neither is there any more.
    #[must_use]
    pub fn next_in(&self, role: &CertificateRoleKey, rollover: &Rollover) -> Vec<(NextKey, Option<Instance>)> {
        let holdings = self.holdings();
        let keys = rollover.keys.iter();
        keys.map(|key| (key.clone(), next_of(&holdings, role, key).ok()))
            .collect()
    }

    /// Who is known to have pinned an old key of a roll-over.
    #[must_use]
    pub fn pinned_in(&self, role: &CertificateRoleKey, rollover: &Rollover) -> Vec<String> {
        let holdings = self.holdings();
        let mut named = holdings
            .role(role)
            .map(|role| role.pinned_by.clone())
            .unwrap_or_default();
        for spki in rollover.keys.iter().flat_map(|key| &key.old_spki_sha256) {
            named.extend(holdings.around.pins.get(spki).into_iter().flatten().cloned());
        }
        named.sort_unstable();
        named.dedup();
        named
    }

    /// Writes down what has become of a roll-over that was looked at, where nobody has changed it meanwhile. What
    /// comes is presented by what is written here and by nothing else, so that this is the switch, and the way back.
    ///
    /// # Errors
    /// When it is another by now, or the disk fails.
    pub fn change_rollover(
        &self,
        role: &CertificateRoleKey,
        changed: Rollover,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let mut holdings = self.holdings();
        refuse_other(&holdings, role, &changed)?;
        self.keep(&mut holdings, role, changed, now)
    }

    fn keep(
        &self,
        holdings: &mut Holdings,
        role: &CertificateRoleKey,
        mut rollover: Rollover,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        rollover.revision += 1;
        self.vault.keep_rollover(role, &rollover).map_err(VaultError::from)?;
        holdings.rollovers.insert(role.clone(), rollover);
        self.refresh(holdings, now);
        Ok(())
    }

    /// Takes a roll-over to an earlier step, where it is held. What is presented by it is presented no more from then
    /// on; what it took the place of is, and is made active again where it was retired.
    ///
    /// # Errors
    /// When it is another by now, nothing that it took the place of is valid although what comes is presented, or the
    /// disk fails.
    pub fn take_back(&self, role: &CertificateRoleKey, earlier: Rollover, author: &Author) -> Result<(), OrderError> {
        let mut holdings = self.holdings();
        let rollover = refuse_other(&holdings, role, &earlier)?.clone();
        let of_role = sought_role(&holdings, role)?.clone();
        if rollover.brings_at(author.at) {
            let mut old = Vec::new();
            for key in &rollover.keys {
                let newest = holdings.newest_old(role, key, author.at).ok_or_else(|| {
                    OrderError::refused(format!(
                        "none of the certificates on the old key is valid any more ({}); the next one stays in force",
                        key.old.join(", ")
                    ))
                })?;
                let chain = newest.chain().ok_or_else(|| missing(&newest.id.id))?;
                refuse_errors(&of_role, &self.findings(&holdings, &of_role, &chain, author.at))?;
                old.push(newest);
            }
            for instance in old.iter().filter(|one| one.record.stage != Stage::Active) {
                self.change(&mut holdings, instance, author, "activated", |record| {
                    (record.stage, record.active_from, record.replaced_at) = (Stage::Active, Some(author.at), None);
                })?;
            }
        }
        self.keep(&mut holdings, role, earlier, author.at)?;
        let coming = holdings.on_keys(role, |spki| rollover.is_next(spki)).into_iter();
        for instance in coming.filter(|one| one.record.stage == Stage::Active) {
            self.change(&mut holdings, &instance, author, "staged", |record| {
                (record.stage, record.active_from, record.replaced_at) = (Stage::Staged, None, None);
            })?;
        }
        Ok(())
    }

    /// Forgets a roll-over before its switch: requests without a certificate are removed, their keys with them, and
    /// certificates are retired.
    ///
    /// # Errors
    /// When there is none that could be, or the disk fails.
    pub fn cancel_rollover(&self, role: &CertificateRoleKey, author: &Author) -> Result<String, OrderError> {
        let mut holdings = self.holdings();
        let rollover = under_way(&holdings, role)?.clone();
        if rollover.step > Step::Switch || rollover.brings_at(author.at) {
            return Err(OrderError::refused(format!(
                "the roll-over of role {role} stands at its step {}, and the next certificate is presented; go back \
                 before the switch first, with `sekisho certificate rollover back {role}`",
                rollover.step
            )));
        }
        // The certificates first: without the roll-over nothing would hold back one that is active.
        let mut words = Vec::new();
        for instance in holdings.on_keys(role, |spki| rollover.is_next(spki)) {
            let id = &instance.id.id;
            if instance.record.stage == Stage::Requested {
                self.vault.remove(&instance.id).map_err(VaultError::from)?;
                holdings.instances.retain(|one| one.id != instance.id);
                words.push(format!("{id} is removed with its key"));
            } else {
                self.change(&mut holdings, &instance, author, "retired", |record| {
                    (record.stage, record.active_from, record.replaced_at) = (Stage::Retired, None, None);
                })?;
                words.push(format!("{id} is retired"));
            }
        }
        self.vault.forget_rollover(role).map_err(VaultError::from)?;
        holdings.rollovers.remove(role);
        let Author { by, why, at } = author;
        tracing::info!(%role, by, why, "a roll-over was cancelled");
        self.refresh(&holdings, *at);
        Ok(words.join(", "))
    }

    /// Makes the requests of a roll-over anew where the names of its role are others by now; the keys stay.
    ///
    /// # Errors
    /// When it is another by now, or the disk fails.
    pub fn renew_requests(
        &self,
        role: &CertificateRoleKey,
        seen: &Rollover,
        author: &Author,
    ) -> Result<(), OrderError> {
        let mut holdings = self.holdings();
        let rollover = refuse_other(&holdings, role, seen)?.clone();
        let names = sought_role(&holdings, role)?.name_texts();
        for key in &rollover.keys {
            let instance = next_of(&holdings, role, key)?;
            if instance.record.stage != Stage::Requested || instance.is_request_for(&names) {
                continue;
            }
            let made = self.vault.key(&instance.id)?.request(&names);
            let made = made.map_err(|error| OrderError::refused(error.to_string()))?;
            self.change(&mut holdings, &instance, author, "requested anew", |record| {
                record.request = Some(made.pem);
            })?;
        }
        Ok(())
    }

    /// Has what comes active from an instant on, all of it or nothing.
    ///
    /// # Errors
    /// When the roll-over is another by now, a certificate is missing or cannot be used, or the disk fails.
    pub fn activate_next(
        &self,
        role: &CertificateRoleKey,
        seen: &Rollover,
        at: Timestamp,
        author: &Author,
    ) -> Result<(), OrderError> {
        let mut holdings = self.holdings();
        let rollover = refuse_other(&holdings, role, seen)?.clone();
        let of_role = sought_role(&holdings, role)?.clone();
        let mut coming = Vec::new();
        for key in &rollover.keys {
            let instance = next_of(&holdings, role, key)?;
            let chain = instance.chain().ok_or_else(|| missing(&key.id))?;
            refuse_errors(&of_role, &self.findings(&holdings, &of_role, &chain, author.at))?;
            coming.push(instance);
        }
        let is_dated = |one: &Instance| one.record.stage == Stage::Active && one.record.active_from == Some(at);
        for instance in coming.iter().filter(|one| !is_dated(one)) {
            self.change(&mut holdings, instance, author, "activated", |record| {
                (record.stage, record.active_from, record.replaced_at) = (Stage::Active, Some(at), None);
            })?;
        }
        Ok(())
    }

    /// Whether all of what comes is presented.
    #[must_use]
    pub fn presents_next(&self, rollover: &Rollover, role: &CertificateRoleKey, now: Timestamp) -> bool {
        let holdings = self.holdings();
        self.refresh(&holdings, now);
        let presented = self.presented();
        let of_role = presented.roles.get(role).map(|one| one.identities.as_slice());
        let keys = of_role.unwrap_or_default().iter();
        let keys = keys.filter_map(|(_, identity)| Some(identity.chain().first()?.spki_sha256));
        let keys: Vec<Digest> = keys.collect();
        rollover.keys.iter().all(|key| keys.contains(&key.spki_sha256))
    }

    /// Retires what was replaced: all that is active beside what comes and of its kinds of key, and what is on the old
    /// keys; requests on those are removed. What comes must be presented.
    ///
    /// # Errors
    /// When the roll-over is another by now, what comes is not presented, or the disk fails.
    pub fn retire_old(&self, role: &CertificateRoleKey, seen: &Rollover, author: &Author) -> Result<(), OrderError> {
        if !self.presents_next(seen, role, author.at) {
            return Err(OrderError::refused(format!(
                "the next certificate is not presented, so the old one is not retired; see why with `sekisho \
                 certificate show {role}`"
            )));
        }
        let mut holdings = self.holdings();
        let rollover = refuse_other(&holdings, role, seen)?.clone();
        let next = rollover
            .keys
            .iter()
            .filter_map(|key| next_of(&holdings, role, key).ok()?.family());
        let families: Vec<KeyFamily> = next.collect();
        for instance in holdings.on_keys(role, |spki| !rollover.is_next(spki)) {
            let is_old = rollover.is_old(instance.record.spki_sha256);
            let is_beside = instance.family().is_some_and(|family| families.contains(&family));
            match instance.record.stage {
                Stage::Requested if is_old => {
                    self.vault.remove(&instance.id).map_err(VaultError::from)?;
                    holdings.instances.retain(|one| one.id != instance.id);
                }
                Stage::Active if is_beside => {}
                Stage::Staged if is_old => {}
                _ => continue,
            }
            if instance.record.stage != Stage::Requested {
                self.change(&mut holdings, &instance, author, "retired", |record| {
                    (record.stage, record.active_from) = (Stage::Retired, None);
                    record.replaced_at = record.replaced_at.or(Some(author.at));
                })?;
            }
        }
        Ok(())
    }

    /// Whether a roll-over brings this key, or has replaced it: renewals by themselves go by neither.
    #[must_use]
    pub fn is_rolled(&self, role: &CertificateRoleKey, spki_sha256: Digest) -> bool {
        let holdings = self.holdings();
        holdings.is_coming(role, spki_sha256) || holdings.is_replaced(role, spki_sha256)
    }
}

impl Holdings {
    /// What a handshake by the secret name gets of a role: certificates that come, whether or not they are in force.
    pub(in crate::certificates) fn probed(&self, role: &CertificateRoleKey) -> Option<(ProbeName, Vec<Identity>)> {
        let rollover = self.rollovers.get(role).filter(|one| one.is_under_way())?;
        let probe = rollover.probe.parse().ok()?;
        let next = rollover
            .keys
            .iter()
            .filter_map(|key| next_of(self, role, key).ok()?.identity);
        let identities: Vec<Identity> = next.collect();
        (!identities.is_empty()).then_some((probe, identities))
    }

    /// Whether this is on a key that a roll-over under way is about to bring, and that is not in force yet.
    pub(in crate::certificates) fn is_coming(&self, role: &CertificateRoleKey, spki_sha256: Digest) -> bool {
        let rollover = self.rollovers.get(role);
        rollover.is_some_and(|one| one.step <= Step::Switch && one.is_next(spki_sha256))
    }

    /// Whether a roll-over has taken the place of this key.
    pub(in crate::certificates) fn is_replaced(&self, role: &CertificateRoleKey, spki_sha256: Digest) -> bool {
        let rollover = self.rollovers.get(role);
        rollover.is_some_and(|one| one.step > Step::Switch && one.is_old(spki_sha256) && !one.is_next(spki_sha256))
    }

    /// What of an instance is compared at an instant: what comes by a roll-over counts from its switch on, and by
    /// nothing else; from then on all others of the same kind of key count no more.
    pub(in crate::certificates) fn candidates(
        &self,
        role: &CertificateRole,
        all: &[Instance],
        now: Timestamp,
    ) -> Vec<(String, Candidate, Identity)> {
        let rollover = self.rollovers.get(&role.key).filter(|one| one.is_under_way());
        let is_next = |one: &Instance| rollover.is_some_and(|rollover| rollover.is_next(one.record.spki_sha256));
        let (mut found, mut brought) = (Vec::new(), Vec::new());
        for instance in all {
            let Some((mut candidate, identity)) = candidate(role, instance) else {
                continue;
            };
            if let Some(rollover) = rollover.filter(|_| is_next(instance)) {
                match rollover.step {
                    Step::Switch if rollover.held_by.is_none() => candidate.active_from = rollover.switches_at(),
                    step if step > Step::Switch => {}
                    _ => continue,
                }
                let is_valid = candidate.not_before <= now && now <= candidate.not_after;
                if rollover.brings_at(now) && candidate.active_from <= now && is_valid {
                    brought.push(candidate.family);
                }
            }
            found.push((is_next(instance), (instance.id.id.clone(), candidate, identity)));
        }
        found.retain(|(is_next, (_, candidate, _))| *is_next || !brought.contains(&candidate.family));
        found.into_iter().map(|(_, found)| found).collect()
    }

    /// Whether a roll-over of the role is under way.
    pub(in crate::certificates) fn is_rolling(&self, role: &CertificateRoleKey) -> bool {
        self.rollovers.get(role).is_some_and(Rollover::is_under_way)
    }

    /// What a role has on such keys, renewals that came meanwhile among them.
    fn on_keys(&self, role: &CertificateRoleKey, is_wanted: impl Fn(Digest) -> bool) -> Vec<Instance> {
        let of_role = self.instances.iter().filter(|one| one.id.role == *role);
        of_role
            .filter(|one| is_wanted(one.record.spki_sha256))
            .cloned()
            .collect()
    }

    /// Of the certificates on an old key the one to go back to.
    fn newest_old(&self, role: &CertificateRoleKey, key: &NextKey, now: Timestamp) -> Option<Instance> {
        let mut of_role: Vec<&Instance> = self.instances.iter().filter(|one| one.id.role == *role).collect();
        of_role.retain(|one| key.old_spki_sha256.contains(&one.record.spki_sha256));
        let valid = of_role.into_iter().filter_map(|one| {
            let leaf = one.identity.as_ref()?.chain().first()?;
            (leaf.not_before <= now && now <= leaf.not_after).then_some((leaf.not_before, one))
        });
        valid
            .max_by_key(|(not_before, _)| *not_before)
            .map(|(_, one)| one.clone())
    }
}

/// Refuses what would come between a roll-over and its certificates.
pub(in crate::certificates) fn refuse_coming(holdings: &Holdings, instance: &Instance) -> Result<(), OrderError> {
    let role = &instance.id.role;
    if !holdings.is_coming(role, instance.record.spki_sha256) {
        return Ok(());
    }
    Err(OrderError::refused(format!(
        "{} is part of the roll-over of role {role}, which decides when it is presented; see `sekisho certificate \
         rollover show {role}`, or cancel that first",
        instance.id.id
    )))
}

/// The roll-over under way, where it is the very one that was looked at.
fn refuse_other<'h>(
    holdings: &'h Holdings,
    role: &CertificateRoleKey,
    seen: &Rollover,
) -> Result<&'h Rollover, OrderError> {
    let kept = under_way(holdings, role)?;
    if kept.revision == seen.revision && kept.probe == seen.probe {
        return Ok(kept);
    }
    Err(OrderError::refused(format!(
        "the roll-over has changed meanwhile; look at it again with `sekisho certificate rollover show {role}`"
    )))
}

/// For each kind of key one certificate is presented: of two next keys of a kind only one could be.
fn refuse_two_of_a_family(role: &CertificateRole, types: &[KeyType]) -> Result<(), OrderError> {
    for (place, one) in types.iter().enumerate() {
        if let Some(other) = types[..place]
            .iter()
            .find(|other| same_family(key_words(**other), *one))
        {
            return Err(OrderError::refused(format!(
                "role {} makes {other} and {one} keys, of which only one is presented; say which with --key-type",
                role.key
            )));
        }
    }
    Ok(())
}

fn refuse_second(holdings: &Holdings, role: &CertificateRoleKey) -> Result<(), OrderError> {
    if !holdings.is_rolling(role) {
        return Ok(());
    }
    Err(OrderError::refused(format!(
        "a roll-over of role {role} is under way; see `sekisho certificate rollover show {role}`"
    )))
}

fn under_way<'h>(holdings: &'h Holdings, role: &CertificateRoleKey) -> Result<&'h Rollover, OrderError> {
    let rollover = holdings.rollovers.get(role).filter(|one| one.is_under_way());
    rollover.ok_or_else(|| OrderError::Missing(format!("no roll-over of role {role} is under way")))
}

/// Of what is on a key that comes the certificate that would be presented; its request where there is none yet.
fn next_of(holdings: &Holdings, role: &CertificateRoleKey, key: &NextKey) -> Result<Instance, OrderError> {
    let on_key = holdings.on_keys(role, |spki| spki == key.spki_sha256).into_iter();
    let lasting = on_key.filter(|one| one.record.stage != Stage::Retired);
    let not_before = |one: &Instance| one.chain().map(|chain| chain.facts()[0].not_before);
    lasting.max_by_key(not_before).ok_or_else(|| missing(&key.id))
}

fn missing(id: &str) -> OrderError {
    OrderError::refused(format!(
        "{id}, which is part of the roll-over, is not there any more or has no certificate"
    ))
}

/// Whether it is presented, or would be, with a key of this type.
fn is_in_force(instance: &Instance, key_type: KeyType, now: Timestamp) -> bool {
    let leaf = instance.identity.as_ref().and_then(|identity| identity.chain().first());
    instance.record.origin != Origin::File
        && instance.record.stage == Stage::Active
        && instance.record.active_from.is_some_and(|from| from <= now)
        && leaf.is_some_and(|leaf| same_family(&leaf.key, key_type))
}

/// A P-384 key takes the place of a P-256 one, as RSA does of RSA: for each kind of key one certificate is presented.
fn same_family(key: &str, key_type: KeyType) -> bool {
    let family = |words: &str| {
        if words.starts_with("RSA") {
            KeyFamily::Rsa
        } else {
            KeyFamily::Ecdsa
        }
    };
    family(key) == family(key_words(key_type))
}

fn begun_words(rollover: &Rollover, why: &str) -> String {
    let keys = rollover.keys.iter().map(|key| {
        let old = key.old.join(", ");
        format!("{} made a {} key in the place of {old}", key.id, key.key_type)
    });
    let keys: Vec<String> = keys.collect();
    let why = if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    };
    format!("{}{why}", keys.join("; "))
}

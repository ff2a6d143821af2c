//! What the store does about the certificates of a roll-over: makes its keys, has what comes presented and what it
//! took the place of kept, and the way back.

use sekisho_mail::{Digest, Timestamp};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{CertificateChain, Identity, KeyFamily, KeyType, ProbeName};

use super::{How, NextKey, Rollover, RolloverStart, Step};
use crate::certificates::{
    CertificateRole,
    due::key_words,
    judgement::{refuse_errors, refuse_too_many},
    live::{Certificates, Holdings},
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
                let spki = self
                    .vault
                    .key(&id)?
                    .spki()
                    .iter()
                    .map(|octet| format!("{octet:02x}"))
                    .collect();
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

    /// Writes down what has become of a roll-over, where nobody has changed it meanwhile.
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
        let kept = holdings.rollovers.get(role).map(|one| one.revision);
        if kept != Some(changed.revision) {
            let words =
                "the roll-over has changed meanwhile; look at it again with `sekisho certificate rollover show`";
            return Err(OrderError::refused(words));
        }
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

    /// Forgets a roll-over before its switch: requests without a certificate are removed, their keys with them, and
    /// certificates are retired.
    ///
    /// # Errors
    /// When there is none that could be, or the disk fails.
    pub fn cancel_rollover(&self, role: &CertificateRoleKey, author: &Author) -> Result<String, OrderError> {
        let mut holdings = self.holdings();
        let rollover = under_way(&holdings, role)?.clone();
        if !rollover.step.is_before_switch() {
            return Err(OrderError::refused(format!(
                "the roll-over of role {role} stands at its step {}; go back before the switch first, with `sekisho \
                 certificate rollover back {role}`",
                rollover.step
            )));
        }
        // The roll-over first: what is left of it then is requests and staged certificates like any others.
        self.vault.forget_rollover(role).map_err(VaultError::from)?;
        holdings.rollovers.remove(role);
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
        let Author { by, why, at } = author;
        tracing::info!(%role, by, why, "a roll-over was cancelled");
        self.refresh(&holdings, *at);
        Ok(words.join(", "))
    }

    /// Has what comes presented from an instant on. What it takes the place of stays active; of the same kind of key
    /// the newest valid-from is presented.
    ///
    /// # Errors
    /// When a certificate is missing or cannot be used, or the disk fails.
    pub fn activate_next(&self, role: &CertificateRoleKey, at: Timestamp, author: &Author) -> Result<(), OrderError> {
        let mut holdings = self.holdings();
        let rollover = under_way(&holdings, role)?.clone();
        let of_role = sought_role(&holdings, role)?.clone();
        for key in &rollover.keys {
            let instance = next_of(&holdings, role, key)?;
            let chain = instance.chain().ok_or_else(|| missing(&key.id))?;
            if instance.record.stage == Stage::Active && instance.record.active_from == Some(at) {
                continue;
            }
            refuse_errors(&of_role, &self.findings(&holdings, &of_role, &chain, author.at))?;
            self.change(&mut holdings, &instance, author, "activated", |record| {
                (record.stage, record.active_from, record.replaced_at) = (Stage::Active, Some(at), None);
            })?;
        }
        Ok(())
    }

    /// Has those old certificates wait that would go on being presented in the place of what comes: renewals on the old
    /// key that are younger. Whether what comes is presented then.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn prefer_next(&self, role: &CertificateRoleKey, author: &Author) -> Result<bool, OrderError> {
        let mut holdings = self.holdings();
        let rollover = under_way(&holdings, role)?.clone();
        for key in &rollover.keys {
            let Some(next) = next_of(&holdings, role, key)?.identity else {
                return Ok(false);
            };
            for instance in holdings.rivals(role, &rollover, &next) {
                self.change(&mut holdings, &instance, author, "staged", |record| {
                    (record.stage, record.active_from, record.replaced_at) = (Stage::Staged, None, None);
                })?;
            }
        }
        let presented = self.presented();
        let of_role = presented.roles.get(role).map(|one| one.identities.as_slice());
        let keys = of_role.unwrap_or_default().iter().filter_map(|(_, identity)| {
            let leaf = identity.chain().first()?;
            Some(leaf.spki_sha256)
        });
        let keys: Vec<Digest> = keys.collect();
        Ok(rollover.keys.iter().all(|key| keys.contains(&key.spki_sha256)))
    }

    /// Has what comes wait again, and what it took the place of presented.
    ///
    /// # Errors
    /// When none of the old certificates can be presented, or the disk fails.
    pub fn take_back(&self, role: &CertificateRoleKey, author: &Author) -> Result<(), OrderError> {
        let mut holdings = self.holdings();
        let rollover = under_way(&holdings, role)?.clone();
        let of_role = sought_role(&holdings, role)?.clone();
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
        let coming = holdings.on_keys(role, |spki| rollover.is_next(spki)).into_iter();
        for instance in coming.filter(|one| one.record.stage == Stage::Active) {
            self.change(&mut holdings, &instance, author, "staged", |record| {
                (record.stage, record.active_from, record.replaced_at) = (Stage::Staged, None, None);
            })?;
        }
        Ok(())
    }

    /// Retires all certificates on the old keys.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn retire_old(&self, role: &CertificateRoleKey, author: &Author) -> Result<(), OrderError> {
        let mut holdings = self.holdings();
        let rollover = under_way(&holdings, role)?.clone();
        let old = holdings.on_keys(role, |spki| rollover.is_old(spki));
        let lasting = old
            .into_iter()
            .filter(|one| matches!(one.record.stage, Stage::Active | Stage::Staged));
        for instance in lasting {
            self.change(&mut holdings, &instance, author, "retired", |record| {
                (record.stage, record.active_from) = (Stage::Retired, None);
                record.replaced_at = record.replaced_at.or(Some(author.at));
            })?;
        }
        Ok(())
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

    /// Active ones of the same kind of key that the choice would prefer.
    fn rivals(&self, role: &CertificateRoleKey, rollover: &Rollover, next: &Identity) -> Vec<Instance> {
        let not_before = |identity: &Identity| identity.chain().first().map(|leaf| leaf.not_before);
        let mut old = self.on_keys(role, |spki| rollover.is_old(spki));
        old.retain(|one| {
            one.record.stage == Stage::Active
                && one.identity.as_ref().is_some_and(|identity| {
                    identity.family() == next.family() && not_before(identity) >= not_before(next)
                })
        });
        old
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

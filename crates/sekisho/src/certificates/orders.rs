//! What operators order of the store, and what is answered: always what became of it, and why.

use std::collections::HashMap;

use jiff::{Timestamp as Instant, tz::TimeZone};
use sekisho_mail::{Digest, Timestamp};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{CertificateChain, Finding, Identity, KeyType, PrivateKey, Weight};

use super::{
    CertificateRole,
    judgement::{decide, key_in_force, refuse_errors, refuse_last, refuse_too_many},
    live::{Certificates, Holdings},
    record::{Event, FORMAT, Instance, InstanceId, Origin, Record, Stage},
    rollover::refuse_coming,
    vault::VaultError,
};

/// Which certificate, or all of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Which {
    /// Limits it to an organization.
    pub organization: Option<String>,
    /// An id, or the name of a role.
    pub name: String,
}

/// Who orders something, when, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// `uid 0`.
    pub by: String,
    /// In their words.
    pub why: String,
    /// Now.
    pub at: Timestamp,
}

/// What is handed over.
#[derive(Debug)]
pub struct Material {
    /// The certificates, in whatever order.
    pub chain: CertificateChain,
    /// The key; the store's own where there is none.
    pub key: Option<PrivateKey>,
    /// As what it came.
    pub origin: Origin,
}

/// An import.
#[derive(Debug)]
pub struct Import {
    /// Into which role.
    pub role: CertificateRoleKey,
    /// What.
    pub material: Material,
    /// Whether it is to wait, whatever is known of its key.
    pub stage: bool,
    /// From when on it is to be presented, whatever is known of its key.
    pub activate_at: Option<Timestamp>,
    /// What DNS says against presenting it at once where its key is another than the one in force: [`Vec::new`] for
    /// nothing.
    pub named_by: Vec<String>,
    /// Whether all is checked and nothing is kept.
    pub dry_run: bool,
}

/// A request for a certificate.
#[derive(Clone, Debug)]
pub struct RequestOrder {
    /// For which role.
    pub role: CertificateRoleKey,
    /// Which key; those of the role where none is named.
    pub key_type: Option<KeyType>,
    /// Whether a new key is made even where the role keeps its key.
    pub new_key: bool,
}

/// What became of an order.
#[derive(Clone, Debug)]
pub struct Done {
    /// The certificate that it was about.
    pub instance: Instance,
    /// What was done, and why that.
    pub words: String,
    /// What is worth knowing of the chain.
    pub findings: Vec<Finding>,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// It makes no sense.
    #[error("{0}")]
    BadOrder(String),
    /// There is no such role, or no such certificate.
    #[error("{0}")]
    Missing(String),
    /// It was judged, and refused.
    #[error("{message}")]
    Refused {
        /// Why, in one sentence.
        message: String,
        /// What is wrong with the chain.
        findings: Vec<Finding>,
    },
    /// The disk.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl OrderError {
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused {
            message: message.into(),
            findings: Vec::new(),
        }
    }
}

impl Certificates {
    /// Takes a certificate into a role, checked; blocks on the disk.
    ///
    /// # Errors
    /// When there is no such role, no key to it, it is there already, or something is wrong with it.
    pub fn import(&self, import: Import, author: &Author) -> Result<Done, OrderError> {
        let mut holdings = self.holdings();
        let role = sought_role(&holdings, &import.role)?.clone();
        let (chain, key, answered) = self.material(&holdings, &role, &import.material)?;
        let mut findings = chain.1;
        findings.extend(self.findings(&holdings, &role, &chain.0, author.at));
        let chain = chain.0;
        refuse_errors(&role, &findings)?;
        if import.activate_at.is_some() && holdings.is_coming(&role.key, chain.facts()[0].spki_sha256) {
            return Err(OrderError::refused(format!(
                "it is on the next key of the roll-over of role {}, which decides when it is presented: import it \
                 without an instant, and choose that with `sekisho certificate rollover next {} --at TIME`",
                role.key, role.key
            )));
        }
        let leaf = &chain.facts()[0];
        let all = holdings.of_role(&role);
        let is_it = |one: &&Instance| one.chain().is_some_and(|chain| chain.facts()[0].sha256 == leaf.sha256);
        if let Some(one) = all.iter().find(is_it) {
            return Err(OrderError::refused(format!(
                "this certificate is there already, as {}",
                one.id.id
            )));
        }
        let (stage, active_from, why) = decide(&import, &holdings, (&role, &all), leaf.spki_sha256, author.at);
        let mut record = match answered {
            Some(request) => request.record.clone(),
            None => new_record(import.material.origin, key.spki_sha256()),
        };
        (record.stage, record.active_from, record.request) = (stage, active_from, None);
        if import.material.origin == Origin::Acme {
            // It answers a request, and an authority's client is who brought it.
            record.origin = Origin::Acme;
        }
        record.note(author.event("imported"));
        if import.dry_run {
            let instance = Instance {
                id: answered.map_or_else(|| nameless(&role), |request| request.id.clone()),
                record,
                identity: Identity::of(&chain, &key).ok(),
            };
            let words = format!("nothing was kept; it would be {why}");
            return Ok(Done {
                instance,
                words,
                findings,
            });
        }
        let instance = match answered.map(|request| request.id.clone()) {
            Some(id) => self.vault.answer(&id, &record, &chain)?,
            None => {
                refuse_too_many(&all)?;
                let id = self
                    .vault
                    .new_id(&role.key, &record, &day(author.at))
                    .map_err(VaultError::from)?;
                self.vault.add(&id, &record, &key, Some(&chain))?
            }
        };
        holdings.instances.retain(|one| one.id != instance.id);
        holdings.instances.push(instance.clone());
        self.conclude(&holdings, &instance, author, "imported");
        let words = format!("it is {why}{}", self.beside(&role, &instance));
        Ok(Done {
            instance,
            words,
            findings,
        })
    }

    /// Makes keys and requests for a role; blocks on the disk, and for RSA on the processor.
    ///
    /// # Errors
    /// When there is no such role, it has no names, or the disk fails.
    pub fn request(&self, order: &RequestOrder, author: &Author) -> Result<Vec<Done>, OrderError> {
        let mut made = self.new_keys(order, author.at)?;
        let mut holdings = self.holdings();
        let role = sought_role(&holdings, &order.role)?.clone();
        if order.new_key && holdings.is_rolling(&role.key) {
            let message = format!(
                "a roll-over of role {} is under way and has made the next key; see `sekisho certificate rollover show \
                 {}`",
                role.key, role.key
            );
            return Err(OrderError::refused(message));
        }
        let mut done = Vec::new();
        for key_type in order.key_types(&role)? {
            let all = holdings.of_role(&role);
            refuse_too_many(&all)?;
            let (key, words) = match order.kept_key(&role, &all, key_type, author.at) {
                Some(one) => (
                    self.vault.key(&one.id)?,
                    format!("on the key of {}, which is in force", one.id.id),
                ),
                None => {
                    // There is none where one was in force a moment ago and is no more.
                    let key = made.remove(&key_type).map_or_else(|| new_key(key_type), Ok)?;
                    (key, format!("on a new key, {key_type}"))
                }
            };
            let request = key
                .request(&role.name_texts())
                .map_err(|error| OrderError::refused(error.to_string()))?;
            let mut record = new_record(Origin::Request, key.spki_sha256());
            record.request = Some(request.pem);
            record.note(author.event("requested"));
            let id = self
                .vault
                .new_id(&role.key, &record, &day(author.at))
                .map_err(VaultError::from)?;
            let instance = self.vault.add(&id, &record, &key, None)?;
            holdings.instances.push(instance.clone());
            self.conclude(&holdings, &instance, author, "requested");
            done.push(Done {
                instance,
                words,
                findings: Vec::new(),
            });
        }
        Ok(done)
    }

    /// Keys of those types of which none is kept. Certificates are not locked while they are made.
    fn new_keys(&self, order: &RequestOrder, now: Timestamp) -> Result<HashMap<KeyType, PrivateKey>, OrderError> {
        let mut types = Vec::new();
        {
            let holdings = self.holdings();
            let role = sought_role(&holdings, &order.role)?;
            let all = holdings.of_role(role);
            refuse_too_many(&all)?;
            types.extend(order.key_types(role)?);
            types.retain(|key_type| order.kept_key(role, &all, *key_type, now).is_none());
        }
        let made = types.into_iter().map(|key_type| Ok((key_type, new_key(key_type)?)));
        made.collect()
    }

    /// Has a certificate presented, from an instant on.
    ///
    /// # Errors
    /// When there is none, it is a request or lies in a file, or something is wrong with it.
    pub fn activate(&self, which: &Which, at: Option<Timestamp>, author: &Author) -> Result<Done, OrderError> {
        let mut holdings = self.holdings();
        let instance = kept(&holdings, which)?;
        let role = sought_role(&holdings, &instance.id.role)?.clone();
        refuse_coming(&holdings, &instance)?;
        let chain = instance.chain().ok_or_else(|| waits(&instance))?;
        let findings = self.findings(&holdings, &role, &chain, author.at);
        refuse_errors(&role, &findings)?;
        let from = at.unwrap_or(author.at);
        let instance = self.change(&mut holdings, &instance, author, "activated", |record| {
            (record.stage, record.active_from, record.replaced_at) = (Stage::Active, Some(from), None);
        })?;
        let when = if from > author.at {
            format!("active from {from} on")
        } else {
            "active".to_owned()
        };
        let words = format!("it is {when}{}", self.beside(&role, &instance));
        Ok(Done {
            instance,
            words,
            findings,
        })
    }

    /// Has a certificate wait.
    ///
    /// # Errors
    /// When there is none, it is a request or lies in a file; or it leaves its role without any, unless that is forced.
    pub fn stage(&self, which: &Which, force: bool, author: &Author) -> Result<Done, OrderError> {
        self.withdraw(which, force, author, (Stage::Staged, "staged"))
    }

    /// Has a certificate presented no more.
    ///
    /// # Errors
    /// As [`Self::stage`].
    pub fn retire(&self, which: &Which, force: bool, author: &Author) -> Result<Done, OrderError> {
        self.withdraw(which, force, author, (Stage::Retired, "retired"))
    }

    fn withdraw(
        &self,
        which: &Which,
        force: bool,
        author: &Author,
        (stage, what): (Stage, &str),
    ) -> Result<Done, OrderError> {
        let mut holdings = self.holdings();
        let instance = kept(&holdings, which)?;
        if instance.identity.is_none() {
            return Err(waits(&instance));
        }
        refuse_coming(&holdings, &instance)?;
        if !force {
            refuse_last(&holdings, &instance, author.at)?;
        }
        let instance = self.change(&mut holdings, &instance, author, what, |record| {
            (record.stage, record.active_from, record.replaced_at) = (stage, None, None);
        })?;
        Ok(Done {
            words: format!("it is {}", stage.as_str()),
            instance,
            findings: Vec::new(),
        })
    }

    /// Removes a certificate with its key, a request, or what was left of one.
    ///
    /// # Errors
    /// When there is none, it lies in a file, or it is active, unless that is forced.
    pub fn remove(&self, which: &Which, force: bool, author: &Author) -> Result<String, OrderError> {
        let mut holdings = self.holdings();
        let stray = holdings.strays.iter().find(|stray| which.is(&stray.id)).cloned();
        let id = match stray {
            Some(stray) => stray.id,
            None => {
                let instance = kept(&holdings, which)?;
                refuse_coming(&holdings, &instance)?;
                if instance.record.stage == Stage::Active && !force {
                    let message = format!("{} is active; retire it first, or force its removal", instance.id.id);
                    return Err(OrderError::refused(message));
                }
                instance.id
            }
        };
        self.vault.remove(&id).map_err(VaultError::from)?;
        holdings.instances.retain(|one| one.id != id);
        holdings.strays.retain(|one| one.id != id);
        let Author { by, why, .. } = author;
        tracing::info!(certificate = %id, by, why, "a certificate was removed, its key with it");
        self.refresh(&holdings, author.at);
        Ok(format!("{} is removed, and its key with it", id.id))
    }

    /// What is to be known of a certificate or a role today, each finding anew.
    ///
    /// # Errors
    /// When there is none.
    pub fn check(&self, which: &Which, now: Timestamp) -> Result<Vec<Done>, OrderError> {
        let holdings = self.holdings();
        let found = holdings.found(which)?;
        let checked = found.into_iter().filter_map(|instance| {
            let (role, chain) = (holdings.role(&instance.id.role)?, instance.chain()?);
            let findings = self.findings(&holdings, role, &chain, now);
            let words = if findings.iter().any(|one| one.weight > Weight::Note) {
                "look at this"
            } else {
                "nothing is wrong"
            };
            Some(Done {
                words: words.to_owned(),
                instance,
                findings,
            })
        });
        Ok(checked.collect())
    }

    /// Says how a certificate is renewed.
    ///
    /// # Errors
    /// Always: none of those that are kept renews itself.
    pub fn renew(&self, which: &Which) -> Result<Done, OrderError> {
        let holdings = self.holdings();
        let found = holdings.found(which)?;
        let Some(instance) = found.first() else {
            return Err(OrderError::Missing(format!("{:?} has no certificate yet", which.name)));
        };
        let role = &instance.id.role;
        let message = match instance.record.origin {
            Origin::File => format!(
                "{} lies in files of the node: renew it with whatever writes them; that is taken up by itself",
                instance.id.id
            ),
            Origin::Import | Origin::Pkcs12 | Origin::Request | Origin::Acme => format!(
                "{} came from outside: make a request with `sekisho certificate request --role {role}`, have the \
                 authority answer it, and import the answer",
                instance.id.id
            ),
        };
        Err(OrderError::refused(message))
    }

    /// What is handed over, in order, with its key, and the request that it answers.
    #[expect(clippy::type_complexity, reason = "taken apart where it is made")]
    fn material<'h>(
        &self,
        holdings: &'h Holdings,
        role: &CertificateRole,
        material: &Material,
    ) -> Result<((CertificateChain, Vec<Finding>), PrivateKey, Option<&'h Instance>), OrderError> {
        let given = material.key.as_ref().map(PrivateKey::spki_sha256);
        let refused = |error: sekisho_tls::ChainError| OrderError::refused(error.to_string());
        let (chain, ordering) = material.chain.in_order(given).map_err(refused)?;
        let mut findings = Vec::new();
        if ordering.was_reordered {
            let text =
                "the certificates were not in order; they are kept leaf first, each issuer behind what it issued";
            findings.push(Finding::new(Weight::Warning, text));
        }
        for subject in ordering.left_out {
            findings.push(Finding::new(
                Weight::Warning,
                format!("{subject} is no part of the chain and is left out"),
            ));
        }
        let spki = chain.facts()[0].spki_sha256;
        let mut of_role = holdings
            .instances
            .iter()
            .filter(|one| one.id.role == role.key && one.record.spki_sha256 == spki);
        let request = of_role.clone().find(|one| one.record.stage == Stage::Requested);
        let key = match (&material.key, request.or_else(|| of_role.next())) {
            (Some(key), _) => {
                PrivateKey::parse(key.pem().clone()).map_err(|error| OrderError::refused(error.to_string()))?
            }
            (None, Some(known)) => self.vault.key(&known.id)?,
            (None, None) => {
                let message = format!(
                    "there is no key for this certificate: it answers no request of role {}, and none of its keys is \
                     the one; give the key with --key",
                    role.key
                );
                return Err(OrderError::refused(message));
            }
        };
        Ok(((chain, findings), key, request))
    }

    pub(super) fn change(
        &self,
        holdings: &mut Holdings,
        instance: &Instance,
        author: &Author,
        what: &str,
        change: impl FnOnce(&mut Record),
    ) -> Result<Instance, OrderError> {
        let mut record = instance.record.clone();
        change(&mut record);
        record.note(author.event(what));
        self.vault.update(&instance.id, &record).map_err(VaultError::from)?;
        let changed = Instance {
            record,
            ..instance.clone()
        };
        if let Some(slot) = holdings.instances.iter_mut().find(|one| one.id == instance.id) {
            slot.clone_from(&changed);
        }
        self.conclude(holdings, &changed, author, what);
        Ok(changed)
    }

    fn conclude(&self, holdings: &Holdings, instance: &Instance, author: &Author, what: &str) {
        let Author { by, why, at } = author;
        let stage = instance.record.stage.as_str();
        tracing::info!(certificate = %instance.id, by, why, stage, "a certificate was {what}");
        self.refresh(holdings, *at);
    }

    /// What is presented in the place of an active certificate.
    fn beside(&self, role: &CertificateRole, instance: &Instance) -> String {
        let presented = self.presented();
        let of_role = presented
            .roles
            .get(&role.key)
            .map(|one| one.identities.as_slice())
            .unwrap_or_default();
        if instance.record.stage != Stage::Active || of_role.iter().any(|(id, _)| *id == instance.id.id) {
            return String::new();
        }
        let family = instance.family();
        let other = of_role.iter().find(|(_, identity)| Some(identity.family()) == family);
        other.map_or_else(String::new, |(id, _)| {
            format!("; until then, and as long as its valid-from is the newest, {id} is presented")
        })
    }
}

impl RequestOrder {
    fn key_types(&self, role: &CertificateRole) -> Result<Vec<KeyType>, OrderError> {
        if role.names.is_empty() {
            let message = format!(
                "role {} has no names to ask for; set them with `sekisho certificate role set`",
                role.key
            );
            return Err(OrderError::BadOrder(message));
        }
        Ok(self.key_type.map_or_else(|| role.key_types.clone(), |one| vec![one]))
    }

    /// Whose key is used again.
    fn kept_key<'a>(
        &self,
        role: &CertificateRole,
        all: &'a [Instance],
        key_type: KeyType,
        now: Timestamp,
    ) -> Option<&'a Instance> {
        let is_kept = role.reuse_key && !self.new_key;
        key_in_force(all, key_type, now).filter(|_| is_kept)
    }
}

impl Author {
    fn event(&self, what: &str) -> Event {
        Event {
            at: self.at,
            by: self.by.clone(),
            what: what.to_owned(),
            why: self.why.clone(),
        }
    }
}

impl Which {
    fn admits(&self, role: &CertificateRoleKey) -> bool {
        self.organization
            .as_deref()
            .is_none_or(|wanted| wanted == role.organization.as_str())
    }

    fn is(&self, id: &InstanceId) -> bool {
        self.admits(&id.role) && (id.id == self.name || id.to_string() == self.name)
    }

    pub(super) fn is_role(&self, role: &CertificateRoleKey) -> bool {
        self.admits(role) && (*role.name == *self.name || role.to_string() == self.name)
    }
}

impl Holdings {
    /// All that are there, of whatever role.
    pub(super) fn all(&self) -> Vec<Instance> {
        let of_roles = self.around.roles.iter().flat_map(|role| self.of_role(role));
        let roleless = self
            .instances
            .iter()
            .filter(|one| self.role(&one.id.role).is_none())
            .cloned();
        of_roles.chain(roleless).collect()
    }

    /// The certificate of this id, or those of this role.
    pub(super) fn found(&self, which: &Which) -> Result<Vec<Instance>, OrderError> {
        let all = self.all();
        let by_id: Vec<Instance> = all.iter().filter(|one| which.is(&one.id)).cloned().collect();
        match by_id.len() {
            1 => return Ok(by_id),
            0 => {}
            _ => {
                let message = format!(
                    "{:?} is the id of several; write its organization and role before it",
                    which.name
                );
                return Err(OrderError::BadOrder(message));
            }
        }
        let roles: Vec<_> = self
            .around
            .roles
            .iter()
            .filter(|role| which.is_role(&role.key))
            .collect();
        match roles[..] {
            [role] => Ok(self.of_role(role)),
            [] => Err(OrderError::Missing(format!(
                "there is no certificate and no role {:?}",
                which.name
            ))),
            _ => Err(OrderError::BadOrder(format!(
                "several organizations have a role {:?}; write which, as in acme/{}",
                which.name, which.name
            ))),
        }
    }
}

pub(super) fn sought_role<'h>(
    holdings: &'h Holdings,
    key: &CertificateRoleKey,
) -> Result<&'h CertificateRole, OrderError> {
    holdings.role(key).ok_or_else(|| {
        OrderError::Missing(format!(
            "there is no certificate role {key}; add it with `sekisho certificate role add`"
        ))
    })
}

/// One certificate that is kept, and can be changed.
fn kept(holdings: &Holdings, which: &Which) -> Result<Instance, OrderError> {
    let mut found: Vec<Instance> = holdings.all().into_iter().filter(|one| which.is(&one.id)).collect();
    let Some(instance) = found.pop() else {
        return Err(OrderError::Missing(format!("there is no certificate {:?}", which.name)));
    };
    if !found.is_empty() {
        let message = format!(
            "{:?} is the id of several; write its organization and role before it",
            which.name
        );
        return Err(OrderError::BadOrder(message));
    }
    if instance.record.origin == Origin::File {
        let message = format!(
            "{} lies in files of the node and is active as long as role {} names them: change the files, or take them \
             out with `sekisho certificate role set`",
            instance.id.id, instance.id.role
        );
        return Err(OrderError::refused(message));
    }
    Ok(instance)
}

fn waits(instance: &Instance) -> OrderError {
    OrderError::refused(format!(
        "{} is a request that waits for its certificate; import that, or remove the request",
        instance.id.id
    ))
}

fn new_key(key_type: KeyType) -> Result<PrivateKey, OrderError> {
    PrivateKey::generate(key_type).map_err(|error| OrderError::refused(error.to_string()))
}

fn new_record(origin: Origin, spki_sha256: Digest) -> Record {
    Record {
        format: FORMAT,
        stage: Stage::Requested,
        origin,
        active_from: None,
        replaced_at: None,
        spki_sha256,
        request: None,
        history: Vec::new(),
    }
}

fn nameless(role: &CertificateRole) -> InstanceId {
    InstanceId {
        role: role.key.clone(),
        id: String::new(),
    }
}

/// `20261128`, in UTC.
fn day(at: Timestamp) -> String {
    let instant = Instant::from_millisecond(at.as_millis()).unwrap_or_default();
    instant.to_zoned_datetime(TimeZone::UTC).strftime("%Y%m%d").to_string()
}

//! The certificates of this process: what is kept, what is watched, and what is presented just now. Orders take turns;
//! whoever presents certificates is told when they are others.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use sekisho_mail::{Digest, Domain, Timestamp};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{AnchorSet, Identity, IdentityFiles, ProbeName, ServerCertificates, sha256};
use tokio::sync::Notify;

use super::{
    CertificateMetrics, CertificateRole, Proof,
    choice::{self, Candidate, Standing},
    folder::FolderError,
    record::{Event, FORMAT, Instance, InstanceId, Origin, Record, Stage},
    rollover::Rollover,
    stapling::Stapling,
    vault::{Stray, Vault, VaultError},
    watched::{Change, Watched},
};

/// The last moment of a certificate is a whole second.
const LAST_SECOND: Duration = Duration::from_millis(999);

/// In whose name the store itself acts.
pub(super) const ITSELF: &str = "sekisho";

/// Told when other certificates are presented; it must be quick.
pub(super) type Listener = Box<dyn Fn() + Send + Sync>;

/// What names roles, keys and hosts around the store.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Roles of the directory.
    pub roles: Arc<Vec<CertificateRole>>,
    /// What each listener presents.
    pub presenting: Vec<Presenting>,
    /// Listeners by the roles that they present.
    pub listeners: HashMap<CertificateRoleKey, Vec<String>>,
    /// Roles that the web presents, which need not be for the names of hosts that take mail.
    pub web: Vec<CertificateRoleKey>,
    /// Connectors and routes by the roles that they present.
    pub connectors: HashMap<CertificateRoleKey, Vec<String>>,
    /// Connectors that pin a key, by its digest.
    pub pins: HashMap<Digest, Vec<String>>,
    /// The name with which this server greets.
    pub host_name: Option<Domain>,
    /// Whom chains are held against: the roots that are believed where nobody names others.
    pub roots: AnchorSet,
}

/// What a listener presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presenting {
    /// Its name.
    pub listener: String,
    /// Where it speaks TLS from the first octet on, if it is the web's; a listener for mail is known by its name.
    pub web: Option<SocketAddr>,
    /// Files that it names.
    pub files: Vec<IdentityFiles>,
    /// Roles that it names.
    pub roles: Vec<CertificateRoleKey>,
}

impl Surroundings {
    /// Whether somebody presents it to clients.
    pub(super) fn is_for_clients(&self, role: &CertificateRoleKey) -> bool {
        self.listeners.contains_key(role) || self.web.contains(role)
    }

    /// Files that listeners name beside roles.
    fn listener_files(&self) -> impl Iterator<Item = &IdentityFiles> {
        self.presenting.iter().flat_map(|one| &one.files)
    }
}

/// What a role comes to just now.
#[derive(Clone, Debug, Default)]
pub struct RolePresented {
    /// In words of the choice.
    pub standing: Standing,
    /// Ids with what is presented; ECDSA first.
    pub identities: Vec<(String, Identity)>,
    /// What handshakes get that know the secret name of a roll-over, with that name.
    pub probed: Option<(ProbeName, Vec<Identity>)>,
}

/// What is presented just now.
#[derive(Clone, Debug, Default)]
pub struct Presented {
    /// By role; each role of the directory is there.
    pub roles: HashMap<CertificateRoleKey, RolePresented>,
    /// Files of listeners, as they were when they were last good.
    pub files: HashMap<IdentityFiles, Identity>,
    /// When it may be another by itself.
    pub next: Option<Timestamp>,
}

impl Presented {
    /// What stands for it: equal ones present the same.
    fn digest(&self) -> Vec<(String, Digest)> {
        let leaf = |identity: &Identity| identity.chain().first().map_or(Digest([0; 32]), |leaf| leaf.sha256);
        let mut all = Vec::new();
        for (role, presented) in &self.roles {
            all.push((role.to_string(), Digest([0; 32])));
            let of_role = presented.identities.iter();
            all.extend(of_role.map(|(id, identity)| (format!("{role}/{id}"), leaf(identity))));
            let probed = presented.probed.iter();
            let probed = probed.flat_map(|(name, identities)| identities.iter().map(move |one| (name, one)));
            all.extend(probed.map(|(name, one)| (format!("{role} {}", name.to_hexadecimal()), leaf(one))));
        }
        let files = self.files.iter();
        all.extend(files.map(|(files, identity)| (files.chain.display().to_string(), leaf(identity))));
        all.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        all
    }
}

/// What is kept and watched.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    pub(super) around: Surroundings,
    pub(super) instances: Vec<Instance>,
    pub(super) strays: Vec<Stray>,
    pub(super) rollovers: HashMap<CertificateRoleKey, Rollover>,
    pub(super) watched: Watched,
}

/// All certificates of the process.
pub struct Certificates {
    pub(super) vault: Vault,
    holdings: Mutex<Holdings>,
    presented: ArcSwap<Presented>,
    listeners: Mutex<Vec<Listener>>,
    /// Told when what [`Presented::next`] says is another.
    pub(super) moved: Notify,
    /// Told when something else is presented.
    pub(super) swapped: Notify,
    /// What came of the last handshakes with ourselves, by certificate.
    proofs: Mutex<HashMap<Digest, Proof>>,
    pub(super) stapling: Stapling,
    pub(super) metrics: CertificateMetrics,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("presented", &self.presented)
            .finish_non_exhaustive()
    }
}

impl Certificates {
    /// Opens the store of a data folder; blocks on the disk. Nothing is presented before [`Self::surround`].
    ///
    /// # Errors
    /// When the folder cannot be read, or others can.
    pub fn open(data_folder: &Path, metrics: CertificateMetrics) -> Result<Self, FolderError> {
        let vault = Vault::open(data_folder)?;
        let found = vault.load()?;
        for stray in &found.strays {
            tracing::warn!(certificate = %stray.id, reason = stray.reason, "a certificate of the store is not used");
        }
        let holdings = Holdings {
            instances: found.instances,
            strays: found.strays,
            rollovers: found.rollovers,
            ..Holdings::default()
        };
        Ok(Self {
            vault,
            holdings: Mutex::new(holdings),
            presented: ArcSwap::default(),
            listeners: Mutex::default(),
            moved: Notify::new(),
            swapped: Notify::new(),
            proofs: Mutex::default(),
            stapling: Stapling::default(),
            metrics,
        })
    }

    /// Has `listener` told when other certificates are presented.
    pub fn listen(&self, listener: Listener) {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(listener);
    }

    /// What is presented just now.
    #[must_use]
    pub fn presented(&self) -> Arc<Presented> {
        self.presented.load_full()
    }

    /// What is presented as a role; empty where there is none.
    #[must_use]
    pub fn of_role(&self, role: &CertificateRoleKey) -> Vec<Identity> {
        let presented = self.presented.load();
        let of_role = presented.roles.get(role).map(|one| one.identities.as_slice());
        of_role
            .unwrap_or_default()
            .iter()
            .map(|(_, identity)| identity.clone())
            .collect()
    }

    /// What is presented where these files and, behind them, these roles are named; `None` where that comes to nothing.
    /// Files come with what they were at the start, in whose place stands what they were when they were last good.
    #[must_use]
    pub fn together(
        &self,
        files: &[(IdentityFiles, Identity)],
        roles: &[CertificateRoleKey],
    ) -> Option<ServerCertificates> {
        let presented = self.presented();
        let of_files = files
            .iter()
            .map(|(files, at_first)| presented.files.get(files).unwrap_or(at_first));
        let mut identities: Vec<Identity> = of_files.cloned().collect();
        identities.extend(roles.iter().flat_map(|role| self.of_role(role)));
        // Each has the OCSP answer about it, where there is one.
        let together = ServerCertificates::new(identities.iter().map(|identity| self.stapled(identity)).collect());
        together.map(|together| together.with_probed(self.probed(roles)))
    }

    /// What handshakes get that know the secret name of a roll-over of these roles.
    pub(crate) fn probed(&self, roles: &[CertificateRoleKey]) -> Vec<(ProbeName, Vec<Identity>)> {
        let presented = self.presented.load();
        let of_roles = roles
            .iter()
            .filter_map(|role| presented.roles.get(role)?.probed.clone());
        of_roles.collect()
    }

    /// Takes over what is named around the store, and chooses anew; blocks on the disk for files that are new. Whoever
    /// calls it presents what it leads to: listeners are not told.
    pub fn surround(&self, around: Surroundings, now: Timestamp) {
        let mut holdings = self.holdings();
        let of_roles = around.roles.iter().flat_map(|role| role.files.iter().cloned());
        let files: HashSet<IdentityFiles> = of_roles.chain(around.listener_files().cloned()).collect();
        holdings.around = around;
        for change in holdings.watched.watch(&files) {
            tell(&change);
        }
        self.choose(&holdings, now);
        self.stapling.wanted.notify_one();
    }

    /// Whether a listener for mail presents a role.
    #[must_use]
    pub fn is_of_listener(&self, role: &CertificateRoleKey) -> bool {
        self.holdings().around.listeners.contains_key(role)
    }

    /// Whom chains are held against.
    #[must_use]
    pub fn roots(&self) -> AnchorSet {
        self.holdings().around.roots.clone()
    }

    /// What each listener presents.
    pub(super) fn presenting(&self) -> Vec<Presenting> {
        self.holdings().around.presenting.clone()
    }

    /// What came of the last handshakes with ourselves, by certificate.
    pub(super) fn proofs(&self) -> HashMap<Digest, Proof> {
        self.proofs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn keep_proofs(&self, proofs: HashMap<Digest, Proof>) {
        *self.proofs.lock().unwrap_or_else(PoisonError::into_inner) = proofs;
    }

    pub(super) fn holdings(&self) -> MutexGuard<'_, Holdings> {
        self.holdings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses anew, and tells the listeners when something else is presented.
    pub(super) fn refresh(&self, holdings: &Holdings, now: Timestamp) -> bool {
        let is_other = self.choose(holdings, now);
        if is_other {
            let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            listeners.iter().for_each(|listener| listener());
        }
        is_other
    }

    fn choose(&self, holdings: &Holdings, now: Timestamp) -> bool {
        let mut presented = Presented::default();
        for role in holdings.around.roles.iter() {
            let (of_role, next) = holdings.choose(role, now);
            presented.next = [presented.next, next].into_iter().flatten().min();
            presented.roles.insert(role.key.clone(), of_role);
        }
        for files in holdings.around.listener_files() {
            if let Some(identity) = holdings.watched.identity(files) {
                presented.files.insert(files.clone(), identity.clone());
            }
        }
        let before = self.presented.swap(Arc::new(presented));
        let after = self.presented.load();
        let is_other = before.digest() != after.digest();
        if is_other {
            self.swapped.notify_one();
            self.stapling.wanted.notify_one();
        }
        if before.next != after.next {
            self.moved.notify_one();
        }
        for (role, now) in &after.roles {
            let was = before.roles.get(role).map(|one| one.standing);
            tell_standing(role, was, now.standing);
        }
        is_other
    }

    /// Looks at the files, moves what time has moved, and chooses anew; blocks on the disk.
    pub(crate) fn look_after(&self, now: Timestamp) -> bool {
        let mut holdings = self.holdings();
        for change in holdings.watched.poll() {
            tell(&change);
        }
        let is_other = self.refresh(&holdings, now);
        self.metrics.show(self, now);
        if let Err(error) = self.retire_what_was_replaced(&mut holdings, now) {
            tracing::warn!(%error, "what became of a replaced certificate cannot be written down");
        }
        is_other
    }

    /// Notes since when another is presented in the place of an active certificate, and retires it after the overlap.
    fn retire_what_was_replaced(&self, holdings: &mut Holdings, now: Timestamp) -> Result<(), VaultError> {
        let presented = self.presented.load_full();
        let roles = Arc::clone(&holdings.around.roles);
        for instance in &mut holdings.instances {
            let Some(role) = roles.iter().find(|role| role.key == instance.id.role) else {
                continue;
            };
            let Some(record) = after_replacement(role, instance, &presented, now) else {
                continue;
            };
            self.vault.update(&instance.id, &record)?;
            if record.stage != instance.record.stage {
                tracing::info!(certificate = %instance.id, "a certificate that was replaced is retired");
            }
            instance.record = record;
        }
        Ok(())
    }
}

/// What is to be written of an instance that another has taken the place of, or that is presented again.
fn after_replacement(
    role: &CertificateRole,
    instance: &Instance,
    presented: &Presented,
    now: Timestamp,
) -> Option<Record> {
    let is_in_force = instance.record.active_from.is_some_and(|from| from <= now);
    let (family, leaf) = (instance.family()?, instance.identity.as_ref()?.chain().first()?);
    if instance.record.stage != Stage::Active || !is_in_force || leaf.not_before > now {
        return None;
    }
    let of_role = presented.roles.get(&role.key)?;
    let is_presented = of_role.identities.iter().any(|(id, _)| *id == instance.id.id);
    let in_its_place = of_role
        .identities
        .iter()
        .find(|(_, identity)| identity.family() == family);
    let mut record = instance.record.clone();
    match (in_its_place, record.replaced_at) {
        (_, Some(_)) if is_presented => record.replaced_at = None,
        (Some(_), None) if !is_presented => record.replaced_at = Some(now),
        (Some((successor, _)), Some(since)) if !is_presented && now.since(since) >= role.overlap => {
            record.stage = Stage::Retired;
            record.note(Event {
                at: now,
                by: ITSELF.to_owned(),
                what: "retired".to_owned(),
                why: format!("{successor} has been presented in its place since {since}"),
            });
        }
        _ => return None,
    }
    Some(record)
}

impl Holdings {
    pub(super) fn role(&self, key: &CertificateRoleKey) -> Option<&CertificateRole> {
        self.around.roles.iter().find(|role| role.key == *key)
    }

    /// All of a role: those that are kept, and those in its files.
    pub(super) fn of_role(&self, role: &CertificateRole) -> Vec<Instance> {
        let kept = self.instances.iter().filter(|one| one.id.role == role.key).cloned();
        let files = role.files.iter().filter_map(|files| self.of_files(role, files));
        kept.chain(files).collect()
    }

    /// One in files, as if it were kept: active as long as the role names it.
    fn of_files(&self, role: &CertificateRole, files: &IdentityFiles) -> Option<Instance> {
        let identity = self.watched.identity(files)?;
        Some(Instance {
            id: InstanceId {
                role: role.key.clone(),
                id: file_id(files),
            },
            record: Record {
                format: FORMAT,
                stage: Stage::Active,
                origin: Origin::File,
                active_from: Some(Timestamp::EPOCH),
                replaced_at: None,
                spki_sha256: identity.chain().first()?.spki_sha256,
                request: None,
                history: Vec::new(),
            },
            identity: Some(identity.clone()),
        })
    }

    fn choose(&self, role: &CertificateRole, now: Timestamp) -> (RolePresented, Option<Timestamp>) {
        let mut candidates = Vec::new();
        let mut identities = Vec::new();
        for (id, candidate, identity) in self.candidates(role, &self.of_role(role), now) {
            candidates.push(candidate);
            identities.push((id, identity));
        }
        let choice = choice::choose(&candidates, now);
        let presented = choice.presented.iter().map(|place| identities[*place].clone());
        let presented = RolePresented {
            standing: choice.standing,
            identities: presented.collect(),
            probed: self.probed(&role.key),
        };
        (presented, choice.next)
    }
}

/// What of an instance is compared; `None` where it does not count for the role.
pub(super) fn candidate(role: &CertificateRole, instance: &Instance) -> Option<(Candidate, Identity)> {
    let identity = instance.identity.clone()?;
    if instance.record.stage != Stage::Active || role.mismatch(&identity).is_some() {
        return None;
    }
    let leaf = identity.chain().first()?;
    let candidate = Candidate {
        family: identity.family(),
        active_from: instance.record.active_from?,
        not_before: leaf.not_before,
        not_after: leaf.not_after.plus(LAST_SECOND),
    };
    Some((candidate, identity))
}

/// By what a pair of files is known among the certificates of its role.
pub(super) fn file_id(files: &IdentityFiles) -> String {
    let digest = sha256(files.chain.as_os_str().as_encoded_bytes()).to_string();
    format!("file-{}", &digest[..8])
}

fn tell(change: &Change) {
    match change {
        Change::TakenUp(files) => {
            let file = files.chain.display();
            tracing::info!(certificate = %file, "a certificate in a file has changed and is presented");
        }
        Change::Refused(files, reason) => {
            let file = files.chain.display();
            tracing::error!(certificate = %file, reason, "its file cannot be used; what was read before stays");
        }
    }
}

fn tell_standing(role: &CertificateRoleKey, was: Option<Standing>, now: Standing) {
    if was == Some(now) {
        return;
    }
    match now {
        Standing::Usable if was.is_some() => tracing::info!(%role, "the role has a certificate that is valid"),
        Standing::Usable => {}
        Standing::Expired => {
            tracing::error!(%role, "the role's certificate has expired and is presented for want of another");
        }
        Standing::Empty => {
            tracing::warn!(%role, "the role has no certificate: its listeners present what they make themselves");
        }
    }
}

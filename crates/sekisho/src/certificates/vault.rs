//! Where certificates with their keys are kept: `certificates/<organization>/<role>/<id>/` in the data folder, with
//! `chain.pem`, `key.pem` and `state.json` in it.
//!
//! A certificate is written into a folder of another name, flushed, and given its own name then: whatever a crash
//! leaves is either the whole of it, or something that is found at the start, told, and never used.

use std::{collections::HashMap, path::Path};

use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{CertificateChain, Identity, MAX_PEM_LEN, PrivateKey};
use zeroize::Zeroizing;

use super::{
    folder::{Folder, FolderError, UNFINISHED},
    record::{FORMAT, Instance, InstanceId, Record, Stage},
    rollover::Rollover,
};

const CHAIN: &str = "chain.pem";
const KEY: &str = "key.pem";
const STATE: &str = "state.json";
/// In the folder of a role, beside those of its certificates.
const ROLLOVER: &str = "rollover.json";
/// What a folder is called while it is filled: no id begins with a dot.
const FILLING: &str = ".new-";

/// Entries of one folder that are looked at.
const ENTRIES_MAX: usize = 10_000;
/// Octets of a record.
const STATE_LEN_MAX: u64 = 1024 * 1024;

/// The store's folder.
#[derive(Debug)]
pub(super) struct Vault {
    root: Folder,
}

/// Something in the store that is not used: told at every start, and never deleted by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// What it is known by.
    pub id: InstanceId,
    /// Why it is not used, and what mends it.
    pub reason: String,
}

/// Why nothing was kept.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The disk.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// What was to be kept cannot be read back.
    #[error("{0}")]
    Unreadable(String),
}

/// What the store has.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) instances: Vec<Instance>,
    pub(super) strays: Vec<Stray>,
    pub(super) rollovers: HashMap<CertificateRoleKey, Rollover>,
}

impl Vault {
    /// Opens the store in a data folder, and makes it when it is not there.
    pub(super) fn open(data_folder: &Path) -> Result<Self, FolderError> {
        Ok(Self {
            root: Folder::at(data_folder, "certificates")?,
        })
    }

    /// Everything that is there.
    pub(super) fn load(&self) -> Result<Found, FolderError> {
        let mut found = Found::default();
        for organization in self.root.names(ENTRIES_MAX)? {
            let folder = self.root.open(&organization)?;
            for name in folder.names(ENTRIES_MAX)? {
                let Ok(role) = format!("{organization}/{name}").parse::<CertificateRoleKey>() else {
                    tracing::warn!(path = %folder.path().join(&name).display(), "no certificates are looked for here");
                    continue;
                };
                load_role(&folder.open(&name)?, &role, &mut found)?;
            }
        }
        Ok(found)
    }

    fn role(&self, role: &CertificateRoleKey) -> Result<Folder, FolderError> {
        self.root.make(role.organization.as_str())?.make(&role.name)
    }

    /// An id for what is kept next: the day, and the beginning of the key's digest.
    pub(super) fn new_id(
        &self,
        role: &CertificateRoleKey,
        record: &Record,
        day: &str,
    ) -> Result<InstanceId, FolderError> {
        let folder = self.role(role)?;
        let digest = record.spki_sha256.to_string();
        let first = format!("{day}-{}", &digest[..8]);
        let is_free = |id: &String| !folder.has(id) && !folder.has(&format!("{FILLING}{id}"));
        let more = (2..).map(|number| format!("{first}-{number}"));
        let id = std::iter::once(first.clone()).chain(more).find(is_free);
        Ok(InstanceId {
            role: role.clone(),
            id: id.unwrap_or(first),
        })
    }

    /// Keeps something new: a key with its chain, or with the request that is in the record.
    pub(super) fn add(
        &self,
        id: &InstanceId,
        record: &Record,
        key: &PrivateKey,
        chain: Option<&CertificateChain>,
    ) -> Result<Instance, VaultError> {
        let role = self.role(&id.role)?;
        let filling = format!("{FILLING}{}", id.id);
        let folder = role.make(&filling)?;
        folder.write(KEY, key.pem().as_bytes())?;
        if let Some(chain) = chain {
            folder.write(CHAIN, chain.pem().as_bytes())?;
        }
        folder.write(STATE, &written(record))?;
        // Read back before it counts: what the disk has is what will be presented.
        let instance = load_instance(&folder, id).map_err(VaultError::Unreadable)?;
        role.rename(&filling, &id.id)?;
        Ok(instance)
    }

    /// The answer to a request joins its key.
    pub(super) fn answer(
        &self,
        id: &InstanceId,
        record: &Record,
        chain: &CertificateChain,
    ) -> Result<Instance, VaultError> {
        let folder = self.role(&id.role)?.open(&id.id)?;
        folder.write(CHAIN, chain.pem().as_bytes())?;
        // The record last: until it says so, the chain beside it counts for nothing.
        folder.write(STATE, &written(record))?;
        load_instance(&folder, id).map_err(VaultError::Unreadable)
    }

    /// Writes down what became of one.
    pub(super) fn update(&self, id: &InstanceId, record: &Record) -> Result<(), FolderError> {
        self.role(&id.role)?.open(&id.id)?.write(STATE, &written(record))
    }

    /// Writes down where a roll-over stands.
    pub(super) fn keep_rollover(&self, role: &CertificateRoleKey, rollover: &Rollover) -> Result<(), FolderError> {
        let octets = serde_json::to_vec_pretty(rollover).unwrap_or_default();
        self.role(role)?.write(ROLLOVER, &octets)
    }

    /// Forgets it.
    pub(super) fn forget_rollover(&self, role: &CertificateRoleKey) -> Result<(), FolderError> {
        self.role(role)?.wipe(ROLLOVER)
    }

    /// The key of one.
    pub(super) fn key(&self, id: &InstanceId) -> Result<PrivateKey, VaultError> {
        let folder = self.role(&id.role)?.open(&id.id)?;
        read_key(&folder).map_err(VaultError::Unreadable)
    }

    /// Removes one, or what was left of one; its key is written over.
    pub(super) fn remove(&self, id: &InstanceId) -> Result<(), FolderError> {
        let role = self.role(&id.role)?;
        if id.id == ROLLOVER {
            // One that cannot be read: it lies beside the folders of certificates and is none.
            return role.wipe(ROLLOVER);
        }
        // Under a name that is never used, so that a crash leaves nothing that would be.
        let removing = format!("{FILLING}{}", id.id);
        if !role.has(&removing) {
            role.rename(&id.id, &removing)?;
        }
        let folder = role.open(&removing)?;
        for name in folder.names(ENTRIES_MAX)? {
            folder.wipe(&name)?;
        }
        role.remove_folder(&removing)
    }
}

fn load_role(folder: &Folder, role: &CertificateRoleKey, found: &mut Found) -> Result<(), FolderError> {
    for name in folder.names(ENTRIES_MAX)? {
        let id = |id: &str| InstanceId {
            role: role.clone(),
            id: id.to_owned(),
        };
        let stray = |id: InstanceId, reason: String| Stray { id, reason };
        if name == ROLLOVER {
            match load_rollover(folder) {
                Ok(rollover) => drop(found.rollovers.insert(role.clone(), rollover)),
                Err(reason) => found.strays.push(stray(id(ROLLOVER), reason)),
            }
            continue;
        }
        if name.strip_suffix(UNFINISHED) == Some(ROLLOVER) {
            // What was there before it is there still.
            continue;
        }
        if let Some(unfinished) = name.strip_prefix(FILLING) {
            let reason = "it was being written or removed when the server stopped, and was never finished; import it \
                          anew, and remove what is left with `sekisho certificate remove`";
            found.strays.push(stray(id(unfinished), reason.to_owned()));
            continue;
        }
        let loaded = folder.open(&name).map_err(|error| error.to_string());
        match loaded.and_then(|folder| load_instance(&folder, &id(&name))) {
            Ok(instance) => found.instances.push(instance),
            Err(reason) => found.strays.push(stray(id(&name), reason)),
        }
    }
    Ok(())
}

fn load_rollover(folder: &Folder) -> Result<Rollover, String> {
    let octets = folder
        .read(ROLLOVER, STATE_LEN_MAX)
        .map_err(|error| error.to_string())?;
    let at = |why: &dyn std::fmt::Display| format!("{}: {why}", folder.path().join(ROLLOVER).display());
    let rollover: Rollover = serde_json::from_slice(&octets).map_err(|error| at(&error))?;
    if rollover.format != FORMAT {
        return Err(at(&"a newer version wrote it; use that version"));
    }
    Ok(rollover)
}

/// One of them, or why it is not used.
fn load_instance(folder: &Folder, id: &InstanceId) -> Result<Instance, String> {
    let octets = folder.read(STATE, STATE_LEN_MAX).map_err(|error| error.to_string())?;
    let at = |name: &str, why: &dyn std::fmt::Display| format!("{}: {why}", folder.path().join(name).display());
    let record: Record = serde_json::from_slice(&octets).map_err(|error| at(STATE, &error))?;
    if record.format != FORMAT {
        return Err(at(STATE, &"a newer version wrote it; use that version"));
    }
    for name in folder.names(ENTRIES_MAX).map_err(|error| error.to_string())? {
        if name.ends_with(UNFINISHED) {
            let path = folder.path().join(&name);
            tracing::warn!(path = %path.display(), "what was being written here counts for nothing");
        }
    }
    let identity = if record.stage == Stage::Requested {
        None
    } else {
        let key = read_key(folder)?;
        if key.spki_sha256() != record.spki_sha256 {
            return Err(at(KEY, &"this is not the key that was kept here"));
        }
        let octets = folder.read(CHAIN, MAX_PEM_LEN).map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&octets);
        let chain = CertificateChain::parse(&text).map_err(|error| at(CHAIN, &error))?;
        Some(Identity::of(&chain, &key).map_err(|error| at(CHAIN, &error))?)
    };
    Ok(Instance {
        id: id.clone(),
        record,
        identity,
    })
}

fn read_key(folder: &Folder) -> Result<PrivateKey, String> {
    let octets = folder.read(KEY, MAX_PEM_LEN).map_err(|error| error.to_string())?;
    let at = |why: &dyn std::fmt::Display| format!("{}: {why}", folder.path().join(KEY).display());
    let text = std::str::from_utf8(&octets).map_err(|_| at(&"this is no PEM"))?;
    PrivateKey::parse(Zeroizing::new(text.to_owned())).map_err(|error| at(&error))
}

fn written(record: &Record) -> Vec<u8> {
    serde_json::to_vec_pretty(record).unwrap_or_default()
}

//! What a client of an authority needs to know of the store: which roles order their certificates, what they have, and
//! what waits for its answer. When something is ordered is the client's to say.

use std::collections::BTreeSet;

use sekisho_mail::Timestamp;
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{KeyType, SigningRequest, first_certificate};

use super::{
    CertificateRole,
    live::Certificates,
    orders::Which,
    record::{Instance, Origin, Stage},
};

/// What a role has for one of its key types.
#[derive(Clone, Debug)]
pub struct Due {
    /// The role.
    pub role: CertificateRole,
    /// Which key.
    pub key_type: KeyType,
    /// Of those that are not retired the one that ends last, files of the operator aside.
    pub newest: Option<Instance>,
}

impl Due {
    /// Whether the newest is for all names of the role.
    #[must_use]
    pub fn has_all_names(&self) -> bool {
        let leaf = self.newest.as_ref().and_then(Instance::leaf_names);
        leaf.is_some_and(|has| self.role.name_texts().iter().all(|wanted| has.contains(wanted)))
    }

    /// The newest in DER, where the role's authority issued it.
    #[must_use]
    pub fn issued(&self) -> Option<Vec<u8>> {
        let newest = self.newest.as_ref().filter(|one| one.record.origin == Origin::Acme)?;
        first_certificate(&newest.chain()?.pem())
    }
}

impl Instance {
    /// The names of its certificate.
    fn leaf_names(&self) -> Option<Vec<String>> {
        Some(self.identity.as_ref()?.chain().first()?.dns_names.clone())
    }

    /// Whether its request is for these names and no other: an authority takes one for the names of the order alone
    /// (RFC 8555 §7.4).
    #[must_use]
    pub fn is_request_for(&self, names: &[String]) -> bool {
        let wanted: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let request = self.signing_request();
        request.is_some_and(|request| request.dns_names() == Some(wanted))
    }

    /// The request that waits for its certificate.
    #[must_use]
    pub fn signing_request(&self) -> Option<SigningRequest> {
        SigningRequest::parse(self.record.request.as_deref()?)
    }
}

impl Certificates {
    /// What each role that orders its certificates has, for each of its key types.
    #[must_use]
    pub fn due(&self) -> Vec<Due> {
        let holdings = self.holdings();
        let roles = holdings.around.roles.iter().filter(|role| role.acme.is_some());
        let due = roles.flat_map(|role| {
            let mut all = holdings.of_role(role);
            // What a roll-over is about to bring renews nothing: until its switch the key in force lives on. Nor does
            // what it has replaced.
            all.retain(|one| {
                let spki = one.record.spki_sha256;
                !holdings.is_coming(&role.key, spki) && !holdings.is_replaced(&role.key, spki)
            });
            let of_type = role
                .key_types
                .clone()
                .into_iter()
                .map(move |key_type| (key_type, all.clone()));
            of_type.map(|(key_type, all)| Due {
                role: role.clone(),
                key_type,
                newest: newest(&all, key_type),
            })
        });
        due.collect()
    }

    /// The role of this name, or of the certificate of this id.
    #[must_use]
    pub fn role_of(&self, which: &Which) -> Option<CertificateRoleKey> {
        let holdings = self.holdings();
        let found = holdings.found(which).ok()?;
        let of_certificate = found.first().map(|one| one.id.role.clone());
        of_certificate.or_else(|| {
            let mut roles = holdings.around.roles.iter();
            roles.find(|role| which.is_role(&role.key)).map(|role| role.key.clone())
        })
    }

    /// One certificate by its id.
    #[must_use]
    pub fn one(&self, which: &Which) -> Option<Instance> {
        let found = self.holdings().found(which).ok()?;
        found
            .into_iter()
            .find(|one| one.id.id == which.name || one.id.to_string() == which.name)
    }

    /// The request of a role by its id, as long as it waits for its certificate.
    #[must_use]
    pub fn waiting(&self, role: &CertificateRoleKey, id: &str) -> Option<Instance> {
        let holdings = self.holdings();
        let mut all = holdings.instances.iter();
        let found = all.find(|one| one.id.role == *role && one.id.id == id && one.record.stage == Stage::Requested);
        found.cloned()
    }
}

fn newest(all: &[Instance], key_type: KeyType) -> Option<Instance> {
    let wanted = key_words(key_type);
    let end = |one: &&Instance| -> Option<Timestamp> {
        let leaf = one.identity.as_ref()?.chain().first()?;
        let counts = one.record.origin != Origin::File && one.record.stage != Stage::Retired && leaf.key == wanted;
        counts.then_some(leaf.not_after)
    };
    all.iter().filter(|one| end(one).is_some()).max_by_key(end).cloned()
}

/// How a certificate's facts name a key of this type.
pub(super) const fn key_words(key_type: KeyType) -> &'static str {
    match key_type {
        KeyType::EcdsaP256 => "P-256",
        KeyType::EcdsaP384 => "P-384",
        KeyType::Rsa2048 => "RSA 2048",
        KeyType::Rsa3072 => "RSA 3072",
        KeyType::Rsa4096 => "RSA 4096",
    }
}

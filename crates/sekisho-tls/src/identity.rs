//! Our own certificates with their keys, and which of them answers which client.

use std::{
    collections::{HashMap, HashSet},
    fmt, fs,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    Error, InconsistentKeys, SignatureAlgorithm, SignatureScheme,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use sekisho_mail::{CertificateFacts, KeyExchangeGroups, Timestamp, TlsVersion};
use zeroize::Zeroizing;

use crate::{
    CertificateChain, KeyFamily, PrivateKey, ProbeName, TlsCertificateName,
    chain::{dns_names, facts_of},
    code_points,
    provider::provider_for,
    signature::SCHEMES,
};

/// Longest PEM file that is read: a chain of many certificates takes some tens of KiB.
pub const MAX_PEM_LEN: u64 = 1024 * 1024;

/// Protocols of one handshake that are looked at for the name of a probe.
const MAX_PROTOCOLS: usize = 16;

/// Where a certificate chain and its key lie, both in PEM. They may be the same file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdentityFiles {
    /// The chain, leaf first.
    pub chain: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC1. Not readable or writable by the world.
    pub key: PathBuf,
}

/// A certificate chain with its private key. Cheap to clone; the key is never shown.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    facts: Arc<[CertificateFacts]>,
    stapled_until: Option<Timestamp>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("chain", &self.facts)
            .finish_non_exhaustive()
    }
}

/// Why a chain and a key make no identity, wherever they came from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssemblyFault {
    /// RSA below 2048 bits, an unknown curve, and the like.
    #[error("the key cannot be used ({0}); RSA from 2048 bits on, P-256, P-384, P-521 and Ed25519 can")]
    UnusableKey(String),
    /// They belong to different pairs.
    #[error("the key is not the one in the first certificate")]
    Mismatch,
    /// The leaf is none that could be presented.
    #[error("the certificate cannot be used ({0})")]
    NoCertificate(String),
}

/// Why a certificate or key could not be loaded; each names the file and what mends it.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read.
    #[error(
        "{}: cannot be read ({source}); check that it exists and that the user of sekisho may read \
         it",
        path.display()
    )]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Far longer than any chain or key.
    #[error(
        "{}: longer than {MAX_PEM_LEN} octets; give a PEM file with nothing but the chain or the \
         key",
        .0.display()
    )]
    TooLong(PathBuf),
    /// Anyone on the machine can read or change the key.
    #[error("{}: the private key is open to every user of this machine; run: chmod 600 {}", .0.display(), .0.display())]
    OpenToTheWorld(PathBuf),
    /// No `BEGIN CERTIFICATE` in it, or its content is damaged.
    #[error("{}: holds no certificate in PEM ({why}); give the chain, leaf first", path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
        /// What the reader found.
        why: String,
    },
    /// No `BEGIN … PRIVATE KEY` in it, or its content is damaged, or it is encrypted.
    #[error(
        "{}: holds no private key in PEM without a passphrase ({why}); PKCS#8, PKCS#1 and SEC1 are \
         read",
        path.display()
    )]
    NoKey {
        /// Which file.
        path: PathBuf,
        /// What the reader found.
        why: String,
    },
    /// RSA below 2048 bits, an unknown curve, and the like.
    #[error(
        "{}: the key cannot be used ({why}); RSA from 2048 bits on, P-256, P-384, P-521 and Ed25519 \
         can",
        path.display()
    )]
    UnusableKey {
        /// Which file.
        path: PathBuf,
        /// What the library says.
        why: String,
    },
    /// They belong to different pairs.
    #[error(
        "{}: this key is not the one in the first certificate of {}; the leaf must come \
         first",
        key.display(), chain.display()
    )]
    Mismatch {
        /// The chain's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

impl Identity {
    /// Loads and checks a pair; blocks on the disk.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else, when the key is open to the world, or when key and
    /// leaf do not belong together.
    pub fn load(files: &IdentityFiles) -> Result<Self, IdentityError> {
        let chain = load_certificates(&files.chain)?;
        let key = load_key(&files.key)?;
        Self::assemble(chain, key).map_err(|fault| match fault {
            AssemblyFault::UnusableKey(why) => IdentityError::UnusableKey {
                path: files.key.clone(),
                why,
            },
            AssemblyFault::Mismatch => IdentityError::Mismatch {
                chain: files.chain.clone(),
                key: files.key.clone(),
            },
            AssemblyFault::NoCertificate(why) => IdentityError::NoCertificate {
                path: files.chain.clone(),
                why,
            },
        })
    }

    /// From a chain, leaf first, and its key.
    ///
    /// # Errors
    /// When the key cannot be used, or key and leaf do not belong together.
    pub fn of(chain: &CertificateChain, key: &PrivateKey) -> Result<Self, AssemblyFault> {
        Self::assemble(chain.certificates().to_vec(), key.to_der()?)
    }

    fn assemble(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, AssemblyFault> {
        let facts: Arc<[CertificateFacts]> = chain.iter().map(|certificate| facts_of(certificate)).collect();
        if facts.is_empty() {
            return Err(AssemblyFault::NoCertificate("the chain is empty".to_owned()));
        }
        let provider = provider_for(KeyExchangeGroups::ALL, TlsVersion::Tls12);
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|error| AssemblyFault::UnusableKey(error.to_string()))?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => return Err(AssemblyFault::Mismatch),
            Err(error) => return Err(AssemblyFault::NoCertificate(error.to_string())),
        }
        Ok(Self {
            certified: Arc::new(certified),
            facts,
            stapled_until: None,
        })
    }

    /// Of which kind its key is: a server has one certificate of each for the same name.
    #[must_use]
    pub fn family(&self) -> KeyFamily {
        match self.certified.key.algorithm() {
            SignatureAlgorithm::RSA => KeyFamily::Rsa,
            SignatureAlgorithm::ECDSA => KeyFamily::Ecdsa,
            _ => KeyFamily::Other,
        }
    }

    /// Whether issuer and subject of the leaf are these.
    #[must_use]
    pub fn is_named(&self, name: &TlsCertificateName) -> bool {
        self.certified.cert.first().is_some_and(|leaf| name.is_of(leaf))
    }

    /// The chain, to be looked at.
    #[must_use]
    pub fn certificates(&self) -> CertificateChain {
        CertificateChain::of(self.certified.cert.clone())
    }

    /// The chain, leaf first; never empty.
    #[must_use]
    pub fn chain(&self) -> &[CertificateFacts] {
        &self.facts
    }

    /// The same in DER.
    pub fn der(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.certified.cert.iter().map(AsRef::as_ref)
    }

    pub(crate) fn leaf(&self) -> &CertificateFacts {
        &self.facts[0]
    }

    /// Every DNS name of the leaf in lower case; the facts keep only so many.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let leaf = self.certified.cert.first();
        let names = leaf.map(|leaf| dns_names(leaf)).unwrap_or_default();
        names.iter().map(|name| name.to_ascii_lowercase()).collect()
    }

    pub(crate) const fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    /// The same with an OCSP answer stapled to it that holds until then.
    pub(crate) fn with_staple(&self, answer: &[u8], until: Timestamp) -> Self {
        let mut certified = CertifiedKey::clone(&self.certified);
        certified.ocsp = Some(answer.to_vec());
        Self {
            certified: Arc::new(certified),
            facts: Arc::clone(&self.facts),
            stapled_until: Some(until),
        }
    }

    /// Until when the OCSP answer holds that is stapled to it; `None` where there is none.
    #[must_use]
    pub const fn stapled_until(&self) -> Option<Timestamp> {
        self.stapled_until
    }

    pub(crate) fn can_sign(&self, schemes: &[SignatureScheme]) -> bool {
        self.certified.key.choose_scheme(schemes).is_some()
    }

    /// Names of the schemes that its key can sign with.
    pub(crate) fn signature_schemes(&self) -> Vec<String> {
        SCHEMES
            .iter()
            .filter(|scheme| self.can_sign(&[**scheme]))
            .map(|scheme| code_points::signature_scheme((*scheme).into()))
            .collect()
    }
}

/// The file's octets and its permission bits.
fn load_bounded(path: &Path) -> Result<(Zeroizing<Vec<u8>>, u32), IdentityError> {
    let fault = |source| IdentityError::Read {
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path).map_err(fault)?;
    let mode = file.metadata().map_err(fault)?.permissions().mode();
    // Room from the start, so that growing leaves no copy of a key behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(16 * 1024));
    file.take(MAX_PEM_LEN + 1).read_to_end(&mut octets).map_err(fault)?;
    if octets.len() as u64 > MAX_PEM_LEN {
        return Err(IdentityError::TooLong(path.to_owned()));
    }
    Ok((octets, mode))
}

/// Every certificate in a PEM file, in its order; at least one.
pub(crate) fn load_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let (octets, _) = load_bounded(path)?;
    let fault = |why: String| IdentityError::NoCertificate {
        path: path.to_owned(),
        why,
    };
    parse_certificates(&octets).map_err(fault)
}

/// Those in a PEM text, at least one; the error says in words why there is none.
pub(crate) fn parse_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    if certificates.is_empty() {
        return Err("no BEGIN CERTIFICATE".to_owned());
    }
    Ok(certificates)
}

fn load_key(path: &Path) -> Result<PrivateKeyDer<'static>, IdentityError> {
    const OTHERS_MAY_READ_OR_WRITE: u32 = 0o006;
    let (octets, mode) = load_bounded(path)?;
    if mode & OTHERS_MAY_READ_OR_WRITE != 0 {
        return Err(IdentityError::OpenToTheWorld(path.to_owned()));
    }
    PrivateKeyDer::from_pem_slice(&octets).map_err(|error| IdentityError::NoKey {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

/// The certificates of a listener, with an index by server name.
#[derive(Clone, Debug)]
pub struct ServerCertificates {
    identities: Vec<Identity>,
    /// Places in `identities` by lower-case name; `*.` before the rest of a wildcard's.
    by_name: HashMap<String, Vec<usize>>,
    default: Vec<usize>,
    /// Not in force yet: for handshakes that know the name.
    probed: Vec<(ProbeName, Vec<Identity>)>,
}

impl ServerCertificates {
    /// From identities in the order in which they are preferred. The first, and any other that shares one of
    /// its names, are the default for absent, unknown and IP-literal server names.
    ///
    /// `None` when there is no identity at all.
    #[must_use]
    pub fn new(identities: Vec<Identity>) -> Option<Self> {
        let first_names: HashSet<String> = identities.first()?.names().into_iter().collect();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut default = Vec::new();
        for (place, identity) in identities.iter().enumerate() {
            let names = identity.names();
            if place == 0 || names.iter().any(|name| first_names.contains(name)) {
                default.push(place);
            }
            for name in names {
                by_name.entry(name).or_default().push(place);
            }
        }
        Some(Self {
            identities,
            by_name,
            default,
            probed: Vec::new(),
        })
    }

    /// [`Identity::load`] for each, then [`Self::new`]; blocks on the disk.
    ///
    /// # Errors
    /// Every fault of every pair, not only the first; no fault at all when `files` is empty.
    pub fn load(files: &[IdentityFiles]) -> Result<Self, Vec<IdentityError>> {
        let (mut identities, mut faults) = (Vec::new(), Vec::new());
        for pair in files {
            match Identity::load(pair) {
                Ok(identity) => identities.push(identity),
                Err(fault) => faults.push(fault),
            }
        }
        match (faults.is_empty(), Self::new(identities)) {
            (true, Some(certificates)) => Ok(certificates),
            _ => Err(faults),
        }
    }

    /// Beside them those that handshakes get which know the name, and nobody else.
    #[must_use]
    pub fn with_probed(self, probed: Vec<(ProbeName, Vec<Identity>)>) -> Self {
        Self { probed, ..self }
    }

    /// What a handshake gets by the secret name among its protocols, where there is one.
    pub(crate) fn probed<'h>(
        &self,
        protocols: Option<impl Iterator<Item = &'h [u8]>>,
        schemes: &[SignatureScheme],
    ) -> Option<&Identity> {
        if self.probed.is_empty() {
            return None;
        }
        let offered: Vec<&[u8]> = protocols?.take(MAX_PROTOCOLS).collect();
        let is_asked = |name: &ProbeName| offered.iter().any(|protocol| name.is_asked_by(protocol));
        let (_, identities) = self.probed.iter().find(|(name, _)| is_asked(name))?;
        identities.iter().find(|identity| identity.can_sign(schemes))
    }

    /// The identities in order of preference.
    #[must_use]
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// The identities in order of preference, each with whether it is for clients that name nobody we know.
    pub fn standing(&self) -> impl Iterator<Item = (&Identity, bool)> {
        let places = self.identities.iter().enumerate();
        places.map(|(place, identity)| (identity, self.is_default(place)))
    }

    pub(crate) fn is_default(&self, place: usize) -> bool {
        self.default.contains(&place)
    }

    /// The one for this client: by exact name, by wildcard, by default, always one whose key the client's
    /// schemes allow when there is one. There is always an answer, so that no name leads to an alert.
    pub(crate) fn choose(&self, server_name: Option<&str>, schemes: &[SignatureScheme]) -> &Identity {
        // RFC 6066 §3 wants the name without its final dot; some clients leave it on.
        let name = server_name.map(|name| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase());
        let exact = name.as_ref().and_then(|name| self.by_name.get(name));
        let wildcard = || {
            let (_, rest) = name.as_ref()?.split_once('.')?;
            self.by_name.get(&format!("*.{rest}"))
        };
        let named = exact.or_else(wildcard).into_iter().flatten();
        let places = named.chain(&self.default).map(|place| &self.identities[*place]);
        places
            .clone()
            .find(|identity| identity.can_sign(schemes))
            .or_else(|| places.clone().next())
            .unwrap_or(&self.identities[0])
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{CertificateParams, KeyPair};
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use sekisho_mail::{HandshakeFault, HandshakeStage};

    use super::*;
    use crate::{ClientProfile, ServerTlsSettings, TlsClient, TlsServer};

    /// A peer that presents a certificate whose key it does not hold.
    fn impostor() -> Identity {
        let (own, stolen) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let certificate = CertificateParams::new(Vec::new())
            .unwrap()
            .self_signed(&stolen)
            .unwrap();
        let facts = Arc::new([facts_of(certificate.der())]);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let provider = provider_for(KeyExchangeGroups::ALL, TlsVersion::Tls12);
        let key = provider.key_provider.load_private_key(key).unwrap();
        Identity {
            certified: Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)),
            facts,
            stapled_until: None,
        }
    }

    /// With these names, and the key that goes with it.
    fn identity(names: Vec<String>) -> Identity {
        let pair = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&pair).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        let provider = provider_for(KeyExchangeGroups::ALL, TlsVersion::Tls12);
        let key = provider.key_provider.load_private_key(key).unwrap();
        Identity {
            facts: Arc::new([facts_of(certificate.der())]),
            certified: Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)),
            stapled_until: None,
        }
    }

    #[test]
    fn every_name_of_a_certificate_picks_it_with_a_final_dot_or_without() {
        let many = (0..300).map(|number| format!("Mx{number}.example.net"));
        let own = identity(vec!["mx.example.org".to_owned()]);
        let certificates = ServerCertificates::new(vec![own, identity(many.collect())]).unwrap();
        let chosen = |name: &str| certificates.choose(Some(name), SCHEMES).names().len();
        for name in ["mx0.example.net", "MX299.example.net", "mx299.example.net."] {
            assert_eq!(chosen(name), 300, "{name}");
        }
        for name in ["mx300.example.net", "mx.example.org.", "."] {
            assert_eq!(chosen(name), 1, "{name}");
        }
    }

    #[tokio::test]
    async fn a_peer_that_does_not_hold_the_key_of_its_certificate_gets_no_connection() {
        let certificates = ServerCertificates::new(vec![impostor()]).unwrap();
        let server = TlsServer::new(ServerTlsSettings::new(Arc::new(certificates)));
        let client = TlsClient::new(HashMap::new());
        let (near, far) = tokio::io::duplex(65536);
        let (profile, limit) = (ClientProfile::default(), Duration::from_secs(30));
        let (served, connected) = tokio::join!(server.accept(far, limit), client.connect(near, None, &profile, limit));
        let failure = connected.unwrap_err();
        assert_eq!(
            (failure.fault, failure.stage),
            (HandshakeFault::BadSignature, HandshakeStage::AfterPeerHello)
        );
        assert_eq!(failure.chain.len(), 1);
        let failure = served.unwrap_err();
        assert_eq!(failure.fault, HandshakeFault::Alert("decrypt_error".to_owned()));
    }
}

//! A certificate authority for tests, and certificates that are wrong in every way that matters.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, date_time_ymd,
};

/// A certificate chain, leaf first, and its private key, both in PEM.
#[derive(Clone)]
pub struct Pem {
    /// The chain.
    pub chain: String,
    /// The key, PKCS #8.
    pub key: String,
}

impl Pem {
    /// The same without what stands behind the leaf: what a server sends whose operator forgot the intermediate.
    #[must_use]
    pub fn leaf_alone(&self) -> Self {
        const END: &str = "-----END CERTIFICATE-----\n";
        let leaf = self.chain.split_inclusive(END).next().unwrap_or_default();
        Self {
            chain: leaf.to_owned(),
            key: self.key.clone(),
        }
    }

    /// The pin of its key: `sha256:` and the SHA-256 of the leaf's SubjectPublicKeyInfo.
    ///
    /// # Panics
    /// When the chain is none.
    #[must_use]
    pub fn pin(&self) -> String {
        let chain = sekisho_tls::PeerChain::of_client_in_pem(&self.chain).expect("a chain in PEM");
        let leaf = chain.facts().first().expect("a chain has a leaf");
        format!("sha256:{}", leaf.spki_sha256)
    }
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pem")
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

/// An authority that signs what a test wants.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    /// What stands behind a leaf of it: its own certificate and those above.
    chain: String,
}

impl Authority {
    /// A new one; nobody trusts it yet.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[must_use]
    pub fn new() -> Self {
        Self::called("Sekisho test authority")
    }

    /// As [`Self::new`], with a name of its own: of two that are called the same, a chain seems to be the one's, and
    /// only its signature tells.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn called(name: &str) -> Self {
        let params = authority(name);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("the authority signs itself");
        Self {
            certificate: certificate.pem(),
            chain: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// An intermediate authority below this one; chains of its leaves end here.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[must_use]
    pub fn intermediate(&self) -> Self {
        let params = authority("Sekisho test intermediate");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority signs");
        Self {
            certificate: certificate.pem(),
            chain: certificate.pem() + &self.chain,
            issuer: Issuer::new(params, key),
        }
    }

    /// Its certificate in PEM, for a file of trust anchors.
    #[must_use]
    pub fn anchor(&self) -> &str {
        &self.certificate
    }

    /// A server's certificate that is good for `names`.
    ///
    /// # Panics
    /// When a name is no DNS name.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> Pem {
        self.sign(leaf(names))
    }

    /// As [`Self::server`], with an RSA key.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn server_with_rsa(&self, names: &[&str]) -> Pem {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key can be made");
        self.sign_for(&key, leaf(names))
    }

    /// A server's certificate that was good for `names` until some years ago.
    ///
    /// # Panics
    /// When a name is no DNS name.
    #[must_use]
    pub fn expired(&self, names: &[&str]) -> Pem {
        let mut params = leaf(names);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(params)
    }

    /// A server's certificate that is good for `names`, if any, and whose subject is called whatever a stranger likes.
    ///
    /// # Panics
    /// When a name is no DNS name.
    #[must_use]
    pub fn server_called(&self, common_name: &str, names: &[&str]) -> Pem {
        let mut params = leaf(names);
        params.distinguished_name.push(DnType::CommonName, common_name);
        self.sign(params)
    }

    /// A server's certificate that will be good for `names` in some decades.
    ///
    /// # Panics
    /// When a name is no DNS name.
    #[must_use]
    pub fn not_yet_valid(&self, names: &[&str]) -> Pem {
        let mut params = leaf(names);
        params.not_before = date_time_ymd(2099, 1, 1);
        self.sign(params)
    }

    /// A client's certificate.
    ///
    /// # Panics
    /// When the name is no DNS name.
    #[must_use]
    pub fn client(&self, name: &str) -> Pem {
        let mut params = leaf(&[name]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Pem {
        let key = KeyPair::generate().expect("a key can be made");
        self.sign_for(&key, params)
    }

    fn sign_for(&self, key: &KeyPair, params: CertificateParams) -> Pem {
        let leaf = params.signed_by(key, &self.issuer).expect("the authority signs");
        Pem {
            chain: leaf.pem() + &self.chain,
            key: key.serialize_pem(),
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// A server's certificate that signed itself.
///
/// # Panics
/// When a name is no DNS name.
#[must_use]
pub fn self_signed(names: &[&str]) -> Pem {
    let key = KeyPair::generate().expect("a key can be made");
    let leaf = leaf(names).self_signed(&key).expect("a key signs its own certificate");
    Pem {
        chain: leaf.pem(),
        key: key.serialize_pem(),
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no name is a bad name");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("a test gives DNS names");
    params.distinguished_name.push(DnType::CommonName, "Sekisho test leaf");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

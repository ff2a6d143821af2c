//! A certificate authority for tests, and certificates that are wrong in every way that matters.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// A certificate chain, leaf first, and its private key, both in PEM.
#[derive(Clone)]
pub struct Pem {
    /// The chain.
    pub chain: String,
    /// The key, PKCS #8.
    pub key: String,
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
}

impl Authority {
    /// A new one; nobody trusts it yet.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is a bad name");
        params
            .distinguished_name
            .push(DnType::CommonName, "Sekisho test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("the authority signs itself");
        Self {
            certificate: certificate.pem(),
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

    /// A server's certificate that is good for `names`, and whose subject is called whatever a stranger likes.
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
        let leaf = params.signed_by(&key, &self.issuer).expect("the authority signs");
        Pem {
            chain: leaf.pem() + &self.certificate,
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

fn leaf(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("a test gives DNS names");
    params.distinguished_name.push(DnType::CommonName, "Sekisho test leaf");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

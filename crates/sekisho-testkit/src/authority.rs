//! A certificate authority for tests, and certificates that are wrong in every way that matters.

mod described;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CrlDistributionPoint, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, date_time_ymd,
};

use crate::der::{OBJECT_IDENTIFIER, SEQUENCE, element, first, sequence};
pub use described::Description;

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
    der: Vec<u8>,
    /// What stands behind a leaf of it: its own certificate and those above.
    chain: String,
}

/// Where a certificate says that it would be revoked.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// Its distribution points, each with the addresses that are one for the other.
    pub points: Vec<Vec<String>>,
    /// Further ones, each for some reasons of a revocation only: its address, and the octets of ReasonFlags.
    pub limited: Vec<(String, Vec<u8>)>,
    /// Who answers by OCSP.
    pub ocsp: Vec<String>,
    /// Where its issuer's certificate is.
    pub issuers: Vec<String>,
    /// Whether it must not be presented without an OCSP answer (RFC 7633).
    pub must_staple: bool,
}

impl Endpoints {
    /// One distribution point with one address.
    #[must_use]
    pub fn crl(uri: impl Into<String>) -> Self {
        Self::default().and_crl(uri)
    }

    /// And another distribution point.
    #[must_use]
    pub fn and_crl(mut self, uri: impl Into<String>) -> Self {
        self.points.push(vec![uri.into()]);
        self
    }

    /// And one that tells of some reasons only.
    #[must_use]
    pub fn and_limited_crl(mut self, uri: impl Into<String>, reasons: &[u8]) -> Self {
        self.limited.push((uri.into(), reasons.to_vec()));
        self
    }

    /// A responder alone.
    #[must_use]
    pub fn ocsp(uri: impl Into<String>) -> Self {
        Self::default().and_ocsp(uri)
    }

    /// And a responder.
    #[must_use]
    pub fn and_ocsp(mut self, uri: impl Into<String>) -> Self {
        self.ocsp.push(uri.into());
        self
    }

    fn write(&self, params: &mut CertificateParams) {
        if self.limited.is_empty() {
            let points = self.points.iter();
            params.crl_distribution_points = points.map(|uris| CrlDistributionPoint { uris: uris.clone() }).collect();
        } else {
            params.custom_extensions.push(self.points_of_both_kinds());
        }
        if self.must_staple {
            let status_request = sequence(&[&element(0x02, &[5])]);
            let feature = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], status_request);
            params.custom_extensions.push(feature);
        }
        let method = |last: u8| element(OBJECT_IDENTIFIER, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, last]);
        let entry = |last: u8, uri: &String| sequence(&[&method(last), &element(0x86, uri.as_bytes())]);
        let responders = self.ocsp.iter().map(|uri| entry(1, uri));
        let entries: Vec<Vec<u8>> = responders.chain(self.issuers.iter().map(|uri| entry(2, uri))).collect();
        if !entries.is_empty() {
            let value = element(SEQUENCE, &entries.concat());
            let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], value);
            params.custom_extensions.push(extension);
        }
    }
}

impl Endpoints {
    /// cRLDistributionPoints, those without reasons first.
    fn points_of_both_kinds(&self) -> CustomExtension {
        let name = |uris: &[String]| {
            let uris = uris.iter().map(|uri| element(0x86, uri.as_bytes()));
            element(0xa0, &element(0xa0, &uris.collect::<Vec<_>>().concat()))
        };
        let whole = self.points.iter().map(|uris| sequence(&[&name(uris)]));
        let limited = self.limited.iter().map(|(uri, reasons)| {
            let reasons = element(0x81, &[&[0], &reasons[..]].concat());
            sequence(&[&name(std::slice::from_ref(uri)), &reasons])
        });
        let points: Vec<Vec<u8>> = whole.chain(limited).collect();
        CustomExtension::from_oid_content(&[2, 5, 29, 31], element(SEQUENCE, &points.concat()))
    }
}

/// Somebody who signs OCSP answers in an authority's stead.
#[derive(Debug)]
pub struct Delegate {
    pub(crate) key: KeyPair,
    /// In DER.
    pub(crate) certificate: Vec<u8>,
}

impl Delegate {
    pub(crate) fn subject(&self) -> &[u8] {
        subject(&self.certificate)
    }
}

/// What is wrong with a delegate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appointment {
    /// Nothing.
    Good,
    /// It ended some years ago.
    Expired,
    /// Its certificate is not one for signing OCSP answers.
    WithoutUsage,
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
        Self::from_params(authority(name))
    }

    /// One whose certificate does not allow it to sign CRLs.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn without_crl_sign() -> Self {
        let mut params = authority("Sekisho test authority");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self::from_params(params)
    }

    fn from_params(params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("the authority signs itself");
        Self::of(&certificate, "", params, key)
    }

    fn of(certificate: &Certificate, above: &str, params: CertificateParams, key: KeyPair) -> Self {
        Self {
            certificate: certificate.pem(),
            der: certificate.der().to_vec(),
            chain: certificate.pem() + above,
            issuer: Issuer::new(params, key),
        }
    }

    /// An intermediate authority below this one; chains of its leaves end here.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[must_use]
    pub fn intermediate(&self) -> Self {
        self.intermediate_from(authority("Sekisho test intermediate"))
    }

    /// As [`Self::intermediate`], with a serial number and where it says that it would be revoked.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn intermediate_with(&self, serial: u64, endpoints: &Endpoints) -> Self {
        let mut params = authority("Sekisho test intermediate");
        params.serial_number = Some(serial.into());
        endpoints.write(&mut params);
        self.intermediate_from(params)
    }

    fn intermediate_from(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority signs");
        Self::of(&certificate, &self.chain, params, key)
    }

    /// A server's certificate that is good for `names`, with a serial number and where it says that it would be
    /// revoked.
    ///
    /// # Panics
    /// When a name is no DNS name.
    #[must_use]
    pub fn server_with(&self, names: &[&str], serial: u64, endpoints: &Endpoints) -> Pem {
        let mut params = leaf(names);
        params.serial_number = Some(serial.into());
        endpoints.write(&mut params);
        self.sign(params)
    }

    /// As [`Self::server_with`], a client's.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn client_with(&self, name: &str, serial: u64, endpoints: &Endpoints) -> Pem {
        let mut params = leaf(&[name]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(serial.into());
        endpoints.write(&mut params);
        self.sign(params)
    }

    /// Appoints somebody to sign OCSP answers.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[must_use]
    pub fn delegate(&self, appointment: Appointment) -> Delegate {
        let mut params = leaf(&[]);
        params
            .distinguished_name
            .push(DnType::CommonName, "Sekisho test responder");
        params.extended_key_usages = vec![match appointment {
            Appointment::WithoutUsage => ExtendedKeyUsagePurpose::ServerAuth,
            Appointment::Good | Appointment::Expired => ExtendedKeyUsagePurpose::OcspSigning,
        }];
        if appointment == Appointment::Expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority signs");
        let certificate = certificate.der().to_vec();
        Delegate { key, certificate }
    }

    /// Its subject, a Name in DER.
    pub(crate) fn subject(&self) -> &[u8] {
        subject(&self.der)
    }

    pub(crate) fn key(&self) -> &KeyPair {
        self.issuer.key()
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

    /// A server's certificate on a key in PEM that is there already, valid from a day on (year, month, day).
    ///
    /// # Panics
    /// When a name is no DNS name, or the text is no key.
    #[must_use]
    pub fn server_on(&self, key: &str, names: &[&str], (year, month, day): (i32, u8, u8)) -> Pem {
        let key = KeyPair::from_pem(key).expect("a key in PEM");
        let mut params = leaf(names);
        params.not_before = date_time_ymd(year, month, day);
        self.sign_for(&key, params)
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

    /// As [`Self::expired`], with a serial number and where it says that it would be revoked.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn expired_with(&self, names: &[&str], serial: u64, endpoints: &Endpoints) -> Pem {
        let mut params = leaf(names);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        params.serial_number = Some(serial.into());
        endpoints.write(&mut params);
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

/// The subject of a certificate, a Name in DER (RFC 5280 §4.1).
fn subject(certificate: &[u8]) -> &[u8] {
    let (outer, _, _) = first(certificate);
    let (fields, _, _) = first(outer);
    let mut rest = fields;
    for _ in ["version", "serial number", "algorithm", "issuer", "validity"] {
        rest = first(rest).2;
    }
    first(rest).1
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

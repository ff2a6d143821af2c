//! What the tests of this crate share: an authority that issues odd certificates, and the two ends of a pipe.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd,
};
use sekisho_mail::{AnchorSetId, Check, ClientIdentityId, Domain, HandshakeFailure, Timestamp, TlsFacts, TlsVersion};
use sekisho_tls::{
    AnchorSet, ClientProfile, Identity, IdentityFiles, ServerCertificates, ServerTlsSettings, TlsClient, TlsServer,
    TlsStream, Verifier,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Far longer than any handshake here takes.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(30);
/// A moment at which everything that [`Authority`] issues by default is valid.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(crate) type Ended = Result<(TlsStream<DuplexStream>, TlsFacts), Box<HandshakeFailure>>;

#[derive(Clone, Copy)]
pub(crate) enum Algorithm {
    P256,
    Rsa,
}

/// A private authority in its own folder.
pub(crate) struct Authority {
    pub(crate) folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2090, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        let pem = folder.path().join("ca.pem");
        fs::write(&pem, certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            pem,
            folder,
        }
    }

    /// A certificate for `names`, changed by `change` before it is signed.
    pub(crate) fn issue(
        &self,
        stem: &str,
        names: &[&str],
        algorithm: Algorithm,
        change: impl FnOnce(&mut CertificateParams),
    ) -> IdentityFiles {
        let key = match algorithm {
            Algorithm::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Algorithm::Rsa => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        }
        .unwrap();
        let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, stem);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2080, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        store_pair(self.folder.path(), stem, &certificate.pem(), &key.serialize_pem())
    }

    pub(crate) fn server(&self, names: &[&str]) -> IdentityFiles {
        self.issue(names.first().unwrap_or(&"nameless"), names, Algorithm::P256, |_| {})
    }

    pub(crate) fn verifier(&self) -> Verifier {
        verifier(&self.pem)
    }
}

pub(crate) fn store_pair(folder: &Path, stem: &str, chain: &str, key: &str) -> IdentityFiles {
    let files = IdentityFiles {
        chain: folder.join(format!("{stem}.crt")),
        key: folder.join(format!("{stem}.key")),
    };
    fs::write(&files.chain, chain).unwrap();
    fs::write(&files.key, key).unwrap();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
    files
}

pub(crate) fn anchors() -> AnchorSetId {
    AnchorSetId("test".to_owned())
}

pub(crate) fn verifier(pem: &Path) -> Verifier {
    Verifier::new(HashMap::from([(anchors(), AnchorSet::load(pem).unwrap())]))
}

pub(crate) fn path_check() -> Check {
    Check::Path { anchors: anchors() }
}

pub(crate) fn name_check(name: &str) -> Check {
    Check::Name {
        names: vec![name.parse().unwrap()],
    }
}

pub(crate) fn settings(files: &[IdentityFiles]) -> ServerTlsSettings {
    ServerTlsSettings::new(Arc::new(ServerCertificates::load(files).unwrap()))
}

pub(crate) fn server(files: &[IdentityFiles]) -> TlsServer {
    TlsServer::new(settings(files))
}

pub(crate) fn client() -> TlsClient {
    TlsClient::new(HashMap::new())
}

pub(crate) fn client_with(id: &str, files: &IdentityFiles) -> TlsClient {
    TlsClient::new(HashMap::from([(
        ClientIdentityId(id.to_owned()),
        Identity::load(files).unwrap(),
    )]))
}

pub(crate) fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

pub(crate) fn tls13_only() -> ClientProfile {
    ClientProfile {
        min_version: TlsVersion::Tls13,
        ..ClientProfile::default()
    }
}

/// Both ends of a handshake over a pipe of `buffer` octets.
pub(crate) async fn shake(
    server: &TlsServer,
    client: &TlsClient,
    name: Option<&str>,
    profile: &ClientProfile,
    buffer: usize,
) -> (Ended, Ended) {
    let (near, far) = tokio::io::duplex(buffer);
    let name = name.map(domain);
    tokio::join!(
        server.accept(far, TIME_LIMIT),
        client.connect(near, name.as_ref(), profile, TIME_LIMIT)
    )
}

/// Sends a line each way, then closes.
pub(crate) async fn converse(server: &mut TlsStream<DuplexStream>, client: &mut TlsStream<DuplexStream>) {
    let mut line = [0; 6];
    server.write_all(b"220 a\n").await.unwrap();
    server.flush().await.unwrap();
    client.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"220 a\n");
    client.write_all(b"EHLO b").await.unwrap();
    client.flush().await.unwrap();
    server.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"EHLO b");
}

/// A certificate in PEM.
pub(crate) fn in_pem(der: &[u8]) -> String {
    pem::encode(&pem::Pem::new("CERTIFICATE", der))
}

/// The octets of each certificate in a PEM text.
pub(crate) fn pem_slice(text: &str) -> Vec<Vec<u8>> {
    let blocks = pem::parse_many(text).unwrap();
    blocks.into_iter().map(pem::Pem::into_contents).collect()
}

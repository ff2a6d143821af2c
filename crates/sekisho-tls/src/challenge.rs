//! The proof that we hold a name, as an authority asks for it in a TLS handshake: `tls-alpn-01` (RFC 8737).
//!
//! Only handshakes that offer `acme-tls/1` and a name with a challenge under way are answered, with a certificate of
//! that challenge's own; nobody else gets one. Who asks for a challenge, and when it ends, is left to the ACME client.

use std::{
    collections::HashMap,
    fmt, io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, ServerConfig,
    client::Resumption,
    pki_types::{DnsName, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};
use sekisho_mail::{Domain, KeyExchangeGroups, Timestamp, TlsVersion};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use zeroize::Zeroizing;

use crate::{
    callbacks::AnyCertificate,
    provider::{provider_for, versions_from},
};

/// The protocol by which an authority says that it comes for a challenge (RFC 8737 §6.2).
const ACME_TLS: &[u8] = b"acme-tls/1";
/// Challenges under way at a time.
pub const MAX_CHALLENGES: usize = 256;
/// A challenge's certificate is thrown away within minutes; this is for clocks that differ.
const VALIDITY: Duration = Duration::from_secs(7 * 86_400);

/// Why a challenge cannot be presented.
#[derive(Debug, thiserror::Error)]
pub enum ChallengeError {
    /// So many are under way already.
    #[error("{MAX_CHALLENGES} challenges are under way already; try again when some have ended")]
    TooMany,
    /// The library could not make key or certificate.
    #[error("the certificate of a challenge could not be made: {0}")]
    Making(String),
}

/// Answers challenges on connections that it is given. Cheap to clone; the clones present the same.
#[derive(Clone)]
pub struct ChallengeServer {
    acceptor: TlsAcceptor,
    presented: Arc<Presented>,
}

impl fmt::Debug for ChallengeServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChallengeServer")
            .field("presented", &self.presented)
            .finish_non_exhaustive()
    }
}

/// The certificates of the challenges under way, by name.
#[derive(Default)]
struct Presented(RwLock<HashMap<Domain, Arc<CertifiedKey>>>);

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let presented = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(presented.keys()).finish()
    }
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if !is_for_challenge(&hello) {
            return None;
        }
        let name = Domain::parse(hello.server_name()?).ok()?;
        let presented = self.0.read().unwrap_or_else(PoisonError::into_inner);
        presented.get(&name).cloned()
    }
}

/// RFC 8737 §3: the authority offers this protocol and no other.
pub(crate) fn is_for_challenge(hello: &ClientHello<'_>) -> bool {
    hello
        .alpn()
        .is_some_and(|mut protocols| protocols.next() == Some(ACME_TLS) && protocols.next().is_none())
}

impl Default for ChallengeServer {
    fn default() -> Self {
        Self::new()
    }
}

impl ChallengeServer {
    /// One with no challenge under way.
    #[must_use]
    pub fn new() -> Self {
        let presented = Arc::new(Presented::default());
        let resolver: Arc<Presented> = Arc::clone(&presented);
        let mut config =
            ServerConfig::builder_with_provider(Arc::clone(provider_for(KeyExchangeGroups::ALL, TlsVersion::Tls12)))
                .with_protocol_versions(versions_from(TlsVersion::Tls12))
                .expect("invariant: the provider has suites for both versions")
                .with_no_client_auth()
                .with_cert_resolver(resolver);
        config.alpn_protocols = vec![ACME_TLS.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            presented,
        }
    }

    /// Presents a challenge for `name` from now on: `digest` is the SHA-256 of the key authorization (RFC 8737 §3).
    ///
    /// # Errors
    /// When too many are under way, or no key can be made.
    pub fn present(&self, name: &Domain, digest: [u8; 32], now: Timestamp) -> Result<(), ChallengeError> {
        let certified = certificate(name, digest, now).map_err(|error| ChallengeError::Making(error.to_string()))?;
        let mut presented = self.presented.0.write().unwrap_or_else(PoisonError::into_inner);
        if presented.len() >= MAX_CHALLENGES && !presented.contains_key(name) {
            return Err(ChallengeError::TooMany);
        }
        presented.insert(name.clone(), Arc::new(certified));
        Ok(())
    }

    /// The challenge for `name` has ended.
    pub fn withdraw(&self, name: &Domain) {
        self.presented
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }

    /// For a listener that answers challenges beside what it is for.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(self.acceptor.config())
    }

    /// Takes the server's part in one handshake, which is all that such a connection is for (RFC 8737 §3).
    ///
    /// # Errors
    /// What went wrong, in words: mostly somebody who is no authority.
    pub async fn answer<S>(&self, stream: S, time_limit: Duration) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = async {
            let mut stream = self.acceptor.accept(stream).await?;
            // An authority that has seen the certificate may be gone before it is told goodbye.
            let _ = stream.shutdown().await;
            io::Result::Ok(())
        };
        match timeout(time_limit, handshake).await {
            Ok(ended) => ended.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no handshake within {} s", time_limit.as_secs())),
        }
    }

    /// Asks for the challenge of `name` as an authority does, over a connection to our own listener, and looks whether
    /// what comes is what is presented.
    ///
    /// # Errors
    /// What came instead, in words.
    pub async fn check<S>(&self, stream: S, name: &Domain, time_limit: Duration) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let expected = {
            let presented = self.presented.0.read().unwrap_or_else(PoisonError::into_inner);
            presented
                .get(name)
                .and_then(|certified| certified.cert.first().cloned())
        };
        let Ok(sni) = DnsName::try_from(name.as_str().to_owned()) else {
            return Err("it is no name that a handshake can ask for".to_owned());
        };
        let mut config =
            ClientConfig::builder_with_provider(Arc::clone(provider_for(KeyExchangeGroups::ALL, TlsVersion::Tls12)))
                .with_protocol_versions(versions_from(TlsVersion::Tls12))
                .expect("invariant: the provider has suites for both versions")
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate))
                .with_no_client_auth();
        config.alpn_protocols = vec![ACME_TLS.to_vec()];
        config.resumption = Resumption::disabled();
        let connecting = TlsConnector::from(Arc::new(config)).connect(ServerName::DnsName(sni), stream);
        let stream = match timeout(time_limit, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err(format!("no handshake within {} s", time_limit.as_secs())),
        };
        let connection = stream.get_ref().1;
        let presented = connection.peer_certificates().and_then(|chain| chain.first());
        match presented {
            Some(leaf) if expected.is_some_and(|expected| expected == *leaf) => Ok(()),
            _ => Err("another certificate than the challenge's was presented".to_owned()),
        }
    }
}

/// Self-signed, for this name alone, with the digest in a critical extension (RFC 8737 §3).
fn certificate(name: &Domain, digest: [u8; 32], now: Timestamp) -> Result<CertifiedKey, Box<dyn std::error::Error>> {
    let mut parameters = CertificateParams::new([name.as_str().to_owned()])?;
    parameters.distinguished_name = DistinguishedName::new();
    let date = |at: Timestamp| {
        let (year, month, day, ..) = at.civil();
        date_time_ymd(i32::try_from(year).unwrap_or(i32::MAX), month, day)
    };
    parameters.not_before = date(now.minus(VALIDITY));
    parameters.not_after = date(now.plus(VALIDITY));
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(&digest)];
    let pair = KeyPair::generate()?;
    let signed = parameters.self_signed(&pair)?;
    let der = Zeroizing::new(pair.serialize_der());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(der.as_slice())).clone_key();
    let provider = provider_for(KeyExchangeGroups::ALL, TlsVersion::Tls12);
    let key = provider.key_provider.load_private_key(key)?;
    Ok(CertifiedKey::new(vec![signed.der().clone()], key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ClientProfile, ServerCertificates, ServerProtocol, ServerTlsSettings, TlsClient, TlsServer,
        ensure_self_signed_pair,
    };

    const LIMIT: Duration = Duration::from_secs(10);
    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

    fn name(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    #[tokio::test]
    async fn an_authority_gets_the_certificate_of_the_challenge_and_nobody_else_gets_any() {
        let server = ChallengeServer::new();
        server.present(&name("mx.example.org"), [7; 32], NOW).unwrap();
        let asked = async |asked: &str| {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let asked = name(asked);
            let (answered, checked) = tokio::join!(server.answer(ours, LIMIT), server.check(theirs, &asked, LIMIT));
            answered.and(checked)
        };
        assert_eq!(asked("mx.example.org").await, Ok(()));
        assert!(asked("www.example.org").await.is_err());
        // Somebody who came to the wrong port, with no ALPN at all.
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let client = TlsClient::new(HashMap::new());
        let profile = ClientProfile::default();
        let mx = name("mx.example.org");
        let (answered, connected) = tokio::join!(
            server.answer(ours, LIMIT),
            client.connect(theirs, Some(&mx), &profile, LIMIT)
        );
        assert!(answered.is_err() && connected.is_err());
        server.withdraw(&mx);
        assert!(asked("mx.example.org").await.is_err());
    }

    #[tokio::test]
    async fn a_listener_that_is_for_something_else_answers_challenges_beside_it() {
        let scratch = tempfile::tempdir().unwrap();
        let mx = name("mx.example.org");
        let files = ensure_self_signed_pair(&scratch.path().join("tls"), &mx, NOW).unwrap();
        let certificates = Arc::new(ServerCertificates::load(&files).unwrap());
        let server = TlsServer::new(ServerTlsSettings {
            protocol: ServerProtocol::Http,
            ..ServerTlsSettings::new(certificates)
        });
        let challenges = ChallengeServer::new();
        let asked = async |mx: &Domain| {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let accepting = server.accept_beside(ours, &challenges, LIMIT);
            let (accepted, checked) = tokio::join!(accepting, challenges.check(theirs, mx, LIMIT));
            (accepted.map(|session| session.is_some()).ok(), checked.is_ok())
        };
        // No certificate of the listener's own for who offers that protocol alone.
        assert_eq!(asked(&mx).await, (None, false));
        challenges.present(&mx, [7; 32], NOW).unwrap();
        assert_eq!(asked(&mx).await, (Some(false), true));
        // Everybody else is served as before, under the same name.
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let client = TlsClient::new(HashMap::new());
        let profile = ClientProfile::default();
        let (accepted, connected) = tokio::join!(
            server.accept_beside(ours, &challenges, LIMIT),
            client.connect(theirs, Some(&mx), &profile, LIMIT)
        );
        assert_eq!(accepted.unwrap().unwrap().1.sni, Some(mx));
        assert_eq!(connected.unwrap().1.chain.len(), 1);
    }

    #[test]
    fn the_digest_stands_in_a_critical_extension_of_a_certificate_for_this_name_alone() {
        use x509_parser::prelude::{FromDer as _, X509Certificate};
        let made = certificate(&name("mx.example.org"), [7; 32], NOW).unwrap();
        let (_, parsed) = X509Certificate::from_der(&made.cert[0]).unwrap();
        let extension = parsed
            .extensions()
            .iter()
            .find(|extension| extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.31")
            .unwrap();
        assert!(extension.critical);
        assert_eq!(extension.value[..2], [4, 32]);
        assert_eq!(extension.value[2..], [7; 32]);
        assert_eq!(crate::chain::dns_names(&made.cert[0]), ["mx.example.org"]);
    }

    #[test]
    fn challenges_under_way_are_bounded() {
        let server = ChallengeServer::new();
        for number in 0..MAX_CHALLENGES {
            server
                .present(&name(&format!("mx{number}.example.org")), [0; 32], NOW)
                .unwrap();
        }
        assert!(matches!(
            server.present(&name("one-more.example.org"), [0; 32], NOW),
            Err(ChallengeError::TooMany)
        ));
        server.present(&name("mx0.example.org"), [1; 32], NOW).unwrap();
    }
}

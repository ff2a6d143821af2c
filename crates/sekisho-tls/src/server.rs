//! The server's side of a handshake.
//!
//! A client certificate is asked for and recorded, never demanded; what it is worth is judged afterwards.
//! RFC 8446, RFC 5246, RFC 6066 §3.

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    server::{
        Acceptor, ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache,
        StoresServerSessions,
    },
    sign::CertifiedKey,
};
use sekisho_mail::{ClientCertificateFate, Domain, HandshakeFailure, KeyExchangeGroups, TlsFacts, TlsVersion};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, server};

use crate::{
    ChallengeServer, ServerCertificates, TlsDescription, TlsStream,
    callbacks::AnyCertificate,
    chain::Presenter,
    challenge::is_for_challenge,
    describe,
    established::{Established, established},
    failure::{End, Role, failure},
    provider::{provider_for, versions_from},
    record::{HandshakeRecord, recorded},
    tap::Tap,
};

/// How many sessions a listener that allows resumption remembers.
pub const MAX_RESUMABLE_SESSIONS: usize = 4096;

/// What is spoken under TLS, and what a client may therefore ask for by ALPN (RFC 7301). One that asks for others alone
/// means another kind of server, and was led here (ALPACA); one that asks for nothing is served as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ServerProtocol {
    /// SMTP. Neither of its names is registered; Exim goes by the same.
    #[default]
    Smtp,
    /// HTTP/1.1.
    Http,
}

impl ServerProtocol {
    fn alpn(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::Smtp => &[b"smtp", b"esmtp"],
            Self::Http => &[b"http/1.1"],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}

/// Whether a listener asks for client certificates. They are never demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientCertificates {
    /// Asked for with an empty list of authorities; whatever comes is recorded.
    #[default]
    Requested,
    /// Not asked for.
    NotRequested,
}

/// Whether clients may resume sessions. TLS 1.2 sessions are never resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ServerResumption {
    /// No tickets and no session ids.
    #[default]
    Off,
    /// TLS 1.3 only, until the listener's settings change, at most [`MAX_RESUMABLE_SESSIONS`] at a time.
    Tls13,
}

/// What a listener wants of TLS.
#[derive(Clone, Debug)]
pub struct ServerTlsSettings {
    /// What to present.
    pub certificates: Arc<ServerCertificates>,
    /// Whether to ask the client for one.
    pub client_certificates: ClientCertificates,
    /// The lowest version that is accepted.
    pub min_version: TlsVersion,
    /// Whether sessions may be resumed.
    pub resumption: ServerResumption,
    /// What is spoken.
    pub protocol: ServerProtocol,
}

impl ServerTlsSettings {
    /// The defaults for a listener with these certificates.
    #[must_use]
    pub fn new(certificates: Arc<ServerCertificates>) -> Self {
        Self {
            certificates,
            client_certificates: ClientCertificates::default(),
            min_version: TlsVersion::Tls12,
            resumption: ServerResumption::default(),
            protocol: ServerProtocol::default(),
        }
    }
}

/// One per listener; shared by all its connections.
pub struct TlsServer {
    acceptor: TlsAcceptor,
    certificates: Arc<Presented>,
    min_version: TlsVersion,
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer")
            .field("certificates", &self.certificates)
            .field("min_version", &self.min_version)
            .finish_non_exhaustive()
    }
}

/// The certificates in force, exchangeable while handshakes run.
#[derive(Debug)]
struct Presented(ArcSwap<ServerCertificates>);

impl ResolvesServerCert for Presented {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.0.load();
        let schemes = hello.signature_schemes();
        let chosen = match certificates.probed(hello.alpn(), schemes) {
            Some(probed) => probed,
            None => certificates.choose(hello.server_name(), schemes),
        };
        Some(Arc::clone(chosen.certified()))
    }
}

/// Keeps sessions of TLS 1.3 alone: TLS 1.2 looks into `can_cache` before it hands out a session id.
#[derive(Debug)]
struct Tls13Sessions(Arc<ServerSessionMemoryCache>);

impl StoresServerSessions for Tls13Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.0.put(key, value)
    }

    fn get(&self, _key: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.take(key)
    }

    fn can_cache(&self) -> bool {
        false
    }
}

impl TlsServer {
    /// Prepares the listener's configuration once.
    #[must_use]
    pub fn new(settings: ServerTlsSettings) -> Self {
        let certificates = Arc::new(Presented(ArcSwap::new(settings.certificates)));
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(provider_for(KeyExchangeGroups::ALL, settings.min_version)))
                .with_protocol_versions(versions_from(settings.min_version))
                .expect("invariant: the provider has suites for both versions");
        let builder = match settings.client_certificates {
            ClientCertificates::Requested => builder.with_client_cert_verifier(Arc::new(AnyCertificate)),
            ClientCertificates::NotRequested => builder.with_no_client_auth(),
        };
        let resolver = Arc::clone(&certificates);
        let mut config = builder.with_cert_resolver(resolver);
        config.ignore_client_order = true;
        config.alpn_protocols = settings.protocol.alpn();
        match settings.resumption {
            ServerResumption::Off => {
                config.session_storage = Arc::new(NoServerSessionStorage {});
                config.send_tls13_tickets = 0;
            }
            ServerResumption::Tls13 => {
                let sessions = ServerSessionMemoryCache::new(MAX_RESUMABLE_SESSIONS);
                config.session_storage = Arc::new(Tls13Sessions(sessions));
                config.send_tls13_tickets = 1;
            }
        }
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificates,
            min_version: settings.min_version,
        }
    }

    /// Other certificates from now on; handshakes under way keep the old ones.
    pub fn replace_certificates(&self, certificates: Arc<ServerCertificates>) {
        self.certificates.0.store(certificates);
    }

    /// Takes the server's part in a handshake that must be over within `time_limit`.
    ///
    /// # Errors
    /// When it fails; an alert has been sent to the peer where the protocol provides one.
    pub async fn accept<S>(
        &self,
        stream: S,
        time_limit: Duration,
    ) -> Result<(TlsStream<S>, TlsFacts), Box<HandshakeFailure>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = timeout(time_limit, self.acceptor.accept(Tap::open(stream)));
        let (ended, record) = recorded(handshake).await;
        let end = match ended {
            Ok(Ok(stream)) => return Ok(opened(stream, record)),
            Ok(Err(error)) => End::Error(error),
            Err(_) => End::TimeLimit(time_limit),
        };
        Err(failure(Role::Server, &end, record))
    }

    /// As [`Self::accept`], on a listener where authorities look for challenges too: a handshake that offers
    /// `acme-tls/1` alone (RFC 8737 §3) is `challenges`' to answer, and ends with that, which is `None`.
    ///
    /// # Errors
    /// As there, and when nobody's challenge was asked for.
    pub async fn accept_beside<S>(
        &self,
        stream: S,
        challenges: &ChallengeServer,
        time_limit: Duration,
    ) -> Result<Option<(TlsStream<S>, TlsFacts)>, Box<HandshakeFailure>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = timeout(time_limit, async {
            let start = LazyConfigAcceptor::new(Acceptor::default(), Tap::open(stream)).await?;
            if is_for_challenge(&start.client_hello()) {
                let mut stream = start.into_stream(challenges.config()).await?;
                // An authority that has seen the certificate may be gone before it is told goodbye.
                let _ = stream.shutdown().await;
                return Ok(None);
            }
            start.into_stream(Arc::clone(self.acceptor.config())).await.map(Some)
        });
        let (ended, record) = recorded(handshake).await;
        let end = match ended {
            Ok(Ok(stream)) => return Ok(stream.map(|stream| opened(stream, record))),
            Ok(Err(error)) => End::Error(error),
            Err(_) => End::TimeLimit(time_limit),
        };
        Err(failure(Role::Server, &end, record))
    }

    /// What is in force, for people.
    #[must_use]
    pub fn describe(&self) -> TlsDescription {
        describe::server(&self.certificates.0.load(), self.min_version)
    }
}

/// A handshake that has come to its end, with what is known of it.
fn opened<S>(stream: server::TlsStream<Tap<S>>, record: HandshakeRecord) -> (TlsStream<S>, TlsFacts) {
    let (_, connection) = stream.get_ref();
    let sni = connection.server_name().and_then(|name| Domain::parse(name).ok());
    let (chain, facts) = established(Established {
        connection,
        sni,
        presenter: Presenter::Client,
        client_certificate: ClientCertificateFate::NotAsked,
        record,
    });
    (TlsStream::new(stream.into(), chain), facts)
}

//! The client's side of a handshake.
//!
//! Any certificate is accepted here, so that one handshake serves opportunistic and demanding deliveries alike; only
//! a wrong signature ends it. RFC 8446, RFC 5246, RFC 7435.

use std::{
    collections::HashMap,
    fmt,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{
    ClientConfig,
    client::Resumption,
    pki_types::{DnsName, ServerName},
};
use sekisho_mail::{
    ClientCertificateFate, ClientIdentityId, Domain, HandshakeFailure, KeyExchangeGroups, TlsFacts, TlsVersion,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    Identity, TlsDescription, TlsStream,
    callbacks::{AnyCertificate, Offered},
    chain::Presenter,
    describe,
    established::{Established, established},
    failure::{End, Role, failure, ours},
    provider::{lowest_version, provider_for, versions_from},
    record::recorded,
    tap::Tap,
};

/// Which certificate of ours is offered when the server asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum IdentityUse {
    /// None.
    #[default]
    None,
    /// This one, in TLS 1.3 only: TLS 1.2 would show it to everyone on the way.
    Tls13(ClientIdentityId),
    /// This one, in TLS 1.2 as well.
    AnyVersion(ClientIdentityId),
}

impl IdentityUse {
    pub(crate) const fn id(&self) -> Option<&ClientIdentityId> {
        match self {
            Self::None => None,
            Self::Tls13(id) | Self::AnyVersion(id) => Some(id),
        }
    }
}

/// What distinguishes one client configuration from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientProfile {
    /// The groups offered. The hybrid goes first, with an X25519 share beside it where that is offered too; where it is
    /// alone, a server that does not know it ends the handshake.
    pub groups: KeyExchangeGroups,
    /// The lowest version offered.
    pub min_version: TlsVersion,
    /// Our own certificate.
    pub identity: IdentityUse,
}

impl Default for ClientProfile {
    fn default() -> Self {
        Self {
            groups: KeyExchangeGroups::ALL,
            min_version: TlsVersion::Tls12,
            identity: IdentityUse::default(),
        }
    }
}

/// Whether a name can go out as SNI; an address in the shape of a name cannot (RFC 6066 §3).
#[must_use]
pub fn is_server_name(name: &Domain) -> bool {
    DnsName::try_from(name.as_str()).is_ok()
}

/// The certificates that we can present as a client.
pub type ClientIdentities = HashMap<ClientIdentityId, Identity>;

/// One for the whole process, until the client identities change.
pub struct TlsClient {
    identities: ClientIdentities,
    /// One for each set of groups, lowest version and use of an identity that has come up: all combinations are
    /// sixty for each identity and thirty without one.
    connectors: Mutex<HashMap<ClientProfile, TlsConnector>>,
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient")
            .field("identities", &self.identities)
            .finish_non_exhaustive()
    }
}

impl TlsClient {
    /// A client that knows these identities.
    #[must_use]
    pub fn new(identities: ClientIdentities) -> Self {
        Self {
            identities,
            connectors: Mutex::default(),
        }
    }

    /// The certificate that is known by this.
    #[must_use]
    pub fn identity(&self, id: &ClientIdentityId) -> Option<&Identity> {
        self.identities.get(id)
    }

    /// Takes the client's part in a handshake that must be over within `time_limit`. Any certificate is
    /// accepted; judge it afterwards with [`crate::Verifier::verify`] on [`TlsStream::peer_chain`].
    ///
    /// `server_name` goes out as SNI; `None` sends none (an address literal).
    ///
    /// # Errors
    /// When it fails, with what is known about why.
    pub async fn connect<S>(
        &self,
        stream: S,
        server_name: Option<&Domain>,
        profile: &ClientProfile,
        time_limit: Duration,
    ) -> Result<(TlsStream<S>, TlsFacts), Box<HandshakeFailure>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connector = self.connector(profile)?;
        let sni = server_name.and_then(|name| Some((name, DnsName::try_from(name.as_str()).ok()?)));
        let (sni, name) = match sni {
            Some((domain, name)) => (Some(domain.clone()), ServerName::DnsName(name.to_owned())),
            // The library wants some name; one that is an address is not sent (RFC 6066 §3).
            None => (None, ServerName::from(Ipv4Addr::UNSPECIFIED)),
        };
        let handshake = timeout(time_limit, connector.connect(name, Tap::open(stream)));
        let (ended, mut record) = recorded(handshake).await;
        let end = match ended {
            Ok(Ok(stream)) => {
                let fate = record.client_certificate.take();
                let facts = Established {
                    connection: stream.get_ref().1,
                    sni,
                    presenter: Presenter::Server,
                    client_certificate: fate.unwrap_or(ClientCertificateFate::NotAsked),
                    record,
                };
                let (chain, facts) = established(facts);
                return Ok((TlsStream::new(stream.into(), chain), facts));
            }
            Ok(Err(error)) => End::Error(error),
            Err(_) => End::TimeLimit(time_limit),
        };
        Err(failure(Role::Client, &end, record))
    }

    /// What is in force under `profile`, for people.
    #[must_use]
    pub fn describe(&self, profile: &ClientProfile) -> TlsDescription {
        let identity = profile.identity.id().and_then(|id| self.identities.get(id));
        describe::client(profile, identity)
    }

    fn connector(&self, profile: &ClientProfile) -> Result<TlsConnector, Box<HandshakeFailure>> {
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = connectors.get(profile) {
            return Ok(connector.clone());
        }
        let connector = TlsConnector::from(Arc::new(self.config(profile)?));
        connectors.insert(profile.clone(), connector.clone());
        Ok(connector)
    }

    fn config(&self, profile: &ClientProfile) -> Result<ClientConfig, Box<HandshakeFailure>> {
        let identity = |id| match self.identities.get(id) {
            Some(identity) => Ok(Arc::clone(identity.certified())),
            None => Err(ours(format!("the client certificate {:?} is not configured", id.0))),
        };
        let offered = match &profile.identity {
            IdentityUse::None => Offered::Nothing,
            IdentityUse::Tls13(id) => Offered::InTls13(identity(id)?),
            IdentityUse::AnyVersion(id) => Offered::Always(identity(id)?),
        };
        let min_version = lowest_version(profile.groups, profile.min_version);
        let mut config = ClientConfig::builder_with_provider(Arc::clone(provider_for(profile.groups, min_version)))
            .with_protocol_versions(versions_from(min_version))
            .expect("invariant: the provider has suites for these versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate))
            .with_client_cert_resolver(Arc::new(offered));
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

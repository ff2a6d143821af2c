//! The client's side of a handshake.

use std::{collections::HashMap, time::Duration};

use sekisho_mail::{ClientIdentityId, Domain, HandshakeFailure, TlsFacts, TlsVersion};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Identity, TlsDescription, TlsStream};

/// Which key exchange groups are offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GroupProfile {
    /// X25519MLKEM768 first, with an X25519 share beside it, then the classical ones.
    #[default]
    HybridFirst,
    /// X25519, P-256, P-384: a ClientHello that fits into one segment.
    Classical,
}

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

/// What distinguishes one client configuration from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientProfile {
    /// The groups offered.
    pub groups: GroupProfile,
    /// The lowest version offered.
    pub min_version: TlsVersion,
    /// Our own certificate.
    pub identity: IdentityUse,
}

impl Default for ClientProfile {
    fn default() -> Self {
        Self {
            groups: GroupProfile::default(),
            min_version: TlsVersion::Tls12,
            identity: IdentityUse::default(),
        }
    }
}

/// The certificates that we can present as a client.
pub type ClientIdentities = HashMap<ClientIdentityId, Identity>;

/// One for the whole process, until the client identities change.
#[derive(Debug)]
pub struct TlsClient {
    identities: ClientIdentities,
}

impl TlsClient {
    /// A client that knows these identities.
    #[must_use]
    pub fn new(identities: ClientIdentities) -> Self {
        Self { identities }
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
        let _ = stream;
        todo!("{server_name:?} {profile:?} {time_limit:?}")
    }

    /// What is in force under `profile`, for people.
    #[must_use]
    pub fn describe(&self, profile: &ClientProfile) -> TlsDescription {
        todo!("{profile:?} {:?}", self.identities)
    }
}

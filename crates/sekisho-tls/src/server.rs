//! The server's side of a handshake.

use std::{sync::Arc, time::Duration};

use sekisho_mail::{HandshakeFailure, TlsFacts, TlsVersion};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{ServerCertificates, TlsDescription, TlsStream};

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
    /// TLS 1.3 only.
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
        }
    }
}

/// One per listener; shared by all its connections.
#[derive(Debug)]
pub struct TlsServer {
    settings: ServerTlsSettings,
}

impl TlsServer {
    /// Prepares the listener's configuration once.
    #[must_use]
    pub fn new(settings: ServerTlsSettings) -> Self {
        Self { settings }
    }

    /// Other certificates from now on; handshakes under way keep the old ones.
    pub fn replace_certificates(&self, certificates: Arc<ServerCertificates>) {
        todo!("{certificates:?}")
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
        let _ = stream;
        todo!("{time_limit:?}")
    }

    /// What is in force, for people.
    #[must_use]
    pub fn describe(&self) -> TlsDescription {
        todo!("{:?}", self.settings)
    }
}

//! The sockets of the web, and one connection on them, with every limit that law 8 asks for. Who is too many is closed
//! upon: a page can be asked for again.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use sekisho_policy::inbound::RelayRights;
use sekisho_tls::{
    ChallengeServer, ClientCertificates, ServerCertificates, ServerProtocol, ServerTlsSettings, TlsDescription,
    TlsServer,
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    time,
};

use super::{WebLimits, WebMetrics, WebSettings};
use crate::{
    app::Phase,
    inbound::{Building, ConnectionLimits, Gate, Pass},
};

/// A network may have the connections of so many addresses.
const ADDRESSES_OF_A_NETWORK: u32 = 4;

/// Why the web cannot be served.
#[derive(Debug, Error)]
#[error("web.{key}: {address} cannot be listened on: {source}; choose another address, or \"off\"")]
pub struct WebError {
    key: &'static str,
    address: SocketAddr,
    source: io::Error,
}

/// The sockets, open.
#[derive(Debug)]
pub struct WebListener {
    http: Option<TcpListener>,
    https: Option<(TcpListener, Arc<TlsServer>)>,
    limits: WebLimits,
}

/// What every connection works with.
#[derive(Clone)]
struct Shared {
    router: Router,
    challenges: Option<ChallengeServer>,
    limits: WebLimits,
    gate: Arc<Gate>,
    metrics: WebMetrics,
    phase: watch::Receiver<Phase>,
}

impl WebListener {
    /// Opens what the settings name, presenting `certificates`; nothing where they name nothing.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub async fn open(settings: &WebSettings, certificates: &WebCertificates) -> Result<Self, WebError> {
        let http = match settings.http {
            Some(address) => Some(bind("http", address).await?),
            None => None,
        };
        let https = match settings.https {
            Some(address) => Some((bind("https", address).await?, Arc::clone(&certificates.0))),
            None => None,
        };
        Ok(Self {
            http,
            https,
            limits: settings.limits,
        })
    }

    /// Serves until the server stops. A handshake for a challenge is answered by `challenges`, where there are any.
    pub async fn run(
        self,
        (router, challenges): (Router, Option<ChallengeServer>),
        metrics: WebMetrics,
        phase: watch::Receiver<Phase>,
    ) {
        let limits = ConnectionLimits {
            total: self.limits.connections,
            per_address: self.limits.connections_per_address,
            per_network: self
                .limits
                .connections_per_address
                .saturating_mul(ADDRESSES_OF_A_NETWORK),
            handshakes: self.limits.connections,
        };
        let building = Arc::new(Building::new(self.limits.connections));
        let shared = Shared {
            router,
            challenges,
            limits: self.limits,
            gate: Gate::new(building, limits, RelayRights::default()),
            metrics,
            phase,
        };
        let http = async {
            if let Some(listener) = self.http {
                accept_all(listener, None, shared.clone()).await;
            }
        };
        let https = async {
            if let Some((listener, tls)) = self.https {
                accept_all(listener, Some(tls), shared.clone()).await;
            }
        };
        tokio::join!(http, https);
    }
}

/// The certificates that the web presents.
#[derive(Clone, Debug)]
pub struct WebCertificates(Arc<TlsServer>);

impl WebCertificates {
    /// These.
    #[must_use]
    pub fn new(certificates: Arc<ServerCertificates>) -> Self {
        Self(Arc::new(TlsServer::new(ServerTlsSettings {
            client_certificates: ClientCertificates::NotRequested,
            protocol: ServerProtocol::Http,
            ..ServerTlsSettings::new(certificates)
        })))
    }

    /// Others from now on.
    pub fn replace(&self, certificates: Arc<ServerCertificates>) {
        self.0.replace_certificates(certificates);
    }

    /// What is in force, for people.
    #[must_use]
    pub fn describe(&self) -> TlsDescription {
        self.0.describe()
    }
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, WebError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| WebError { key, address, source })
}

async fn accept_all(listener: TcpListener, tls: Option<Arc<TlsServer>>, shared: Shared) {
    let mut ended = shared.phase.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ended.wait_for(|phase| *phase == Phase::Stopping) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: trying again at once would only burn the processor.
                tracing::warn!(%error, "a connection to the web could not be accepted");
                time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        match shared.gate.enter(peer.ip()) {
            Ok(pass) => {
                shared.metrics.opened();
                tokio::spawn(serve(stream, tls.clone(), shared.clone(), pass));
            }
            Err(full) => {
                shared.metrics.refused();
                tracing::debug!(%peer, limit = full.word(), "a connection to the web was refused");
            }
        }
    }
}

/// One connection, whole: whatever it does, it ends in time.
async fn serve(stream: TcpStream, tls: Option<Arc<TlsServer>>, shared: Shared, pass: Pass) {
    let mut ended = shared.phase.clone();
    let limit = shared.limits.connection_timeout;
    let serving = async {
        let Some(tls) = tls else {
            return exchange(stream, &shared).await;
        };
        let Ok(handshake) = pass.begin_handshake() else {
            return;
        };
        let limit = shared.limits.handshake_timeout;
        let shaken = match &shared.challenges {
            Some(challenges) => tls.accept_beside(stream, challenges, limit).await,
            None => tls.accept(stream, limit).await.map(Some),
        };
        drop(handshake);
        match shaken {
            Ok(Some((stream, _))) => exchange(stream, &shared).await,
            Ok(None) => tracing::debug!("a challenge was answered where the web listens"),
            Err(failure) => tracing::debug!(fault = ?failure.fault, "a handshake of the web failed"),
        }
    };
    tokio::select! {
        served = time::timeout(limit, serving) => {
            if served.is_err() {
                tracing::debug!("a connection of the web took too long");
            }
        }
        _ = ended.wait_for(|phase| *phase == Phase::Stopping) => {}
    }
    drop(pass);
}

async fn exchange<S>(stream: S, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.head_timeout)
        .max_buf_size(shared.limits.head_len)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(shared.router.clone()))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the web ended badly");
    }
}

//! HTTP/1.1 on a unix socket for the API and on a TCP port for metrics and health, with every limit that law 8 asks
//! for.

use std::{
    fmt, fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{Extension, Router};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{Semaphore, watch},
    time,
};

use crate::app::Phase;

/// Limits of one HTTP listener.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Connections at a time; more of them wait.
    pub connections: usize,
    /// For the head of a request.
    pub head_timeout: Duration,
    /// For a whole connection.
    pub connection_timeout: Duration,
    /// For the head of a request, in octets.
    pub head_len: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 64,
            head_timeout: Duration::from_secs(10),
            connection_timeout: Duration::from_secs(600),
            head_len: 32 * 1024,
        }
    }
}

/// Why an HTTP listener cannot be opened.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The port of metrics and health.
    #[error("http.address: {address} cannot be listened on: {source}; choose another address, or \"off\"")]
    Tcp {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The management socket.
    #[error("{}: the management socket cannot be opened: {source}", path.display())]
    Unix {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Who gave an order: the user at the other end of the socket, or of the command itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's number.
    pub uid: u32,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uid {}", self.uid)
    }
}

/// Opens the management socket with mode 0600 and serves the API on it until the server stops. Whoever is neither the
/// server's own user nor root is not answered, whatever the mode of the socket says.
///
/// # Errors
/// When the socket cannot be opened.
pub fn serve_api(
    path: PathBuf,
    router: Router,
    limits: HttpLimits,
    phase: watch::Receiver<Phase>,
) -> Result<tokio::task::JoinHandle<()>, HttpError> {
    let listener = open_socket(&path).map_err(|source| HttpError::Unix {
        path: path.clone(),
        source,
    })?;
    let own_uid = rustix::process::getuid().as_raw();
    let slots = Arc::new(Semaphore::new(limits.connections));
    Ok(tokio::spawn(async move {
        let mut ended = phase.clone();
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = ended.wait_for(|phase| *phase == Phase::Stopping) => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            };
            let uid = match stream.peer_cred() {
                Ok(peer) if peer.uid() == own_uid || peer.uid() == 0 => peer.uid(),
                Ok(peer) => {
                    tracing::warn!(uid = peer.uid(), "a stranger on the management socket was turned away");
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%error, "who is on the management socket cannot be found out");
                    continue;
                }
            };
            let router = router.clone().layer(Extension(Caller { uid }));
            let phase = phase.clone();
            tokio::spawn(async move {
                serve_connection(stream, router, limits, phase).await;
                drop(slot);
            });
        }
        // Left behind it would only mislead the next command; a failure leaves it to the next start.
        let _ = fs::remove_file(&path);
    }))
}

/// Binds anew where an earlier server left its socket: the store's lock is ours, so nobody serves on it.
fn open_socket(path: &Path) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::other("something that is no socket stands there")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // The folder is 0700, so that nobody can connect before the mode is set.
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Opens the TCP port of metrics and health.
///
/// # Errors
/// When it cannot be listened on.
pub async fn serve_health(
    address: SocketAddr,
    router: Router,
    limits: HttpLimits,
    phase: watch::Receiver<Phase>,
) -> Result<SocketAddr, HttpError> {
    let fault = |source| HttpError::Tcp { address, source };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let bound = listener.local_addr().map_err(fault)?;
    tokio::spawn(serve_router(listener, router, limits, phase));
    Ok(bound)
}

/// Serves what `router` has on every connection until the server stops.
pub async fn serve_router(listener: TcpListener, router: Router, limits: HttpLimits, phase: watch::Receiver<Phase>) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut ended = phase.clone();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ended.wait_for(|phase| *phase == Phase::Stopping) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let (router, phase) = (router.clone(), phase.clone());
                tokio::spawn(async move {
                    serve_connection(stream, router, limits, phase).await;
                    drop(slot);
                });
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

/// Out of file descriptors, mostly: trying again at once would only burn the processor.
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    time::sleep(Duration::from_millis(100)).await;
}

async fn serve_connection<S>(stream: S, router: Router, limits: HttpLimits, mut phase: watch::Receiver<Phase>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_len)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let result = tokio::select! {
        result = time::timeout(limits.connection_timeout, serving) => result,
        _ = phase.wait_for(|phase| *phase == Phase::Stopping) => return,
    };
    match result {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an HTTP connection ended badly"),
        Err(_) => tracing::debug!("an HTTP connection took too long"),
    }
}

//! The one door: the management API, on the socket of a running server, or through the same handlers inside this
//! process when no server runs and the store's lock is free (law 10).

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use axum::body::Body;
use http_body_util::{BodyExt as _, Limited};
use hyper::{Method, Request, Response, StatusCode, header::CONTENT_TYPE, header::HOST, service::Service as _};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use sekisho_api::{ApiError, ErrorKind, StoreCheck, StoreRecovery};
use sekisho_store::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;

use super::CliError;
use crate::{
    app::{self, AppError, Offline},
    config::Place,
};

/// No answer but a message's content is longer than this.
const ANSWER_LEN_MAX: usize = 64 * 1024 * 1024;

/// How long the store's lock is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// Between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Where requests go.
pub(super) enum Door {
    /// To a server.
    Socket(PathBuf),
    /// To the handlers here.
    Inside {
        router: TowerToHyperService<axum::Router>,
        offline: Offline,
    },
}

impl Door {
    /// Finds the server, or opens its store.
    pub(super) async fn open(place: &Place) -> Result<Self, CliError> {
        // The store's lock decides whether there is really none.
        if let Some(door) = Self::to_server(place).await? {
            return Ok(door);
        }
        let folder = place.data_folder();
        if !folder.join("queue.db").is_file() {
            return Err(CliError::Unreachable(format!(
                "{}: there is no data folder of a server; start one with `sekisho serve`, or name the folder with \
                 --data-folder",
                folder.display()
            )));
        }
        let offline = open_offline(place).await?;
        Ok(Self::Inside {
            router: TowerToHyperService::new(offline.router.clone()),
            offline,
        })
    }

    /// The server, if one answers; never the store.
    pub(super) async fn to_server(place: &Place) -> Result<Option<Self>, CliError> {
        let socket = place.data_folder().join(app::SOCKET_NAME);
        match UnixStream::connect(&socket).await {
            Ok(_) => Ok(Some(Self::Socket(socket))),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(not_ours(&socket)),
            // Nobody listens there.
            Err(_) => Ok(None),
        }
    }

    /// Lets the store finish what it has begun.
    pub(super) async fn close(self) {
        if let Self::Inside { offline, .. } = self {
            offline.close().await;
        }
    }

    /// Whether a server answers, and not the handlers here.
    pub(super) const fn is_of_a_server(&self) -> bool {
        matches!(self, Self::Socket(_))
    }

    /// Asks for something.
    pub(super) async fn fetch<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<T, CliError> {
        let query = serde_urlencoded::to_string(query).map_err(|error| CliError::Usage(error.to_string()))?;
        let target = if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        };
        let answer = self.call(Method::GET, &target, Body::empty()).await?;
        parse(answer).await
    }

    /// Gives an order.
    pub(super) async fn order<T: DeserializeOwned>(&self, path: &str, order: &impl Serialize) -> Result<T, CliError> {
        let body = serde_json::to_vec(order).map_err(io::Error::from)?;
        let answer = self.call(Method::POST, path, Body::from(body)).await?;
        parse(answer).await
    }

    /// Asks for content, octet for octet.
    pub(super) async fn fetch_content(&self, path: &str) -> Result<Body, CliError> {
        let answer = self.call(Method::GET, path, Body::empty()).await?;
        if answer.status() == StatusCode::OK {
            return Ok(answer.into_body());
        }
        Err(failure(answer).await)
    }

    async fn call(&self, method: Method, target: &str, body: Body) -> Result<Response<Body>, CliError> {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, "sekisho")
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| CliError::Usage(error.to_string()))?;
        match self {
            Self::Socket(socket) => call_socket(socket, request).await,
            Self::Inside { router, .. } => {
                let Ok(answer) = router.call(request).await;
                Ok(answer)
            }
        }
    }
}

/// Looks at the data folder of a server that does not run. What is damaged opens no handler, so this goes to the files
/// themselves, under the folder's lock.
pub(super) fn check_store(place: &Place) -> Result<StoreCheck, CliError> {
    app::check(&place.data_folder()).map_err(|error| store_failure(&error))
}

/// Recovers it, likewise.
pub(super) fn recover_store(place: &Place) -> Result<StoreRecovery, CliError> {
    app::recover(&place.data_folder()).map_err(|error| store_failure(&error))
}

fn store_failure(error: &StoreError) -> CliError {
    match error {
        StoreError::Locked { path } => CliError::Unreachable(format!(
            "{}: a server or another command uses this data folder; stop it first",
            path.display()
        )),
        other => CliError::Failed(other.to_string()),
    }
}

/// Another command in the same pipe gives the store free when it has ended: its lock is waited for a little.
async fn open_offline(place: &Place) -> Result<Offline, CliError> {
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match Offline::open(place).await {
            Ok(offline) => return Ok(offline),
            Err(AppError::Load(error)) => return Err(error.into()),
            Err(AppError::Store(StoreError::Locked { .. })) if Instant::now() < until => {
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            Err(error) => return Err(CliError::Unreachable(error.to_string())),
        }
    }
}

async fn call_socket(socket: &Path, request: Request<Body>) -> Result<Response<Body>, CliError> {
    let unreachable = |error: &dyn std::fmt::Display| {
        CliError::Unreachable(format!("{}: the server does not answer: {error}", socket.display()))
    };
    let stream = UnixStream::connect(socket).await.map_err(|error| unreachable(&error))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| unreachable(&error))?;
    tokio::spawn(async move {
        // A broken connection shows in the answer.
        let _ = connection.await;
    });
    let answer = sender.send_request(request).await.map_err(|error| {
        if was_turned_away(&error) {
            not_ours(socket)
        } else {
            unreachable(&error)
        }
    })?;
    Ok(answer.map(Body::new))
}

/// Whether the other end closed without an answer, however far the request had come by then.
fn was_turned_away(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    let was_closed =
        source.is_some_and(|error| matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset));
    error.is_incomplete_message() || error.is_canceled() || error.is_closed() || was_closed
}

fn not_ours(socket: &Path) -> CliError {
    CliError::Unreachable(format!(
        "{}: the server answers only its own user and root; run this command as that user",
        socket.display()
    ))
}

async fn parse<T: DeserializeOwned>(answer: Response<Body>) -> Result<T, CliError> {
    if answer.status() != StatusCode::OK {
        return Err(failure(answer).await);
    }
    let octets = collect(answer.into_body()).await?;
    serde_json::from_slice(&octets).map_err(|error| {
        CliError::Failed(format!(
            "the server's answer is not understood: {error}; is it another version?"
        ))
    })
}

async fn failure(answer: Response<Body>) -> CliError {
    let status = answer.status();
    let octets = match collect(answer.into_body()).await {
        Ok(octets) => octets,
        Err(error) => return error,
    };
    CliError::Api(serde_json::from_slice(&octets).unwrap_or_else(|_| ApiError {
        error: if status.is_client_error() {
            ErrorKind::BadRequest
        } else {
            ErrorKind::Internal
        },
        message: format!("{status}: {}", String::from_utf8_lossy(&octets)),
        faults: Vec::new(),
    }))
}

async fn collect(body: Body) -> Result<bytes::Bytes, CliError> {
    let collected = Limited::new(body, ANSWER_LEN_MAX).collect().await;
    let collected = collected.map_err(|error| CliError::Failed(format!("the server's answer broke off: {error}")))?;
    Ok(collected.to_bytes())
}

//! The one door: the management API, on the socket of a running server, or through the same handlers inside this
//! process when no server runs and the store's lock is free (law 10).

use std::{io, path::Path, path::PathBuf, sync::Arc};

use axum::body::Body;
use http_body_util::{BodyExt as _, Limited};
use hyper::{Method, Request, Response, StatusCode, header::CONTENT_TYPE, header::HOST, service::Service as _};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use sekisho_api::{ApiError, ErrorKind};
use sekisho_store::Store;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;

use super::CliError;
use crate::{app, config::Place};

/// No answer but a message's content is longer than this.
const ANSWER_LEN_MAX: usize = 64 * 1024 * 1024;

/// Where requests go.
pub(super) enum Door {
    /// To a server.
    Socket(PathBuf),
    /// To the handlers here.
    Inside {
        router: TowerToHyperService<axum::Router>,
        store: Arc<dyn Store>,
    },
}

impl Door {
    /// Finds the server, or opens its store.
    pub(super) async fn open(place: &Place) -> Result<Self, CliError> {
        let folder = place.data_folder();
        let socket = folder.join(app::SOCKET_NAME);
        match UnixStream::connect(&socket).await {
            Ok(_) => return Ok(Self::Socket(socket)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(not_ours(&socket)),
            // Nobody listens there; the store's lock decides whether that is so.
            Err(_) => {}
        }
        if !folder.join("queue.db").is_file() {
            return Err(CliError::Unreachable(format!(
                "{}: there is no data folder of a server; start one with `sekisho serve`, or name the folder with \
                 --data-folder",
                folder.display()
            )));
        }
        let offline = app::open_offline(place).map_err(|error| CliError::Unreachable(error.to_string()))?;
        Ok(Self::Inside {
            router: TowerToHyperService::new(offline.router),
            store: offline.store,
        })
    }

    /// Lets the store finish what it has begun.
    pub(super) async fn close(self) {
        if let Self::Inside { store, .. } = self {
            // What cannot be finished now is recovered at the next start.
            let _ = store.stop().await;
        }
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
    }))
}

async fn collect(body: Body) -> Result<bytes::Bytes, CliError> {
    let collected = Limited::new(body, ANSWER_LEN_MAX).collect().await;
    let collected = collected.map_err(|error| CliError::Failed(format!("the server's answer broke off: {error}")))?;
    Ok(collected.to_bytes())
}

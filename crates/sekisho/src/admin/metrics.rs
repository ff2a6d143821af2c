//! Metrics and health for programs that watch the server: no management, no password, a listener of its own.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text::encode, registry::Registry};

use super::Backend;

/// What the handlers share.
#[derive(Clone, Debug)]
struct Watched {
    registry: Arc<Registry>,
    backend: Backend,
}

/// `/metrics`, `/healthz/live` and `/healthz/ready`.
pub fn health_router(registry: Arc<Registry>, backend: Backend) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz/live", get(live))
        .route("/healthz/ready", get(ready))
        .with_state(Watched { registry, backend })
}

async fn metrics(State(watched): State<Watched>) -> Response {
    let mut text = String::new();
    if encode(&mut text, &watched.registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    (
        [(
            CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
        .into_response()
}

/// The process answers: nothing else is meant by it.
async fn live() -> &'static str {
    "live\n"
}

/// 200 while new mail is taken, 503 otherwise, with the reasons in both.
async fn ready(State(watched): State<Watched>) -> Response {
    let health = watched.backend.health();
    let status = if health.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(health)).into_response()
}

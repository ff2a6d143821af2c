//! Metrics and health for programs that watch the server: no management, no password, a listener of its own.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text::encode, metrics::gauge::Gauge, registry::Registry};
use sekisho_store::{Pressure, Soundness};

use super::Backend;

/// Gauges of queue and disk, read off the store when somebody asks.
#[derive(Clone, Debug, Default)]
pub struct StoreMetrics {
    queued: Gauge,
    free_octets: Gauge,
    free_inodes: Gauge,
    memory_octets: Gauge,
    failed: Gauge,
    unchecked: Gauge,
    damaged: Gauge,
    set_aside: Gauge,
    putting_off: Gauge,
}

impl StoreMetrics {
    /// Makes them known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let gauges = [
            ("sekisho_queue_messages", "Messages in the queue", &metrics.queued),
            (
                "sekisho_store_free_octets",
                "Octets free on the file system of the data folder",
                &metrics.free_octets,
            ),
            (
                "sekisho_store_free_inodes",
                "Inodes free on the file system of the data folder",
                &metrics.free_inodes,
            ),
            (
                "sekisho_store_memory_octets",
                "Octets of messages that are held in memory",
                &metrics.memory_octets,
            ),
            (
                "sekisho_store_failed",
                "1 while the store has failed and nothing is acknowledged, 0 otherwise",
                &metrics.failed,
            ),
            (
                "sekisho_store_unchecked",
                "1 while the pages of the store are checked after an error and nothing is acknowledged, 0 otherwise",
                &metrics.unchecked,
            ),
            (
                "sekisho_store_damaged",
                "1 when a page of the queue's database is damaged and nothing is acknowledged until `sekisho store \
                 recover` has run, 0 otherwise",
                &metrics.damaged,
            ),
            (
                "sekisho_store_set_aside",
                "Messages that were set aside since the start because they are damaged or were in flight at three \
                 crashes in a row",
                &metrics.set_aside,
            ),
            (
                "sekisho_store_putting_off",
                "1 while new mail is put off for want of disk, memory or queue length or because the store has failed, \
                 0 otherwise",
                &metrics.putting_off,
            ),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        metrics
    }

    fn show(&self, pressure: Pressure, is_putting_off: bool) {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.queued.set(signed(pressure.queued));
        self.free_octets.set(signed(pressure.free_octets));
        self.free_inodes.set(signed(pressure.free_inodes));
        self.memory_octets.set(signed(pressure.memory_octets));
        self.failed.set(i64::from(pressure.failed));
        let is = |soundness| i64::from(pressure.soundness == soundness);
        self.unchecked.set(is(Soundness::Unchecked));
        self.damaged.set(is(Soundness::Damaged));
        self.set_aside.set(signed(pressure.set_aside));
        self.putting_off.set(i64::from(is_putting_off));
    }
}

/// What the handlers share.
#[derive(Clone, Debug)]
struct Watched {
    registry: Arc<Registry>,
    store: StoreMetrics,
    backend: Backend,
}

/// `/metrics`, `/healthz/live` and `/healthz/ready`.
pub fn health_router(registry: Arc<Registry>, store: StoreMetrics, backend: Backend) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz/live", get(live))
        .route("/healthz/ready", get(ready))
        .with_state(Watched {
            registry,
            store,
            backend,
        })
}

async fn metrics(State(watched): State<Watched>) -> Response {
    let backend = &watched.backend;
    watched.store.show(backend.pressure(), backend.shortage().is_some());
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

//! The server itself: health, status, configuration, TLS.

use axum::{Json, extract::State};
use sekisho_api::{ConfigView, Health, Status, TlsList};

use sekisho_store::Pressure;

use super::{Backend, Failure};
use crate::{app::Phase, inbound::Shortage};

impl Backend {
    /// How hard pressed the store and the sessions are together.
    pub(super) fn pressure(&self) -> Pressure {
        self.envelopes.on_top_of(self.store.pressure())
    }

    /// Whether new mail has to wait for room.
    pub(super) fn shortage(&self) -> Option<Shortage> {
        self.node.load().rules.shortage(self.pressure())
    }

    /// Nothing that writes down what is demanded of a message may be done by a directory that has a fault: an empty one
    /// is in force then, which demands nothing.
    pub(super) fn refuse_at_fault(&self) -> Result<(), Failure> {
        match self.directory.faults().first() {
            None => Ok(()),
            Some(fault) => Err(Failure::refused(format!(
                "the directory has a fault, which has to be mended first: {fault}"
            ))),
        }
    }

    /// Whether new mail is taken, and what stands in the way.
    pub(super) fn health(&self) -> Health {
        let phase = self.phase.as_ref().map(|phase| *phase.borrow());
        let mut problems = Vec::new();
        match phase {
            None => problems.push("no server runs".to_owned()),
            Some(Phase::Draining | Phase::Stopping) => problems.push("the server is stopping".to_owned()),
            Some(Phase::Running) => {}
        }
        if let Some(shortage) = self.shortage() {
            problems.push(shortage.to_string());
        }
        Health {
            ready: problems.is_empty(),
            phase: phase_word(phase).to_owned(),
            problems,
        }
    }
}

const fn phase_word(phase: Option<Phase>) -> &'static str {
    match phase {
        None => "offline",
        Some(Phase::Running) => "running",
        Some(Phase::Draining) => "draining",
        Some(Phase::Stopping) => "stopping",
    }
}

pub(super) async fn health(State(backend): State<Backend>) -> Json<Health> {
    Json(backend.health())
}

pub(super) async fn status(State(backend): State<Backend>) -> Json<Status> {
    // What cannot be read now is told elsewhere.
    let warnings = backend.validations.warnings().await.unwrap_or_default();
    let pressure = backend.pressure();
    let node = backend.node.load();
    let health = backend.health();
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hostname: node.hostname.clone(),
        phase: health.phase,
        problems: health.problems,
        warnings,
        data_folder: node.data_folder.clone(),
        local_domains: node.local_domains.clone(),
        listeners: node.listeners.clone(),
        queued: pressure.queued,
        free_octets: pressure.free_octets,
        memory_octets: pressure.memory_octets,
    })
}

pub(super) async fn config(State(backend): State<Backend>) -> Json<ConfigView> {
    Json(backend.node.load().config.clone())
}

pub(super) async fn tls(State(backend): State<Backend>) -> Json<TlsList> {
    Json(backend.node.load().tls.clone())
}
